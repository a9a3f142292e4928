// Package probe is compat for a program that is attacked: its calls, and behind
// the one that is meant, the attack. A preloaded object does not reach a Go
// program, so that one is built with this in place of compat. The environment,
// the log and the ways to attack are those of testdata/attack.c.
//
// With ATTACK_EMPTY in the environment the calls hold nothing: the control run.
package probe

import (
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/compat"
)

var (
	at, what, from = os.Getenv("ATTACK_AT"), os.Getenv("ATTACK"), os.Getenv("ATTACK_FROM")
	empty          = os.Getenv("ATTACK_EMPTY") != ""

	log    int
	path   *byte
	argv   [2]*byte
	victim uintptr
	begin  = make(chan struct{})
	done   = make(chan struct{})
)

func init() {
	if at == "" {
		return
	}
	var err error
	if log, err = unix.Open(os.Getenv("ATTACK_LOG"), unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, 0o666); err != nil {
		panic(err)
	}
	if path, err = unix.BytePtrFromString(os.Getenv("ATTACK_PATH")); err != nil {
		panic(err)
	}
	argv[0] = path
	if what == "kill" {
		cmd := exec.Command("sleep", "60") // ends with the terminal's group
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		victim = uintptr(cmd.Process.Pid)
	}
	started := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(started)
		<-begin
		attack()
		close(done)
	}()
	<-started
}

// PledgePromises is that of compat.
func PledgePromises(promises string) error {
	if !empty {
		if err := compat.PledgePromises(promises); err != nil {
			return err
		}
	}
	behind(promises)
	return nil
}

// Unveil is that of compat.
func Unveil(path, flags string) error {
	if empty {
		return nil
	}
	return compat.Unveil(path, flags)
}

// UnveilBlock is that of compat.
func UnveilBlock() error {
	if !empty {
		if err := compat.UnveilBlock(); err != nil {
			return err
		}
	}
	behind("LOCK")
	return nil
}

func behind(call string) {
	if call != at {
		return
	}
	switch from {
	case "main":
		attack()
	case "thread":
		close(begin)
		<-done
	case "child":
		child()
	}
}

var (
	tried, worked, ended, noChild = []byte("tried\n"), []byte("worked\n"), []byte("ended\n"), []byte("no child\n")
	refused                       = []byte("refused    \n") // and the errno
	other, one                    = []byte{0}, []byte{1}
	parameters                    [120]byte
)

//go:nosplit
func say(text []byte) {
	unix.RawSyscall(unix.SYS_WRITE, uintptr(log), uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)))
}

// child forks. What the child runs must not grow its stack, nor meet the
// runtime: raw calls alone, of memory that is there.
//
//go:norace
func child() {
	runtime.LockOSThread()
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		say(noChild)
		return
	}
	if pid == 0 {
		attack()
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	unix.Wait4(int(pid), nil, 0, nil)
	say(ended)
}

//go:nosplit
//go:norace
func attack() {
	say(tried)
	errno := act()
	if errno == 0 {
		say(worked)
		return
	}
	refused[8], refused[9], refused[10] = '0'+byte(errno/100%10), '0'+byte(errno/10%10), '0'+byte(errno%10)
	say(refused)
}

//go:nosplit
//go:norace
func act() unix.Errno {
	const atFdcwd = ^uintptr(99) // unix.AT_FDCWD
	name, none := uintptr(unsafe.Pointer(path)), uintptr(0)
	switch what {
	case "read":
		fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, atFdcwd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
		if errno == 0 {
			_, _, errno = unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&other[0])), 1)
		}
		return errno
	case "create":
		_, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, atFdcwd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600, 0, 0)
		return errno
	case "unlink":
		_, _, errno := unix.RawSyscall(unix.SYS_UNLINKAT, atFdcwd, name, 0)
		return errno
	case "fork":
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno == 0 && pid == 0 {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		return errno
	case "exec":
		_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, name, uintptr(unsafe.Pointer(&argv)), uintptr(unsafe.Pointer(&none)))
		return errno
	case "kill":
		_, _, errno := unix.RawSyscall(unix.SYS_KILL, victim, uintptr(unix.SIGTERM), 0)
		return errno
	case "protexec":
		_, _, errno := unix.RawSyscall6(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
		return errno
	case "ptrace":
		pid, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
		to, of := unix.Iovec{Base: &other[0], Len: 1}, unix.Iovec{Base: &one[0], Len: 1}
		_, _, errno := unix.RawSyscall6(unix.SYS_PROCESS_VM_READV, pid, uintptr(unsafe.Pointer(&to)), 1, uintptr(unsafe.Pointer(&of)), 1, 0)
		return errno
	case "uring":
		_, _, errno := unix.RawSyscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&parameters)), 0)
		return errno
	}
	return unix.EINVAL
}
