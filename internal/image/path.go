package image

import (
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// defaultPath is searched when PATH is unset. glibc has only /bin:/usr/bin;
// the shells add the local one.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// lookup finds a command as execvp does. On failure at is the file that was
// refused, if there was one.
func (r *resolver) lookup(name string) (path, at string, err error) {
	if name == "" {
		return "", "", unix.ENOENT
	}
	if strings.ContainsRune(name, 0) {
		return "", name, unix.EINVAL
	}
	if strings.ContainsRune(name, '/') {
		path = r.absolute(name)
		return path, path, executable(path)
	}
	list, ok := r.env("PATH")
	if !ok {
		list = defaultPath
	}
	err = unix.ENOENT
	for more := true; more; {
		var element string
		element, list, more = strings.Cut(list, ":")
		if strings.ContainsRune(element, 0) {
			continue
		}
		path = join(r.absolute(element), name)
		e := executable(path)
		if e == nil {
			return path, "", nil
		}
		// A file that is there but may not run is worth more to the user
		// than "not found", but a later element may still hold the command.
		if at == "" && !missing(e) {
			at, err = path, e
		}
	}
	return "", at, err
}

// executable establishes that execve would get as far as reading the file.
// It asks for the effective ids, as execve does; access(2) uses the real ones.
func executable(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
	case unix.S_IFDIR:
		return reason("is a directory", unix.EACCES)
	}
	return reason("not a regular file", unix.EACCES)
}

// openRegular opens a regular file for reading. It looks first, because an
// open alone can act on a device; it opens without blocking, because the file
// can be a FIFO by then.
func openRegular(path string) (int, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return -1, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, reason("not a regular file", unix.EACCES)
	}
	return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
}

// readBounded reads at most limit bytes of a regular file, and fails when
// there is more: half a list would be a wrong list.
func readBounded(path string, limit int64) ([]byte, error) {
	fd, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Size > limit {
		return nil, unix.EFBIG
	}
	data := make([]byte, st.Size)
	n, err := descriptor(fd).ReadAt(data, 0)
	if n < len(data) && err != nil {
		data = data[:n]
	}
	return data, nil
}

// absolute makes name absolute without cleaning it: with symbolic links,
// "a/../b" is not "b".
func (r *resolver) absolute(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	for strings.HasPrefix(name, "./") {
		name = strings.TrimLeft(name[2:], "/")
	}
	if name == "" || name == "." {
		return r.dir
	}
	return join(r.dir, name)
}

func join(dir, name string) string {
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// canonical resolves symbolic links; a name that cannot be resolved is kept,
// and fails where it is used.
func canonical(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return filepath.Clean(path)
	}
	return real
}

// named returns the canonical name of an open file: of what is looked at, and
// not of what its path may lead to by now.
func named(fd int, path string) string {
	var buf [unix.PathMax]byte
	n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), buf[:])
	if err != nil || n == len(buf) || n == 0 || buf[0] != '/' {
		return canonical(path) // without /proc, or outside of the root
	}
	return string(buf[:n])
}
