package pledge

import (
	"golang.org/x/sys/unix"
)

// class is what is answered to a call that no promise grants.
type class uint8

const (
	classViolation class = iota // ends the process: SIGABRT on OpenBSD
	classPath                   // a call on a path: EACCES in a launcher, a violation in the library
	classErrno                  // always an errno: libc or a runtime makes the call by itself, or probes for it
	classQuiet                  // a violation of which nothing is said under Log: all signals are blocked, where a trap would end the process
)

// A denial says what is answered to its calls, when its conditions hold and
// no promise allows the call. The first denial that fits decides; a call of
// the table that has none is a violation, and a number that neither table
// knows is ENOSYS, so that new calls fall back to what they replace.
//
// A violation names the first promise, in the order of the table, that would
// mend it and is not held.
type denial struct {
	calls  []call
	when   []cond
	held   string // and these promises are held
	mends  string // promises to name; "" is each that grants the call in some form
	class  class
	errno  unix.Errno // of classErrno
	reason string
}

var denials = []denial{
	{calls: []call{sys_open}, when: all{arg1.hasAny(unix.O_PATH)}, class: classErrno, errno: unix.EACCES, reason: "libc looks for its own files"},
	{calls: []call{sys_openat}, when: all{arg2.hasAny(unix.O_PATH)}, class: classErrno, errno: unix.EACCES, reason: "libc looks for its own files"},
	{calls: []call{sys_open}, when: all{arg1.hasAny(oCreates), arg2.hasAny(permSetID)}, held: "cpath", class: classErrno, errno: unix.EPERM, reason: "set-id bits"},
	{calls: []call{sys_openat}, when: all{arg2.hasAny(oCreates), arg3.hasAny(permSetID)}, held: "cpath", class: classErrno, errno: unix.EPERM, reason: "set-id bits"},
	{calls: []call{sys_creat, sys_mknod}, when: all{arg1.hasAny(permSetID)}, held: "cpath", class: classErrno, errno: unix.EPERM, reason: "set-id bits"},
	{calls: []call{sys_mknodat}, when: all{arg2.hasAny(permSetID)}, held: "cpath", class: classErrno, errno: unix.EPERM, reason: "set-id bits"},
	{calls: []call{sys_open}, when: all{arg1.lacks(oChanges)}, held: "stdio", class: classErrno, errno: unix.EACCES, reason: "as Landlock, where there is a layer"},
	{calls: []call{sys_openat}, when: all{arg2.lacks(oChanges)}, held: "stdio", class: classErrno, errno: unix.EACCES, reason: "as Landlock, where there is a layer"},
	{calls: []call{sys_open}, when: all{arg1.hasAny(oCreates)}, mends: "wpath cpath", class: classPath},
	{calls: []call{sys_openat}, when: all{arg2.hasAny(oCreates)}, mends: "wpath cpath", class: classPath},
	{calls: []call{sys_creat}, mends: "wpath cpath", class: classPath},
	{calls: []call{sys_open}, when: all{arg1.hasAny(unix.O_TRUNC)}, mends: "wpath", class: classPath},
	{calls: []call{sys_openat}, when: all{arg2.hasAny(unix.O_TRUNC)}, mends: "wpath", class: classPath},
	{calls: []call{sys_mknod}, when: all{arg1.masked(unix.S_IFMT, unix.S_IFIFO)}, mends: "dpath", class: classPath},
	{calls: []call{sys_mknodat}, when: all{arg2.masked(unix.S_IFMT, unix.S_IFIFO)}, mends: "dpath", class: classPath},
	// Reading opens reach Landlock, which answers EACCES; what comes here creates or changes.
	{calls: []call{
		sys_open, sys_openat,
		sys_link, sys_linkat, sys_mkdir, sys_mkdirat, sys_mknod, sys_mknodat, sys_rename, sys_renameat,
		sys_rmdir, sys_symlink, sys_symlinkat, sys_truncate, sys_unlink, sys_unlinkat,
		sys_chdir, sys_getdents, sys_getdents64, sys_statfs, sys_fstatfs,
		sys_inotify_add_watch, sys_inotify_init, sys_inotify_init1, sys_inotify_rm_watch,
		sys_futimesat, sys_utime, sys_utimensat, sys_utimes,
	}, class: classPath},
	{calls: []call{sys_chmod, sys_fchmod, sys_fchmodat, sys_fchmodat2, sys_chown, sys_fchown, sys_fchownat, sys_lchown}, held: "fattr",
		class: classErrno, errno: unix.EPERM, reason: "set-id bits, and owners but oneself, need more than fattr"},
	{calls: []call{sys_chmod, sys_fchmod, sys_fchmodat, sys_fchmodat2, sys_chown, sys_fchown, sys_fchownat, sys_lchown}, class: classPath},
	{calls: []call{sys_renameat2}, when: all{arg4.lacks(^uint32(unix.RENAME_NOREPLACE | unix.RENAME_EXCHANGE))}, class: classPath},
	{calls: []call{sys_renameat2}, class: classErrno, errno: unix.EINVAL, reason: "a flag that makes a device"},

	{calls: []call{sys_access, sys_faccessat, sys_lstat, sys_newfstatat, sys_readlink, sys_readlinkat, sys_stat, sys_getxattr, sys_lgetxattr,
		sys_fgetxattr, sys_listxattr, sys_llistxattr, sys_flistxattr, sys_getxattrat, sys_listxattrat},
		class: classErrno, errno: unix.EACCES, reason: "libc looks for its own files"},
	{calls: []call{sys_faccessat2, sys_statx}, class: classErrno, errno: unix.ENOSYS, reason: "libc falls back to the older call"},
	{calls: []call{sys_setxattr, sys_lsetxattr, sys_fsetxattr, sys_setxattrat, sys_removexattr, sys_lremovexattr, sys_fremovexattr, sys_removexattrat},
		class: classErrno, errno: unix.EOPNOTSUPP, reason: "ls, cp and tar take it for a file system without attributes"},

	{calls: []call{sys_socket}, when: all{arg0.notIn(unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK)},
		class: classErrno, errno: unix.EAFNOSUPPORT, reason: "a family that no promise grants"},
	{calls: []call{sys_socket}, when: all{arg0.in(unix.AF_UNIX)}, class: classErrno, errno: unix.EACCES, reason: "libc asks nscd"},
	{calls: []call{sys_socket}, when: all{arg0.in(unix.AF_NETLINK)}, class: classErrno, errno: unix.EACCES, reason: "libc asks for the addresses of the machine"},
	{calls: []call{sys_socket}, when: all{arg1.masked(sockTypeMask, unix.SOCK_STREAM), arg2.notIn(0, unix.IPPROTO_TCP)},
		class: classErrno, errno: unix.EPROTONOSUPPORT, reason: "MPTCP and its like pass the port rules; Go probes for it"},
	{calls: []call{sys_socket}, when: all{arg1.masked(sockTypeMask, unix.SOCK_DGRAM), arg2.notIn(0, unix.IPPROTO_UDP, unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6)},
		class: classErrno, errno: unix.EPROTONOSUPPORT, reason: "a protocol that no promise grants"},
	{calls: []call{sys_socket}, when: all{arg1.hasAny(^uint32(3) & sockTypeMask)}, class: classErrno, errno: unix.EPROTONOSUPPORT, reason: "a socket type that no promise grants"},
	{calls: []call{sys_socket}, when: all{arg1.masked(sockTypeMask, unix.SOCK_RAW, 0)}, class: classErrno, errno: unix.EPROTONOSUPPORT, reason: "raw sockets, or no type at all"},
	// glibc opens DGRAM|CLOEXEC to 127.0.0.1:53 when it may not read /etc/hosts.
	{calls: []call{sys_socket}, when: all{arg1.masked(sockTypeMask|unix.SOCK_CLOEXEC, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC)},
		class: classErrno, errno: unix.EACCES, reason: "libc's resolver"},
	{calls: []call{sys_socketpair}, when: all{arg0.in(unix.AF_UNIX)}, class: classErrno, errno: unix.EACCES, reason: "datagram sockets reach others by address"},
	{calls: []call{sys_socketpair}, class: classErrno, errno: unix.EAFNOSUPPORT, reason: "only UNIX sockets make pairs"},
	{calls: []call{sys_accept, sys_accept4, sys_bind, sys_connect, sys_listen, sys_sendto},
		class: classErrno, errno: unix.EACCES, reason: "on a descriptor that was handed over"},
	{calls: []call{sys_getsockopt, sys_setsockopt}, class: classErrno, errno: unix.ENOPROTOOPT, reason: "programs try options and go on without"},

	{calls: []call{sys_ioctl}, when: all{arg1.in(tiocsti, tioclinux, tiocsetd, tioccons)}, class: classErrno, errno: unix.EPERM, reason: "types into the terminal for others"},
	{calls: []call{sys_ioctl}, class: classErrno, errno: unix.ENOTTY, reason: "programs ask what a descriptor is"},
	{calls: []call{sys_fcntl}, when: all{arg1.notIn(unix.F_GETLK, unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW,
		unix.F_SETOWN, unix.F_SETOWN_EX)}, class: classErrno, errno: unix.EINVAL, reason: "an unknown command"},
	{calls: []call{sys_fcntl}, when: all{arg1.in(unix.F_SETOWN, unix.F_SETOWN_EX)}, mends: "proc"},
	{calls: []call{sys_mmap, sys_mprotect, sys_pkey_mprotect}, class: classErrno, errno: unix.EACCES, reason: "libc loads gconv and NSS modules; programs go on without JIT"},
	{calls: []call{sys_adjtimex, sys_clock_adjtime}, class: classErrno, errno: unix.EPERM, reason: "as on OpenBSD"},
	{calls: []call{sys_prctl}, class: classErrno, errno: unix.EINVAL, reason: "runtimes probe"},
	{calls: []call{sys_arch_prctl}, class: classErrno, errno: unix.EINVAL, reason: "libc probes for shadow stacks"},
	{calls: []call{sys_personality, sys_prlimit64, sys_setrlimit, sys_getpriority, sys_setpriority, sys_ioprio_get, sys_ioprio_set,
		sys_sched_setaffinity, sys_sched_setattr, sys_sched_setparam, sys_sched_setscheduler, sys_capset},
		class: classErrno, errno: unix.EPERM, reason: "runtimes tune themselves, and go on without"},
	{calls: []call{sys_setuid, sys_setgid, sys_setreuid, sys_setregid, sys_setresuid, sys_setresgid}, mends: "id"},
	// posix_spawn(3), fork(3) of musl and of glibc since 2.41, and shells around vfork(2).
	{calls: []call{sys_clone, sys_fork, sys_vfork}, class: classQuiet},
	{calls: []call{sys_pidfd_open, sys_pidfd_send_signal}, class: classErrno, errno: unix.ENOSYS, reason: "runtimes probe"},
}

