package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// tracee becomes the command: it waits until the supervisor has attached,
// which a byte from the descriptor tells, installs the filter and executes.
// Without a command it says what it sees and exits.
func tracee(descriptor string, argv []string) {
	fd, err := strconv.Atoi(descriptor)
	if err != nil {
		fail("%q is no descriptor", descriptor)
	}
	var b [1]byte
	n, err := unix.Read(fd, b[:])
	for err == unix.EINTR {
		n, err = unix.Read(fd, b[:])
	}
	if n != 1 {
		os.Exit(exitFailed) // the supervisor failed, and has said why
	}
	unix.Close(fd)

	if len(argv) == 0 {
		installFilter()
		fmt.Println(kernel.Probe())
		os.Exit(0)
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		failWith(statusOf(err), "%v", err)
	}
	installFilter()
	err = unix.Exec(path, argv, os.Environ())
	failWith(statusOf(err), "%s: %v", path, err)
}

// statusOf tells a command that is not there from one that does not run.
func statusOf(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return exitNotFound
	}
	return exitNotExec
}

// Offsets into struct seccomp_data, include/uapi/linux/seccomp.h.
const (
	offsetNR   = 0
	offsetArch = 4
)

// installFilter has the Landlock calls of this thread, and of all that come
// from it, stop at the supervisor. It sets no_new_privs only if the kernel
// asks for it (no CAP_SYS_ADMIN): as root the command shall find it unset.
func installFilter() {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		least = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		above = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		{Code: load, K: offsetArch},
		{Code: equal, K: auditArch, Jf: 4},
		{Code: load, K: offsetNR},
		{Code: least, K: unix.SYS_LANDLOCK_CREATE_RULESET, Jf: 2},
		{Code: above, K: unix.SYS_LANDLOCK_RESTRICT_SELF, Jt: 1},
		{Code: ret, K: unix.SECCOMP_RET_TRACE},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	set := func() unix.Errno {
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
		return errno
	}
	errno := set()
	if errno == unix.EACCES {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			fail("no_new_privs: %v", err)
		}
		errno = set()
	}
	if errno != 0 {
		fail("seccomp: %v", errno)
	}
}
