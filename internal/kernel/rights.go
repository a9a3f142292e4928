package kernel

import "golang.org/x/sys/unix"

// FS returns the file-system rights that the kernel can restrict,
// LANDLOCK_ACCESS_FS_*.
func (k Kernel) FS() uint64 { return Lookup(k.ABI).FS }

// Net returns the network rights that the kernel can restrict,
// LANDLOCK_ACCESS_NET_*; 0 on a kernel without TCP/IP.
func (k Kernel) Net() uint64 {
	if k.NoINET {
		return 0
	}
	return Lookup(k.ABI).Net
}

// Scopes returns the scopes that the kernel knows, LANDLOCK_SCOPE_*.
func (k Kernel) Scopes() uint64 { return Lookup(k.ABI).Scopes }

// RuleFlags returns the flags of landlock_add_rule(2), LANDLOCK_ADD_RULE_*.
func (k Kernel) RuleFlags() uint32 { return Lookup(k.ABI).RuleFlags }

// RestrictFlags returns the flags of landlock_restrict_self(2),
// LANDLOCK_RESTRICT_SELF_*.
func (k Kernel) RestrictFlags() uint32 { return Lookup(k.ABI).RestrictFlags }

// Refer reports whether rename and link across directories can be allowed
// (ABI 2). Below, Landlock denies all of them.
func (k Kernel) Refer() bool { return k.FS()&unix.LANDLOCK_ACCESS_FS_REFER != 0 }

// Truncate reports whether truncation can be restricted (ABI 3).
func (k Kernel) Truncate() bool { return k.FS()&unix.LANDLOCK_ACCESS_FS_TRUNCATE != 0 }

// TCP reports whether TCP bind and connect can be restricted (ABI 4).
func (k Kernel) TCP() bool { return k.Net()&unix.LANDLOCK_ACCESS_NET_CONNECT_TCP != 0 }

// IoctlDev reports whether ioctl on devices can be restricted (ABI 5).
func (k Kernel) IoctlDev() bool { return k.FS()&unix.LANDLOCK_ACCESS_FS_IOCTL_DEV != 0 }

// Scoped reports whether signals and abstract UNIX sockets can be kept
// inside the sandbox (ABI 6).
func (k Kernel) Scoped() bool { return k.Scopes()&unix.LANDLOCK_SCOPE_SIGNAL != 0 }

// Logging reports whether the audit log of denials can be controlled (ABI 7).
func (k Kernel) Logging() bool {
	return k.RestrictFlags()&unix.LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF != 0
}

// LandlockTSYNC reports whether one call restricts all threads (ABI 8).
// Below, landlock_restrict_self(2) binds the calling thread only.
func (k Kernel) LandlockTSYNC() bool {
	return k.RestrictFlags()&unix.LANDLOCK_RESTRICT_SELF_TSYNC != 0
}

// ResolveUnix reports whether connecting to UNIX sockets by path can be
// restricted (ABI 9).
func (k Kernel) ResolveUnix() bool { return k.FS()&unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX != 0 }

// UDP reports whether UDP bind, connect and send can be restricted (ABI 10).
func (k Kernel) UDP() bool { return k.Net()&unix.LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP != 0 }

// Quiet reports whether rules can keep denials out of the audit log (ABI 10).
func (k Kernel) Quiet() bool { return k.RuleFlags()&unix.LANDLOCK_ADD_RULE_QUIET != 0 }

// LandlockNoNewPrivs reports whether landlock_restrict_self(2) can set
// no_new_privs itself (ABI 11). Below, it takes a prctl(2) before.
func (k Kernel) LandlockNoNewPrivs() bool { return k.RestrictFlags()&RestrictNoNewPrivs != 0 }