// never are the calls that no promise grants and that only the program can
// have meant: a violation without a promise that would mend it.
var never = []call{
	sys_acct, sys_chroot, sys_ioperm, sys_iopl, sys_kcmp, sys_pidfd_getfd, sys_process_vm_readv, sys_process_vm_writev,
	sys_ptrace, sys_quotactl, sys_reboot, sys_setdomainname, sys_sethostname, sys_swapoff, sys_swapon, sys_syslog,
	sys_unshare, sys_vhangup,
}

// A refusal is a denial that comes before everything else: no promise
// outweighs it, and a program without promises has it too.
type refusal struct {
	calls  []call
	when   []cond
	errno  unix.Errno
	reason string
}

// refusals are always on.
var refusals = []refusal{
	{[]call{sys_setns}, nil, unix.EPERM, "namespaces would undo the box"},
	{[]call{sys_unshare}, all{arg0.hasAny(cloneNew | cloneNewTime)}, unix.EPERM, "namespaces would undo the box"},
	{[]call{sys_clone}, all{arg0.hasAny(cloneNew)}, unix.EPERM, "namespaces would undo the box"},
	{[]call{sys_ioctl}, all{arg1.in(tiocsti, tioclinux)}, unix.EPERM, "types into the terminal for others"},
	// Their arguments are in memory, where a filter cannot look; libraries fall back.
	{[]call{sys_clone3}, nil, unix.ENOSYS, "its flags are in memory"},
	{[]call{sys_io_uring_enter, sys_io_uring_register, sys_io_uring_setup}, nil, unix.ENOSYS, "its operations pass no filter"},
	{[]call{sys_fsconfig, sys_fsmount, sys_fsopen, sys_fspick, sys_mount, sys_mount_setattr,
		sys_move_mount, sys_open_tree, sys_open_tree_attr, sys_pivot_root, sys_umount2}, nil, unix.EPERM, "mounts would undo the box"},
	{[]call{sys_bpf, sys_delete_module, sys_finit_module, sys_init_module, sys_kexec_file_load,
		sys_kexec_load, sys_perf_event_open, sys_userfaultfd}, nil, unix.EPERM, "acts on the whole machine"},
	{[]call{sys_add_key, sys_keyctl, sys_request_key}, nil, unix.EPERM, "keyrings are shared with what is outside"},
	{[]call{sys_open_by_handle_at}, nil, unix.EPERM, "opens files by number, past every path rule"},
}

