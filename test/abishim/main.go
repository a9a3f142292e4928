package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// Exit statuses of abishim itself, as those of env(1).
const (
	exitFailed    = 125
	exitNotExec   = 126
	exitNotFound  = 127
	lowest        = -1         // the lowest N: built in, but off
	traceeCommand = "-tracee-" // first argument of the re-executed abishim
)

// ptrace answers only the thread that attached, and a seccomp filter and an
// execve belong to the first thread of the command: both halves of abishim
// stay on their main thread.
func init() { runtime.LockOSThread() }

func main() {
	args := os.Args[1:]
	if len(args) >= 2 && args[0] == traceeCommand {
		tracee(args[1], args[2:])
	}
	if len(args) == 0 {
		fail("usage: abishim N [CMD ARG…]")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < lowest || n > kernel.Newest {
		fail("%q is no Landlock ABI: -1 (off), 0 (none) or 1 … %d", args[0], kernel.Newest)
	}
	if k := kernel.Probe(); n > k.ABI {
		if k.Landlock != nil {
			fail("cannot look like Landlock ABI %d: %v", n, k.Landlock)
		}
		fail("cannot look like Landlock ABI %d: this kernel has %d", n, k.ABI)
	}
	status, err := supervise(judge(n), args[1:])
	if err != nil {
		fail("%v", err)
	}
	exitAs(status)
}

// fail ends abishim with its own status.
func fail(format string, args ...any) {
	failWith(exitFailed, format, args...)
}

func failWith(status int, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "abishim: "+format+"\n", args...)
	os.Exit(status)
}
