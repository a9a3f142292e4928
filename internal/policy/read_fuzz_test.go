package policy_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/policy"
)

var place = regexp.MustCompile(`^box:([0-9]+):([0-9]+)$`)

// FuzzRead: whatever a policy holds, an error points into one of its lines
// and has a hint, and what is taken was there.
func FuzzRead(f *testing.F) {
	f.Add(everything)
	for _, s := range []string{"", "\r\n", "unveil", "unveil ~x r", "unveil a b c", "pledge \" a\"", "connect ,", "env =", "include", "é \xff", "\x00", "\"", "a\\", "pledge $x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := policy.Policy{Home: "/home/me"}
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
		if e.At == "box" && len(text) > 64<<10 {
			return
		}
		m := place.FindStringSubmatch(e.At)
		if m == nil {
			t.Fatalf("%q: at %q", text, e.At)
		}
		lines := strings.Split(text, "\n")
		row, _ := strconv.Atoi(m[1])
		column, _ := strconv.Atoi(m[2])
		if row < 1 || row > len(lines) || column < 1 || column > len(lines[row-1]) {
			t.Fatalf("%q: %v is not in it", text, e)
		}
	})
}