// fastopenRefusals are on where promises hold, or ports: these calls connect
// past the port rules of Linux 6.16 to 7.1.
var fastopenRefusals = []refusal{
	{[]call{sys_sendto}, all{arg3.hasAny(unix.MSG_FASTOPEN)}, unix.EOPNOTSUPP, "connects past the port rules"},
	{[]call{sys_sendmsg}, all{arg2.hasAny(unix.MSG_FASTOPEN)}, unix.EOPNOTSUPP, "connects past the port rules"},
	{[]call{sys_sendmmsg}, all{arg3.hasAny(unix.MSG_FASTOPEN)}, unix.EOPNOTSUPP, "connects past the port rules"},
}

// listedRefusals are on where Landlock holds a list of ports: sockets that it
// does not see. With promises most are refused anyway, by what they grant.
var listedRefusals = []refusal{
	{[]call{sys_socket}, all{arg0.notIn(unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK)}, unix.EAFNOSUPPORT, "no port rule holds for the family"},
	{[]call{sys_socket}, all{arg0.in(unix.AF_INET, unix.AF_INET6), arg1.notMasked(sockTypeMask, unix.SOCK_STREAM, unix.SOCK_DGRAM)}, unix.EPROTONOSUPPORT, "no port rule holds for the type"},
	{[]call{sys_socket}, all{arg0.in(unix.AF_INET, unix.AF_INET6), arg1.masked(sockTypeMask, unix.SOCK_STREAM), arg2.notIn(0, unix.IPPROTO_TCP)}, unix.EPROTONOSUPPORT, "MPTCP and its like pass the port rules"},
	{[]call{sys_socket}, all{arg0.in(unix.AF_INET, unix.AF_INET6), arg1.masked(sockTypeMask, unix.SOCK_DGRAM), arg2.notIn(0, unix.IPPROTO_UDP)}, unix.EPROTONOSUPPORT, "no port rule holds for the protocol"},
	// Linux 5.17: the socket is one of SMC then. kTLS, the other use of it, is
	// something that programs go on without.
	{[]call{sys_setsockopt}, all{arg1.in(unix.IPPROTO_TCP), arg2.in(unix.TCP_ULP)}, unix.ENOPROTOOPT, "makes SMC of TCP, which no port rule holds for"},
}

