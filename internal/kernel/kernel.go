package kernel

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Why there is no Landlock. Kernel.Landlock wraps one of them, together with
// the errno that told it.
var (
	// ErrNotBuilt is ENOSYS: the kernel is older than 5.13 or built without
	// CONFIG_SECURITY_LANDLOCK. An outer seccomp profile that answers calls
	// it does not know with ENOSYS looks the same.
	ErrNotBuilt = errors.New("landlock is not built into this kernel")
	// ErrDisabled is EOPNOTSUPP: built in, but not in the list of the lsm=
	// boot parameter.
	ErrDisabled = errors.New("landlock is built in but not enabled at boot (lsm=)")
	// ErrBlocked is EPERM or any other answer that no kernel gives: an outer
	// seccomp profile, most often a container's, stands in between.
	ErrBlocked = errors.New("landlock is refused by an outer seccomp profile")
)

// Why there is no seccomp filter. Kernel.Seccomp wraps one of them, together
// with the errno that told it.
var (
	// ErrNoSeccomp is ENOSYS or EINVAL: no seccomp(2) (Linux 3.17), or built
	// without CONFIG_SECCOMP_FILTER.
	ErrNoSeccomp = errors.New("seccomp filters are not built into this kernel")
	// ErrSeccompBlocked is any other answer to a filter: an outer seccomp
	// profile refuses a further one.
	ErrSeccompBlocked = errors.New("seccomp is refused by an outer seccomp profile")
)

// A Kernel is what one kernel can do. The zero Kernel can do nothing, but
// does not say why; take one from [Probe] or [Landlock].
type Kernel struct {
	Release  string // as uname -r, "6.18.44"
	ABI      int    // Landlock ABI to use: 0 = none, at most Newest
	Reported int    // Landlock ABI that the kernel reports; may be above Newest
	Errata   int    // bit mask of fixed errata, 0 when not reported; not monotonic over versions

	Landlock error // nil, or why there is no Landlock: ErrNotBuilt, ErrDisabled or ErrBlocked
	Seccomp  error // nil, or why no seccomp filter can be used: ErrNoSeccomp or ErrSeccompBlocked

	Actions   Actions // what a seccomp filter may return
	TSYNC     bool    // SECCOMP_FILTER_FLAG_TSYNC: one filter for all threads
	UserNotif bool    // SECCOMP_FILTER_FLAG_NEW_LISTENER: a helper may answer calls

	// NoINET is a kernel built without TCP/IP (CONFIG_INET): it adds no
	// network rule (EAFNOSUPPORT), so Net is 0 whatever the ABI. There is no
	// TCP or UDP to restrict either.
	NoINET bool

	Notes []string // what a user should know, a sentence each, without a full stop
}

// Landlock returns the kernel that brought a Landlock ABI, able to do all of
// seccomp: for the tests of what is compiled. 0 is a kernel without Landlock
// (ErrNotBuilt), below 0 one that has it off (ErrDisabled), and above
// [Newest] one that reports more than is known.
func Landlock(abi int) Kernel {
	k := Kernel{Actions: allActions, TSYNC: true, UserNotif: true}
	switch {
	case abi < 0:
		k.Release = table[1].Linux
		k.Landlock = fmt.Errorf("%w: %w", ErrDisabled, unix.EOPNOTSUPP)
	case abi == 0:
		k.Release = "5.10" // the last long-term series before Landlock
		k.Landlock = fmt.Errorf("%w: %w", ErrNotBuilt, unix.ENOSYS)
	default:
		k.setABI(abi)
		k.Release = Lookup(k.ABI).Linux
	}
	return k
}

// setABI takes over a reported ABI, and notes when it is above what is known.
func (k *Kernel) setABI(reported int) {
	k.Reported, k.ABI = reported, min(reported, Newest)
	if reported > Newest {
		k.Notes = append(k.Notes, fmt.Sprintf("kernel reports Landlock ABI %d; this program knows %d and uses that", reported, Newest))
	}
}

// String describes the kernel in one line:
// "Linux 6.18.44, Landlock ABI 7 (errata 0x7), seccomp with TSYNC and user notification".
func (k Kernel) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Linux %s, ", k.Release)
	switch {
	case k.ABI > 0 && k.Errata != 0:
		fmt.Fprintf(&b, "Landlock ABI %d (errata %#x)", k.ABI, k.Errata)
	case k.ABI > 0:
		fmt.Fprintf(&b, "Landlock ABI %d", k.ABI)
	case errors.Is(k.Landlock, ErrNotBuilt):
		b.WriteString("no Landlock (not built in)")
	case errors.Is(k.Landlock, ErrDisabled):
		b.WriteString("no Landlock (not enabled at boot)")
	case errors.Is(k.Landlock, ErrBlocked):
		b.WriteString("no Landlock (refused by an outer seccomp profile)")
	default:
		b.WriteString("no Landlock")
	}
	switch {
	case errors.Is(k.Seccomp, ErrSeccompBlocked):
		b.WriteString(", no seccomp (refused by an outer seccomp profile)")
	case k.Seccomp != nil:
		b.WriteString(", no seccomp (not built in)")
	case k.TSYNC && k.UserNotif:
		b.WriteString(", seccomp with TSYNC and user notification")
	case k.TSYNC:
		b.WriteString(", seccomp with TSYNC")
	case k.UserNotif:
		b.WriteString(", seccomp with user notification")
	default:
		b.WriteString(", seccomp")
	}
	return b.String()
}
