package cleaner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long Remove goes on against somebody who goes on making
// files.
const patience = time.Minute

// Remove removes the directory name in parent, with everything in it, if it is
// the object of this device and inode. It follows no link, and does not go into
// what is mounted there, which is left. It needs as many descriptors for a tree
// of any depth as for a flat one: a directory in a directory is first moved up
// into the one that is removed.
//
// The error is that of the first thing that could not be removed; the others
// are removed all the same.
func Remove(parent int, name string, dev, ino uint64) error {
	top, err := openDir(parent, name)
	if err != nil {
		return err
	}
	defer unix.Close(top)
	var st unix.Stat_t
	if err := unix.Fstat(top, &st); err != nil {
		return err
	}
	if uint64(st.Dev) != dev || st.Ino != ino { //nolint:unconvert // Dev differs between architectures
		return errors.New("another object has its name")
	}
	r := remover{top: top, end: time.Now().Add(patience)}
	for {
		r.did, r.err = 0, nil
		if err := r.pass(); err != nil {
			return err
		}
		// Something may have been made since.
		err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if r.did == 0 && r.err != nil || time.Now().After(r.end) {
			return errors.Join(r.err, err)
		}
		if r.did == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

type remover struct {
	top   int // the directory that is removed
	moved uint64
	did   int // what was removed or moved in this pass
	err   error
	end   time.Time
}

// pass removes what is directly in top; a directory leaves those that are in
// it there.
func (r *remover) pass() error {
	return each(r.top, func(name string) {
		if r.remove(r.top, name) {
			return
		}
		dir, err := openDir(r.top, name)
		if err != nil {
			r.note(err)
			return
		}
		defer unix.Close(dir)
		r.note(each(dir, func(name string) {
			if r.remove(dir, name) {
				return
			}
			// Moving a directory changes its own "..".
			if sub, err := openDir(dir, name); err == nil {
				unix.Close(sub)
			}
			for {
				r.moved++
				err := unix.Renameat2(dir, name, r.top, ".moved-"+strconv.FormatUint(r.moved, 10), unix.RENAME_NOREPLACE)
				if err == nil {
					r.did++
					return
				}
				if err != unix.EEXIST {
					r.note(err)
					return
				}
			}
		}))
		if err := unix.Unlinkat(r.top, name, unix.AT_REMOVEDIR); err == nil {
			r.did++
		} else {
			r.note(err)
		}
	})
}

// remove removes what is no directory, or an empty one.
func (r *remover) remove(dir int, name string) bool {
	err := unix.Unlinkat(dir, name, 0)
	if err == unix.EISDIR || err == unix.EPERM {
		err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	}
	if err == nil || err == unix.ENOENT {
		r.did++
		return true
	}
	return false
}

// note keeps the first error that stays. The others are of somebody who makes
// and moves files meanwhile.
func (r *remover) note(err error) {
	switch err {
	case nil, unix.ENOENT, unix.ENOTDIR, unix.ENOTEMPTY, unix.EEXIST, unix.ELOOP:
		return
	}
	if r.err == nil {
		r.err = err
	}
}

// openDir opens a directory to read and change it, whatever its mode. A
// mount is EXDEV: what is in it is of who has mounted it.
func openDir(parent int, name string) (int, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	object, err := unix.Openat2(parent, name, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV,
	})
	if err != nil {
		return -1, err
	}
	defer unix.Close(object)
	// fchmod(2) takes no O_PATH; the link of a descriptor is its object.
	if err := unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", object), 0o700); err != nil && err != unix.EPERM && err != unix.ENOENT {
		return -1, err
	}
	return unix.Openat(object, ".", flags, 0)
}

// each calls do with every name in a directory. Names that are made or moved
// there meanwhile may be left out.
func each(dir int, do func(name string)) error {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "directory")
	defer f.Close()
	for {
		names, err := f.Readdirnames(1024)
		for _, name := range names {
			do(name)
		}
		if len(names) == 0 {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}