// unpledgedRefusals are on where no promise says so anyway: what ends a process
// outside and is no signal, which Landlock would see.
var unpledgedRefusals = []refusal{
	{[]call{sys_prlimit64}, all{arg0.notIn(0)}, unix.EPERM, "RLIMIT_CPU is enough to end another process"},
}

// udpRefusals are on where a list of ports names none of UDP.
var udpRefusals = []refusal{
	{[]call{sys_socket}, all{arg0.in(unix.AF_INET, unix.AF_INET6), arg1.masked(sockTypeMask, unix.SOCK_DGRAM)}, unix.EACCES, "no port of UDP is named"},
}

// listenRefusals are on where a list of ports names none to bind.
var listenRefusals = []refusal{
	{[]call{sys_listen}, nil, unix.EACCES, "no port to bind is named, and listen would take a free one"},
}

// pathRefusals are on where promises hold: the access mode 3 opens a file for
// neither reading nor writing, so that Landlock asks for no right at all.
var pathRefusals = []refusal{
	{[]call{sys_open}, all{arg1.masked(unix.O_ACCMODE, unix.O_ACCMODE)}, unix.EINVAL, "an access mode that Landlock does not see"},
	{[]call{sys_openat}, all{arg2.masked(unix.O_ACCMODE, unix.O_ACCMODE)}, unix.EINVAL, "an access mode that Landlock does not see"},
}

