package format_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/unveil-run/unveil-run/internal/format"
	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/test/need"
	"github.com/unveil-run/unveil-run/unveil"
)

// odd is a path that every format has to quote.
const odd = `/odd $HOME "%s' \x ??/ é`

func box(t *testing.T, promises string) *format.Box {
	t.Helper()
	set, err := pledge.Parse(promises)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pledge.Compile(set, pledge.Options{OnViolation: pledge.Errno, Pid: 1})
	if err != nil {
		t.Fatal(err)
	}
	var rules unveil.Rules
	if err := rules.Unveil("/usr", "rx"); err != nil {
		t.Fatal(err)
	}
	paths, err := rules.Compile(unveil.Options{Kernel: kernel.Landlock(7), Kinds: unveil.All})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { paths.Close() })
	b := &format.Box{
		Command: []string{"ls", odd}, Arch: plan.Arch(), Set: set, Pledged: true, Calls: plan.Answers(), Ruleset: paths.Ruleset(), Tmp: true,
		Entries: []unveil.Entry{{Path: "/usr", Letters: unveil.R | unveil.X}, {Path: odd, Letters: unveil.R | unveil.W}, {Path: "/hidden"}},
		Connect: []policy.Ports{{First: 443, Last: 443}}, Bind: []policy.Ports{{UDP: true, First: 8000, Last: 8010}}, Listed: true, UDP: true,
		Unix: []string{"/run/s"}, Env: []string{"A=" + odd, "HOME"}, Caps: []string{"CHOWN"},
	}
	b.Ruleset.Paths = append(b.Ruleset.Paths, unveil.PathRule{Path: odd, Access: unveil.ReadFile})
	b.Ruleset.Net, b.Ruleset.Ports = 3, []unveil.PortRule{{Port: 443, Access: 2}}
	return b
}

func write(t *testing.T, name string, b *format.Box) (string, []string) {
	t.Helper()
	text, notes, err := format.Write(name, b)
	if err != nil {
		t.Fatal(err)
	}
	return text, notes
}

// TestLost holds that each format names what it leaves out, in its comments or
// in the notes, and that no format says nothing.
func TestLost(t *testing.T) {
	b := box(t, "stdio rpath inet")
	for name, want := range map[string][]string{
		"landlockconfig-toml": {"pledge stdio rpath inet", "@tmp", "unix /run/s", "env 'A=", "capabilities kept are at most CHOWN"},
		"landlockconfig-json": {"pledge stdio rpath inet", "@tmp", "unix /run/s", "env 'A=", "capabilities kept are at most CHOWN"},
		"oci-seccomp":         {"entries of unveil", "connect tcp:443", "bind udp:8000-8010", "@tmp", "unix /run/s", "execute again", "capabilities kept are at most CHOWN"},
		"systemd":             {"cannot be read", "connect tcp:443", "unix /run/s", "the arguments of", "/dev and /proc"},
		"setpriv":             {"pledge stdio rpath inet", "@tmp", "unix /run/s"},
		"c":                   {"connect tcp:443", "bind udp:8000-8010", "@tmp", "unix /run/s", "env 'A=", "capabilities kept are at most CHOWN"},
	} {
		text, notes := write(t, name, b)
		if json := name == "oci-seccomp" || name == "landlockconfig-json"; json != (len(notes) > 0) {
			t.Errorf("%s: notes %q", name, notes)
		}
		said := strings.Join(notes, "\n") + "\n" + strings.Join(regexp.MustCompile(`(?m)^(#|//) .*`).FindAllString(text, -1), "\n")
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%s: does not say that %q is lost:\n%s", name, w, said)
			}
		}
	}
	if names := format.Names(); len(names) != 6 {
		t.Errorf("%q", names)
	}
	if _, _, err := format.Write("yaml", b); err == nil || err.Error() != `unknown format "yaml"` {
		t.Error(err)
	}
}

