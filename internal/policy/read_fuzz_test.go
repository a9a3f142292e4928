package policy_test

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/unveil-run/unveil-run/internal/policy"
)

var place = regexp.MustCompile(`^box:([0-9]+):([0-9]+)$`)

// FuzzRead: whatever a policy holds, an error points into one of its lines, or
// that includes the file where it is, and has a hint; what is taken was there.
func FuzzRead(f *testing.F) {
	f.Add(everything)
	for _, s := range []string{"", "\r\n", "unveil", "unveil ~x r", "unveil a b c", "pledge \" a\"", "connect ,", "env =", "include", "i\"\"nclude 0", "é \xff", "\x00", "\"", "a\\", "pledge $x", "unveil $DIR r", "unix ${QUOTES}", "unveil \"a$HASH\"'$'$LINES x create", "include box"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := policy.Policy{Home: "/home/me", Lookup: variables}
		err := p.Read("box", text)
		if err == nil {
			for _, e := range p.Unveil {
				if e.Path == "" || !place.MatchString(e.From) {
					t.Fatalf("%q: entry %+v", text, e)
				}
			}
			return
		}
		var e *policy.Error
		if !errors.As(err, &e) || e.Err == nil || e.Hint == "" {
			t.Fatalf("%q: %#v", text, err)
		}
		if e.At == "box" && len(text) > 1<<20 {
			return
		}
		at := e.At
		if n := len(e.Included); n > 0 { // it is of another file, which is included here
			at = e.Included[n-1]
		}
		m := place.FindStringSubmatch(at)
		if m == nil {
			t.Fatalf("%q: at %q", text, at)
		}
		lines := strings.Split(text, "\n")
		row, _ := strconv.Atoi(m[1])
		column, _ := strconv.Atoi(m[2])
		if row < 1 || row > len(lines) || column < 1 || column > len(lines[row-1]) {
			t.Fatalf("%q: %v is not in it", text, e)
		}
	})
}

// FuzzVariables: the value of a variable is what the word gets, whatever is in
// it and however the variable is written.
func FuzzVariables(f *testing.F) {
	for _, s := range []string{"/a b", "~", "@tmp", `"'\`, "#", "\n", "$X", "\r", "é", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !utf8.ValidString(value) || strings.Contains(value, "\x00") || len(value) > 4000 {
			return
		}
		p := policy.Policy{Home: "/home/me", Lookup: func(string) (string, bool) { return value, true }}
		if err := p.Read("box", "unix /$X \"/$X\" /a${X}b '/$X'\"$X\" /$X#\nenv $X=1 # $X"); err != nil {
			if value == "" || value[0] == '=' {
				return // no name of a variable
			}
			t.Fatalf("%q: %v", value, err)
		}
		want := []string{"/" + value, "/" + value, "/a" + value + "b", "/$X" + value, "/" + value + "#"}
		if !slices.Equal(p.Unix, want) || !slices.Equal(p.Env, []string{value + "=1"}) {
			t.Fatalf("%q: %q %q", value, p.Unix, p.Env)
		}
	})
}
