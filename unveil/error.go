package unveil

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Reason tells the kinds of PathError apart.
type Reason uint8

// Why an entry cannot be compiled.
const (
	// Unopened: the path cannot be opened; Err says why. EACCES and ELOOP are
	// the usual ones, EMFILE asks for a higher limit of open files.
	Unopened Reason = iota + 1
	// Missing (ENOENT): the path does not exist and has the letter c, which
	// Landlock cannot hold for a name. Options.Create and Options.Widen mend it.
	Missing
	// MissingDir (ENOENT): as Missing, but its directory does not exist either.
	MissingDir
	// NotDir (ENOTDIR): the path ends in a slash and is no directory.
	NotDir
	// Outside (EXDEV): the object has no name in the file tree of the process,
	// so that it cannot be said what is above it.
	Outside
	// Special (EOPNOTSUPP): Path is narrower than Other, and the way from one
	// to the other leads through /proc, /sys or /dev, where entries come and
	// go; granting its neighbours would be a snapshot of the wrong kind.
	Special
	// TooMany (E2BIG): to take Path out of Other needs more than MaxExpansion
	// rules.
	TooMany
	// Aliased (EOPNOTSUPP): Other is, under another name, a directory that
	// Path is below (a bind mount), and has rights that Path lacks.
	Aliased
	// Unwidened (EOPNOTSUPP): Options.Widen cannot give the letters to the
	// directory Dir, because of narrower entries below it.
	Unwidened
	// Planted (ELOOP): a symbolic link below Other, which has c, leads to Dir; see
	// Options.Unplanted.
	Planted
	// Changed (EAGAIN): the file tree changed under Compile or Create.
	Changed
)

// PathError says why an entry cannot be compiled. It wraps an errno.
type PathError struct {
	Path    string  // as it was given
	Letters Letters // as they were given
	Reason  Reason
	Other   string // the other entry, as it was given, for Special, TooMany, Aliased and Planted
	Dir     string // the directory that Options.Widen would give the letters to, or of the Reason
	Create  bool   // Options.Create mends it
	Widen   bool   // Options.Widen mends it
	Err     error  // the errno
}

func (e *PathError) Unwrap() error { return e.Err }

func (e *PathError) Error() string {
	q := strconv.Quote
	head := "unveil " + q(e.Path+":"+e.Letters.String()) + ": "
	switch e.Reason {
	case Missing:
		return head + "it does not exist, and c on a name that does not exist cannot be held"
	case MissingDir:
		return head + "neither it nor its directory exists, and c on a name that does not exist cannot be held"
	case NotDir:
		return head + "it is not a directory"
	case Outside:
		return head + "it has no name in the file tree that this process sees"
	case Special:
		return head + "it cannot be taken out of " + q(e.Other) + ", because the way to it leads through " + q(e.Dir)
	case TooMany:
		return head + "to take it out of " + q(e.Other) + " needs more than " + strconv.Itoa(MaxExpansion) + " rules"
	case Aliased:
		return head + "it cannot be taken out of " + q(e.Other) + ", which is another name of a directory above it (a bind mount)"
	case Unwidened:
		return head + "its letters cannot be given to the directory " + q(e.Dir) + ", because of narrower entries below that"
	case Planted:
		return head + "a link below " + q(e.Other) + ", where the command makes links, leads to " + q(e.Dir)
	case Changed:
		return head + "it changed while it was looked at"
	}
	if e.Err == unix.EMFILE {
		return head + "too many open files: a plan holds one for each rule until it is applied"
	}
	return fmt.Sprintf("%s%v", head, e.Err)
}
