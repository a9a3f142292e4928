package pledge

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Apply gives the program to the kernel for every thread of the process. It
// sets no_new_privs, without which an unprivileged process may not. Nothing
// takes a program off again: later ones only narrow.
//
// Errors wrap an errno: ENOSYS where the kernel has no seccomp, EINVAL where
// an outer sandbox refuses it, ESRCH when a thread runs under a program of
// its own and cannot be bound, ENOMEM when there are too many programs. When
// Apply fails, no thread is bound. Source: seccomp(2).
func (p *Plan) Apply() error {
	if string(p.options.Arch) != runtime.GOARCH {
		return fmt.Errorf("pledge: program for %s: %w", p.options.Arch, unix.EINVAL)
	}
	// no_new_privs and the call must come from one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("pledge: no_new_privs: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(p.program)), Filter: &p.program[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(p)
	if errno != 0 {
		return fmt.Errorf("pledge: seccomp: %w", errno)
	}
	return nil
}