// TestStaysInside holds that a format that has no processes outside says so,
// where there are calls that reach them.
func TestStaysInside(t *testing.T) {
	const signals, sockets = "not said: signals do not reach", "not said: abstract UNIX sockets do not reach"
	for _, name := range []string{"oci-seccomp", "systemd", "c"} {
		for _, tt := range []struct {
			promises string
			pledged  bool
			want     []string
		}{
			{"stdio rpath", true, nil},
			{"stdio proc", true, []string{signals}},
			{"stdio unix", true, []string{sockets}},
			{"stdio", false, []string{signals, sockets}},
		} {
			b := box(t, tt.promises)
			b.Pledged = tt.pledged
			for _, scopes := range []uint64{0, 3} {
				b.Ruleset.Scopes = scopes
				text, notes := write(t, name, b)
				said := text + strings.Join(notes, "\n")
				if name == "c" && strings.Contains(said, "refused always") == tt.pledged {
					t.Errorf("%s, pledged %t:\n%s", name, tt.pledged, said)
				}
				for _, w := range []string{signals, sockets} {
					if want := scopes != 0 && slices.Contains(tt.want, w); strings.Contains(said, w) != want {
						t.Errorf("%s, %q, pledged %t, scopes %d: %q is said: %t", name, tt.promises, tt.pledged, scopes, w, !want)
					}
				}
			}
		}
	}
}

// TestExecpromises holds that a format has the promises of what is executed,
// or names them.
func TestExecpromises(t *testing.T) {
	next, err := pledge.Parse("stdio rpath wpath")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range format.Names() {
		b := box(t, "stdio rpath proc exec")
		text, notes := write(t, name, b)
		all := text + strings.Join(notes, "\n")
		if strings.Contains(all, "execpromises") || name == "c" && !strings.Contains(all, `pledge("stdio rpath proc exec", "stdio rpath proc exec")`) {
			t.Errorf("%s, of the command's own:\n%s", name, all)
		}
		b.Next = &next
		text, notes = write(t, name, b)
		all = text + strings.Join(notes, "\n")
		want := "not said: execpromises stdio rpath wpath, "
		if name == "c" {
			want = `pledge("stdio rpath proc exec", "stdio rpath wpath")`
		}
		if !strings.Contains(all, want) {
			t.Errorf("%s: no %q:\n%s", name, want, all)
		}
	}
	if text, _ := write(t, "c", box(t, "stdio rpath")); !strings.Contains(text, `pledge("stdio rpath", NULL)`) {
		t.Errorf("without exec:\n%s", text)
	}
}

// TestQuoting has each format read back by who it is for: a path stays one
// path, whatever is in it.
func TestQuoting(t *testing.T) {
	b := box(t, "stdio rpath inet")
	dir := t.TempDir()

	for _, name := range []string{"landlockconfig-toml", "landlockconfig-json"} {
		text, _ := write(t, name, b)
		file := filepath.Join(dir, "p."+name[len(name)-4:])
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var p policy.Policy
		if err := p.ReadFile(file); err != nil {
			t.Errorf("%v\n%s", err, text)
		} else if !slices.ContainsFunc(p.Rights, func(r policy.Right) bool { return r.Path == odd }) {
			t.Errorf("%s: %+v", name, p.Rights)
		}
	}

	text, _ := write(t, "setpriv", b)
	script := "setpriv() { printf '%s\\n' \"$@\"; }\n" + text
	out, err := exec.Command("bash", "-c", script).CombinedOutput()
	if err != nil || !slices.Contains(strings.Split(string(out), "\n"), "path-beneath:read-file:"+odd) || !bytes.HasSuffix(out, []byte("\nls\n"+odd+"\n")) {
		t.Errorf("%v\n%s\n%s", err, text, out)
	}

	// The snippet compiles, and gives unveil(2) these bytes.
	text, _ = write(t, "c", b)
	main := text + "#include <stdio.h>\nint unveil(const char *p, const char *l) { if (p) printf(\"%s:%s\\n\", p, l); return 0; }\n" +
		"int pledge(const char *p, const char *e) { printf(\"%s\\n\", p); return e != NULL; }\nint main(void) { confine(); return 0; }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.c"), []byte(main), 0o644); err != nil {
		t.Fatal(err)
	}
	gcc := exec.Command("gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-trigraphs", "-I", "../../cgo", "-o", filepath.Join(dir, "main"), filepath.Join(dir, "main.c"))
	if out, err := gcc.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, text)
	}
	if out, err := exec.Command(filepath.Join(dir, "main")).CombinedOutput(); err != nil || string(out) != "/usr:rx\n"+odd+":rw\n/hidden:\nstdio rpath inet\n" {
		t.Errorf("%v\n%s\n%s", err, text, out)
	}
}

