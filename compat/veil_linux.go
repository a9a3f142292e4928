package compat

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/unveil"
)

// The counters of OpenBSD, of directories and of names in them.
const (
	maxDirs  = 128
	maxNames = 128
	maxLinks = 40 // that the kernel follows on one path
)

// A veil is the table of unveil(2): directories by what they are, held by a
// descriptor, and names in them, which may stand for nothing yet.
type veil struct {
	used  bool
	dirs  []dir
	names []name
}

type inode struct{ dev, ino uint64 }

type dir struct {
	fd int // O_PATH
	inode
	path     string // absolute, where there is no /proc to ask for the present one
	given    string
	unveiled bool // itself, not only names in it
	letters  unveil.Letters
}

type name struct {
	dir     int
	base    string
	given   string
	letters unveil.Letters
}

// add is unveil(2) of one path, with the order of its checks, but for one that
// cannot fail here: EPERM where neither the object nor its directory may be
// read, written or searched. Who walked to a name has searched its directory.
func (v *veil) add(path, flags string) error {
	switch {
	case len(flags) > 4, len(path) >= unix.PathMax:
		return unix.ENAMETOOLONG
	case path == "":
		return unix.EINVAL
	}
	fd, base, err := walk(path)
	if err == unix.EACCES {
		return unix.ENOENT // what cannot be searched is not there
	}
	if err != nil {
		return err
	}
	kept := false
	defer func() {
		if !kept {
			unix.Close(fd)
		}
	}()
	letters, err := unveil.ParseLetters(flags)
	if err != nil {
		return errnoOf(err)
	}
	if len(v.dirs) == maxDirs || len(v.names) == maxNames {
		return unix.E2BIG // either ends both, and updates too
	}
	id, _, err := look(fd)
	if err != nil {
		return err
	}
	i := 0
	for i < len(v.dirs) && v.dirs[i].inode != id {
		i++
	}
	if i == len(v.dirs) {
		kept = true
		v.dirs = append(v.dirs, dir{fd: fd, inode: id, path: nameOf(fd), given: path})
	}
	v.used = true
	if base == "" {
		d := &v.dirs[i]
		d.unveiled, d.letters, d.given = true, letters, path
		return nil
	}
	for k := range v.names {
		if n := &v.names[k]; n.dir == i && n.base == base {
			n.letters, n.given = letters, path
			return nil
		}
	}
	v.names = append(v.names, name{i, base, path, letters})
	return nil
}

func (v *veil) forget() {
	for _, d := range v.dirs {
		unix.Close(d.fd)
	}
	*v = veil{}
}

func look(fd int) (inode, *unix.Stat_t, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return inode{uint64(st.Dev), st.Ino}, &st, err
}

const openPath = unix.O_PATH | unix.O_CLOEXEC

