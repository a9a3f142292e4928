package check

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A try is a call that does nothing: its arguments are such that a kernel
// answers want, or succeeds without any effect. Another errno of those that
// profiles use comes from a filter outside.
type try struct {
	promise string
	call    string
	want    unix.Errno // 0: it succeeds
	do      func() unix.Errno
}

// nowhere is a descriptor that cannot be open.
const nowhere = ^uintptr(0)

// call makes a system call with raw arguments.
func call(nr uintptr, args ...uintptr) func() unix.Errno {
	var a [6]uintptr
	copy(a[:], args)
	return func() unix.Errno {
		_, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		return errno
	}
}

// socket opens a socket and closes it again.
func socket(family, kind, protocol int) func() unix.Errno {
	return func() unix.Errno {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
		if err == nil {
			unix.Close(fd)
			return 0
		}
		errno, _ := err.(unix.Errno)
		return errno
	}
}

// name is the address of a name that is not there, for calls that fail
// before they look at it.
func name() uintptr { return uintptr(unsafe.Pointer(&nameBytes[0])) }

var nameBytes = [2]byte{'x'}

// executable maps executable memory and unmaps it.
func executable() unix.Errno {
	m, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		err = unix.Munmap(m)
	}
	errno, _ := err.(unix.Errno)
	return errno
}

func tries() []try {
	return []try{
		{"rpath", "openat", unix.EBADF, call(unix.SYS_OPENAT, nowhere, name(), unix.O_RDONLY)},
		{"wpath", "openat", unix.EBADF, call(unix.SYS_OPENAT, nowhere, name(), unix.O_WRONLY)},
		{"cpath", "mkdirat", unix.EBADF, call(unix.SYS_MKDIRAT, nowhere, name(), 0)},
		{"cpath", "renameat2", unix.EBADF, call(unix.SYS_RENAMEAT2, nowhere, name(), nowhere, name())},
		{"cpath", "unlinkat", unix.EBADF, call(unix.SYS_UNLINKAT, nowhere, name(), 0)},
		{"dpath", "mknodat", unix.EBADF, call(unix.SYS_MKNODAT, nowhere, name(), unix.S_IFIFO)},
		{"fattr", "fchmodat", unix.EBADF, call(unix.SYS_FCHMODAT, nowhere, name(), 0)},
		{"fattr", "utimensat", unix.EBADF, call(unix.SYS_UTIMENSAT, nowhere, name(), 0, 0)},
		{"chown", "fchownat", unix.EBADF, call(unix.SYS_FCHOWNAT, nowhere, name(), nowhere, nowhere, 0)},
		{"flock", "flock", unix.EBADF, call(unix.SYS_FLOCK, nowhere, unix.LOCK_UN)},
		{"inet", "socket(AF_INET)", 0, socket(unix.AF_INET, unix.SOCK_STREAM, 0)},
		{"inet", "socket(AF_INET6)", 0, socket(unix.AF_INET6, unix.SOCK_STREAM, 0)},
		{"unix", "socket(AF_UNIX)", 0, socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)},
		{"dns", "socket(AF_INET, SOCK_DGRAM)", 0, socket(unix.AF_INET, unix.SOCK_DGRAM, 0)},
		{"route", "socket(AF_NETLINK)", 0, socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)},
		{"proc", "clone", unix.EINVAL, call(unix.SYS_CLONE, unix.CLONE_SIGHAND)}, // without CLONE_VM
		{"proc", "setpgid", unix.EINVAL, call(unix.SYS_SETPGID, 0, nowhere)},
		{"exec", "execve", unix.EFAULT, call(unix.SYS_EXECVE, 1, 0, 0)},
		{"prot_exec", "mmap(PROT_EXEC)", 0, executable},
		{"settime", "clock_settime", unix.EINVAL, call(unix.SYS_CLOCK_SETTIME, 1000, 0)},
		{"id", "setresuid", 0, call(unix.SYS_SETRESUID, nowhere, nowhere, nowhere)},
		{"unveil", "landlock_create_ruleset", unix.EFAULT, call(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 8, 0)},
	}
}

// Blocked finds what an outer seccomp profile, most often a container's,
// refuses of the calls that promises grant. It returns the calls by promise,
// each with the errno that came: "socket(AF_INET): EPERM".
func Blocked() map[string][]string {
	blocked := map[string][]string{}
	for _, t := range tries() {
		switch errno := t.do(); errno {
		case t.want:
		case unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EAFNOSUPPORT:
			blocked[t.promise] = append(blocked[t.promise], t.call+": "+unix.ErrnoName(errno))
		}
	}
	return blocked
}
