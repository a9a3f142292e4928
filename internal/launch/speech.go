package launch

import (
	"fmt"
	"io"

	"github.com/unveil-run/unveil-run/internal/printed"
)

// Speech is how the launcher talks to its user, a line at a time:
//
//	unveil-run: error: it says what is wrong, lower case, no full stop
//	unveil-run: hint: it says what mends it
//
// A notice tells what the box holds otherwise than one might think; a gap is
// what was asked for and is not held, accepted by --best-effort.
type Speech struct {
	W     io.Writer
	Quiet bool // leaves notices out; never a gap
}

func (s Speech) line(kind, text string) {
	fmt.Fprintf(s.W, "unveil-run: %s: %s\n", kind, printed.Line(text))
}

// Fail prints an error and its hints.
func (s Speech) Fail(f *Failure) {
	s.line("error", f.Error())
	for _, h := range f.Hints {
		s.line("hint", h)
	}
}

func (s Speech) notice(text string) {
	if !s.Quiet {
		s.line("notice", text)
	}
}

func (s Speech) gap(text string) { s.line("gap", text) }
