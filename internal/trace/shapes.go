package trace

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/pledge"
)

// kind is what a call does to the paths that it names.
type kind uint8

const (
	other     kind = iota // nothing that Landlock sees
	opens                 // by flags
	creats                // creat(2)
	opens2                // openat2(2): its flags are in memory
	truncates             // truncate(2)
	mkdirs
	mknods   // by mode
	symlinks // makes the second of two names; the first is a text
	links
	removes // by flags: AT_REMOVEDIR
	rmdirs
	renames
	executes
	connects
	binds
	sends   // sendto(2) with an address
	signals // the first argument is a process, or the target follows it
	changes // the mode, owner or times of a path, or the working directory
	looks   // at what is known of a path
)

// A shape says where a call has what it names. A place is the number of an
// argument, or none; without a place for a directory descriptor a path starts
// in the working directory.
type shape struct {
	name        string
	kind        kind
	dir, path   int
	dir2, path2 int
	flags       int  // or mode
	traced      bool // Landlock may refuse what the filter allows
}

const none = -1

// shapes are the calls that name paths, addresses and processes. Those that
// are not here are told of by their number alone.
var shapes = []shape{
	{name: "open", kind: opens, dir: none, path: 0, flags: 1, traced: true},
	{name: "openat", kind: opens, dir: 0, path: 1, flags: 2, traced: true},
	{name: "openat2", kind: opens2, dir: 0, path: 1, flags: 2, traced: true},
	{name: "creat", kind: creats, dir: none, path: 0, traced: true},
	{name: "truncate", kind: truncates, dir: none, path: 0, traced: true},
	{name: "mkdir", kind: mkdirs, dir: none, path: 0, traced: true},
	{name: "mkdirat", kind: mkdirs, dir: 0, path: 1, traced: true},
	{name: "mknod", kind: mknods, dir: none, path: 0, flags: 1, traced: true},
	{name: "mknodat", kind: mknods, dir: 0, path: 1, flags: 2, traced: true},
	{name: "symlink", kind: symlinks, dir: none, path: 1, traced: true},
	{name: "symlinkat", kind: symlinks, dir: 1, path: 2, traced: true},
	{name: "link", kind: links, dir: none, path: 0, dir2: none, path2: 1, flags: none, traced: true},
	{name: "linkat", kind: links, dir: 0, path: 1, dir2: 2, path2: 3, flags: 4, traced: true},
	{name: "unlink", kind: removes, dir: none, path: 0, flags: none, traced: true},
	{name: "unlinkat", kind: removes, dir: 0, path: 1, flags: 2, traced: true},
	{name: "rmdir", kind: rmdirs, dir: none, path: 0, traced: true},
	{name: "rename", kind: renames, dir: none, path: 0, dir2: none, path2: 1, flags: none, traced: true},
	{name: "renameat", kind: renames, dir: 0, path: 1, dir2: 2, path2: 3, flags: none, traced: true},
	{name: "renameat2", kind: renames, dir: 0, path: 1, dir2: 2, path2: 3, flags: 4, traced: true},
	{name: "execve", kind: executes, dir: none, path: 0, flags: none, traced: true},
	{name: "execveat", kind: executes, dir: 0, path: 1, flags: 4, traced: true},
	{name: "connect", kind: connects, path: 1, flags: 2, traced: true},
	{name: "bind", kind: binds, path: 1, flags: 2, traced: true},
	{name: "sendto", kind: sends, path: 4, flags: 5},
	{name: "kill", kind: signals, path: 0, traced: true},
	{name: "tkill", kind: signals, path: 0, traced: true},
	{name: "tgkill", kind: signals, path: 0, traced: true},
	{name: "rt_sigqueueinfo", kind: signals, path: 0, traced: true},
	{name: "rt_tgsigqueueinfo", kind: signals, path: 0, traced: true},

	{name: "chdir", kind: looks, dir: none, path: 0},
	{name: "chmod", kind: changes, dir: none, path: 0},
	{name: "fchmodat", kind: changes, dir: 0, path: 1},
	{name: "fchmodat2", kind: changes, dir: 0, path: 1},
	{name: "chown", kind: changes, dir: none, path: 0},
	{name: "lchown", kind: changes, dir: none, path: 0},
	{name: "fchownat", kind: changes, dir: 0, path: 1},
	{name: "utime", kind: changes, dir: none, path: 0},
	{name: "utimes", kind: changes, dir: none, path: 0},
	{name: "futimesat", kind: changes, dir: 0, path: 1},
	{name: "utimensat", kind: changes, dir: 0, path: 1},
	{name: "access", kind: looks, dir: none, path: 0},
	{name: "faccessat", kind: looks, dir: 0, path: 1},
	{name: "faccessat2", kind: looks, dir: 0, path: 1},
	{name: "stat", kind: looks, dir: none, path: 0},
	{name: "lstat", kind: looks, dir: none, path: 0},
	{name: "newfstatat", kind: looks, dir: 0, path: 1},
	{name: "statx", kind: looks, dir: 0, path: 1},
	{name: "statfs", kind: looks, dir: none, path: 0},
	{name: "readlink", kind: looks, dir: none, path: 0},
	{name: "readlinkat", kind: looks, dir: 0, path: 1},
	{name: "inotify_add_watch", kind: looks, dir: none, path: 1},
	{name: "getxattr", kind: looks, dir: none, path: 0},
	{name: "lgetxattr", kind: looks, dir: none, path: 0},
	{name: "listxattr", kind: looks, dir: none, path: 0},
	{name: "llistxattr", kind: looks, dir: none, path: 0},
}

// byNumber are the shapes by the numbers of the architecture that runs: made
// when they are asked for, since every launch would pay for them.
var byNumber = sync.OnceValue(func() map[int]*shape {
	m := make(map[int]*shape, len(shapes))
	for i := range shapes {
		if n, ok := pledge.Number(shapes[i].name); ok {
			m[n] = &shapes[i]
		}
	}
	return m
})

// Traced are the numbers of the calls that Landlock may refuse where the
// filter allows them, and those by which the end of a command is seen and that
// it has another root than the supervisor.
func Traced() []int {
	list := []int{unix.SYS_EXIT_GROUP, unix.SYS_CHROOT}
	for n, s := range byNumber() {
		if s.traced {
			list = append(list, n)
		}
	}
	return list
}
