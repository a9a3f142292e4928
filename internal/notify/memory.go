package notify

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pathMax is PATH_MAX of linux/limits.h, with the NUL.
const pathMax = 4096

// Memory reads what threads have in memory. It is not safe for use by several
// goroutines at once.
type Memory struct {
	buf  [pathMax]byte
	page uintptr
}

// NewMemory returns a Memory.
func NewMemory() *Memory { return &Memory{page: uintptr(os.Getpagesize())} }

// String reads a string up to its NUL. What is longer than a path may be is
// ENAMETOOLONG; an address that cannot be read is EFAULT, and EPERM a process
// that does not let itself be looked at (PR_SET_DUMPABLE, yama).
func (m *Memory) String(tid int, at uint64) (string, error) {
	for have := 0; have < len(m.buf); {
		// No further than the page: what follows it may not be there.
		next := uintptr(at) + uintptr(have)
		n := min(int(m.page-next%m.page), len(m.buf)-have)
		got, err := m.read(tid, m.buf[have:have+n], next)
		if err != nil {
			return "", err
		}
		if i := bytes.IndexByte(m.buf[have:have+got], 0); i >= 0 {
			return string(m.buf[:have+i]), nil
		}
		have += got
	}
	return "", unix.ENAMETOOLONG
}

// Bytes reads n bytes, with the errors of String.
func (m *Memory) Bytes(tid int, at uint64, n int) ([]byte, error) {
	b := make([]byte, n)
	got, err := m.read(tid, b, uintptr(at))
	if err == nil && got < n {
		err = unix.EFAULT
	}
	return b, err
}

func (m *Memory) read(tid int, into []byte, at uintptr) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	local := unix.Iovec{Base: &into[0]}
	local.SetLen(len(into))
	remote := unix.RemoteIovec{Base: at, Len: len(into)}
	n, _, errno := unix.RawSyscall6(unix.SYS_PROCESS_VM_READV, uintptr(tid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	switch {
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, unix.EFAULT
	}
	return int(n), nil
}

// CanRead tries whether a process lets itself be read, and the reason why not.
func CanRead(pid int, at uint64, want string) error {
	got, err := NewMemory().Bytes(pid, at, len(want))
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("the memory of the command cannot be read (kernel.yama.ptrace_scope, or a container): %w", err)
	case err != nil:
		return fmt.Errorf("the memory of the command cannot be read: %w", err)
	case string(got) != want:
		return errors.New("the memory of the command reads otherwise than it is")
	}
	return nil
}
