package launch

import (
	"fmt"
	"io"
	"strings"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// explain prints the plan, and changes nothing. Every line of it is for
// people; its words may change.
func (r *Request) explain(b *box, out io.Writer) *Failure {
	var w strings.Builder
	line := func(format string, args ...any) {
		w.WriteString(printed.Line(fmt.Sprintf(format, args...)) + "\n")
	}

	line("kernel: %s", b.kernel)
	line("command: %s (%s)", printed.Word(b.image.Path), b.image.Kind)
	words := make([]string, len(b.image.Argv))
	for i, arg := range b.image.Argv {
		words[i] = printed.Word(arg)
	}
	line("arguments: %s", strings.Join(words, " "))
	set, pledged := r.pledged()
	switch {
	case !pledged:
		line("promises: none asked for, every call but those refused always")
	default:
		line("promises: %s", set)
		if r.Execpromises != nil {
			line("of what it executes: %s", *r.Execpromises)
		}
		if more := starting(b.image) &^ set; more != 0 {
			line("to start: %s", more)
		}
		if !set.Has(promises.exec) {
			line("exec: once, for the command itself")
		}
	}
	if len(b.keep) > 0 {
		line("descriptors: 0 1 2 %s", strings.Trim(fmt.Sprint(b.keep), "[]"))
	} else {
		line("descriptors: 0 1 2")
	}
	line("capabilities: %s", b.caps)
	for _, s := range b.set {
		line("environment: %s", s)
	}
	b.net.explain(line)
	w.WriteString(b.paths.String())
	w.WriteString(b.calls.String())
	b.second.explain(&w)
	for _, g := range b.gaps {
		kind := "in part"
		if g.Strict {
			kind = "gap"
		}
		line("%s: %s", kind, g)
	}
	granted, _ := r.granted()
	for _, l := range r.limits(b, granted, pledged) {
		line("in part: %s", l)
	}
	if b.second.lost != "" {
		line("in part: %s", b.second.lost)
	}
	if f := r.startable(b); f != nil {
		line("error: %v", f)
		for _, h := range f.Hints {
			line("hint: %s", h)
		}
	}
	for _, n := range b.notices {
		line("notice: %s", n)
	}
	if _, err := io.WriteString(out, w.String()); err != nil {
		return failedf("standard output: %w", err)
	}
	return nil
}

// limits are what Linux cannot hold of the promises or, where none are asked
// for, of the letters: r and w are then among them whatever is unveiled, since
// their calls are.
func (r *Request) limits(b *box, set pledge.Set, pledged bool) (list []string) {
	add := func(word string, limits []kernel.Limit) {
		for _, l := range limits {
			if l.Open(b.kernel) {
				list = append(list, word+": "+l.String())
			}
		}
	}
	if !pledged {
		letters := r.letters() | unveil.R | unveil.W
		for _, l := range unveil.Describe() {
			if letters&l.Letters != 0 {
				add(l.Letters.String(), l.Limits)
			}
		}
		return list
	}
	for _, p := range pledge.Promises() {
		// A list of ports says itself what is reached, for dns too.
		if set.Has(p.Set) && !(b.net.listed && p.Set == promises.dns) {
			add(p.Name, p.Limits)
		}
	}
	return list
}
