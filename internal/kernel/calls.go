package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// createRuleset is landlock_create_ruleset(2): a descriptor (close-on-exec),
// or with a nil attr what flags ask for.
func createRuleset(attr *unix.LandlockRulesetAttr, flags uintptr) (int, unix.Errno) {
	var size uintptr
	if attr != nil {
		size = unsafe.Sizeof(*attr)
	}
	r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(attr)), size, flags)
	return int(r), errno
}

// ruleNetPort is LANDLOCK_RULE_NET_PORT of include/uapi/linux/landlock.h,
// which golang.org/x/sys v0.50 does not have.
const ruleNetPort = 2

// addPortRule is landlock_add_rule(2) with a struct landlock_net_port_attr;
// the port is in host byte order.
func addPortRule(ruleset int, access, port uint64) unix.Errno {
	attr := struct{ access, port uint64 }{access, port}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), ruleNetPort, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	return errno
}

// offerRestrict is landlock_restrict_self(2) with a descriptor that cannot
// exist, so that it never restricts: EBADF means that the flags are known.
// Not -1, which together with LOG_SUBDOMAINS_OFF is a request that succeeds.
func offerRestrict(flags uint32) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ^uintptr(1), uintptr(flags), 0)
	return errno
}

// offerFilter is seccomp(2) with a filter that is not there.
func offerFilter(flags uintptr) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, 0)
	return errno
}

// actionAvailable is SECCOMP_GET_ACTION_AVAIL of seccomp(2).
func actionAvailable(ret uint32) bool {
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&ret)))
	return errno == 0
}