// TestSystemdVerify has systemd read the drop-in, as of a service.
func TestSystemdVerify(t *testing.T) {
	path := need.Program(t, "systemd-analyze")
	verify := func(text string) (string, error) {
		dir := t.TempDir()
		unit := filepath.Join(dir, "boxed.service")
		for name, text := range map[string]string{unit: "[Service]\nExecStart=/bin/true\n", unit + ".d/box.conf": text} {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command(path, "--man=no", "verify", unit).CombinedOutput()
		return string(out), err
	}
	for _, promises := range []string{"stdio", "stdio rpath inet", "stdio rpath wpath cpath dpath unix tty proc exec prot_exec id settime"} {
		text, _ := write(t, "systemd", box(t, promises))
		out, err := verify(text)
		// It only warns of what it does not understand.
		if err != nil || strings.Contains(out, "box.conf") {
			t.Errorf("pledge %q: %v\n%s\n%s", promises, err, out, text)
		}
		if out, err := verify(strings.Replace(text, "SystemCallFilter=", "SystemCallFilter=no_such_call ", 1)); err == nil && !strings.Contains(out, "box.conf") {
			t.Errorf("a wrong drop-in passes:\n%s", out)
		}
		if strings.Contains(promises, "inet") != strings.Contains(text, "AF_INET6") {
			t.Errorf("pledge %q:\n%s", promises, text)
		}
	}
}

// unitDump has systemd say what it has read of a unit with a drop-in, setting
// by setting. It does so for users other than root.
func unitDump(t *testing.T, dropIn string) map[string]string {
	t.Helper()
	const manager = "/lib/systemd/systemd"
	need.Program(t, manager)
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // t.TempDir is below a directory of root alone
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"boxed.service": "[Service]\nExecStart=/bin/true\n", "boxed.service.d/box.conf": dropIn,
		"default.target": "[Unit]\nRequires=boxed.service\n", "basic.target": "[Unit]\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := filepath.Join(dir, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(manager, "--user", "--test", "--unit=default.target")
	cmd.Env = []string{"HOME=" + run, "XDG_RUNTIME_DIR=" + run, "SYSTEMD_UNIT_PATH=" + dir + ":", "PATH=" + os.Getenv("PATH")}
	if os.Getuid() == 0 {
		if err := os.Chown(run, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, unit, ok := strings.Cut(string(out), "-> Unit boxed.service:")
	if !ok {
		t.Fatalf("no unit:\n%s", out)
	}
	unit, _, _ = strings.Cut(unit, "-> Unit ")
	settings := map[string]string{}
	for line := range strings.Lines(unit) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			settings[key] += value + "\n"
		}
	}
	return settings
}

// TestSystemdReads has systemd say what it has read: a path and a variable is
// what it was, or a comment says that it is none, and no word is a line of its
// own.
func TestSystemdReads(t *testing.T) {
	b := box(t, "stdio rpath wpath")
	const line = "\nNoNewPrivileges=no\nExecStartPre=+/bin/evil"
	b.Entries = []unveil.Entry{
		{Path: odd, Letters: unveil.W}, {Path: "/hidden" + odd}, {Path: "/hidden$x"}, {Path: "/%h/%%"},
		{Path: "/w" + line, Letters: unveil.W}, {Path: "/h" + line}, {Path: "/byte \xff"},
	}
	b.Rights = []policy.Right{{Path: "/right" + line, Access: unveil.WriteFile}}
	b.Env = []string{"A=" + odd, "EMPTY=", "B=" + line, "C" + line, "D=$x%h"}
	b.Unix = []string{"/s" + line}
	text, _ := write(t, "systemd", b)
	got := unitDump(t, text)
	for key, want := range map[string]string{
		"ReadWritePaths":    "-" + odd + "\n",
		"InaccessiblePaths": "-/hidden" + odd + " -/hidden$x -/%h/%%\n",
		"Environment":       "A=" + odd + "\nEMPTY=\nD=$x%h\n",
		"Command Line":      "/bin/true\n", // of nothing else
	} {
		if got[key] != want {
			t.Errorf("%s: got %q, want %q\n%s", key, got[key], want, text)
		}
	}
	for _, lost := range []string{`$'/w\012`, `$'/h\012`, `$'/byte \377'`, `$'/right\012`, `$'B=\012`, `$'C\012`, `$'/s\012`} {
		if !regexp.MustCompile(`(?m)^# not said: .*` + regexp.QuoteMeta(lost)).MatchString(text) {
			t.Errorf("it does not say that %s is lost:\n%s", lost, text)
		}
	}
}

// TestOtherBytes holds that a path that is no UTF-8 is not written as another.
func TestOtherBytes(t *testing.T) {
	b := box(t, "stdio rpath")
	b.Ruleset.Paths = append(b.Ruleset.Paths, unveil.PathRule{Path: "/byte\xff", Access: unveil.ReadFile})
	for _, name := range []string{"landlockconfig-toml", "landlockconfig-json"} {
		text, notes := write(t, name, b)
		text += strings.Join(notes, "\n")
		if strings.Contains(text, "ufffd") || strings.Contains(text, "\ufffd") || !strings.Contains(text, `not said: READ_FILE on $'/byte\377', which is not UTF-8`) {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

// TestComments holds that no comment of C goes on in the line behind it.
func TestComments(t *testing.T) {
	b := box(t, "stdio")
	b.Unix, b.Env = []string{`/a\`, "/b??/"}, []string{`C=\`}
	b.Rights = []policy.Right{{Path: `/d\`, Access: unveil.ReadFile}}
	text, _ := write(t, "c", b)
	if found := regexp.MustCompile(`(?m)^//.*(\\|\?\?/)$`).FindString(text); found != "" || !strings.Contains(text, `/d\`) {
		t.Errorf("%q\n%s", found, text)
	}
}

// TestOCI holds the form of the profile, as the specification has it.
func TestOCI(t *testing.T) {
	text, _ := write(t, "oci-seccomp", box(t, "stdio rpath"))
	var p struct {
		DefaultAction   string
		DefaultErrnoRet int
		Architectures   []string
		Syscalls        []struct {
			Names    []string
			Action   string
			ErrnoRet *int
			Args     []struct {
				Index           int
				Value, ValueTwo uint64
				Op              string
			}
		}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	if p.DefaultAction != "SCMP_ACT_ERRNO" || p.DefaultErrnoRet != 1 || len(p.Architectures) != 1 || len(p.Syscalls) < 20 {
		t.Errorf("%+v", p)
	}
	for _, s := range p.Syscalls {
		if s.Action == "SCMP_ACT_ERRNO" != (s.ErrnoRet != nil) || len(s.Names) == 0 || len(s.Names) > 1 && len(s.Args) > 0 {
			t.Errorf("%+v", s)
		}
		seen := map[int]bool{}
		for _, a := range s.Args {
			if seen[a.Index] || a.Op != "SCMP_CMP_MASKED_EQ" || a.ValueTwo&^a.Value != 0 {
				t.Errorf("%q: %+v", s.Names, s.Args)
			}
			seen[a.Index] = true
		}
	}
}