// truncateRefusals are on below Landlock ABI 3, which does not see truncate(2).
var truncateRefusals = []refusal{
	{[]call{sys_truncate}, nil, unix.EACCES, "Landlock below ABI 3 does not see it"},
	{[]call{sys_openat2}, nil, unix.ENOSYS, "its flags are in memory"},
	{[]call{sys_open}, all{arg1.masked(unix.O_ACCMODE, unix.O_RDONLY, unix.O_ACCMODE), arg1.hasAny(unix.O_TRUNC)}, unix.EACCES, "Landlock below ABI 3 does not see it"},
	{[]call{sys_openat}, all{arg2.masked(unix.O_ACCMODE, unix.O_RDONLY, unix.O_ACCMODE), arg2.hasAny(unix.O_TRUNC)}, unix.EACCES, "Landlock below ABI 3 does not see it"},
}

// handlerRefusals are on where the library handles SIGSYS: a program that takes
// the signal after a pledge would end as it likes, or not at all. Whoever asks
// for the old action too is told what the kernel tells of SIGKILL. Who does not
// ask is told nothing: the Go runtime ends where the call fails, and
// posix_spawn(3) sets every signal back just before an exec, which does so
// anyway. Images that come after have no handler of ours to be kept.
var handlerRefusals = []refusal{
	{[]call{sys_rt_sigaction}, all{arg0.in(uint32(unix.SIGSYS)), arg2.null()}, 0, "the handler stays, and runtimes do not stand an error"},
	{[]call{sys_rt_sigaction}, all{arg0.in(uint32(unix.SIGSYS)), arg1.notNull()}, unix.EINVAL, "the handler stays"},
}

// imageRefusals are on where a program is bound to an image: what would carry
// its code to where the program does not look. What else would (executable
// memory, ptrace(2), a vdso mapped again) no promise grants but prot_exec,
// with which no program is bound to an image.
var imageRefusals = []refusal{
	// One call moves several mappings since Linux 6.17, code among them.
	{[]call{sys_mremap}, all{arg3.hasAny(unix.MREMAP_FIXED)}, unix.EACCES, "may carry code out of the image"},
	// The kernel drops the tag of an address, which hides what it is of.
	{[]call{sys_mremap}, all{arg0.tagged()}, unix.EACCES, "may carry code out of the image"},
}