func openat(at int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(at, path, openPath|flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// walk follows a path to its end, the last link too. It returns the descriptor
// of a directory, and for all that is none the name in it.
func walk(path string) (fd int, base string, err error) {
	at := unix.AT_FDCWD
	defer func() {
		if at >= 0 && at != fd {
			unix.Close(at)
		}
	}()
	for links := 0; ; links++ {
		fd, err = openat(at, path, unix.O_DIRECTORY)
		if err != unix.ENOENT && err != unix.ENOTDIR {
			return fd, "", err
		}
		i := strings.LastIndexByte(path, '/')
		head, last := ".", path[i+1:]
		if i >= 0 {
			head = path[:i+1]
		}
		if last == "" {
			return -1, "", err // a slash behind what is missing, or no directory
		}
		parent, err := openat(at, head, unix.O_DIRECTORY)
		if err != nil {
			return -1, "", err
		}
		if at >= 0 {
			unix.Close(at)
		}
		at = parent
		var st unix.Stat_t
		switch err := unix.Fstatat(at, last, &st, unix.AT_SYMLINK_NOFOLLOW); {
		case err == unix.ENOENT:
			if len(last) > unix.NAME_MAX {
				return -1, "", unix.ENAMETOOLONG
			}
			return at, last, nil
		case err != nil:
			return -1, "", err
		case st.Mode&unix.S_IFMT == unix.S_IFDIR && links < maxLinks: // it came into being just now
			path = last
		case st.Mode&unix.S_IFMT != unix.S_IFLNK:
			return at, last, nil
		case links >= maxLinks:
			return -1, "", unix.ELOOP
		default:
			target := make([]byte, unix.PathMax)
			n, err := unix.Readlinkat(at, last, target)
			if err != nil {
				return -1, "", err
			}
			if n == len(target) {
				return -1, "", unix.ENAMETOOLONG
			}
			path = string(target[:n])
		}
	}
}

const selfFd = "/proc/self/fd/"

// nameOf returns the name of a directory, or "".
func nameOf(fd int) string {
	name, err := os.Readlink(selfFd + strconv.Itoa(fd))
	if err != nil || !strings.HasPrefix(name, "/") {
		return ""
	}
	return name
}

// reach returns a path by which a rule finds the directory that was unveiled,
// whatever its name is by now, and "" if it is gone.
func (d *dir) reach() (string, error) {
	id, st, err := look(d.fd)
	if err != nil || id != d.inode {
		return "", fmt.Errorf("compat: unveil %q: the program has closed its descriptor: %w", d.given, unix.EBADF)
	}
	if st.Nlink == 0 {
		return "", nil
	}
	path := selfFd + strconv.Itoa(d.fd)
	for _, p := range []string{path, d.path, d.given} {
		var at unix.Stat_t
		if p != "" && unix.Stat(p, &at) == nil && (inode{uint64(at.Dev), at.Ino}) == d.inode {
			return p, nil
		}
	}
	return "", fmt.Errorf("compat: unveil %q: the directory is not found again without /proc: %w", d.given, unix.EBADF)
}

// rules adds the entries to the rules. done is called when they are compiled.
func (v *veil) rules(rules *unveil.Rules, given map[string]string, kinds unveil.Letters) (done func(), err error) {
	var held []int
	done = func() {
		for _, fd := range held {
			unix.Close(fd)
		}
	}
	add := func(path, as string, l unveil.Letters) error {
		given[path] = as
		return rules.Unveil(path, l.String())
	}
	paths := make([]string, len(v.dirs))
	loaders := false
	for i := range v.dirs {
		d := &v.dirs[i]
		if paths[i], err = d.reach(); err != nil {
			return done, err
		}
		if paths[i] == "" || !d.unveiled {
			continue
		}
		if err := add(paths[i], d.given, d.letters); err != nil {
			return done, err
		}
		loaders = loaders || d.letters&kinds&unveil.X != 0
	}
	for _, n := range v.names {
		if paths[n.dir] == "" {
			continue
		}
		path := strings.TrimSuffix(paths[n.dir], "/") + "/" + n.base
		fd, err := openat(v.dirs[n.dir].fd, n.base, unix.O_NOFOLLOW)
		switch err {
		case nil:
			held = append(held, fd)
			_, st, err := look(fd)
			if err != nil {
				return done, err
			}
			if t := st.Mode & unix.S_IFMT; t == unix.S_IFDIR || t == unix.S_IFLNK {
				continue // made since: a name stands for what is neither
			}
			if strings.HasPrefix(path, selfFd) {
				path = selfFd + strconv.Itoa(fd)
			}
		case unix.EMFILE, unix.ENFILE, unix.ENOMEM:
			return done, fmt.Errorf("compat: unveil %q: %w", n.given, err)
		}
		if addErr := add(path, n.given, n.letters); addErr != nil {
			return done, addErr
		}
		if n.letters&kinds&unveil.X == 0 {
			continue
		}
		if err != nil {
			loaders = true // what will be there is not known
		} else if img, err := image.Resolve(n.given, []string{n.given}, os.LookupEnv, "/"); err == nil {
			for _, f := range img.Files {
				access := unveil.ReadFile
				if f.Need == image.Exec {
					access |= unveil.Execute
				}
				rules.Found(f.Path, f.As, access, f.Why)
			}
		}
	}
	if loaders {
		anyLoader(rules)
	}
	return done, nil
}

// anyLoader gives what a dynamic program starts with to what is not known yet.
func anyLoader(rules *unveil.Rules) {
	interpreters, triplet := []string{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"}, "x86_64-linux-gnu"
	if runtime.GOARCH == "arm64" {
		interpreters, triplet = []string{"/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"}, "aarch64-linux-gnu"
	}
	const why = "dynamic programs with x"
	for _, p := range interpreters {
		rules.Need(p, unveil.Execute|unveil.ReadFile, why)
	}
	libraries := []string{"/lib/" + triplet, "/usr/lib/" + triplet, "/lib64", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}
	if _, err := os.Stat("/usr/lib/" + triplet); err != nil {
		libraries = append(libraries, "/lib", "/usr/lib") // no directory of the architecture's own
	}
	for _, p := range libraries {
		rules.Need(p, unveil.ReadFile, why)
	}
}

// loses reports whether a plan holds no c that a name was unveiled with.
func (v *veil) loses(p *unveil.Plan, kinds unveil.Letters) bool {
	for _, n := range v.names {
		if n.letters&kinds&unveil.C == 0 {
			continue
		}
		if path, err := v.dirs[n.dir].reach(); err == nil && path != "" && p.Access(path)&unveil.RemoveFile == 0 {
			return true
		}
	}
	return false
}
