package trace

import (
	"errors"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Place is what a path leads to for a caller.
type Place struct {
	// Name is canonical, as the supervisor sees it: absolute, without links.
	// Where nothing is there it is where it would be made.
	Name     string
	Mode     uint32 // S_IFMT of what is there, 0 for nothing
	Dev, Ino uint64
}

// Exists reports whether something is there.
func (p *Place) Exists() bool { return p.Mode != 0 }

// IsDir reports whether that is a directory.
func (p *Place) IsDir() bool { return p.Mode == unix.S_IFDIR }

// ErrNoName is a path that leads to what has no name: a pipe behind
// /dev/stdin.
var ErrNoName = errors.New("it has no name in the file tree")

// maxLinks bounds the links followed from one path, as the kernel does.
const maxLinks = 40

var self = "/proc/" + strconv.Itoa(os.Getpid())

// place finds what a path leads to for the caller: by its root, its working
// directory or its descriptor dir, and where follow says so through a link at
// the end. The error is an errno or ErrNoName.
func (c *Caller) place(dir int32, name string, follow bool) (Place, error) {
	from, err := c.start(dir, name)
	if err != nil {
		return Place{}, err
	}
	whole := from
	if name != "" {
		whole = from + "/" + name
	}
	p, err := look(whole, follow)
	if err == unix.ELOOP || err == nil && (strings.HasPrefix(p.Name+"/", self+"/")) {
		// By /proc/self, which is another for us, or a link that is no name.
		return c.walk(whole, follow)
	}
	if err == unix.ENOENT {
		return c.absent(whole, follow)
	}
	return p, err
}

// start returns the directory that a path begins in.
func (c *Caller) start(dir int32, name string) (string, error) {
	link := "cwd"
	switch {
	case strings.HasPrefix(name, "/") && !c.supervised.moved:
		return "", nil
	case strings.HasPrefix(name, "/"):
		link = "root"
	case dir != unix.AT_FDCWD:
		link = "fd/" + strconv.Itoa(int(dir))
	}
	to, err := os.Readlink(c.proc(link))
	switch {
	case err != nil:
		return "", unix.EBADF
	case to == "" || to[0] != '/':
		return "", ErrNoName
	case to == "/":
		return "", nil
	}
	return to, nil
}

// look finds what an absolute name leads to for the supervisor, but not
// through links of /proc that are no names: ELOOP.
func look(name string, follow bool) (Place, error) {
	if name == "" {
		name = "/"
	}
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	if !follow {
		how.Flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, name, &how)
	if err != nil {
		return Place{}, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Place{}, err
	}
	var link [4096]byte
	n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), link[:])
	if err != nil {
		return Place{}, err
	}
	if link[0] != '/' {
		return Place{}, ErrNoName
	}
	return Place{string(link[:n]), st.Mode & unix.S_IFMT, uint64(st.Dev), st.Ino}, nil //nolint:unconvert // Dev differs between architectures
}

// Look finds what an absolute name leads to, links followed.
func Look(name string) (Place, error) { return look(name, true) }

// absent finds where a name would be made that leads to nothing.
func (c *Caller) absent(whole string, follow bool) (Place, error) {
	trimmed := strings.TrimRight(whole, "/")
	dir, base := path.Split(trimmed)
	if base == "" || base == "." || base == ".." {
		return Place{}, unix.ENOENT
	}
	if follow {
		// A link to nothing: what it leads to is made.
		if _, err := os.Readlink(trimmed); err == nil {
			return c.walk(trimmed, true)
		}
	}
	up, err := look(dir, true)
	if err != nil || strings.HasPrefix(up.Name+"/", self+"/") {
		return c.walk(trimmed, follow)
	}
	return Place{Name: below(up.Name, base)}, nil
}

func below(dir, base string) string {
	if dir == "/" {
		return "/" + base
	}
	return dir + "/" + base
}

// walk follows a name one component after the other, as the kernel does for
// the caller.
func (c *Caller) walk(whole string, follow bool) (Place, error) {
	todo := strings.Split(whole, "/")
	at, links := "/", 0
	for len(todo) > 0 {
		step := todo[0]
		todo = todo[1:]
		switch step {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := below(at, step)
		to, err := c.readlink(next)
		last := strings.Trim(strings.Join(todo, ""), "/.") == ""
		switch {
		case err == unix.ENOENT && last:
			return Place{Name: next}, nil
		case err == unix.EINVAL || err == nil && last && !follow: // no link, or not to be followed
			at = next
			continue
		case err != nil:
			return Place{}, err
		}
		if links++; links > maxLinks {
			return Place{}, unix.ELOOP
		}
		if to != "" && to[0] == '/' {
			at = "/"
		} else if strings.HasPrefix(next, "/proc/") && strings.Contains(to, ":[") {
			return Place{}, ErrNoName
		}
		todo = append(strings.Split(to, "/"), todo...)
	}
	var st unix.Stat_t
	if err := unix.Lstat(at, &st); err != nil {
		if err == unix.ENOENT {
			return Place{Name: at}, nil
		}
		return Place{}, err
	}
	return Place{at, st.Mode & unix.S_IFMT, uint64(st.Dev), st.Ino}, nil //nolint:unconvert // Dev differs between architectures
}

// readlink reads a link as the caller would: /proc/self is its own process.
func (c *Caller) readlink(name string) (string, error) {
	switch name {
	case "/proc/self":
		return strconv.Itoa(c.Process()), nil
	case "/proc/thread-self":
		return strconv.Itoa(c.Process()) + "/task/" + strconv.Itoa(int(c.Tid)), nil
	}
	var link [4096]byte
	n, err := unix.Readlink(name, link[:])
	if err != nil {
		return "", err
	}
	return string(link[:n]), nil
}
