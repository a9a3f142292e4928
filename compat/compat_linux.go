package compat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// maxLayers is the number of layers that this process makes: the kernel takes
// 16, those of a launcher among them, and threads whose last layer fails
// differently are the end of a Go program.
const maxLayers = 15

// state is what the process has promised. It is recorded only after the
// kernel has taken what it says.
type state struct {
	pledged, execPledged bool
	promises, exec       pledge.Set // exec: of the images to come, when execPledged

	closed   bool       // no path is unveiled any more
	sealed   bool       // what was unveiled is in a layer
	layered  bool       // a layer holds paths, made for layerSet
	layerSet pledge.Set // the promises of that layer
	implying pledge.Set // whose paths stand open, once it is sealed
	layers   int        // of ours
}

var (
	mu   sync.Mutex // over all below
	now  state
	list veil
)

// machine is the kernel, looked at before the first filter: later ones may
// refuse the questions.
var machine = sync.OnceValue(kernel.Probe)

// The promises that this package asks for by name.
var promise = struct {
	stdio, rpath, dpath, unix, inet, dns, proc, exec, protExec, unveil, error,
	tty pledge.Set
}{
	stdio: set("stdio"), rpath: set("rpath"), dpath: set("dpath"),
	unix: set("unix"), inet: set("inet"), dns: set("dns"), proc: set("proc"), exec: set("exec"),
	protExec: set("prot_exec"), unveil: set("unveil"), error: set("error"),
	tty: set("tty"),
}

// inLayer are the promises that a layer depends on.
var inLayer = func() pledge.Set {
	s := set("rpath wpath cpath dpath unix inet dns proc exec")
	for _, p := range pledge.Promises() {
		if len(p.Paths) > 0 {
			s |= p.Set
		}
	}
	return s
}()

// forLayer leaves of a set what a layer of it depends on.
func forLayer(s pledge.Set) pledge.Set {
	if !s.Has(promise.dns) {
		s &^= promise.inet // which only lifts the list of ports of dns
	}
	return s & inLayer
}

func set(words string) pledge.Set {
	s, err := pledge.Parse(words)
	if err != nil {
		panic(err)
	}
	return s
}

// holds reports whether a promise may be used: it was made, or none was.
func (s *state) holds(p pledge.Set) bool { return !s.pledged || s.promises.Has(p) }

// Pledge is pledge(2) with both sets. An empty string is the empty set: use
// [PledgePromises] to leave the execpromises as they are.
func Pledge(promises, execpromises string) error { return pledgeBoth(&promises, &execpromises) }

// PledgePromises is pledge(2) of the promises alone.
func PledgePromises(promises string) error { return pledgeBoth(&promises, nil) }

// PledgeExecpromises is pledge(2) of the execpromises alone. They are checked
// and remembered; see the package comment for what an exec'd program keeps.
func PledgeExecpromises(execpromises string) error { return pledgeBoth(nil, &execpromises) }

// Unveil is unveil(2). The path is looked up now; a directory is the one that
// has the name now, anything else is its name in its directory.
func Unveil(path, flags string) error {
	if strings.IndexByte(path, 0) >= 0 || strings.IndexByte(flags, 0) >= 0 {
		return unix.EINVAL
	}
	mu.Lock()
	defer mu.Unlock()
	if err := mayUnveil(); err != nil {
		return err
	}
	if now.closed {
		return unix.EPERM
	}
	return list.add(path, flags)
}

// UnveilBlock ends the list for good. From then on only what was unveiled can
// be reached; if nothing was, everything can.
func UnveilBlock() error {
	mu.Lock()
	defer mu.Unlock()
	if err := mayUnveil(); err != nil {
		return err
	}
	if now.closed {
		return nil
	}
	if !now.holds(promise.stdio) {
		return nil // sealed by the pledge that gave it up
	}
	if list.used {
		if err := noRing(); err != nil {
			return err
		}
	}
	next := now
	next.closed = true
	if err := next.layer(true); err != nil {
		return err
	}
	now = next
	return nil
}

// mayUnveil is what every call of unveil(2) asks first.
func mayUnveil() error {
	if !now.holds(promise.unveil) {
		switch {
		case now.holds(promise.error):
			return unix.ENOSYS
		case wishes().errnos:
			return unix.EPERM
		}
		violation("unveil", "unveil")
	}
	return noLandlock()
}

