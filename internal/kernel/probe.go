package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Probe returns what the running kernel can do, found by trying. It changes
// nothing in the process and leaves no descriptor open. It does not fail:
// what is not there is told by the Landlock and Seccomp fields.
//
// Sources: landlock_create_ruleset(2), landlock_add_rule(2), seccomp(2).
func Probe() Kernel {
	var k Kernel
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		k.Release = unix.ByteSliceToString(u.Release[:])
	}
	k.probeLandlock()
	k.probeSeccomp()
	return k
}

// probeLandlock asks for the version, then tries it: an emulator or an outer
// sandbox may report what it does not do.
func (k *Kernel) probeLandlock() {
	abi, errno := createRuleset(nil, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno == unix.ENOSYS:
		k.Landlock = fmt.Errorf("%w: %w", ErrNotBuilt, errno)
		return
	case errno == unix.EOPNOTSUPP:
		k.Landlock = fmt.Errorf("%w: %w", ErrDisabled, errno)
		return
	case errno != 0:
		k.Landlock = fmt.Errorf("%w: %w", ErrBlocked, errno)
		return
	case abi < 1:
		// No kernel says 0: a seccomp profile that skips calls with errno 0 does.
		k.Landlock = fmt.Errorf("%w: it reports Landlock ABI %d", ErrBlocked, abi)
		return
	}
	k.setABI(abi)
	// EINVAL: the flag is younger than this kernel.
	if e, errno := createRuleset(nil, unix.LANDLOCK_CREATE_RULESET_ERRATA); errno == 0 {
		k.Errata = e
	}
	k.verify()
}

// verify tries what the reported ABI promises, and goes down to the newest
// ABI that holds. It sets Landlock if none does.
func (k *Kernel) verify() {
	top := k.ABI
	var err error
	for ; k.ABI > 0; k.ABI-- {
		if err = k.try(); err == nil {
			break
		}
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
			// Says nothing about Landlock: the caller has run out of something.
			k.Notes = append(k.Notes, fmt.Sprintf("Landlock ABI %d is as reported, not tried: %v", k.ABI, err))
			break
		}
		if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.E2BIG) {
			k.ABI = 0 // not a matter of the ABI: an older one is refused as well
			break
		}
	}
	switch {
	case k.ABI == 0:
		k.Errata, k.NoINET = 0, false
		k.Landlock = fmt.Errorf("%w: %w", ErrBlocked, err)
	case k.ABI < top:
		k.Notes = append(k.Notes, fmt.Sprintf("kernel reports Landlock ABI %d but does only %d, which is used", k.Reported, k.ABI))
	}
	if k.NoINET {
		k.Notes = append(k.Notes, "kernel is built without TCP/IP (CONFIG_INET): it has no network rules")
	}
}

// try makes a ruleset with all that k.ABI knows, adds a rule to it, asks for
// the flags of restricting, and throws it away. It sets NoINET.
func (k *Kernel) try() error {
	row := Lookup(k.ABI)
	// Whole, whatever the ABI: a tail of zeros is accepted by every kernel.
	attr := unix.LandlockRulesetAttr{
		Handled_access_fs:  row.FS,
		Handled_access_net: row.Net,
		Scoped:             row.Scopes,
	}
	if row.RuleFlags&unix.LANDLOCK_ADD_RULE_QUIET != 0 {
		attr.Quiet_access_fs, attr.Quiet_access_net, attr.Quiet_scoped = row.FS, row.Net, row.Scopes
	}
	fd, errno := createRuleset(&attr, 0)
	if errno != 0 {
		return fmt.Errorf("landlock_create_ruleset: %w", errno)
	}
	defer unix.Close(fd)

	// handled_access_net is taken even by a kernel without TCP/IP; only the
	// rule is refused there.
	k.NoINET = false
	if row.Net != 0 {
		switch errno := addPortRule(fd, row.Net, 0); errno {
		case 0:
		case unix.EAFNOSUPPORT:
			k.NoINET = true
		default:
			return fmt.Errorf("landlock_add_rule: %w", errno)
		}
	}

	switch errno := offerRestrict(row.RestrictFlags); errno {
	case unix.EBADF:
	case unix.EPERM:
		// Without no_new_privs and CAP_SYS_ADMIN: kernels before 7.3 say so
		// first, and nothing can be learned about the flags.
	default:
		return fmt.Errorf("landlock_restrict_self: %w", errno)
	}
	return nil
}

// probeSeccomp offers filters without a program: the kernel looks at the
// flags first and at the program afterwards, so EFAULT means that it knows
// them and EINVAL that it does not. Nothing is installed in either case.
func (k *Kernel) probeSeccomp() {
	tsync := offerFilter(unix.SECCOMP_FILTER_FLAG_TSYNC)
	listener := offerFilter(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	k.TSYNC, k.UserNotif = tsync == unix.EFAULT, listener == unix.EFAULT
	if !k.TSYNC && !k.UserNotif {
		// TSYNC is as old as seccomp(2), so this is no kernel with filters,
		// unless a plain one is known.
		switch errno := offerFilter(0); errno {
		case unix.EFAULT:
		case unix.ENOSYS, unix.EINVAL:
			k.Seccomp = fmt.Errorf("%w: %w", ErrNoSeccomp, errno)
			return
		default:
			k.Seccomp = fmt.Errorf("%w: %w", ErrSeccompBlocked, errno)
			return
		}
	}
	// The newest action (Linux 5.0) first: no kernel has it and lacks an
	// older one, for no build option leaves one out.
	if actionAvailable(unix.SECCOMP_RET_USER_NOTIF) {
		k.Actions = allActions
		return
	}
	k.Actions = askActions()
}

// askActions asks for each action by itself.
func askActions() Actions {
	var set Actions
	for _, a := range actions {
		if actionAvailable(a.ret) {
			set |= a.bit
		}
	}
	return set
}
