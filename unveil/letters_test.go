package unveil_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

func TestParseLetters(t *testing.T) {
	for _, c := range []struct {
		perms string
		want  string // as String writes it
		err   error
	}{
		{"", "", nil},
		{"r", "r", nil},
		{"cxwr", "rwxc", nil},
		{"rrrr", "r", nil},
		{"wrwr", "rw", nil},
		// unveil(2) copies 5 bytes: the length comes before the letters.
		{"rrwxc", "", unix.ENAMETOOLONG},
		{"?????", "", unix.ENAMETOOLONG},
		{strings.Repeat("r", 5000), "", unix.ENAMETOOLONG},
		{"R", "", unix.EINVAL},
		{"rd", "", unix.EINVAL},
		{" r", "", unix.EINVAL},
		{"r\x00", "", unix.EINVAL},
		{"\xff", "", unix.EINVAL},
	} {
		l, err := unveil.ParseLetters(c.perms)
		if !errors.Is(err, c.err) || l.String() != c.want {
			t.Errorf("%.20q: %q, %v; want %q, %v", c.perms, l, err, c.want, c.err)
		}
		if err != nil {
			checkSpeech(t, err)
		}
	}
}

// TestUpperCase holds that the hint is given for the letters only.
func TestUpperCase(t *testing.T) {
	for c := range 256 {
		_, err := unveil.ParseLetters(string([]byte{byte(c)}))
		hinted := err != nil && strings.Contains(err.Error(), "lower case")
		if want := strings.IndexByte("RWXC", byte(c)) >= 0; hinted != want {
			t.Errorf("%q: %v", byte(c), err)
		}
	}
}

// TestLettersAccess spells the table of letters a second time, from the
// contract: what each letter brings, and that a set is the union of its letters.
func TestLettersAccess(t *testing.T) {
	for perms, want := range map[string]string{
		"":     "none",
		"r":    "READ_FILE|READ_DIR",
		"w":    "WRITE_FILE|TRUNCATE|IOCTL_DEV",
		"x":    "EXECUTE|READ_FILE",
		"c":    "REMOVE_DIR|REMOVE_FILE|MAKE_DIR|MAKE_REG|MAKE_SYM|REFER",
		"rw":   "WRITE_FILE|READ_FILE|READ_DIR|TRUNCATE|IOCTL_DEV",
		"rwxc": "EXECUTE|WRITE_FILE|READ_FILE|READ_DIR|REMOVE_DIR|REMOVE_FILE|MAKE_DIR|MAKE_REG|MAKE_SYM|REFER|TRUNCATE|IOCTL_DEV",
	} {
		l, err := unveil.ParseLetters(perms)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Access().String(); got != want {
			t.Errorf("%q: %s, want %s", perms, got, want)
		}
	}
	for l := range unveil.All + 1 {
		var union unveil.Access
		for _, one := range []unveil.Letters{unveil.R, unveil.W, unveil.X, unveil.C} {
			union |= (l & one).Access()
		}
		if l.Access() != union {
			t.Errorf("%s: %s is not the union %s", l, l.Access(), union)
		}
		if back, err := unveil.ParseLetters(l.String()); err != nil || back != l {
			t.Errorf("%q reads back as %q, %v", l, back, err)
		}
	}
}

// TestDevicesAreNeverMade: no letter lets a device node be made.
func TestDevicesAreNeverMade(t *testing.T) {
	if a := unveil.All.Access() & (unveil.MakeChar | unveil.MakeBlock); a != 0 {
		t.Errorf("letters bring %s", a)
	}
}

func TestAccessString(t *testing.T) {
	for _, c := range []struct {
		a    unveil.Access
		want string
	}{
		{0, "none"},
		{unveil.Execute, "EXECUTE"},
		{unveil.ReadDir | unveil.ReadFile, "READ_FILE|READ_DIR"},
		{unveil.MakeChar | unveil.MakeBlock | unveil.MakeSock | unveil.MakeFifo, "MAKE_CHAR|MAKE_SOCK|MAKE_FIFO|MAKE_BLOCK"},
		{unveil.ResolveUnix, "RESOLVE_UNIX"},
		{1 << 17, "0x20000"},
		{unveil.ResolveUnix | 1<<63, "RESOLVE_UNIX|0x8000000000000000"},
	} {
		if got := c.a.String(); got != c.want {
			t.Errorf("%#x: %q, want %q", uint64(c.a), got, c.want)
		}
	}
}

// checkSpeech holds an error text to the style of the project.
func checkSpeech(t *testing.T, err error) {
	t.Helper()
	s := err.Error()
	if strings.HasSuffix(s, ".") || strings.ContainsAny(s, "\n\x00") || s[:1] != strings.ToLower(s[:1]) {
		t.Errorf("not lower case, one line and without full stop: %q", s)
	}
	if len(s) > 1000 {
		t.Errorf("%d bytes long: %.60q…", len(s), s)
	}
}
