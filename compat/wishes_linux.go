package compat

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// asked is what the environment asks for.
type asked struct {
	errnos bool // UNVEIL_VIOLATION=errno
	strict bool // UNVEIL_STRICT=1
}

var wishes = sync.OnceValue(func() asked {
	if setID() {
		return asked{}
	}
	return asked{
		errnos: os.Getenv("UNVEIL_VIOLATION") == "errno",
		strict: os.Getenv("UNVEIL_STRICT") == "1",
	}
})

// setID reports whether this image has more rights than who started it, or may
// have: the kernel says so in the auxiliary vector.
func setID() bool {
	const atSecure = 23
	v, err := unix.Auxv()
	if err != nil {
		return true
	}
	for _, pair := range v {
		if pair[0] == atSecure {
			return pair[1] != 0
		}
	}
	return true
}

// violation ends the program as the kernel would for a call that no promise
// grants: the runtime reports SIGSYS with the stack. unveil(2) is no call of
// Linux, so that one is made that every filter of ours refuses. It may be
// made here only where a filter is on.
func violation(promise, call string) {
	name := os.Args[0]
	name = name[strings.LastIndexByte(name, '/')+1:]
	fmt.Fprintf(os.Stderr, "%s[%d]: pledge %q, syscall %s\n", name, os.Getpid(), promise, call)
	pid := uintptr(os.Getpid())
	unix.RawSyscall6(unix.SYS_KCMP, pid, pid, 0, 0, 0, 0)
	for { // an outer filter has answered in place of ours
		unix.Kill(int(pid), unix.SIGKILL)
	}
}
