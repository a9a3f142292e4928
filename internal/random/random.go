// Package random asks the kernel for random bytes.
package random

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Fill fills b, of at most 256 bytes. It asks the kernel: unix.Getrandom goes
// by the vDSO, whose state has to be mapped and seeded first, for one call (30
// us of a launch).
//
// The error is an errno of getrandom(2).
func Fill(b []byte) error {
	n, _, errno := unix.Syscall(unix.SYS_GETRANDOM, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0)
	if errno != 0 {
		return errno
	}
	if int(n) < len(b) {
		return unix.EIO
	}
	return nil
}
