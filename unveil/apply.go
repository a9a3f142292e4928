package unveil

import (
	"errors"
	"fmt"
	"runtime"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Apply restricts the calling thread, and every thread and process that it
// starts from then on, for ever. It makes one ruleset of the plan, sets
// no_new_privs, and closes the descriptors of the plan, also when it fails.
//
// The caller must have locked its goroutine to the thread
// (runtime.LockOSThread), and must not unlock it: the other threads of the
// process are not restricted. A goroutine that is started afterwards may run
// on any of them, so that only exec, or an exit of the program, keeps what
// Apply promises.
//
// The error wraps the errno. Nothing is restricted then, but no_new_privs may
// be set: ENOSYS or EOPNOTSUPP without Landlock, E2BIG for the 17th layer,
// EMFILE without a free descriptor, EBADF if the plan was applied or closed.
// What Create made is removed.
func (p *Plan) Apply() error {
	if p.done {
		return fmt.Errorf("unveil: the plan was applied or closed: %w", unix.EBADF)
	}
	err := p.apply()
	if err != nil {
		p.undo()
	}
	p.closeAll()
	return err
}

func (p *Plan) apply() error {
	if p.kernel.ABI == 0 {
		if p.kernel.Landlock != nil {
			return fmt.Errorf("unveil: %w", p.kernel.Landlock)
		}
		return fmt.Errorf("unveil: the plan is for no Landlock: %w", unix.EOPNOTSUPP)
	}
	if err := p.Create(); err != nil {
		return err
	}
	set, err := ll.LandlockCreateRuleset(&ll.RulesetAttr{
		HandledAccessFS:  uint64(p.fs),
		HandledAccessNet: p.net,
		Scoped:           p.scopes,
	}, 0)
	if err != nil {
		return fmt.Errorf("unveil: landlock_create_ruleset: %w", err)
	}
	defer unix.Close(set)
	for i := range p.rules {
		r := &p.rules[i]
		attr := ll.PathBeneathAttr{AllowedAccess: uint64(r.access), ParentFd: r.fd}
		if err := ll.LandlockAddPathBeneathRule(set, &attr, 0); err != nil {
			return fmt.Errorf("unveil %q: landlock_add_rule: %w", r.path, err)
		}
	}
	for _, q := range p.ports {
		attr := ll.NetPortAttr{AllowedAccess: q.access, Port: uint64(q.port)}
		if err := ll.LandlockAddNetPortRule(set, &attr, 0); err != nil {
			return fmt.Errorf("unveil: port %d: landlock_add_rule: %w", q.port, err)
		}
	}
	// The two calls must meet the same thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("unveil: no_new_privs: %w", err)
	}
	if err := ll.LandlockRestrictSelf(set, 0); err != nil {
		if errors.Is(err, unix.E2BIG) {
			return fmt.Errorf("unveil: more than 16 layers of Landlock: %w", err)
		}
		return fmt.Errorf("unveil: landlock_restrict_self: %w", err)
	}
	return nil
}
