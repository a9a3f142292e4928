package policy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/google/shlex"
)

// maxFile is how much of a policy file is read, in bytes.
const maxFile = 64 << 10

// keywords begin the lines of a policy file.
var keywords = []string{"unveil", "pledge", "connect", "bind", "env", "include"}

// ReadFile adds the lines of a policy file to p.
//
// Errors are of type [*Error]: a file that cannot be read, that is larger
// than 64 KiB or holds a NUL, and any line that is malformed, with its place.
// When ReadFile fails, p must not be used.
func (p *Policy) ReadFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return &Error{At: name, Err: errors.Unwrap(err)}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return &Error{At: name, Err: errors.Unwrap(err)}
	}
	return p.Read(name, string(text))
}

// Read is ReadFile of a text; name stands in its errors.
func (p *Policy) Read(name, text string) error {
	if len(text) > maxFile {
		return &Error{At: name, Err: fmt.Errorf("the policy is larger than %d bytes", maxFile)}
	}
	for i, line := range strings.Split(text, "\n") {
		if err := p.line(line, func(column int) string { return fmt.Sprintf("%s:%d:%d", name, i+1, column) }); err != nil {
			return err
		}
	}
	return nil
}

// line adds one line; at renders a column, from 1, of it.
func (p *Policy) line(line string, at func(column int) string) error {
	if i := strings.IndexByte(line, 0); i >= 0 {
		return &Error{At: at(i + 1), Err: errors.New("a NUL")}
	}
	if !utf8.ValidString(line) {
		// shlex reads runes: bytes that are none would come out as others.
		return &Error{At: at(1), Err: errors.New("the line is not UTF-8")}
	}
	words, err := shlex.Split(line)
	if err != nil {
		return &Error{At: at(1), Err: errors.New("a quote is not closed")}
	}
	if len(words) == 0 {
		return nil
	}
	word := func(i int) string { return at(column(line, i)) }
	if i := strings.IndexByte(code(line), '$'); i >= 0 {
		return &Error{At: at(i + 1), Err: errors.New("variables are not supported"), Hint: "write the path out; ~ is the home directory"}
	}
	args := words[1:]
	if len(args) == 0 && words[0] != "pledge" {
		for _, k := range keywords {
			if words[0] == k {
				return &Error{At: word(0), Err: fmt.Errorf("%s of what?", k), Hint: "write it as in: " + example(k)}
			}
		}
	}
	each := func(add func(word, at string) error) error {
		for i, a := range args {
			if err := add(a, word(i+1)); err != nil {
				return err
			}
		}
		return nil
	}
	switch words[0] {
	case "unveil":
		return p.unveilLine(args, word)
	case "pledge":
		if len(args) == 0 {
			return p.AddPledge("", word(0))
		}
		return each(p.AddPledge)
	case "connect":
		return each(p.AddConnect)
	case "bind":
		return each(p.AddBind)
	case "env":
		return each(p.AddEnv)
	case "include":
		return &Error{At: word(0), Err: errors.New("include is not supported"), Hint: "give several -f"}
	}
	e := &Error{At: word(0), Err: fmt.Errorf("unknown word %q", clip(words[0])), Hint: "a line begins with unveil, pledge, connect, bind or env"}
	return e
}

func example(keyword string) string {
	switch keyword {
	case "unveil":
		return "unveil /usr rx"
	case "connect":
		return "connect 443"
	case "bind":
		return "bind 8080"
	case "env":
		return "env HOME PATH"
	}
	return keyword
}

// unveilLine adds "unveil PATH LETTERS"; a path alone is an error, and "" are
// the letters that hide it.
func (p *Policy) unveilLine(args []string, at func(int) string) error {
	switch {
	case len(args) == 1:
		return &Error{At: at(1), Err: fmt.Errorf("unveil %q: no letters", clip(args[0])), Hint: `write it as in: unveil /usr rx; "" hides the path`}
	case len(args) > 2:
		return &Error{At: at(3), Err: fmt.Errorf("unveil takes a path and its letters, and here is %q too", clip(args[2])), Hint: "quote a path with blanks"}
	}
	if strings.ContainsAny(args[1], ":/") {
		return &Error{At: at(2), Err: fmt.Errorf("letters %q", clip(args[1])), Hint: "write it as in: unveil /usr rx"}
	}
	return p.AddUnveil(args[0]+":"+args[1], at(1))
}

// column returns where word i of a line begins, in bytes from 1: at the
// shortest beginning of the line that holds the word.
func column(line string, i int) int {
	for end := 1; end <= len(line); end++ {
		words, err := shlex.Split(line[:end])
		if len(words) > i || err != nil && len(words) == i {
			return end
		}
	}
	return 1
}

// code returns a line with its comment and what is in single quotes blanked,
// so that places in it are places in the line.
func code(line string) string {
	b := []byte(line)
	quote := byte(0)
	for i, c := range b {
		switch {
		case quote == 0 && c == '#' && (i == 0 || b[i-1] == ' ' || b[i-1] == '\t'):
			return string(b[:i])
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == c:
			quote = 0
		case quote == '\'':
			b[i] = '_'
		}
	}
	return string(b)
}
