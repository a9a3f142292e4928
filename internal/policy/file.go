package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// maxFile is how much of a policy file is read, in bytes.
const maxFile = 64 << 10

// A keyword begins a line of a policy file.
type keyword struct {
	name    string
	flag    string // what says the same on the command line
	example string
	line    func(p *Policy, args []word) error // nil: known, and not supported
}

// keywords is what a line of a policy file may begin with.
var keywords = []keyword{
	{"unveil", "-u", "unveil /usr rx", (*Policy).unveilLine},
	{"pledge", "-p", "pledge stdio rpath", each((*Policy).AddPledge)},
	{"connect", "--connect", "connect 443", each((*Policy).AddConnect)},
	{"bind", "--bind", "bind 8080", each((*Policy).AddBind)},
	{"env", "-e", "env HOME PATH", (*Policy).envLine},
	{"include", "-f", "", nil},
}

// ReadFile adds the lines of a policy file to p.
//
// Errors are of type [*Error]: a file that cannot be read, that is no regular
// file or larger than 64 KiB, and any line that is malformed, with its place.
// When ReadFile fails, p must not be used.
func (p *Policy) ReadFile(name string) error {
	// O_NONBLOCK: a FIFO would hold the open until somebody writes to it.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return unreadable(name, err)
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return unreadable(name, err)
	case info.IsDir():
		return &Error{At: name, Err: errors.New("a directory, not a policy file"), Hint: "name the file in it"}
	case !info.Mode().IsRegular():
		return &Error{At: name, Err: errors.New("not a regular file"), Hint: "write the policy to a file: it is not read from pipes and devices"}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return unreadable(name, err)
	}
	return p.Read(name, string(text))
}

func unreadable(name string, err error) error {
	e := &Error{At: name, Err: err, Hint: "a policy file is given by its path"}
	var path *fs.PathError // says the name again
	if errors.As(err, &path) {
		e.Err = path.Err
	}
	if errors.Is(err, fs.ErrPermission) {
		e.Hint = "the user who runs the command must be able to read it"
	}
	return e
}

// Read is ReadFile of a text; name stands in its errors.
func (p *Policy) Read(name, text string) error {
	if len(text) > maxFile {
		return &Error{At: name, Err: fmt.Errorf("larger than %d bytes", maxFile), Hint: "is it a policy file?"}
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		at := func(column int) string { return fmt.Sprintf("%s:%d:%d", name, number, column) }
		words, err := split(line, at)
		if err != nil {
			return err
		}
		if len(words) == 0 {
			continue
		}
		if err := p.line(words); err != nil {
			return err
		}
	}
	return nil
}

// line adds the words of a line.
func (p *Policy) line(words []word) error {
	first, args := words[0], words[1:]
	for _, k := range keywords {
		if first.text != k.name {
			continue
		}
		if k.line == nil {
			return &Error{At: first.at, Err: fmt.Errorf("%s is not supported", k.name), Hint: "give several files, each by its own " + k.flag}
		}
		if len(args) == 0 {
			if k.name == "pledge" { // the empty set: not even stdio
				return p.AddPledge("", first.at)
			}
			return &Error{At: first.at, Err: fmt.Errorf("%s of what?", k.name), Hint: "write it as in: " + k.example}
		}
		return k.line(p, args)
	}
	e := &Error{At: first.at, Err: fmt.Errorf("unknown word %q", clip(first.text)), Hint: "a line begins with unveil, pledge, connect, bind or env"}
	if k, ok := meant(first.text); ok {
		e.Hint = fmt.Sprintf("did you mean %q?", k.name)
	}
	return e
}

// each makes a line of a function that takes one of its words.
func each(add func(p *Policy, text, at string) error) func(*Policy, []word) error {
	return func(p *Policy, args []word) error {
		for _, a := range args {
			if err := add(p, a.text, a.at); err != nil {
				return err
			}
		}
		return nil
	}
}

// envLine adds variables. A name without a value makes the list complete:
// the command gets what is named, and nothing else of the environment.
func (p *Policy) envLine(args []word) error {
	for _, a := range args {
		if err := p.AddEnv(a.text, a.at); err != nil {
			return err
		}
		if !strings.Contains(a.text, "=") {
			p.ClearEnv = true
		}
	}
	return nil
}

// unveilLine adds "PATH LETTERS"; "" are the letters that hide it.
func (p *Policy) unveilLine(args []word) error {
	const hint = "write it as in: unveil /usr rx; the letters are " + letters + `, and "" hides the path`
	path := args[0]
	switch {
	case len(args) == 1:
		return &Error{At: path.at, Err: fmt.Errorf("unveil %q: no letters", clip(path.text)), Hint: hint}
	case len(args) > 2:
		return &Error{At: args[2].at, Err: fmt.Errorf("%q after the letters of unveil %q", clip(args[2].text), clip(path.text)), Hint: "a path with blanks in it is quoted; an entry has a line of its own"}
	}
	perms := args[1]
	if _, err := unveil.ParseLetters(perms.text); err != nil {
		return &Error{At: perms.at, Err: fmt.Errorf("unveil %q: %w", clip(path.text), err), Hint: hint}
	}
	return p.unveil(path.text, perms.text, path.at, hint)
}
