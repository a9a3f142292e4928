package policy

import (
	"bufio"
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
	text  string
	at    string
	value bool // it begins with a variable: ~ and @ of the value are no signs

	varies bool // there is a variable in it

	empty   string // the first variable in it whose value is empty, or ""
	emptyAt string // where it is
}

// A splitter takes lines apart.
type splitter struct {
	lookup func(name string) (string, bool)
	buffer *bufio.Reader
}

// split takes a line apart as a shell does, and puts the values of variables
// in: each stays one word, whatever is in it. at renders a column, in bytes
// from 1. The first error of a line is the leftmost one.
func (s *splitter) split(line string, at func(column int) string) ([]word, error) {
	if len(line) > maxLine {
		return nil, &Error{At: at(maxLine), Err: fmt.Errorf("the line is longer than %d bytes", maxLine), Hint: "a keyword may be repeated on the next line"}
	}
	// shlex reads runes: bytes that are none would come out as others.
	for i, r := range line {
		if r > 0 && r < utf8.RuneError {
			continue
		}
		if r == 0 {
			return nil, &Error{At: at(i + 1), Err: errors.New("a NUL"), Hint: "a policy is a text"}
		}
		if r == utf8.RuneError && !strings.HasPrefix(line[i:], "\uFFFD") {
			return nil, &Error{At: at(i + 1), Err: errors.New("not UTF-8"), Hint: "a path of other bytes can be given on the command line"}
		}
	}
	if !strings.ContainsAny(line, `"'\#$`) {
		return plain(line, at), nil
	}
	var words []word
	r := byteReader{text: line}
	if s.buffer == nil {
		s.buffer = bufio.NewReader(nil)
	}
	s.buffer.Reset(&r)
	for lexer := shlex.NewLexer(s.buffer); ; {
		// No word follows a comment, which ends with the line.
		rest := strings.TrimLeft(line[r.read:], " \t\r")
		start := len(line) - len(rest)
		text, err := lexer.Next()
		if err == io.EOF {
			return words, nil
		}
		raw := line[start:r.read]
		variable, open := quoting(raw)
		w := word{text: text, at: at(start + 1)}
		if variable >= 0 {
			substituted, empty, column, err := s.substitute(raw)
			if err != nil {
				return nil, &Error{At: at(start + column + 1), Err: err,
					Hint: "a variable is written $NAME or ${NAME}; a $ that is meant stands in single quotes"}
			}
			w.empty, w.emptyAt = empty, at(start+column+1)
			if open < 0 {
				list, err := shlex.Split(substituted)
				if err != nil || len(list) != 1 {
					return nil, &Error{At: w.at, Err: errors.New("the word cannot be read"), Hint: "this is a mistake of unveil-run itself, please report it"}
				}
				w.text = list[0]
			}
			w.varies = true
			w.value = strings.Trim(raw[:variable], `"'`) == ""
		}
		switch {
		case err != nil && line[start+open] == '\\':
			return nil, &Error{At: at(start + open + 1), Err: errors.New("a backslash with nothing behind it"), Hint: "a line does not go on in the next; a keyword may be repeated there"}
		case err != nil:
			return nil, &Error{At: at(start + open + 1), Err: errors.New("a quote is not closed"), Hint: "quotes end on the line that they begin on"}
		}
		words = append(words, w)
	}
}

// plain takes a line apart that shlex has nothing to say on: most are such, and
// it takes a tenth of the time.
func plain(line string, at func(column int) string) (words []word) {
	const blanks = " \t\r"
	for rest := strings.TrimLeft(line, blanks); rest != ""; rest = strings.TrimLeft(rest, blanks) {
		w := word{text: rest, at: at(len(line) - len(rest) + 1)}
		if end := strings.IndexAny(rest, blanks); end >= 0 {
			w.text = rest[:end]
		}
		rest = rest[len(w.text):]
		words = append(words, w)
	}
	return words
}

// substitute puts the values of variables into a word as it is written, quoted
// so that they stay as they are. With the name of the first variable that has no
// value comes its index, and with an error that of the variable at fault.
func (s *splitter) substitute(raw string) (substituted, empty string, column int, err error) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == quote:
			quote = 0
		case quote == '\'':
		case c == '\\' && i+1 < len(raw):
			b.WriteByte(c)
			i++
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '$':
			name, length := variable(raw[i:])
			if name == "" {
				return "", "", i, errors.New("a $ without a name")
			}
			value, ok := "", false
			if s.lookup != nil {
				value, ok = s.lookup(name)
			}
			switch {
			case !ok:
				return "", "", i, fmt.Errorf("the variable %s is not set", clip(name))
			case !utf8.ValidString(value):
				return "", "", i, fmt.Errorf("the value of %s is not UTF-8", clip(name))
			case strings.IndexByte(value, 0) >= 0:
				return "", "", i, fmt.Errorf("a NUL in the value of %s", clip(name))
			case value == "" && quote == 0:
				b.WriteString(`""`)
			}
			if value == "" && empty == "" {
				empty, column = name, i
			}
			for _, r := range value {
				b.WriteByte('\\')
				b.WriteRune(r)
			}
			i += length - 1
			continue
		}
		b.WriteByte(raw[i])
	}
	return b.String(), empty, column, nil
}

// variable returns the name of the variable that a text begins with, written
// $NAME or ${NAME}, and how long it is written; "" for none.
func variable(text string) (name string, length int) {
	name, braces := strings.CutPrefix(text[1:], "{")
	end := 0
	for end < len(name) && (name[end] == '_' || name[end]|0x20 >= 'a' && name[end]|0x20 <= 'z' || end > 0 && name[end] >= '0' && name[end] <= '9') {
		end++
	}
	switch {
	case !braces:
		return name[:end], 1 + end
	case end < len(name) && name[end] == '}':
		return name[:end], 3 + end
	}
	return "", 0
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
