package policy

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/google/shlex"
)

// maxLine is the longest line, in bytes: two paths of PATH_MAX.
const maxLine = 8192

// A word of a line, unquoted.
type word struct {
	text string
	at   string
}

// split takes a line apart as a shell does, without expanding anything;
// at renders a column, in bytes from 1. The first error of a line is the
// leftmost one.
func split(line string, at func(column int) string) ([]word, error) {
	if len(line) > maxLine {
		return nil, &Error{At: at(maxLine), Err: fmt.Errorf("the line is longer than %d bytes", maxLine), Hint: "a keyword may be repeated on the next line"}
	}
	// shlex reads runes: bytes that are none would come out as others.
	for i, r := range line {
		if r == 0 {
			return nil, &Error{At: at(i + 1), Err: errors.New("a NUL"), Hint: "a policy is a text"}
		}
		if r == utf8.RuneError && !strings.HasPrefix(line[i:], "\uFFFD") {
			return nil, &Error{At: at(i + 1), Err: errors.New("not UTF-8"), Hint: "a path of other bytes can be given on the command line"}
		}
	}
	var words []word
	r := byteReader{text: line}
	for lexer := shlex.NewLexer(&r); ; {
		// No word follows a comment, which ends with the line.
		rest := strings.TrimLeft(line[r.read:], " \t\r")
		start := len(line) - len(rest)
		text, err := lexer.Next()
		if err == io.EOF {
			return words, nil
		}
		variable, open := quoting(line[start:r.read])
		switch {
		case variable >= 0:
			return nil, &Error{At: at(start + variable + 1), Err: errors.New("variables are not supported"),
				Hint: "write the path out, with ~ for the home directory; a $ that is meant stands in single quotes"}
		case err != nil && line[start+open] == '\\':
			return nil, &Error{At: at(start + open + 1), Err: errors.New("a backslash with nothing behind it"), Hint: "a line does not go on in the next; a keyword may be repeated there"}
		case err != nil:
			return nil, &Error{At: at(start + open + 1), Err: errors.New("a quote is not closed"), Hint: "quotes end on the line that they begin on"}
		}
		words = append(words, word{text, at(start + 1)})
	}
}

// quoting follows the quotes of a word as it is written. It returns the index
// of the first variable, and of the quote or backslash that is left open at
// the end; -1 for none.
func quoting(raw string) (variable, open int) {
	variable, open = -1, -1
	for i := 0; i < len(raw); i++ {
		quote := byte(0)
		if open >= 0 {
			quote = raw[open]
		}
		switch c := raw[i]; {
		case quote == c:
			open = -1
		case quote == '\'':
		case c == '\\':
			if i++; i == len(raw) {
				return variable, i - 1
			}
		case c == '$' && variable < 0:
			variable = i
		case quote == 0 && (c == '\'' || c == '"'):
			open = i
		}
	}
	return variable, open
}

// byteReader gives a byte at a time, so that read is how far the lexer has
// come: it looks one rune ahead at most, and has no other way of telling.
type byteReader struct {
	text string
	read int
}

func (r *byteReader) Read(b []byte) (int, error) {
	if r.read == len(r.text) {
		return 0, io.EOF
	}
	b[0] = r.text[r.read]
	r.read++
	return 1, nil
}
