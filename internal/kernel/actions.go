package kernel

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Actions is a set of what a seccomp filter may return, seccomp(2).
type Actions uint8

// The actions, in the order of their precedence: of several filters the
// answer that stands first wins.
const (
	KillProcess Actions = 1 << iota
	KillThread
	Trap
	Errno
	UserNotif
	Trace
	Log
	Allow

	allActions = 1<<iota - 1
)

// actions gives each action its SECCOMP_RET_* value and its word in
// /proc/sys/kernel/seccomp/actions_avail, in the order of the bits.
var actions = [...]struct {
	bit  Actions
	ret  uint32
	word string
}{
	{KillProcess, unix.SECCOMP_RET_KILL_PROCESS, "kill_process"},
	{KillThread, unix.SECCOMP_RET_KILL_THREAD, "kill_thread"},
	{Trap, unix.SECCOMP_RET_TRAP, "trap"},
	{Errno, unix.SECCOMP_RET_ERRNO, "errno"},
	{UserNotif, unix.SECCOMP_RET_USER_NOTIF, "user_notif"},
	{Trace, unix.SECCOMP_RET_TRACE, "trace"},
	{Log, unix.SECCOMP_RET_LOG, "log"},
	{Allow, unix.SECCOMP_RET_ALLOW, "allow"},
}

// Has reports whether all of the actions b are in the set.
func (a Actions) Has(b Actions) bool { return a&b == b }

// String gives the words of /proc/sys/kernel/seccomp/actions_avail, with
// blanks between.
func (a Actions) String() string {
	var words []string
	for _, act := range actions {
		if a.Has(act.bit) {
			words = append(words, act.word)
		}
	}
	return strings.Join(words, " ")
}
