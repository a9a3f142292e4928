package escape

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// floor is refused always, whatever is asked for. Controls that are an errno
// are of calls that would disturb the machine, with arguments that do not.
var floor = slices.Concat(namespaces(), []way{
	{act: "setns /proc/self/ns/uts", answer: "EPERM", root: true},
	{act: "setnsbad", answer: "EPERM", control: "EBADF"},
	{act: "mount $OUT/mnt", answer: "EPERM", root: true},
	{act: "umount /nowhere", answer: "EPERM", control: "ENOENT", root: true},
	{act: "pivot", answer: "EPERM", control: "ENOENT", root: true},
	{act: "fsopen", answer: "EPERM", root: true},
	{act: "fspick", answer: "EPERM", root: true},
	{act: "opentree", answer: "EPERM", root: true},
	{act: "fsconfig", answer: "EPERM", control: "EINVAL|EBADF"},
	{act: "fsmount", answer: "EPERM", control: "EBADF", root: true},
	{act: "movemount", answer: "EPERM", control: "ENOENT", root: true},
	{act: "setattr", answer: "EPERM", control: "EINVAL", root: true},
	{act: "iouring", answer: "ENOSYS", absent: "EPERM"}, // kernel.io_uring_disabled
	{act: "iouring_enter", answer: "ENOSYS", control: "EBADF"},
	{act: "iouring_register", answer: "ENOSYS", control: "EBADF|EINVAL", absent: "EPERM"},
	{act: "ringsocket 2 1 0", answer: "ENOSYS", absent: "EPERM"},
	{act: "ringopen $OUT/secret", answer: "ENOSYS", absent: "EPERM"},
	{act: "bpf", answer: "EPERM", control: "EINVAL", root: true, absent: "ENOSYS"},
	{act: "perf", answer: "EPERM", absent: "EPERM|EACCES|ENOSYS"},
	{act: "userfaultfd", answer: "EPERM", absent: "ENOSYS"},
	{act: "keyring", answer: "EPERM", absent: "ENOSYS"},
	{act: "addkey", answer: "EPERM", absent: "ENOSYS"},
	{act: "requestkey", answer: "EPERM", control: "ENOKEY", absent: "ENOSYS"},
	{act: "kexec", answer: "EPERM", control: "EINVAL", root: true, absent: "ENOSYS"},
	{act: "initmodule", answer: "EPERM", control: "ENOEXEC|EFAULT", root: true, absent: "ENOSYS"},
	{act: "finitmodule", answer: "EPERM", control: "EBADF", root: true, absent: "ENOSYS"},
	{act: "deletemodule", answer: "EPERM", control: "ENOENT", root: true, absent: "ENOSYS"},
	{act: "byhandle", answer: "EPERM", control: "EFAULT|EBADF", root: true, absent: "ENOSYS"},
	// Their flags are in memory; what a filter sees is nothing.
	{act: "clone3 0", answer: "ENOSYS"},
	{act: fmt.Sprint("clone3 ", unix.CLONE_NEWUSER), answer: "ENOSYS"},
	// The other entries of amd64, which number their calls otherwise.
	{act: "int80", answer: "status 159", alone: true, arch: "amd64", absent: "SIGSEGV"},
	{act: "x32", answer: "ENOSYS", arch: "amd64", absent: "ENOSYS"},
})

// namespaces are all of them, by both calls. A user namespace gives the
// others to everybody.
func namespaces() (list []way) {
	for _, n := range []struct {
		flag   int
		thread bool
	}{
		{unix.CLONE_NEWUSER, false}, {unix.CLONE_NEWNS, false}, {unix.CLONE_NEWNET, false}, {unix.CLONE_NEWPID, false},
		{unix.CLONE_NEWIPC, false}, {unix.CLONE_NEWUTS, false}, {unix.CLONE_NEWCGROUP, false},
	} {
		root := n.flag != unix.CLONE_NEWUSER
		list = append(list,
			way{act: fmt.Sprint("unshare ", n.flag), answer: "EPERM", root: root},
			way{act: fmt.Sprint("clone ", n.flag), answer: "EPERM", root: root})
		if root {
			list = append(list, way{act: fmt.Sprint("unshare ", unix.CLONE_NEWUSER|n.flag), answer: "EPERM"},
				way{act: fmt.Sprint("clone ", unix.CLONE_NEWUSER|n.flag), answer: "EPERM"})
		}
	}
	return append(list, way{act: fmt.Sprint("unshare ", unix.CLONE_NEWTIME), answer: "EPERM", root: true, absent: "EINVAL"})
}

// machine are the calls on the machine as a whole: answer is that of a
// violation, or of a process without capabilities.
func machine(answer string) []way {
	return []way{
		{act: "quotactl", answer: answer, control: "ENOENT|ENOTBLK", root: true, absent: "ENOSYS"},
		{act: "swapon", answer: answer, control: "ENOENT", root: true},
		{act: "swapoff", answer: answer, control: "ENOENT", root: true},
		{act: "reboot", answer: answer, control: "EINVAL", root: true},
		{act: "syslog", answer: answer, root: true},
		{act: "acct", answer: answer, control: "ENOENT", root: true, absent: "ENOSYS"},
		{act: "sethostname", answer: answer, control: "EINVAL", root: true},
		{act: "iopl", answer: answer, root: true, arch: "amd64", absent: "ENOSYS"},
		{act: "ioperm", answer: answer, root: true, arch: "amd64", absent: "ENOSYS"},
	}
}

var kernelBoxes = []box{
	{
		name: "kernel, everything promised", flags: []string{"-q", "-p", "stdio rpath wpath cpath dpath fattr chown flock unix inet dns getpw proc exec prot_exec id settime tty"},
		strict: 2, refusal: refusesRefer,
		ways: slices.Concat(floor, machine("SIGSYS"), []way{{act: "chroot $OUT /secret", answer: "SIGSYS", root: true}}),
	},
	{
		name: "kernel, paths alone", flags: []string{"-q", "-u", "$IN:rwc", "-u", "/proc:r"}, forks: true, strict: 2, refusal: refusesRefer,
		ways: slices.Concat(floor, []way{
			// No capability for them is left.
			{act: "swapon", answer: "EPERM", control: "ENOENT", root: true},
			{act: "swapoff", answer: "EPERM", control: "ENOENT", root: true},
			{act: "reboot", answer: "EPERM", control: "EINVAL", root: true},
			{act: "acct", answer: "EPERM", control: "ENOENT", root: true, absent: "ENOSYS"},
			{act: "sethostname", answer: "EPERM", control: "EINVAL", root: true},
			{act: "iopl", answer: "EPERM|ENOSYS", root: true, arch: "amd64", absent: "ENOSYS"},
			{act: "ioperm", answer: "EPERM|ENOSYS", root: true, arch: "amd64", absent: "ENOSYS"},
		}),
	},
}
