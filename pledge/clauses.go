package pledge

import "golang.org/x/sys/unix"

// Clauses that more than one row of the table uses.

// opens allows open(2) and openat(2) in any mode without the given flags.
func opens(without uint32, with string) []rule {
	return []rule{
		{call: sys_open, when: all{arg1.lacks(without)}, with: with},
		{call: sys_openat, when: all{arg2.lacks(without)}, with: with},
	}
}

// opensAs allows open(2) and openat(2) in one access mode without the given flags.
func opensAs(mode, without uint32, with string) []rule {
	return []rule{
		{call: sys_open, when: all{arg1.masked(unix.O_ACCMODE, mode), arg1.lacks(without)}, with: with},
		{call: sys_openat, when: all{arg2.masked(unix.O_ACCMODE, mode), arg2.lacks(without)}, with: with},
	}
}

// creates allows open(2) and openat(2) in one of the access modes with
// O_CREAT, and O_TMPFILE unless it is among the flags to lack. Not with
// set-id bits in the mode: pledge(2) masks them off, a filter can only refuse.
func creates(modes []uint32, without uint32, with string) []rule {
	return []rule{
		{call: sys_open, with: with, when: all{arg1.masked(unix.O_ACCMODE, modes...), arg1.lacks(without), arg1.hasAny(oCreates), arg2.lacks(permSetID)}},
		{call: sys_openat, with: with, when: all{arg2.masked(unix.O_ACCMODE, modes...), arg2.lacks(without), arg2.hasAny(oCreates), arg3.lacks(permSetID)}},
	}
}

// asks allows getsockopt(2) of the names of a level.
func asks(level uint32, names ...uint32) []rule {
	return []rule{{call: sys_getsockopt, when: all{arg1.in(level), arg2.in(names...)}}}
}

// options allows getsockopt(2) and setsockopt(2) of the names of a level.
func options(level uint32, names ...uint32) []rule {
	return []rule{
		{call: sys_getsockopt, when: all{arg1.in(level), arg2.in(names...)}},
		{call: sys_setsockopt, when: all{arg1.in(level), arg2.in(names...)}},
	}
}

// ioctlType allows ioctls whose type, the second byte of the number, is t.
func ioctlType(t uint32) rule {
	return rule{call: sys_ioctl, when: all{arg1.masked(0xff00, t<<8)}}
}

// withAll returns list with every rule made to need those promises too.
func withAll(promises string, list []rule) []rule {
	for i := range list {
		list[i].with = promises
	}
	return list
}

// ownLimits sets limits of the process itself. Landlock does not see
// prlimit(2), and RLIMIT_CPU is enough to end another process.
var ownLimits = rule{call: sys_prlimit64, when: all{arg0.in(0)}}

// inLayer returns list with every rule left to Landlock.
func inLayer(list []rule) []rule {
	for i := range list {
		list[i].layer = true
	}
	return list
}

// inetSockets are TCP and UDP. No other protocol: MPTCP would pass the port
// rules of Landlock.
var inetSockets = []rule{
	{call: sys_socket, when: all{arg0.in(unix.AF_INET, unix.AF_INET6), arg1.masked(sockTypeMask, unix.SOCK_STREAM), arg2.in(0, unix.IPPROTO_TCP)}},
	{call: sys_socket, when: all{arg0.in(unix.AF_INET, unix.AF_INET6), arg1.masked(sockTypeMask, unix.SOCK_DGRAM),
		arg2.in(0, unix.IPPROTO_UDP)}},
}

// pingSockets are the ICMP sockets that an unprivileged user may have.
var pingSockets = []rule{
	{call: sys_socket, when: all{arg0.in(unix.AF_INET, unix.AF_INET6), arg1.masked(sockTypeMask, unix.SOCK_DGRAM),
		arg2.in(unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6)}},
}

// netlinkSockets tell the addresses of the machine: getifaddrs(3) and
// getaddrinfo(3) ask there.
var netlinkSockets = []rule{
	{call: sys_socket, when: all{arg0.in(unix.AF_NETLINK), arg1.masked(sockTypeMask, unix.SOCK_RAW), arg2.in(unix.NETLINK_ROUTE)}},
	{call: sys_socket, when: all{arg0.in(unix.AF_NETLINK), arg1.masked(sockTypeMask, unix.SOCK_DGRAM), arg2.in(unix.NETLINK_ROUTE)}},
}

// socketOptions are the options of SOL_SOCKET but those that mark or steer
// packets, attach programs, or let descriptors in again.
var socketOptions = []rule{
	{call: sys_getsockopt, when: all{arg1.in(unix.SOL_SOCKET), arg2.notIn(steering...)}},
	{call: sys_setsockopt, when: all{arg1.in(unix.SOL_SOCKET), arg2.notIn(steering...)}},
}

var steering = []uint32{
	unix.SO_MARK, unix.SO_BINDTODEVICE, unix.SO_BINDTOIFINDEX,
	unix.SO_ATTACH_FILTER, unix.SO_ATTACH_BPF, unix.SO_ATTACH_REUSEPORT_CBPF, unix.SO_ATTACH_REUSEPORT_EBPF, soPassrights,
}
