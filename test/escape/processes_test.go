package escape

import (
	"fmt"
	"slices"
	"strings"
)

// sigURG is a signal that does nothing to who does not wait for it: 23 on
// both architectures.
const sigURG = 23

// signalling are the calls that signal the process outside.
func signalling(answer string, abi int) (list []way) {
	for _, call := range []string{"kill", "tkill", "tgkill", "sigqueue", "tgsigqueue", "pidfdkill", "killgroup"} {
		w := way{act: fmt.Sprintf("%s $PARTNER %d", call, sigURG), answer: answer}
		if abi > 0 {
			w.abi, w.said = abi, "scopes: .*SIGNAL"
		}
		list = append(list, w)
	}
	return list
}

// owning has the kernel send it.
func owning(abi int) (list []way) {
	for _, act := range []string{"setown $PARTNER", "setown $PARTNER ex"} {
		list = append(list, way{act: act, answer: "ok", signals: true, abi: abi, said: "scopes: .*SIGNAL"})
	}
	return list
}

// looking are the calls that look into another process, and the files.
func looking(answer string) []way {
	return []way{
		{act: "ptrace $PARTNER 16", answer: answer},     // PTRACE_ATTACH
		{act: "ptrace $PARTNER 0x4206", answer: answer}, // PTRACE_SEIZE
		{act: "vmread $PARTNER $ADDRESS", answer: answer},
		{act: "vmwrite $PARTNER $ADDRESS", answer: answer},
		{act: "getfd $PARTNER", answer: answer},
		{act: "kcmp $PARTNER", answer: answer, absent: "ENOSYS"},
	}
}

var lookingAt = []way{
	{act: "read /proc/$PARTNER/environ", answer: "EACCES"},
	{act: "read /proc/1/environ", answer: "EACCES", root: true, absent: "EACCES"}, // of a container
	{act: "read /proc/$PARTNER/maps", answer: "EACCES"},
	{act: "procmem /proc/$PARTNER/mem $ADDRESS", answer: "EACCES"},
	{act: "read /proc/$PARTNER/root$RO/file", answer: "EACCES"},
	{act: "read /proc/$PARTNER/root$OUT/secret", answer: "EACCES"},
	{act: "read /proc/1/root$OUT/secret", answer: "EACCES", root: true, absent: "EACCES"},
	{act: "readdir /proc/$PARTNER/cwd", answer: "EACCES"},
	// The numbers of its descriptors can be listed; what they are cannot be opened.
	{act: "read /proc/$PARTNER/fd/3", answer: "EACCES"},
	{act: "read /proc/$PARTNER/task/$PARTNER/fd/3", answer: "EACCES"},
}

var processBoxes = []box{
	{
		name:  "processes, proc not promised",
		flags: []string{"-q", "-u", "/proc:r", "-p", "stdio rpath"},
		ways: concat(slices.DeleteFunc(signalling("SIGSYS", 0), func(w way) bool { return strings.HasPrefix(w.act, "pidfdkill") }), looking("SIGSYS")[:4], lookingAt, []way{
			// Runtimes ask for a pidfd, and go on without.
			{act: "pidfdkill $PARTNER 23", answer: "ENOSYS"},
			{act: "getfd $PARTNER", answer: "ENOSYS"},
			{act: "getfdbad", answer: "SIGSYS", control: "EBADF"},
			{act: "kcmp $PARTNER", answer: "SIGSYS", absent: "ENOSYS"},
			{act: "setown $PARTNER", answer: "SIGSYS"},
			{act: "setown $PARTNER ex", answer: "SIGSYS"},
			{act: "fiosetown $PARTNER", answer: "ENOTTY"},
			{act: "prlimit $PARTNER", answer: "EPERM"},
			{act: "setpriority $PARTNER", answer: "EPERM"},
			{act: "ioprio $PARTNER", answer: "EPERM"},
			{act: "affinity $PARTNER", answer: "EPERM"},
		}),
	},
	{
		name:  "processes, proc promised",
		flags: []string{"-q", "-u", "/proc:r", "-p", "stdio rpath proc"}, forks: true,
		ways: concat(signalling("EPERM", 6), owning(6), lookingAt, looking("SIGSYS")[:4], []way{
			{act: "getfd $PARTNER", answer: "SIGSYS"},
			{act: "kcmp $PARTNER", answer: "SIGSYS", absent: "ENOSYS"},
			{act: "fiosetown $PARTNER", answer: "ENOTTY"},
			{act: "prlimit $PARTNER", answer: "EPERM"},
		}),
	},
	{
		name:  "processes, paths alone",
		flags: []string{"-q", "-u", "/proc:r"}, forks: true,
		ways: concat(signalling("EPERM", 6), owning(6), lookingAt, looking("EPERM|EACCES"), []way{
			{act: "fiosetown $PARTNER", answer: "ok", signals: true, abi: 6, said: "scopes: .*SIGNAL"},
			// RLIMIT_CPU ends a process, and is no signal.
			{act: "prlimit $PARTNER", answer: "EPERM"},
			{act: "read /proc/$PARTNER/root/etc/passwd", answer: "EACCES"},
		}),
	},
}
