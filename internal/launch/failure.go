package launch

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/unveil"
)

// Exit statuses of the launcher, as env(1) and timeout(1) have them. Every
// other status is the command's own.
const (
	StatusFailed   = 125 // the launcher itself failed, words at fault included
	StatusNotExec  = 126 // the command is found and cannot be executed
	StatusNotFound = 127
)

// A Failure ends the launcher before anything has run.
type Failure struct {
	Status int
	Err    error
	Hints  []string // what would mend it, with the flag as one types it
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

func failed(err error, hints ...string) *Failure {
	return &Failure{StatusFailed, err, hints}
}

func failedf(format string, args ...any) *Failure {
	return failed(fmt.Errorf(format, args...))
}

// hinted returns f with one more hint.
func (f *Failure) hinted(format string, args ...any) *Failure {
	f.Hints = append(f.Hints, fmt.Sprintf(format, args...))
	return f
}

// explainWord takes the hint of a word at fault over.
func explainWord(err error) *Failure {
	f := failed(err)
	var word *policy.Error
	if errors.As(err, &word) && word.Hint != "" {
		f.Hints = append(f.Hints, word.Hint)
	}
	return f
}

// explainImage gives a command that cannot be executed its exit status.
func explainImage(err error) *Failure {
	f := &Failure{Status: StatusNotExec, Err: err}
	var e *image.Error
	if errors.As(err, &e) {
		if e.NotFound {
			f.Status = StatusNotFound
		}
		if e.Hint != "" {
			f.Hints = append(f.Hints, e.Hint)
		}
	}
	return f
}

// explainPath names the flags that mend an entry.
func explainPath(err error) *Failure {
	f := failed(err)
	var e *unveil.PathError
	if !errors.As(err, &e) {
		return f
	}
	entry := "-u " + printed.Word(e.Path+":"+e.Letters.String())
	if e.Create {
		f.hinted("%s --create makes it first: an empty file, or a directory if it is written with a slash at its end", entry)
	}
	if e.Widen {
		f.hinted("%s --widen gives %s to the directory %q, with everything below it", entry, e.Letters, e.Dir)
	}
	switch e.Reason {
	case unveil.MissingDir:
		f.hinted("make its directory first, or unveil one that exists")
	case unveil.Planted:
		f.hinted("-u %s is the word for it, if it is meant; an earlier run may have made the link", printed.Word(e.Dir+":"+e.Letters.String()))
	case unveil.NotDir:
		f.hinted("write it without the slash at its end")
	case unveil.Special:
		f.hinted("name the files below %q that are needed instead of %q", e.Dir, e.Other)
	case unveil.TooMany:
		f.hinted("name what is needed of %q instead of all of it", e.Other)
	case unveil.Unopened:
		if errors.Is(err, unix.EMFILE) {
			f.hinted("raise the limit of open files: ulimit -n")
		}
	}
	return f
}