func noLandlock() error {
	if k := machine(); k.ABI == 0 {
		return lacking(k.Landlock, "no Landlock")
	}
	return nil
}

func lacking(cause error, text string) error {
	if cause != nil {
		text = cause.Error()
	}
	return fmt.Errorf("compat: %s: %w", text, unix.ENOSYS)
}

// allowed returns what the kernel is told to allow. The images to come are
// bound by the same filter and layers: while there may be some, that is what
// any of them may do, and what a loader does. To bind a filter to the code of
// this image alone, as libunveil does, is not for Go: its programs are no PIE,
// and lie where the next one does.
func (s *state) allowed() pledge.Set {
	if !s.promises.Has(promise.exec) {
		return s.promises
	}
	set := s.promises | promise.rpath | promise.protExec
	if s.execPledged {
		set |= s.exec
	}
	return set
}

// request makes of s what it becomes. Sets only shrink: a promise that was not
// there is EPERM. With "error" in force a request for more promises is cut
// down to what there is, but one for more execpromises is not.
func (s *state) request(promises, execpromises *string) error {
	if promises != nil {
		asked, err := pledge.Parse(*promises)
		if err != nil {
			return errnoOf(err)
		}
		if s.pledged {
			if s.holds(promise.error) {
				asked &= s.promises
			}
			if !s.promises.Has(asked) {
				return unix.EPERM
			}
		}
		s.promises, s.pledged = asked, true
	}
	if execpromises != nil {
		asked, err := pledge.Parse(*execpromises)
		if err != nil {
			return errnoOf(err)
		}
		if s.execPledged && !s.exec.Has(asked) {
			return unix.EPERM
		}
		s.exec, s.execPledged = asked, true
	}
	return nil
}

