package pledge

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParse(t *testing.T) {
	long := "stdio" + strings.Repeat(" ", 1023-len("stdio"))
	for _, c := range []struct {
		words string
		want  string // what the set says of itself
		errno unix.Errno
	}{
		{"", "", 0},
		{"stdio", "stdio", 0},
		{"stdio rpath", "stdio rpath", 0},
		{"rpath stdio", "stdio rpath", 0},
		{"stdio  \x20 rpath", "stdio rpath", 0},
		{"stdio ", "stdio", 0},
		{"stdio     ", "stdio", 0},
		{"stdio stdio rpath stdio", "stdio rpath", 0},
		{"prot_exec error tmppath", "tmppath prot_exec error", 0},
		{long, "stdio", 0},
		{long + " ", "", unix.ENAMETOOLONG},
		{strings.Repeat("stdio ", 200), "", unix.ENAMETOOLONG},
		{strings.Repeat("x", 1023), "", unix.EINVAL},
		{strings.Repeat("x", 1024), "", unix.ENAMETOOLONG},
		{" " + long, "", unix.ENAMETOOLONG}, // the length comes first
		{strings.Repeat("rpath\t", 1<<20/6), "", unix.ENAMETOOLONG},
		{" ", "", unix.EINVAL},
		{" stdio", "", unix.EINVAL},
		{"\tstdio", "", unix.EINVAL},
		{"stdio\trpath", "", unix.EINVAL},
		{"stdio\n", "", unix.EINVAL},
		{"stdio,rpath", "", unix.EINVAL},
		{"stdio rpath\x00", "", unix.EINVAL},
		{"stdio\x00rpath", "", unix.EINVAL},
		{"\x00", "", unix.EINVAL},
		{"Stdio", "", unix.EINVAL},
		{"STDIO", "", unix.EINVAL},
		{"stdi", "", unix.EINVAL},
		{"stdiox", "", unix.EINVAL},
		{"stdio rpath x", "", unix.EINVAL},
		{"\xff\xfe", "", unix.EINVAL},
		// Promises that OpenBSD had once.
		{"abort", "", unix.EINVAL},
		{"malloc", "", unix.EINVAL},
		{"rw", "", unix.EINVAL},
		{"cmsg", "", unix.EINVAL},
		{"ioctl", "", unix.EINVAL},
		{"paths", "", unix.EINVAL},
	} {
		set, err := Parse(c.words)
		if c.errno == 0 && (err != nil || set.String() != c.want) {
			t.Errorf("%.40q: %q, %v; want %q", c.words, set, err, c.want)
		}
		if c.errno != 0 && (!errors.Is(err, c.errno) || set != 0) {
			t.Errorf("%.40q: %q, %v; want %v", c.words, set, err, c.errno)
		}
	}
}

// TestParseAll holds the 34 promises of OpenBSD 7.9, and tmppath.
func TestParseAll(t *testing.T) {
	const all = "audio bpf chown cpath disklabel dns dpath drm error exec fattr flock getpw id inet mcast pf proc " +
		"prot_exec ps recvfd route rpath sendfd settime stdio tape tmppath tty unix unveil video vminfo vmm wpath wroute"
	set, err := Parse(all)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(all)); n != len(table) || set != 1<<n-1 {
		t.Errorf("%d promises here, %d in the table", n, len(table))
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		words, word string
		column      int
		nearest     string
		message     string
	}{
		{"stdio rpaht", "rpaht", 7, "rpath", `pledge: unknown promise "rpaht"`},
		{"stido", "stido", 1, "stdio", `pledge: unknown promise "stido"`},
		{"stdio   wpat inet", "wpat", 9, "wpath", `pledge: unknown promise "wpat"`},
		{"protexec", "protexec", 1, "prot_exec", `pledge: unknown promise "protexec"`},
		{"unix-", "unix-", 1, "unix", `pledge: unknown promise "unix-"`},
		{"INET", "INET", 1, "inet", `pledge: unknown promise "INET"`},
		{"filesystem", "filesystem", 1, "", `pledge: unknown promise "filesystem"`},
		{"x", "x", 1, "", `pledge: unknown promise "x"`},
		{strings.Repeat("stdio", 20), strings.Repeat("stdio", 20), 1, "", `pledge: unknown promise "` + strings.Repeat("stdio", 20) + `"`},
		{"stdio,rpath", "stdio,rpath", 1, "", `pledge: unknown promise "stdio,rpath": promises are separated by blanks`},
		{"stdio rpath\twpath", "rpath\twpath", 7, "", `pledge: unknown promise "rpath\twpath": promises are separated by blanks`},
		{"stdio\x00", "stdio\x00", 1, "stdio", `pledge: unknown promise "stdio\x00"`},
		{" stdio", "", 1, "", "pledge: a blank before the first promise"},
		{strings.Repeat("x", 2000), "", 1024, "", "pledge: 2000 bytes of promises; at most 1023 are read"},
	} {
		_, err := Parse(c.words)
		e := new(ParseError)
		if !errors.As(err, &e) {
			t.Errorf("%.40q: %v is no ParseError", c.words, err)
			continue
		}
		if e.Word != c.word || e.Column != c.column || e.Nearest != c.nearest || e.Error() != c.message {
			t.Errorf("%.40q: word %q column %d nearest %q: %s; want %q %d %q %s", c.words, e.Word, e.Column, e.Nearest, e, c.word, c.column, c.nearest, c.message)
		}
	}
}

// FuzzParse holds that no text makes Parse panic, and that a set reads as it
// says.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", " ", "stdio rpath", "stdio  rpath ", "stdio\trpath", "rpaht", "\x00", "stdio " + strings.Repeat("x", 2000)} {
		f.Add(s)
	}
	for _, p := range Promises() {
		f.Add(p.Name)
	}
	f.Fuzz(func(t *testing.T, words string) {
		set, err := Parse(words)
		if err != nil {
			e := new(ParseError)
			if !errors.As(err, &e) || set != 0 {
				t.Fatalf("%q: set %q with error %v", words, set, err)
			}
			if e.Errno == unix.EINVAL && e.Word != "" && words[e.Column-1:e.Column-1+len(e.Word)] != e.Word {
				t.Fatalf("%q: %q is not at column %d", words, e.Word, e.Column)
			}
			if e.Nearest != "" && lookup(e.Nearest) == 0 {
				t.Fatalf("%q: suggests %q, which is no promise", words, e.Nearest)
			}
			return
		}
		again, err := Parse(set.String())
		if err != nil || again != set {
			t.Fatalf("%q: %q reads as %q, %v", words, set, again, err)
		}
		for _, w := range strings.FieldsFunc(words, func(r rune) bool { return r == ' ' }) {
			if one, err := Parse(w); err != nil || !set.Has(one) {
				t.Fatalf("%q: lacks %q", words, w)
			}
		}
	})
}
