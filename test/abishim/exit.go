package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// exitAs ends abishim as the command ended: with its status, or by the signal
// that killed it, without a second core file.
func exitAs(ws unix.WaitStatus) {
	if !ws.Signaled() {
		os.Exit(ws.ExitStatus())
	}
	sig := ws.Signal()
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // else only a core file more
	// The kernel's struct sigaction, all zero: SIG_DFL. Package os/signal
	// cannot take the Go runtime's own handlers away, which print stacks.
	var action [4]uint64
	const sigsetSize = 8
	unix.Syscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigsetSize, 0, 0)
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), sig)
	os.Exit(128 + int(sig)) // as a shell says it, should the signal be blocked
}