// errnoOf takes the errno out of an error that is OpenBSD's too.
func errnoOf(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// holdsAlready reports whether the kernel, which holds s, holds next too.
func (s *state) holdsAlready(next *state) bool {
	execAlike := s.execPledged == next.execPledged && s.exec == next.exec
	return !next.pledged || s.pledged && s.promises == next.promises && (execAlike || !next.holds(promise.exec))
}

func pledgeBoth(promises, execpromises *string) error {
	for _, words := range []*string{promises, execpromises} {
		if words != nil && strings.IndexByte(*words, 0) >= 0 {
			return unix.EINVAL
		}
	}
	mu.Lock()
	defer mu.Unlock()
	next := now
	if err := next.request(promises, execpromises); err != nil {
		return err
	}
	if err := noLandlock(); err != nil {
		return err
	}
	if k := machine(); k.Seccomp != nil {
		return lacking(k.Seccomp, "")
	}
	if !now.holdsAlready(&next) {
		if err := narrow(&next); err != nil {
			return err
		}
	}
	now = next
	return nil
}

// narrow gives to the kernel what next promises and now does not.
func narrow(next *state) error {
	k := machine()
	if wishes().strict {
		if p := next.gap(k); p != "" {
			return fmt.Errorf("compat: this kernel cannot hold %q in full: %w", p, unix.EOPNOTSUPP)
		}
	}
	if err := noRing(); err != nil {
		return err
	}
	o := pledge.Options{
		OnViolation: pledge.Abort,
		Pid:         os.Getpid(),
		UID:         os.Geteuid(),
		GID:         os.Getegid(),
		NoTruncate:  !k.Truncate(),
	}
	if wishes().errnos {
		o.OnViolation = pledge.Errno
	}
	if now.holds(promise.stdio) {
		if err := next.layer(!next.holds(promise.unveil)); err != nil {
			return err
		}
	}
	o.NoLayer = !next.layered
	plan, err := pledge.Compile(next.allowed(), o)
	if err != nil {
		return fmt.Errorf("compat: %w", err)
	}
	if err := plan.Apply(); err != nil {
		// The layer stays; that it is there must not be forgotten.
		now.layers, now.sealed, now.layered, now.layerSet, now.implying = next.layers, next.sealed, next.layered, next.layerSet, next.implying
		return fmt.Errorf("compat: %w", err)
	}
	return nil
}

// gap names a promise that an old kernel holds in part.
func (s *state) gap(k kernel.Kernel) string {
	switch {
	case s.promises.Has(promise.unix) && !k.ResolveUnix():
		return "unix"
	case s.promises.Has(promise.dns) && !k.UDP():
		return "dns"
	}
	return ""
}

// noRing refuses a process with a kernel thread of io_uring: one that polls
// passes Landlock and seccomp, and no call binds it. After the first filter
// none can be made.
func noRing() error {
	if now.pledged {
		return nil
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil // no /proc: they cannot be seen
	}
	for _, t := range tasks {
		stat, err := os.ReadFile("/proc/self/task/" + t.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		// The name, which may have blanks, ends with the last parenthesis; the
		// flags are the seventh word behind it: proc_pid_stat(5). The name of
		// such a thread is its program's at first, the flag is there from the
		// start.
		words := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(words) < 7 {
			continue
		}
		const ioWorker = 0x10 // PF_IO_WORKER of linux/sched.h
		if flags, err := strconv.ParseUint(words[6], 10, 32); err == nil && flags&ioWorker != 0 {
			return fmt.Errorf("compat: a kernel thread of io_uring cannot be bound: %w", unix.EOPNOTSUPP)
		}
	}
	return nil
}

// layer enters what s asks for beyond what is in force, on all threads, and
// notes it in s.
func (s *state) layer(sealing bool) error {
	seals := sealing && !s.sealed && list.used
	current := s.layered && forLayer(s.layerSet) == forLayer(s.allowed())
	if !seals && (!s.pledged || current) {
		return nil
	}
	if s.layers >= maxLayers {
		return fmt.Errorf("compat: %d layers of Landlock, and the kernel takes 16 in all: %w", s.layers, unix.E2BIG)
	}
	lists := seals || s.closesImplied()
	plan, err := s.compile(lists)
	if err != nil {
		return err
	}
	if err := plan.ApplyAll(); err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) && !lists && !wishes().strict && s.filterKeeps() {
			return nil // cgo below ABI 8: the filter refuses by kind
		}
		return fmt.Errorf("compat: %w", err)
	}
	s.layers++
	if lists {
		s.sealed, s.implying = true, implying(s.impliedBy())
		if !s.closesLater() {
			list.forget()
		}
	}
	if s.pledged {
		s.layered, s.layerSet = true, s.allowed()
	}
	return nil
}

// impliedBy are the promises whose paths a layer of s leaves open.
func (s *state) impliedBy() pledge.Set {
	if s.pledged {
		return s.allowed()
	}
	return mayPromise
}

// implying leaves of a set what implies paths.
func implying(s pledge.Set) (with pledge.Set) {
	for _, p := range pledge.Promises() {
		if len(p.Paths) > 0 && s.Has(p.Set) {
			with |= p.Set
		}
	}
	return with
}

// closesImplied reports whether a path stands open that a promise implies
// which s no longer makes. The kinds of access that s promises are everywhere
// in a layer that leaves out what was unveiled: it has to be of that once more.
// Without rpath there is no need: what is implied is there to be read, but for
// the terminal and /tmp.
func (s *state) closesImplied() bool {
	return s.sealed && list.used && s.pledged && s.allowed().Has(promise.rpath) &&
		s.implying&^implying(s.allowed()) != 0
}

// closesLater reports whether a pledge to come may have such a path to close.
func (s *state) closesLater() bool {
	return s.holds(promise.stdio) && (!s.pledged || s.allowed().Has(promise.rpath)) && s.implying&^promise.stdio != 0
}

// filterKeeps reports whether the filter alone keeps the promises that are
// about paths. Those of stdio and tty it refuses.
func (s *state) filterKeeps() bool {
	kinds := kindsOf(s.allowed())
	for _, p := range pledge.Promises() {
		if !s.promises.Has(p.Set) || p.Set == promise.stdio || p.Set == promise.tty {
			continue
		}
		for _, path := range p.Paths {
			if l, err := unveil.ParseLetters(path.Perms); err != nil || l&^kinds != 0 {
				return false
			}
		}
	}
	return true
}
