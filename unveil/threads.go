package unveil

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// apart tells that a thread was restricted by itself, so that threads may
// differ from now on.
var apart atomic.Bool

// restrictThread enters the ruleset on the calling thread. Both calls meet
// that one, for the caller has locked it; to lock it here as well would start
// a thread in a program that has not done so yet, as the launcher.
func restrictThread(k kernel.Kernel, set int, flags uint32) error {
	if err := restrictSelf(k, set, flags); err != nil {
		return err
	}
	apart.Store(true)
	return nil
}

// restrictSelf is landlock_restrict_self(2) with what it needs: no_new_privs,
// which ABI 11 sets by the same call, or not if it fails.
func restrictSelf(k kernel.Kernel, set int, flags uint32) error {
	if k.LandlockNoNewPrivs() {
		flags |= kernel.RestrictNoNewPrivs
	} else if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := ll.LandlockRestrictSelf(set, flags); err != nil {
		return fmt.Errorf("landlock_restrict_self: %w", err)
	}
	return nil
}

// restrictAll enters the ruleset on every thread.
func restrictAll(k kernel.Kernel, set int, flags uint32) error {
	if k.LandlockTSYNC() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		return restrictSelf(k, set, flags|unix.LANDLOCK_RESTRICT_SELF_TSYNC)
	}
	if apart.Load() {
		return fmt.Errorf("a thread is restricted by itself: %w", unix.EOPNOTSUPP)
	}
	if err := everyThread(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := everyThread(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(set), uintptr(flags)); err != nil {
		return fmt.Errorf("landlock_restrict_self: %w", err)
	}
	return nil
}

// errCgo is the answer of the runtime in a program with cgo: it does not know
// the threads that C has started.
var errCgo = errors.New("a program with cgo cannot restrict all its threads on this kernel (needs Linux 7.0)")

// everyThread makes a call on every thread. The kernel takes the answer of
// all of them to be the same: they have the same layers and the same rights.
func everyThread(nr, arg1, arg2 uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall6(nr, arg1, arg2, 0, 0, 0, 0)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return fmt.Errorf("%w: %w", errCgo, unix.EOPNOTSUPP)
	}
	return errno
}
