package pledge

import (
	"iter"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// row is one promise: all that the project knows of it.
type row struct {
	name  string
	doc   string   // what it grants, in a line of the manual
	calls []call   // allowed whatever their arguments
	rules [][]rule // allowed when their arguments are so
	paths []Path   // what opens whether it is unveiled or not

	// What Linux cannot hold of it, beside what doc says.
	limits []kernel.Limit
	// Why it changes nothing: Linux lacks what it is about, or grants it anyway.
	inert string
}

// every returns the rules, one after the other.
func (r *row) every() iter.Seq[*rule] {
	return func(yield func(*rule) bool) {
		for _, list := range r.rules {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// floor is what every process may do, also under pledge("", …): end, take a
// signal, and confine itself further.
var floor = row{
	calls: []call{
		sys_exit, sys_exit_group, sys_getpid, sys_gettid,
		sys_landlock_add_rule, sys_landlock_create_ruleset, sys_landlock_restrict_self,
		sys_restart_syscall, sys_rt_sigaction, sys_rt_sigprocmask, sys_rt_sigreturn, sys_seccomp,
	},
	rules: [][]rule{{
		{call: sys_arch_prctl, when: all{arg0.in(archSetFS, archGetFS)}},
		{call: sys_prctl, when: all{arg0.in(unix.PR_SET_NO_NEW_PRIVS, unix.PR_GET_NO_NEW_PRIVS, unix.PR_GET_SECCOMP, unix.PR_SET_SECCOMP)}},
		{call: sys_tgkill, when: all{arg0.ownPid()}},
		// raise(3) of musl; the thread of this number is the first of the process.
		{call: sys_tkill, when: all{arg0.ownPid()}},
		// Change nothing: EINVAL tells libunveil that there are threads, or that
		// it is in a child of vfork(2).
		{call: sys_unshare, when: all{arg0.in(unix.CLONE_THREAD, unix.CLONE_VM)}},
		// The one exec of a launcher, known by the page that it comes from.
		{call: sys_execve, when: all{atGate()}},
		{call: sys_write, when: all{atGate()}}, // and what it says when that fails
	}},
}

// loader is what an image that another was bound for may do beside its
// promises, so that it starts: OpenBSD tolerates executable mappings until the
// loader is done. Only text of files, and never for writing.
var loader = row{
	rules: [][]rule{{
		{call: sys_mmap, when: all{arg2.masked(unix.PROT_WRITE|unix.PROT_EXEC, unix.PROT_EXEC), arg3.masked(mapType|unix.MAP_ANONYMOUS, unix.MAP_PRIVATE)}},
	}},
}

// table is every promise of OpenBSD 7.9, and tmppath, which it had until
// 2026-02, in the order of its manual. To add a system call to a promise,
// name it here, and add a line to testdata/facts. Values that follow each
// other in a list are compared as a range: so lists rise where they can.
var table = []row{
	{
		name: "stdio",
		doc:  "memory, time, signals to itself, threads, and input and output on descriptors it holds",
		// getcwd is rpath's on OpenBSD. It tells what PWD tells, and a shell
		// complains at its start when it may not ask.
		calls: []call{
			sys_alarm, sys_brk, sys_cachestat, sys_capget, sys_clock_getres, sys_clock_gettime,
			sys_clock_nanosleep, sys_close, sys_close_range, sys_copy_file_range, sys_dup, sys_dup2,
			sys_dup3, sys_epoll_create, sys_epoll_create1, sys_epoll_ctl, sys_epoll_pwait,
			sys_epoll_pwait2, sys_epoll_wait, sys_eventfd, sys_eventfd2, sys_fadvise64, sys_fallocate,
			sys_fchdir, sys_fdatasync, sys_fstat, sys_fsync, sys_ftruncate, sys_futex,
			sys_futex_requeue, sys_futex_wait, sys_futex_waitv, sys_futex_wake, sys_get_mempolicy,
			sys_get_robust_list, sys_getcpu, sys_getcwd, sys_getegid, sys_geteuid, sys_getgid, sys_getgroups,
			sys_getitimer, sys_getpeername, sys_getpgid, sys_getpgrp, sys_getppid, sys_getrandom,
			sys_getresgid, sys_getresuid, sys_getrlimit, sys_getrusage, sys_getsid, sys_getsockname,
			sys_gettimeofday, sys_getuid, sys_lseek, sys_madvise, sys_membarrier, sys_memfd_create,
			sys_mincore, sys_mlock, sys_mlock2, sys_mlockall, sys_mremap, sys_msync, sys_munlock,
			sys_munlockall, sys_munmap, sys_nanosleep, sys_pause, sys_pipe, sys_pipe2,
			sys_pkey_alloc, sys_pkey_free, sys_poll, sys_ppoll, sys_pread64, sys_preadv, sys_preadv2,
			sys_pselect6, sys_pwrite64, sys_pwritev, sys_pwritev2, sys_read, sys_readahead, sys_readv,
			sys_recvfrom, sys_recvmmsg, sys_recvmsg, sys_rseq, sys_rt_sigpending, sys_rt_sigsuspend,
			sys_rt_sigtimedwait, sys_sched_get_priority_max, sys_sched_get_priority_min,
			sys_sched_getaffinity, sys_sched_getattr, sys_sched_getparam, sys_sched_getscheduler,
			sys_sched_rr_get_interval, sys_sched_yield, sys_select, sys_sendfile, sys_sendmmsg,
			sys_sendmsg, sys_set_robust_list, sys_set_tid_address, sys_setitimer, sys_shutdown,
			sys_sigaltstack, sys_signalfd, sys_signalfd4, sys_splice, sys_sync_file_range, sys_syncfs,
			sys_sysinfo, sys_tee, sys_time, sys_timer_create, sys_timer_delete, sys_timer_getoverrun,
			sys_timer_gettime, sys_timer_settime, sys_timerfd_create, sys_timerfd_gettime,
			sys_timerfd_settime, sys_times, sys_umask, sys_uname, sys_vmsplice, sys_wait4, sys_waitid,
			sys_write, sys_writev,
		},
		rules: [][]rule{
			{
				{call: sys_clone, when: all{arg0.masked(cloneThread, cloneThread), arg0.lacks(cloneNew)}},
				{call: sys_fcntl, when: all{arg1.in(unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD,
					unix.F_GETFL, unix.F_SETFL, unix.F_GETOWN, unix.F_SETPIPE_SZ, unix.F_GETPIPE_SZ, unix.F_ADD_SEALS,
					unix.F_GET_SEALS, fDupfdQuery, fCreatedQuery)}},
				// stdio(3) asks TCGETS of what it writes to; ls and bash ask for the width and the foreground group.
				{call: sys_ioctl, when: all{arg1.in(fionread, fionbio, fioclex, fionclex, fioasync, tcgets, tcgets2, tiocgwinsz, tiocgpgrp)}},
				{call: sys_kill, when: all{arg0.in(0)}},
				{call: sys_kill, when: all{arg0.ownPid()}},
				{call: sys_rt_sigqueueinfo, when: all{arg0.ownPid()}},
				{call: sys_rt_tgsigqueueinfo, when: all{arg0.ownPid()}},
				{call: sys_mmap, when: all{arg2.lacks(unix.PROT_EXEC)}},
				{call: sys_mprotect, when: all{arg2.lacks(unix.PROT_EXEC)}},
				{call: sys_pkey_mprotect, when: all{arg2.lacks(unix.PROT_EXEC)}},
				// fstat(3) is this call since glibc 2.33.
				{call: sys_newfstatat, when: all{arg3.hasAny(unix.AT_EMPTY_PATH)}},
				{call: sys_statx, when: all{arg2.hasAny(unix.AT_EMPTY_PATH)}},
				{call: sys_personality, when: all{arg0.in(0xffffffff)}}, // asks only
				{call: sys_prctl, when: all{arg0.in(unix.PR_GET_PDEATHSIG, unix.PR_GET_DUMPABLE, unix.PR_SET_DUMPABLE, unix.PR_GET_KEEPCAPS,
					unix.PR_GET_TIMING, unix.PR_SET_NAME, unix.PR_GET_NAME, unix.PR_CAPBSET_READ, unix.PR_GET_TSC, unix.PR_GET_SECUREBITS,
					unix.PR_SET_TIMERSLACK, unix.PR_GET_TIMERSLACK, unix.PR_GET_CHILD_SUBREAPER, unix.PR_GET_TID_ADDRESS,
					unix.PR_SET_THP_DISABLE, unix.PR_GET_THP_DISABLE, unix.PR_GET_AUXV, unix.PR_SET_VMA)}},
				{call: sys_prlimit64, when: all{arg2.null()}},
				// To oneself they change nothing. busybox makes them at each start, and
				// make(1) before each command of a Makefile.
				{call: sys_setgid, when: all{arg0.ownGID()}},
				{call: sys_setregid, when: all{arg0.ownGID(), arg1.ownGID()}},
				{call: sys_setresgid, when: all{arg0.ownGID(), arg1.ownGID(), arg2.ownGID()}},
				{call: sys_setresuid, when: all{arg0.ownUID(), arg1.ownUID(), arg2.ownUID()}},
				{call: sys_setreuid, when: all{arg0.ownUID(), arg1.ownUID()}},
				{call: sys_setuid, when: all{arg0.ownUID()}},
				{call: sys_sendto, when: all{arg4.null()}},
				// Not a pair of datagram sockets (SOCK_RAW is one too): sendmsg(2) on
				// its ends reaches every UNIX socket of the machine by address.
				{call: sys_socketpair, when: all{arg0.in(unix.AF_UNIX), arg1.masked(sockTypeMask, unix.SOCK_STREAM, unix.SOCK_SEQPACKET)}},
			},
			// In any mode, since /dev/null is for writing: Landlock says which paths.
			inLayer(opens(oChanges|unix.O_PATH, "")),
			options(unix.SOL_SOCKET, unix.SO_ERROR, unix.SO_RCVBUF),
			options(unix.IPPROTO_TCP, unix.TCP_NODELAY),
			options(unix.IPPROTO_IP, unix.IP_TOS),
			options(unix.IPPROTO_IPV6, unix.IPV6_TCLASS),
			// The family, type and protocol of a socket that was handed over.
			asks(unix.SOL_SOCKET, unix.SO_TYPE, unix.SO_DOMAIN, unix.SO_PROTOCOL, unix.SO_ACCEPTCONN, unix.SO_PEERCRED),
		},
		paths: []Path{{"/dev/null", "rw"}, {"/etc/localtime", "r"}, {"/usr/share/zoneinfo", "r"}},
	},
	{
		name: "rpath",
		doc:  "reading of files and directories, and what is known of them (stat, access, readlink, chdir)",
		calls: []call{
			sys_access, sys_chdir, sys_faccessat, sys_faccessat2, sys_fgetxattr, sys_flistxattr,
			sys_fstatfs, sys_getdents, sys_getdents64, sys_getxattr, sys_getxattrat,
			sys_inotify_add_watch, sys_inotify_init, sys_inotify_init1, sys_inotify_rm_watch,
			sys_lgetxattr, sys_listxattr, sys_listxattrat, sys_llistxattr, sys_lstat, sys_newfstatat,
			sys_readlink, sys_readlinkat, sys_stat, sys_statfs, sys_statx,
		},
		rules:  [][]rule{opensAs(unix.O_RDONLY, oChanges, "")},
		limits: []kernel.Limit{kernel.Always("stat, access, readlink, chdir and inotify see every path, unveiled or not")},
	},
	{
		name:  "wpath",
		doc:   "writing to files",
		calls: []call{sys_sync, sys_truncate},
		rules: [][]rule{
			opensAs(unix.O_WRONLY, oCreates|unix.O_PATH, ""),
			opens(oCreates|unix.O_PATH, "rpath"),
		},
	},
	{
		name: "cpath",
		doc:  "making, removing and renaming of files, directories and links",
		calls: []call{
			sys_link, sys_linkat, sys_mkdir, sys_mkdirat, sys_rename, sys_renameat, sys_rmdir,
			sys_symlink, sys_symlinkat, sys_unlink, sys_unlinkat,
		},
		rules: [][]rule{
			creates([]uint32{unix.O_WRONLY}, unix.O_PATH, "wpath"),
			creates([]uint32{unix.O_RDONLY}, unix.O_PATH|oTmpfileBit|unix.O_TRUNC, "rpath"),
			creates([]uint32{unix.O_RDONLY, unix.O_RDWR}, unix.O_PATH, "rpath wpath"),
			{
				{call: sys_creat, when: all{arg1.lacks(permSetID)}, with: "wpath"},
				{call: sys_mknod, when: all{arg1.masked(unix.S_IFMT|permSetID, unix.S_IFREG, 0)}},
				{call: sys_mknodat, when: all{arg2.masked(unix.S_IFMT|permSetID, unix.S_IFREG, 0)}},
				// Not RENAME_WHITEOUT, which makes a device.
				{call: sys_renameat2, when: all{arg4.lacks(^uint32(unix.RENAME_NOREPLACE | unix.RENAME_EXCHANGE))}},
			},
		},
	},
	{
		name: "dpath",
		doc:  "making of FIFOs",
		rules: [][]rule{{
			{call: sys_mknod, when: all{arg1.masked(unix.S_IFMT, unix.S_IFIFO)}},
			{call: sys_mknodat, when: all{arg2.masked(unix.S_IFMT, unix.S_IFIFO)}},
		}},
	},
	{
		name:  "tmppath",
		doc:   "making, reading, writing and removing of files in /tmp; OpenBSD has dropped it, old programs ask for it",
		calls: []call{sys_lstat},
		rules: [][]rule{
			inLayer(opens(oCreates|unix.O_PATH, "")),
			inLayer(creates([]uint32{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR}, unix.O_PATH, "")),
			{
				{call: sys_unlink, layer: true},
				{call: sys_unlinkat, when: all{arg2.lacks(unix.AT_REMOVEDIR)}, layer: true},
				{call: sys_newfstatat, when: all{arg3.hasAny(unix.AT_SYMLINK_NOFOLLOW)}},
			},
		},
		paths:  []Path{{"/tmp", "rwc"}},
		limits: []kernel.Limit{kernel.Always("lstat sees every path")},
	},
	{
		name:  "inet",
		doc:   "TCP and UDP over IPv4 and IPv6",
		calls: []call{sys_accept, sys_accept4, sys_bind, sys_connect, sys_listen, sys_sendto},
		rules: [][]rule{
			inetSockets,
			pingSockets,
			netlinkSockets,
			{{call: sys_ioctl, when: all{arg1.in(unix.SIOCATMARK, unix.SIOCGIFNAME, unix.SIOCGIFCONF, unix.SIOCGIFFLAGS,
				unix.SIOCGIFADDR, unix.SIOCGIFNETMASK, unix.SIOCGIFBRDADDR, unix.SIOCGIFMTU, unix.SIOCGIFINDEX, unix.SIOCGIFHWADDR)}}},
			socketOptions,
			options(unix.IPPROTO_TCP, unix.TCP_MAXSEG, unix.TCP_CORK, unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT,
				unix.TCP_SYNCNT, unix.TCP_LINGER2, unix.TCP_DEFER_ACCEPT, unix.TCP_INFO, unix.TCP_QUICKACK, unix.TCP_MD5SIG,
				unix.TCP_USER_TIMEOUT, unix.TCP_FASTOPEN, unix.TCP_NOTSENT_LOWAT),
			asks(unix.IPPROTO_TCP, unix.TCP_CONGESTION),
			options(unix.IPPROTO_UDP, unix.UDP_SEGMENT, unix.UDP_GRO),
			options(unix.IPPROTO_IP, unix.IP_TTL, unix.IP_PKTINFO, unix.IP_MTU_DISCOVER, unix.IP_RECVERR, unix.IP_RECVTTL,
				unix.IP_RECVTOS, unix.IP_MTU, unix.IP_RECVORIGDSTADDR, unix.IP_MINTTL, unix.IP_BIND_ADDRESS_NO_PORT),
			asks(unix.IPPROTO_IP, unix.IP_OPTIONS),
			options(unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_V6ONLY, unix.IPV6_RECVPKTINFO, unix.IPV6_RECVHOPLIMIT,
				unix.IPV6_DONTFRAG, unix.IPV6_RECVTCLASS, unix.IPV6_MTU_DISCOVER, unix.IPV6_MTU, unix.IPV6_RECVERR),
		},
	},
	{
		name: "mcast",
		doc:  "multicast options of sockets, beside inet",
		rules: [][]rule{
			withAll("inet", options(unix.IPPROTO_IP, unix.IP_MULTICAST_IF, unix.IP_MULTICAST_TTL, unix.IP_MULTICAST_LOOP, unix.IP_ADD_MEMBERSHIP,
				unix.IP_DROP_MEMBERSHIP, unix.IP_UNBLOCK_SOURCE, unix.IP_BLOCK_SOURCE, unix.IP_ADD_SOURCE_MEMBERSHIP,
				unix.IP_DROP_SOURCE_MEMBERSHIP, unix.IP_MSFILTER, unix.MCAST_JOIN_GROUP, unix.MCAST_BLOCK_SOURCE,
				unix.MCAST_UNBLOCK_SOURCE, unix.MCAST_LEAVE_GROUP, unix.MCAST_JOIN_SOURCE_GROUP, unix.MCAST_LEAVE_SOURCE_GROUP,
				mcastMsfilter)),
			withAll("inet", options(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, unix.IPV6_MULTICAST_HOPS, unix.IPV6_MULTICAST_LOOP,
				unix.IPV6_JOIN_GROUP, unix.IPV6_LEAVE_GROUP, unix.MCAST_JOIN_GROUP, unix.MCAST_BLOCK_SOURCE,
				unix.MCAST_UNBLOCK_SOURCE, unix.MCAST_LEAVE_GROUP, unix.MCAST_JOIN_SOURCE_GROUP, unix.MCAST_LEAVE_SOURCE_GROUP,
				mcastMsfilter)),
		},
	},
	{
		name:  "fattr",
		doc:   "changing of modes and times, and of the owner to oneself; of any path, unveiled or not",
		calls: []call{sys_futimesat, sys_utime, sys_utimensat, sys_utimes},
		rules: [][]rule{
			{
				{call: sys_chmod, when: all{arg1.lacks(permSetID)}},
				{call: sys_fchmod, when: all{arg1.lacks(permSetID)}},
				{call: sys_fchmodat, when: all{arg2.lacks(permSetID)}},
				{call: sys_fchmodat2, when: all{arg2.lacks(permSetID)}},
				{call: sys_chown, when: all{arg1.ownUID(), arg2.ownGID()}},
				{call: sys_fchown, when: all{arg1.ownUID(), arg2.ownGID()}},
				{call: sys_lchown, when: all{arg1.ownUID(), arg2.ownGID()}},
				{call: sys_fchownat, when: all{arg2.ownUID(), arg3.ownGID()}},
			},
		},
		limits: []kernel.Limit{kernel.Always("modes and times of every path that the user owns, unveiled or not")},
	},
	{
		name:   "chown",
		doc:    "changing of owner and group",
		calls:  []call{sys_chown, sys_fchown, sys_fchownat, sys_lchown},
		limits: []kernel.Limit{kernel.Always("owners of every path, unveiled or not")},
	},
	{
		name:  "flock",
		doc:   "file locks",
		calls: []call{sys_flock},
		rules: [][]rule{{{call: sys_fcntl, when: all{arg1.in(unix.F_GETLK, unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW)}}}},
	},
	{
		name:  "unix",
		doc:   "UNIX-domain sockets",
		calls: []call{sys_accept, sys_accept4, sys_bind, sys_connect, sys_listen, sys_sendto},
		rules: [][]rule{
			{
				{call: sys_socket, when: all{arg0.in(unix.AF_UNIX)}},
				{call: sys_socketpair, when: all{arg0.in(unix.AF_UNIX)}},
				{call: sys_mknod, when: all{arg1.masked(unix.S_IFMT, unix.S_IFSOCK)}},
				{call: sys_mknodat, when: all{arg2.masked(unix.S_IFMT, unix.S_IFSOCK)}},
			},
			socketOptions,
		},
		limits: []kernel.Limit{kernel.Below(9, "sockets by path are reached outside of what is unveiled"), kernel.Below(6, "abstract sockets of others are reached")},
	},
	{
		name:  "dns",
		doc:   "looking up of names in the DNS",
		calls: []call{sys_bind, sys_connect, sys_sendto},
		rules: [][]rule{
			inetSockets,
			netlinkSockets,
			options(unix.SOL_SOCKET, unix.SO_TIMESTAMP, soTimestampNew, unix.SO_RCVTIMEO, unix.SO_SNDTIMEO),
			options(unix.IPPROTO_IP, unix.IP_RECVERR, unix.IP_MTU_DISCOVER),
			options(unix.IPPROTO_IPV6, unix.IPV6_RECVERR, unix.IPV6_RECVPKTINFO, unix.IPV6_MTU_DISCOVER),
		},
		paths: []Path{
			{"/etc/resolv.conf", "r"}, {"/etc/hosts", "r"}, {"/etc/services", "r"}, {"/etc/protocols", "r"},
			{"/etc/nsswitch.conf", "r"}, {"/etc/host.conf", "r"}, {"/etc/gai.conf", "r"}, {"/etc/networks", "r"}, {"/etc/hostname", "r"},
		},
		limits: []kernel.Limit{kernel.Below(10, "UDP reaches any port"), kernel.Below(4, "TCP reaches any port")},
	},
	{
		name:  "getpw",
		doc:   "looking up of users and groups",
		paths: []Path{{"/etc/passwd", "r"}, {"/etc/group", "r"}, {"/etc/nsswitch.conf", "r"}, {"/var/lib/extrausers", "r"}, {"/var/lib/sss/mc", "r"}},
	},
	{name: "sendfd", doc: "sending of descriptors; Linux cannot see what a message carries, so stdio grants it too", inert: "a filter cannot see what a message carries: stdio grants it too"},
	{name: "recvfd", doc: "receiving of descriptors; Linux cannot see what a message carries, so stdio grants it too", inert: "a filter cannot see what a message carries: stdio grants it too"},
	{
		name:  "tape",
		doc:   "operations on tape drives",
		rules: [][]rule{{{call: sys_ioctl, when: all{arg1.in(0x40086d01, 0x80306d02)}}}}, // MTIOCTOP, MTIOCGET
	},
	{
		name: "tty",
		doc:  "modes of terminals, and /dev/tty",
		rules: [][]rule{{
			{call: sys_ioctl, when: all{arg1.in(
				0x5402, 0x5403, 0x5404, // TCSETS, TCSETSW, TCSETSF
				0x402c542b, 0x402c542c, 0x402c542d, // TCSETS2, TCSETSW2, TCSETSF2
				0x5409, 0x5425, 0x540a, 0x540b, // TCSBRK, TCSBRKP, TCXONC, TCFLSH
				0x540c, 0x540d, 0x540e, 0x5422, // TIOCEXCL, TIOCNXCL, TIOCSCTTY, TIOCNOTTY
				0x5414, 0x5429, 0x5411, // TIOCSWINSZ, TIOCGSID, TIOCOUTQ
				0x80045430, 0x40045431, 0x80045439, 0x5441, // TIOCGPTN, TIOCSPTLCK, TIOCGPTLCK, TIOCGPTPEER
			)}},
			{call: sys_ioctl, when: all{arg1.in(tiocspgrp)}, with: "proc"},
		}},
		paths: []Path{{"/dev/tty", "rw"}},
	},
	{
		name: "proc",
		doc:  "processes: fork, signals to others, groups and sessions, priorities and limits",
		calls: []call{
			sys_fork, sys_getpriority, sys_ioprio_get, sys_ioprio_set, sys_kill, sys_pidfd_open, sys_pidfd_send_signal,
			sys_rt_sigqueueinfo, sys_rt_tgsigqueueinfo, sys_sched_setaffinity, sys_sched_setattr,
			sys_sched_setparam, sys_sched_setscheduler, sys_setpgid, sys_setpriority, sys_setrlimit, sys_setsid,
			sys_tgkill, sys_tkill, sys_vfork,
		},
		rules: [][]rule{{
			{call: sys_clone, when: all{arg0.lacks(cloneNew)}},
			ownLimits,
			{call: sys_fcntl, when: all{arg1.in(unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_GETOWN_EX, unix.F_SETSIG, unix.F_GETSIG)}},
			{call: sys_prctl, when: all{arg0.in(unix.PR_SET_PDEATHSIG, unix.PR_SET_CHILD_SUBREAPER)}},
		}},
		limits: []kernel.Limit{kernel.Below(6, "signals reach processes outside"), kernel.Always("priorities of processes outside")},
	},
	{name: "exec", doc: "running of programs", calls: []call{sys_execve, sys_execveat}},
	{name: "prot_exec", doc: "executable memory", calls: []call{sys_mmap, sys_mprotect, sys_pkey_mprotect}},
	{name: "settime", doc: "setting of the clock", calls: []call{sys_adjtimex, sys_clock_adjtime, sys_clock_settime, sys_settimeofday}},
	{name: "ps", doc: "information on processes (/proc)", paths: []Path{{"/proc", "r"}}},
	{
		name: "vminfo",
		doc:  "statistics of memory, processors and disks",
		paths: []Path{
			{"/proc/cpuinfo", "r"}, {"/proc/diskstats", "r"}, {"/proc/loadavg", "r"}, {"/proc/meminfo", "r"}, {"/proc/stat", "r"},
			{"/proc/swaps", "r"}, {"/proc/uptime", "r"}, {"/proc/vmstat", "r"}, {"/sys/devices/system/cpu", "r"}, {"/sys/devices/system/node", "r"},
		},
	},
	{
		name: "id",
		doc:  "user and group ids, priorities and limits",
		calls: []call{
			sys_capset, sys_getpriority, sys_setfsgid, sys_setfsuid, sys_setgid, sys_setgroups, sys_setpriority,
			sys_setregid, sys_setresgid, sys_setresuid, sys_setreuid, sys_setrlimit, sys_setuid,
		},
		rules: [][]rule{{
			ownLimits,
			{call: sys_prctl, when: all{arg0.in(unix.PR_SET_KEEPCAPS, unix.PR_CAPBSET_DROP, unix.PR_SET_SECUREBITS, unix.PR_CAP_AMBIENT)}},
		}},
	},
	{name: "pf", doc: "accepted: Linux has no pf(4)", inert: "Linux has no pf(4)"},
	{
		name:  "route",
		doc:   "reading of the routing table and of interfaces",
		calls: []call{sys_bind, sys_sendto},
		rules: [][]rule{netlinkSockets, {{call: sys_ioctl, when: all{arg1.in(unix.SIOCGIFNAME, unix.SIOCGIFCONF, unix.SIOCGIFFLAGS,
			unix.SIOCGIFADDR, unix.SIOCGIFDSTADDR, unix.SIOCGIFBRDADDR, unix.SIOCGIFNETMASK, unix.SIOCGIFMETRIC, unix.SIOCGIFMTU,
			unix.SIOCGIFHWADDR, unix.SIOCGIFINDEX)}}}},
		paths: []Path{{"/proc/net", "r"}},
	},
	{
		name:  "wroute",
		doc:   "changing of the routing table and of interfaces",
		calls: []call{sys_bind, sys_sendto},
		rules: [][]rule{netlinkSockets, {{call: sys_ioctl, when: all{arg1.in(unix.SIOCSIFADDR, unix.SIOCSIFNETMASK, unix.SIOCSIFMTU,
			unix.SIOCSIFFLAGS, unix.SIOCADDRT, unix.SIOCDELRT)}}}, options(unix.SOL_SOCKET, unix.SO_MARK, unix.SO_BINDTODEVICE, unix.SO_BINDTOIFINDEX)},
	},
	// Sound devices answer to ioctls of type A (PCM) and U (control). The direction
	// bit keeps out UI_DEV_CREATE, of type U too: keys for other programs.
	{name: "audio", doc: "operations on sound devices", rules: [][]rule{{ioctlType('A'), {call: sys_ioctl, when: all{arg1.masked(0x8000ff00, 0x80000000|'U'<<8)}}}}},
	// The direction bits keep out VT_ACTIVATE and its like, which are of type V too.
	{name: "video", doc: "operations on video devices", rules: [][]rule{{{call: sys_ioctl, when: all{arg1.masked(0xff00, 'V'<<8), arg1.hasAny(0xc0000000)}}}}},
	{name: "bpf", doc: "statistics of a packet socket it holds", rules: [][]rule{asks(unix.SOL_PACKET, unix.PACKET_STATISTICS)}},
	{
		name: "unveil",
		doc:  "calls of unveil(2), and what they look at: opens with O_PATH, stat, readlink and lists of directories",
		// The library makes them in the process itself, and rpath may be missing.
		calls:  []call{sys_getdents64, sys_newfstatat, sys_readlinkat},
		rules:  [][]rule{{{call: sys_openat, when: all{arg2.hasAny(unix.O_PATH)}}}},
		limits: []kernel.Limit{kernel.Always("stat and readlink see every path")},
	},
	{name: "error", doc: "a call that is not promised returns ENOSYS and does not end the process", limits: []kernel.Limit{kernel.Always("a path that is refused gives EACCES")}},
	{
		name: "disklabel",
		doc:  "size and partitions of disks",
		// HDIO_GETGEO, and BLKRRPART BLKGETSIZE BLKSSZGET BLKPG BLKBSZGET BLKGETSIZE64 of linux/fs.h.
		rules: [][]rule{{{call: sys_ioctl, when: all{arg1.in(0x301, 0x125f, 0x1260, 0x1268, 0x1269, 0x80081270, 0x80081272)}}}},
	},
	{name: "drm", doc: "operations on graphics devices", rules: [][]rule{{ioctlType('d')}}},
	{name: "vmm", doc: "operations on virtual machines (KVM)", rules: [][]rule{{ioctlType(0xae)}}},
}
