package image

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/printed"
)

// Error says why a command cannot be executed.
type Error struct {
	Command  string // as the user typed it
	Path     string // the file at fault, "" if none was found
	NotFound bool   // exit status 127, otherwise 126
	Err      error  // wraps the errno of the kernel's refusal
	Hint     string // what to do about it, may be ""
}

func (e *Error) Error() string {
	if e.NotFound {
		return fmt.Sprintf("command %q: %v", e.Command, e.Err)
	}
	path := e.Path
	if path == "" {
		path = e.Command
	}
	return fmt.Sprintf("cannot execute %q: %v", path, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// because is an error with its own words and the kernel's errno.
type because struct {
	text string
	err  error
}

func reason(text string, err error) error { return &because{text, err} }

func (b *because) Error() string { return b.text }
func (b *because) Unwrap() error { return b.err }

func missing(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}

// unreadable explains EACCES for a file that passed the execute check: the
// kernel could run it, but what it needs stands inside.
func unreadable(err error) error {
	if errors.Is(err, unix.EACCES) {
		return reason("it may be executed but not read, so what it needs is unknown", err)
	}
	return err
}

func (r *resolver) commandError(path string, err error) error {
	e := &Error{Command: r.command, Path: path, Err: err, NotFound: missing(err)}
	if e.NotFound {
		e.Err = reason("not found", err)
	}
	return e
}

// formatError explains a file that is neither a script nor an ELF file for
// this kernel.
func (r *resolver) formatError(path string, head []byte, err error) error {
	e := &Error{Command: r.command, Path: path, Err: err}
	if textual(head) && !strings.HasPrefix(string(head), "#!") {
		e.Hint = "run it by its shell: sh " + printed.Word(path)
	}
	return e
}

// textual reports whether the start of a file looks like text, as shells do.
// An empty file counts: a shell runs it as an empty script.
func textual(head []byte) bool {
	for _, c := range head[:min(len(head), 256)] {
		if c == 0 || c == 0x7f {
			return false
		}
	}
	return true
}

const windowsHint = `the script has Windows line endings, convert it: sed -i 's/\r$//' `

func (r *resolver) interpreterError(script, interp string, err error) error {
	e := &Error{Command: r.command, Path: script}
	if missing(err) {
		e.Err = reason(fmt.Sprintf("its interpreter %q does not exist", interp), err)
		if strings.HasSuffix(interp, "\r") {
			e.Hint = windowsHint + printed.Word(script)
		}
	} else {
		e.Err = fmt.Errorf("its interpreter %q: %w", interp, err)
	}
	return e
}

func (r *resolver) elfInterpreterError(path, interp string, err error) error {
	e := &Error{Command: r.command, Path: path}
	if missing(err) {
		e.Err = reason(fmt.Sprintf("its ELF interpreter %q does not exist", interp), err)
		e.Hint = "it was built for another system or C library"
	} else {
		e.Err = fmt.Errorf("its ELF interpreter %q: %w", interp, err)
	}
	return e
}

func (r *resolver) envError(script string, line shebang, err error) error {
	e := &Error{
		Command: r.command, Path: script,
		Err:  reason(fmt.Sprintf("its line %q: %v", "#!"+line.interp+" "+line.arg, err), unix.ENOEXEC),
		Hint: "name the interpreter on the command line",
	}
	if strings.HasSuffix(line.arg, "\r") {
		e.Hint = windowsHint + printed.Word(script)
	}
	return e
}

func (r *resolver) envLookupError(script, name, at string, err error) error {
	e := &Error{Command: r.command, Path: script}
	switch {
	case !missing(err):
		e.Err = fmt.Errorf("its interpreter %q: %w", at, err)
	case strings.HasSuffix(name, "\r"):
		e.Err = reason(fmt.Sprintf("its interpreter %q is not found", name), err)
		e.Hint = windowsHint + printed.Word(script)
	default:
		e.Err = reason(fmt.Sprintf("its interpreter %q is not found", name), err)
		if strings.ContainsAny(name, " \t") {
			e.Hint = "env takes the rest of the line as one name, unless it is written as env -S"
		}
	}
	return e
}
