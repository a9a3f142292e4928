package unveil

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Rules collects what is to be granted. The zero value grants nothing and is
// ready for use. Compile leaves it as it is, so that it can be compiled again.
//
// Rules is not safe for use by several goroutines at once.
type Rules struct {
	words  []Entry // of each call of Unveil and Add
	grants []grant
	ports  []port
	net    uint64
	scopes uint64
}

// A grant is one call of Imply or Need.
type grant struct {
	path   string
	access Access
	why    string
	need   bool
	found  bool // without links
	as     string
	raw    bool // of Grant
}

// A port is one rule of type LANDLOCK_RULE_NET_PORT.
type port struct {
	access uint64
	port   uint16
}

// pathMax is PATH_MAX of include/uapi/linux/limits.h, in bytes, with the NUL.
const pathMax = 4096

// Unveil adds an entry as unveil(2) does: the path and everything below it
// have the letters, unless a more specific entry says otherwise. No letters
// hide the path. A symbolic link is followed when the rules are compiled, and
// a relative path starts at Options.Dir.
//
// It looks at the words only. The error wraps ENAMETOOLONG for more than 4
// letters or a path of more than 4,095 bytes, EINVAL for an unknown letter,
// an empty path or a NUL in it.
func (r *Rules) Unveil(path, perms string) error {
	l, err := checkWord(path, perms)
	if err != nil {
		return err
	}
	r.words = append(r.words, Entry{Path: path, Letters: l})
	return nil
}

// An Entry is what [Rules.Add] adds.
type Entry struct {
	Path    string
	Letters Letters

	// Create makes the path if it does not exist, as Options.Create does.
	Create bool
	// Optional leaves a path out that does not exist, without a word, also
	// with the letter c.
	Optional bool
	// Private makes the path whatever the letters are and what an entry above
	// grants, with a mode for its owner alone. It belongs to Create.
	Private bool
}

// Add is Unveil of letters that are parsed. The error wraps ENAMETOOLONG for
// a path of more than 4,095 bytes, EINVAL for an empty path or a NUL in it.
func (r *Rules) Add(e Entry) error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	e.Letters &= All
	r.words = append(r.words, e)
	return nil
}

// checkWord tells the errors in the order in which unveil(2) does.
func checkWord(path, perms string) (Letters, error) {
	if len(perms) > maxLetters {
		_, err := ParseLetters(perms)
		return 0, fmt.Errorf("unveil %q: %w", clip(path), err)
	}
	if err := checkPath(path); err != nil {
		return 0, err
	}
	l, err := ParseLetters(perms)
	if err != nil {
		return 0, fmt.Errorf("unveil %q: %w", clip(path), err)
	}
	return l, nil
}

func checkPath(path string) error {
	switch {
	case path == "":
		return fmt.Errorf("unveil: the path is empty: %w", unix.EINVAL)
	case len(path) >= pathMax:
		return fmt.Errorf("unveil %q: the path is longer than %d bytes: %w", clip(path), pathMax-1, unix.ENAMETOOLONG)
	case strings.IndexByte(path, 0) >= 0:
		return fmt.Errorf("unveil %q: NUL in the path: %w", clip(path), unix.EINVAL)
	}
	return nil
}

// ParseRule splits PATH:LETTERS at the last colon and checks both parts as
// Unveil does, with the same errors. "PATH:" hides the path. A word without a
// colon is EINVAL.
func ParseRule(s string) (path string, l Letters, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		err := fmt.Errorf("unveil %q: no letters: %w", clip(s), unix.EINVAL)
		if s != "" {
			err = fmt.Errorf("unveil %q: no letters, write PATH:LETTERS as in %q: %w", clip(s), clip(s)+":r", unix.EINVAL)
		}
		return "", 0, err
	}
	path, perms := s[:i], s[i+1:]
	if strings.IndexByte(perms, '/') >= 0 {
		return "", 0, fmt.Errorf("unveil %q: no letters after the last colon, write PATH:LETTERS as in %q: %w", clip(s), clip(s)+":r", unix.EINVAL)
	}
	if l, err = checkWord(path, perms); err != nil {
		return "", 0, err
	}
	return path, l, nil
}

// Imply adds what a promise brings by itself. It only adds: the rights hold
// for the path and everything below it even where an entry hides it, they
// need no kind of access, and they take nothing away from anything. A path
// that is missing or out of reach is skipped. why stands in the printed plan.
func (r *Rules) Imply(path string, access Access, why string) {
	r.grant(grant{path: path, access: access, why: why})
}

// Grant adds a rule as Landlock has it: the rights, REFER among them, hold for
// the path and everything below it even where an entry says less. A path that is
// missing is skipped with a notice. why stands in the printed plan.
func (r *Rules) Grant(path string, access Access, why string) {
	r.grant(grant{path: path, access: access, why: why, raw: true})
}

// Need adds what a command itself needs to start: its binary, ld.so, the
// directories of its libraries. It adds rights to the entries at and above
// the path; an entry below the path wins over it. A path that is missing is
// skipped with a notice. why stands in the printed plan.
func (r *Rules) Need(path string, access Access, why string) {
	r.grant(grant{path: path, access: access, why: why, need: true})
}

// Found is Need of a path that somebody has resolved before: a symbolic link
// in it has come since, and is not followed. as is the path that led there, for
// Options.Unplanted, or "".
func (r *Rules) Found(path, as string, access Access, why string) {
	r.grant(grant{path: path, as: as, access: access, why: why, need: true, found: true})
}

// usual is how many grants a command needs. Growing to it by doubling takes
// two new pages for each size on the way.
const usual = 32

func (r *Rules) grant(g grant) {
	if r.grants == nil {
		r.grants = make([]grant, 0, usual)
	}
	r.grants = append(r.grants, g)
}

// Port grants network rights, LANDLOCK_ACCESS_NET_*, on one port in host
// order. The rights are handled from then on: every port that has no rule is
// refused. For bind(2), port 0 is the kernel's choice of an ephemeral port.
func (r *Rules) Port(access uint64, number uint16) {
	r.ports = append(r.ports, port{access, number})
	r.net |= access
}

// HandleNet refuses network rights, LANDLOCK_ACCESS_NET_*, on every port
// that Port does not grant.
func (r *Rules) HandleNet(access uint64) { r.net |= access }

// Scope keeps signals or abstract UNIX sockets inside: LANDLOCK_SCOPE_*.
func (r *Rules) Scope(scopes uint64) { r.scopes |= scopes }
