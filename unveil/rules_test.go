package unveil_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

func TestParseRule(t *testing.T) {
	long := "/" + strings.Repeat("a", 4094)
	for _, c := range []struct {
		rule, path, letters string
		err                 error
	}{
		{"/usr:rx", "/usr", "rx", nil},
		{"/usr:", "/usr", "", nil},
		{"rel:r", "rel", "r", nil},
		{"/a:b:r", "/a:b", "r", nil},
		{"/a::r", "/a:", "r", nil},
		{"/a:b/c:r", "/a:b/c", "r", nil},
		{"::", ":", "", nil},
		{"/with blank\n:r", "/with blank\n", "r", nil},
		{long + ":r", long, "r", nil},
		{long + "a:r", "", "", unix.ENAMETOOLONG},
		{"", "", "", unix.EINVAL},
		{"/usr", "", "", unix.EINVAL},
		{":r", "", "", unix.EINVAL},
		{":", "", "", unix.EINVAL},
		{"/a:b/c", "", "", unix.EINVAL},
		{"/a:/", "", "", unix.EINVAL},
		{"/a:rq", "", "", unix.EINVAL},
		{"/a:R", "", "", unix.EINVAL},
		{"/a:rrwxc", "", "", unix.ENAMETOOLONG},
		{"/a\x00b:r", "", "", unix.EINVAL},
	} {
		path, l, err := unveil.ParseRule(c.rule)
		if path != c.path || l.String() != c.letters || !errors.Is(err, c.err) {
			t.Errorf("%.40q: %.40q, %q, %v; want %.40q, %q, %v", c.rule, path, l, err, c.path, c.letters, c.err)
		}
		if err != nil {
			checkSpeech(t, err)
		}
	}
}

// TestErrorOrder: where several things are wrong, unveil(2) looks at the
// length of the letters first, then at the path, then at the letters.
func TestErrorOrder(t *testing.T) {
	tooLong := strings.Repeat("a", 4096)
	for _, c := range []struct {
		path, perms string
		want        error
	}{
		{"", "rwxcr", unix.ENAMETOOLONG},
		{tooLong, "?????", unix.ENAMETOOLONG},
		{tooLong, "?", unix.ENAMETOOLONG},
		{"", "?", unix.EINVAL},
		{"", "", unix.EINVAL},
		{"/a", "?", unix.EINVAL},
	} {
		var r unveil.Rules
		err := r.Unveil(c.path, c.perms)
		if !errors.Is(err, c.want) {
			t.Errorf("%.20q, %q: %v, want %v", c.path, c.perms, err, c.want)
			continue
		}
		checkSpeech(t, err)
		if c.path == "" && len(c.perms) <= 4 && !strings.Contains(err.Error(), "empty") {
			t.Errorf("%q does not name the path", err)
		}
	}
}

// FuzzParseRule holds ParseRule to what it says: both parts together are the
// word, Unveil takes them, and a refusal is one of the two errnos.
func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"/usr:rx", "/a:b:r", ":r", "", "/a:", "a:rwxcc", "/a:b/c", "\x00:r", "/\xff:R"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, l, err := unveil.ParseRule(s)
		if err != nil {
			if path != "" || l != 0 {
				t.Errorf("%q: %q and %q beside %v", s, path, l, err)
			}
			if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENAMETOOLONG) {
				t.Errorf("%q: %v wraps neither EINVAL nor ENAMETOOLONG", s, err)
			}
			checkSpeech(t, err)
			return
		}
		perms, ok := strings.CutPrefix(s, path+":")
		if back, err := unveil.ParseLetters(perms); !ok || err != nil || back != l {
			t.Errorf("%q: split to %q and %q", s, path, l)
		}
		var r, same unveil.Rules
		if err := r.Unveil(path, perms); err != nil {
			t.Errorf("%q: Unveil refuses %q, %q: %v", s, path, perms, err)
		}
		if err := same.Add(unveil.Entry{Path: path, Letters: l}); err != nil {
			t.Errorf("%q: Add refuses %q, %q: %v", s, path, l, err)
		}
	})
}

func TestLettersOf(t *testing.T) {
	for access, want := range map[unveil.Access]string{
		0: "", unveil.ReadFile: "r", unveil.ReadDir: "r", unveil.Execute: "x", unveil.Execute | unveil.ReadFile: "x",
		unveil.Execute | unveil.ReadFile | unveil.ReadDir: "rx", unveil.WriteFile | unveil.Truncate: "w", unveil.IoctlDev: "w",
		unveil.ReadFile | unveil.WriteFile: "rw", unveil.MakeReg | unveil.WriteFile: "wc", unveil.MakeFifo: "c", unveil.MakeSock: "c",
		unveil.RemoveFile | unveil.RemoveDir: "c", unveil.ResolveUnix: "w",
	} {
		if got := unveil.LettersOf(access).String(); got != want {
			t.Errorf("%s: %q, want %q", access, got, want)
		}
	}
}
