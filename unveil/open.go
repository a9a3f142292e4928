package unveil

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// An object is what a path named when it was opened.
type object struct {
	fd   int // O_PATH
	id   id
	mode uint32 // S_IFMT
	name string // canonical, see canonical; "" where nobody asked
}

// An id tells objects apart while their descriptors are open.
type id struct{ dev, ino uint64 }

func (o object) dir() bool { return o.mode == unix.S_IFDIR }

const openPath = unix.O_PATH | unix.O_CLOEXEC

// open opens a path as it is used from now on. The descriptor belongs to the
// plan. The error is an errno.
func (c *compiler) open(path string) (object, error) {
	if path == "" {
		return object{}, unix.ENOENT // as open(2) says, whatever Dir is
	}
	return c.openat(unix.AT_FDCWD, c.fromDir(path), openPath)
}

// openPlain opens an absolute path in which there is no link; one that has
// come meanwhile is ELOOP.
func (c *compiler) openPlain(path string) (object, error) {
	how := unix.OpenHow{Flags: openPath, Resolve: unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &how)
	for err == unix.EINTR {
		fd, err = unix.Openat2(unix.AT_FDCWD, path, &how)
	}
	switch err {
	case nil:
		return c.opened(fd)
	case unix.ENOSYS, unix.EPERM: // a filter outside; the promises of this process
	default:
		return object{}, err
	}
	o, err := c.open(path)
	if err != nil {
		return object{}, err
	}
	if name, err := c.canonical(o, path); err != nil || rooted(name) != path {
		c.release(o)
		return object{}, unix.ELOOP
	}
	return o, nil
}

// fromDir lets a relative path start at Options.Dir.
func (c *compiler) fromDir(path string) string {
	if c.opt.Dir == "" || path[0] == '/' {
		return path
	}
	return c.opt.Dir + "/" + path
}

func (c *compiler) openat(dir int, name string, flags int) (object, error) {
	fd, err := openat(dir, name, flags)
	if err != nil {
		return object{}, err
	}
	return c.opened(fd)
}

// opened is the object of a descriptor.
func (c *compiler) opened(fd int) (object, error) {
	if err := unix.Fstat(fd, &c.stat); err != nil {
		unix.Close(fd)
		return object{}, err
	}
	c.plan.fds = append(c.plan.fds, fd)
	return object{fd: fd, id: idOf(&c.stat), mode: c.stat.Mode & unix.S_IFMT}, nil
}

// reserve makes room in the table of descriptors for many. In a process with
// threads the kernel waits for all processors (5 to 15 ms) whenever the table
// has to grow, and it doubles: for 10,000 rules six times. A table that cannot
// be as large is for the open to tell that fails over it.
func (c *compiler) reserve(n int) {
	const first = 256 // a table of this size costs no more than a page
	if n < first {
		return
	}
	if fd, err := unix.Open("/", openPath, 0); err == nil {
		if last, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, n+first); err == nil {
			unix.Close(last)
		}
		unix.Close(fd)
	}
}

// release closes the descriptor of the object that was opened last, if no
// rule holds it.
func (c *compiler) release(o object) {
	last := len(c.plan.fds) - 1
	if last >= 0 && c.plan.fds[last] == o.fd {
		c.plan.fds = c.plan.fds[:last]
		unix.Close(o.fd)
	}
}

func openat(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func idOf(st *unix.Stat_t) id { return id{uint64(st.Dev), st.Ino} } //nolint:unconvert // Dev differs between architectures

// canonical returns the name of an open object: absolute, without links,
// "." and "..", and "" for the root. c.stat is the object's. Names carry the
// order of the entries only; what is granted hangs on descriptors.
//
// The error is EXDEV if the object has no name below the root of the process,
// or the errno of finding it.
func (c *compiler) canonical(o object, path string) (string, error) {
	const self = "/proc/self/fd/"
	if c.link == nil {
		c.link = make([]byte, pathMax)
	}
	n, err := unix.Readlink(self+strconv.Itoa(o.fd), c.link)
	if err != nil {
		return c.canonicalByName(o, path)
	}
	name := string(c.link[:n])
	switch {
	case name == "/":
		return "", nil
	case name == "" || name[0] != '/':
		return "", unix.EXDEV // "pipe:[1]", "(unreachable)/x"
	case n == len(c.link):
		return "", unix.ENAMETOOLONG
	case c.stat.Nlink == 0 && strings.HasSuffix(name, " (deleted)"):
		return "", unix.EXDEV
	}
	return name, nil
}

// canonicalByName is canonical where there is no /proc.
func (c *compiler) canonicalByName(o object, path string) (string, error) {
	path = c.fromDir(path)
	if path[0] != '/' {
		wd, err := os.Getwd()
		if err != nil {
			return "", unix.EXDEV
		}
		path = wd + "/" + path
	}
	name, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", unix.EAGAIN
	}
	if at, ok := lookAt(name); !ok || at != o.id {
		return "", unix.EAGAIN
	}
	if name == "/" {
		name = ""
	}
	return name, nil
}

// lookAt returns the id of what a name stands for, links not followed.
func lookAt(name string) (id, bool) {
	var st unix.Stat_t
	if unix.Fstatat(unix.AT_FDCWD, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return id{}, false
	}
	return idOf(&st), true
}

// rooted makes a canonical name readable.
func rooted(name string) string {
	if name == "" {
		return "/"
	}
	return name
}

// under reports whether a canonical name is dir or below it.
func under(name, dir string) bool {
	return strings.HasPrefix(name, dir) && (len(name) == len(dir) || name[len(dir)] == '/')
}
