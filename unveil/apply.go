package unveil

import (
	"errors"
	"fmt"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
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
// The error wraps the errno. Nothing is restricted then, but below Landlock
// ABI 11 no_new_privs may be set: ENOSYS or EOPNOTSUPP without Landlock, E2BIG for the 17th layer,
// EMFILE without a free descriptor, EBADF if the plan was applied or closed.
// What Create made is removed.
func (p *Plan) Apply() error { return p.applyBy(restrictThread) }

// ApplyAll restricts every thread of the process, for ever: a Go program
// confines itself so, whatever its goroutines run on. Since Landlock ABI 8 it
// is one call of the kernel; below, the runtime makes the call on every
// thread, which it can do only in a program without cgo.
//
// Errors are those of Apply, with every thread left as it was, and
// EOPNOTSUPP: below ABI 8 in a program with cgo, or when a thread has been
// restricted by itself (Apply): the runtime ends a program whose threads give
// different answers.
func (p *Plan) ApplyAll() error { return p.applyBy(restrictAll) }

func (p *Plan) applyBy(restrict func(k kernel.Kernel, set int, flags uint32) error) error {
	if p.done {
		return fmt.Errorf("unveil: the plan was applied or closed: %w", unix.EBADF)
	}
	err := p.apply(restrict)
	if err != nil {
		p.undo()
	}
	p.closeAll()
	return err
}

func (p *Plan) apply(restrict func(k kernel.Kernel, set int, flags uint32) error) error {
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
	if err := restrict(p.kernel, set, p.flags); err != nil {
		if errors.Is(err, unix.E2BIG) {
			return fmt.Errorf("unveil: more than 16 layers of Landlock: %w", err)
		}
		return fmt.Errorf("unveil: %w", err)
	}
	return nil
}
