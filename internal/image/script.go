package image

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/google/shlex"
)

// binprmSize is BINPRM_BUF_SIZE: the kernel looks at no more of a file than
// this to tell its format.
const binprmSize = 256

type shebang struct {
	interp string
	arg    string // everything behind the interpreter, as one argument
}

// parseShebang reads a #! line as load_script of fs/binfmt_script.c does: a
// cut interpreter name is an error, a cut argument is not. It reports false
// for what the kernel refuses with ENOEXEC.
func parseShebang(head []byte) (shebang, bool) {
	var none shebang
	var buf [binprmSize]byte // the kernel pads with NUL, and so do we
	n := copy(buf[:], head)
	if n < 2 || buf[0] != '#' || buf[1] != '!' {
		return none, false
	}
	end := bytes.IndexByte(buf[:], '\n')
	// strnchr stops at a NUL.
	if nul := bytes.IndexByte(buf[:], 0); nul >= 0 && end > nul {
		end = -1
	}
	if end < 0 {
		last := len(buf) - 1
		i := nonBlank(buf[:], 2, last)
		if i < 0 || terminator(buf[:], i, last) < 0 {
			return none, false
		}
		end = last
	}
	for end > 2 && blank(buf[end-1]) {
		end--
	}
	line := buf[:end]
	name := nonBlank(line, 2, end-1)
	if name < 0 || line[name] == 0 {
		return none, false
	}
	sep := terminator(line, name, end-1)
	if sep < 0 {
		return shebang{interp: string(line[name:])}, true
	}
	s := shebang{interp: string(line[name:sep])}
	if line[sep] != 0 {
		if i := nonBlank(line, sep, end-1); i >= 0 {
			arg, _, _ := bytes.Cut(line[i:], []byte{0})
			s.arg = string(arg)
		}
	}
	return s, true
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

func nonBlank(b []byte, from, last int) int {
	for i := from; i <= last; i++ {
		if !blank(b[i]) {
			return i
		}
	}
	return -1
}

func terminator(b []byte, from, last int) int {
	for i := from; i <= last; i++ {
		if blank(b[i]) || b[i] == 0 {
			return i
		}
	}
	return -1
}

// envWords returns the command that `#!/usr/bin/env ...` starts, its own
// arguments behind it. It understands the two forms in use, a bare name and
// -S, and refuses what would change the environment or what only some env
// implementations read alike.
func envWords(line shebang) ([]string, error) {
	arg := line.arg
	var words []string
	switch {
	case arg == "":
		return nil, errors.New("names no interpreter")
	case strings.HasPrefix(arg, "-S"), strings.HasPrefix(arg, "--split-string="):
		text, ok := strings.CutPrefix(arg, "-S")
		if !ok {
			text = strings.TrimPrefix(arg, "--split-string=")
		}
		// Shells, GNU env and BSD env differ in these: ${NAME}, \c, \_, …
		if strings.ContainsAny(text, "$\\\v\f") || !utf8.ValidString(text) {
			return nil, errors.New("escapes and variables in env -S are not supported")
		}
		var err error
		if words, err = shlex.Split(text); err != nil {
			return nil, errors.New("quotes in env -S do not match")
		}
		if len(words) == 0 {
			return nil, errors.New("names no interpreter")
		}
	default:
		words = []string{arg}
	}
	switch first := words[0]; {
	case first == "":
		return nil, errors.New("names no interpreter")
	case strings.HasPrefix(first, "-"):
		return nil, errors.New("options of env are not supported")
	case strings.ContainsRune(first, '='):
		return nil, errors.New("assignments by env are not supported")
	}
	return words, nil
}
