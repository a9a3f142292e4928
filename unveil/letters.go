package unveil

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// Letters is a set of the permissions of unveil(2): r, w, x and c.
type Letters uint8

// The permissions of unveil(2).
const (
	R Letters = 1 << iota // read
	W                     // write
	X                     // execute
	C                     // create and remove

	All = R | W | X | C
)

// A letter is one row of the table of letters.
type letter struct {
	name   byte
	bit    Letters
	access Access
	// The promise of pledge(2) that the kind of access belongs to, by its name:
	// the packages do not know each other.
	promise string
	limits  []kernel.Limit
}

// letters is the table of letters: nothing else says which rights a letter
// has.
var letters = [...]letter{
	{'r', R, ReadFile | ReadDir, "rpath", []kernel.Limit{kernel.Always("stat, access, readlink, chdir and inotify see every path")}},
	// O_TRUNC and ftruncate(2) are rights of their own since ABI 3. IOCTL_DEV
	// is decided at open(2): without it a terminal or /dev/null that is opened
	// for writing answers EACCES to its ioctls.
	{'w', W, WriteFile | Truncate | IoctlDev, "wpath", []kernel.Limit{
		kernel.Below(5, "ioctl on devices without w"),
		kernel.Always("chmod, chown, utimes and setxattr of every path that the user owns"),
	}},
	// execve(2) opens the binary for reading too.
	{'x', X, Execute | ReadFile, "exec", []kernel.Limit{kernel.Always("what is readable runs by ld.so, where that has x, and a memfd always")}},
	// REFER is granted once, on "/": rename and link between two trees need
	// it on both, and the kernel refuses any gain of rights by itself.
	{'c', C, MakeReg | MakeDir | MakeSym | RemoveFile | RemoveDir | Refer, "cpath", []kernel.Limit{
		kernel.Below(2, "rename and link across directories are refused where c would allow them"),
		kernel.Always("a file with c can be written, not removed or replaced"),
	}},
}

// Describe returns the letters one by one, with what Linux cannot hold of each.
func Describe() []Letter {
	list := make([]Letter, len(letters))
	for i, row := range letters {
		list[i] = Letter{row.bit, row.promise, row.limits}
	}
	return list
}

// Letter is one letter and its limits.
type Letter struct {
	Letters Letters
	Promise string // of pledge(2), that the kind of access belongs to
	Limits  []kernel.Limit
}

// Kinds returns the letters whose kind of access is promised, for
// Options.Kinds. It asks for each promise by its name.
func Kinds(promised func(name string) bool) Letters {
	var l Letters
	for _, row := range letters {
		if promised(row.promise) {
			l |= row.bit
		}
	}
	return l
}

// Access returns the rights that a set of letters has on a directory, before
// a kernel, the kinds of access that are promised and the type of the object
// take theirs away.
func (l Letters) Access() Access {
	var a Access
	for _, row := range letters {
		if l&row.bit != 0 {
			a |= row.access
		}
	}
	return a
}

// lettersOf returns the letters that rights are of, in whole or in part. Those
// that no letter has make special files, or connect to a socket as w does.
func lettersOf(a Access) (l Letters) {
	for _, row := range letters {
		if a&row.access&^ReadFile != 0 || row.bit == R && a&ReadFile != 0 { // which x has too
			l |= row.bit
		}
	}
	if a&ResolveUnix != 0 {
		l |= W
	}
	if a&^(All.Access()|ResolveUnix) != 0 {
		l |= C
	}
	return l
}

// String returns the letters in the order "rwxc", "" for none.
func (l Letters) String() string {
	var b [len(letters)]byte
	n := 0
	for _, row := range letters {
		if l&row.bit != 0 {
			b[n] = row.name
			n++
		}
	}
	return string(b[:n])
}

// maxLetters is the longest permission string that unveil(2) takes.
const maxLetters = 4

// ParseLetters reads a permission string of unveil(2): the letters r, w, x
// and c in any order, repeats allowed, at most 4 in all. The empty string
// hides a path.
//
// The error wraps ENAMETOOLONG for more than 4 characters, EINVAL for any
// other letter.
func ParseLetters(perms string) (Letters, error) {
	if len(perms) > maxLetters {
		return 0, fmt.Errorf("permissions %q: more than %d letters: %w", clip(perms), maxLetters, unix.ENAMETOOLONG)
	}
	var l Letters
	for i := range len(perms) {
		bit := byName(perms[i])
		if bit == 0 {
			if low := perms[i] | 0x20; byName(low) != 0 {
				return 0, fmt.Errorf("permissions %q: write %q in lower case: %w", perms, perms[i:i+1], unix.EINVAL)
			}
			return 0, fmt.Errorf("permissions %q: %q is not one of r, w, x and c: %w", perms, perms[i:i+1], unix.EINVAL)
		}
		l |= bit
	}
	return l, nil
}

func byName(name byte) Letters {
	for _, row := range letters {
		if row.name == name {
			return row.bit
		}
	}
	return 0
}

// clip keeps an error message on one screen.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
