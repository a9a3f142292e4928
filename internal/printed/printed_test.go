package printed_test

import (
	"os/exec"
	"testing"

	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/test/need"
)

// odd are texts that a terminal or a shell would make something else of, and
// the lines that they are.
var odd = []struct{ text, line string }{
	{"", ""},
	{"plain/é \\ \"'`$x", "plain/é \\ \"'`$x"},
	{"a\nb", "a b"},
	{"\x1b]0;title\a", `\x1b]0;title\a`},
	{"\r\x1b[2K\t\x7f", `\r\x1b[2K\t\x7f`},
	{"\u009b2K", `\u009b2K`},
	{"right\u202eleft", `right\u202eleft`},
	{"byte \xff\x9b", `byte \xff\x9b`},
	{"\ufffd", "\ufffd"},
}

func TestLine(t *testing.T) {
	for _, tt := range odd {
		if got := printed.Line(tt.text); got != tt.line {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.line)
		}
	}
}

// TestWord has a shell read each word.
func TestWord(t *testing.T) {
	bash := need.Program(t, "bash")
	for _, tt := range odd {
		word := printed.Word(tt.text)
		if word != printed.Line(word) {
			t.Errorf("%q: %q is not to be shown", tt.text, word)
		}
		out, err := exec.Command(bash, "-c", "printf %s "+word).Output()
		if err != nil || string(out) != tt.text {
			t.Errorf("%q: %v: %s is %q", tt.text, err, word, out)
		}
	}
}
