package launches

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// envABI has the Landlock ABI that the matrix says this kernel has: 0 none, -1
// built in and not enabled. What the launcher finds out by itself is held
// against it; the tables of what an ABI can do are here once more for the same
// reason, since a wrong one of the launcher's would agree with itself.
const envABI = "UNVEIL_RUN_ABI"

func abi(t *testing.T) int {
	t.Helper()
	s := os.Getenv(envABI)
	if s == "" {
		return kernel.Probe().ABI
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// needLandlock ends a test on a kernel that has none: TestWithoutLandlock
// holds what the launcher says there.
func needLandlock(t *testing.T) int {
	t.Helper()
	n := abi(t)
	if n <= 0 {
		t.Skip("no Landlock: TestWithoutLandlock is for this kernel")
	}
	return n
}

// withC are the flags of a box with the letter c, which the launcher takes on
// ABI 1 only with --best-effort: TestGaps.
func withC(t *testing.T, flags ...string) []string {
	t.Helper()
	if abi(t) == 1 {
		flags = append([]string{"--best-effort"}, flags...)
	}
	return flags
}

// Flags of --check, by the ABI that they need.
var needs = map[string]int{
	"--connect PORT":     4,
	"--bind PORT":        4,
	"--connect udp:PORT": 10,
	"--bind udp:PORT":    10,
	"--unix PATH":        9,
	"signals kept inside (without --allow-signals)":           6,
	"abstract sockets kept inside (without --allow-abstract)": 6,
}

// Gaps of words, with what --check says of them below the ABI that closes them.
var open = []struct {
	word, why string
	closed    int
}{
	{"c", "rename and link across directories", 2},
	{"w", "ioctl on devices", 5},
	{"unix", "sockets by path", 9},
	{"unix", "abstract sockets", 6},
	{"dns", "UDP reaches any port", 10},
	{"dns", "TCP reaches any port", 4},
	{"proc", "signals reach processes outside", 6},
	{"--connect udp:*", "UDP sockets are bound to any port", 10},
}

// TestCheck holds --check --json against the matrix, word by word.
func TestCheck(t *testing.T) {
	n := abi(t)
	got := run(t, tool("unveil-run"), "--check", "--json")
	var report struct {
		Kernel struct {
			ABI      int  `json:"landlock_abi"`
			Reported int  `json:"landlock_reported"`
			Seccomp  bool `json:"seccomp"`
		} `json:"kernel"`
		Letters, Promises, Flags []struct {
			Name, State string
			Why         []string
		}
	}
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	status := 0
	if n <= 0 {
		status = 1
	}
	if k := report.Kernel; got.status != status || k.ABI != max(n, 0) || k.Reported != max(n, 0) || !k.Seccomp {
		t.Errorf("ABI %d: status %d, %+v", n, got.status, k)
	}
	words := map[string]string{} // "STATE: WHY; WHY"
	for _, w := range append(append(report.Letters, report.Promises...), report.Flags...) {
		words[w.Name] = w.State + ": " + strings.Join(w.Why, "; ")
	}
	for _, letter := range []string{"r", "w", "x", "c"} {
		if is := !strings.HasPrefix(words[letter], "not"); words[letter] == "" || is != (n > 0) {
			t.Errorf("ABI %d: %s is %q", n, letter, words[letter])
		}
	}
	for name, from := range needs {
		if is := !strings.HasPrefix(words[name], "not"); words[name] == "" || is != (n >= from) {
			t.Errorf("ABI %d: %s is %q, and needs %d", n, name, words[name], from)
		}
	}
	for _, o := range open {
		if n <= 0 && strings.HasPrefix(words[o.word], "not") {
			continue // a letter, for want of Landlock as a whole
		}
		if says := strings.Contains(words[o.word], o.why); words[o.word] == "" || says != (n < o.closed) {
			t.Errorf("ABI %d: %s is %q; %q up to ABI %d", n, o.word, words[o.word], o.why, o.closed-1)
		}
	}
	t.Log(run(t, tool("unveil-run"), "--check").stdout)
}

// TestGaps: what the kernel cannot hold is refused and named, with what would
// mend it; --best-effort goes on, and names it all the same. What it can hold
// is not mentioned.
func TestGaps(t *testing.T) {
	n := needLandlock(t)
	dir := t.TempDir()
	for _, g := range []struct {
		flags  []string
		what   string
		hint   string
		closed int
	}{
		{[]string{"-u", dir + ":rwc", "-p", "stdio rpath wpath cpath"}, "c across directories", "--best-effort", 2},
		{[]string{"--connect", "80", "-p", "stdio rpath inet"}, "TCP ports", "--best-effort", 4},
		{[]string{"--bind", "80", "-p", "stdio rpath inet"}, "TCP ports", "--best-effort", 4},
		{[]string{"--unix", dir, "-p", "stdio rpath unix"}, "UNIX sockets by path", "--best-effort", 9},
		{[]string{"--connect", "udp:53", "-p", "stdio rpath inet"}, "UDP ports", "udp:*", 10},
		{[]string{"--connect", "udp:*", "-p", "stdio rpath inet"}, "TCP ports", "--best-effort", 4}, // of which none is named
		{[]string{"-u", dir + ":rw", "-p", "stdio rpath wpath"}, "truncation", "", 0},               // the filter holds it below ABI 3
	} {
		argv := append(append([]string{tool("unveil-run")}, g.flags...), "--", tool("target"), "nothing")
		strict := run(t, argv...)
		lax := run(t, append([]string{argv[0], "--best-effort"}, argv[1:]...)...)
		says := "unveil-run: gap: " + g.what
		if n >= g.closed {
			if strict.status != 0 || strings.Contains(strict.stderr, g.what) {
				t.Errorf("ABI %d: %q: %s", n, g.flags, strict)
			}
			if lax.status != 0 || strings.Contains(lax.stderr, says) {
				t.Errorf("ABI %d: --best-effort %q: %s", n, g.flags, lax)
			}
			continue
		}
		// The first gap is told; one below TCP is the first of "--connect udp:".
		if strict.status != 125 || !strings.Contains(strict.stderr, "unveil-run: error: this kernel cannot hold ") ||
			!strings.Contains(strict.stderr, "unveil-run: hint: ") || !strings.Contains(strict.stderr, "--best-effort") || strict.stdout != "" {
			t.Errorf("ABI %d: %q: %s", n, g.flags, strict)
		}
		if n >= 4 && !(strings.Contains(strict.stderr, "cannot hold "+g.what) && strings.Contains(strict.stderr, g.hint)) {
			t.Errorf("ABI %d: %q does not name %q and %q: %s", n, g.flags, g.what, g.hint, strict)
		}
		if lax.status != 0 || lax.stdout != "ok\n" || !strings.Contains(lax.stderr, says) {
			t.Errorf("ABI %d: --best-effort %q: %s", n, g.flags, lax)
		}
	}
}
