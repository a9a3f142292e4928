package pledge

import (
	"fmt"
	"math/bits"
	"runtime"

	"golang.org/x/sys/unix"
)

// Arch is a processor architecture, by Go's name.
type Arch string

// The architectures that a program can be compiled for.
const (
	AMD64 Arch = "amd64"
	ARM64 Arch = "arm64"
)

// column returns the place of the architecture in the table of numbers.
func (a Arch) column() (int, error) {
	switch a {
	case AMD64:
		return 0, nil
	case ARM64:
		return 1, nil
	}
	return 0, fmt.Errorf("pledge: architecture %q is not supported: %w", string(a), unix.ENOSYS)
}

// Violation says how a call is answered that no promise grants and that only
// the program can have meant.
type Violation uint8

const (
	// Launch suits a command that was not written for pledge: calls on
	// paths answer EACCES, all others end the process (SECCOMP_RET_TRAP:
	// a handler of SIGSYS may speak first).
	Launch Violation = iota
	// Abort ends the process for calls on paths too, as OpenBSD does.
	Abort
	// Errno ends it for none: calls on paths answer EACCES, others EPERM.
	Errno
	// Log answers as Errno, by way of a handler of SIGSYS that says so first:
	// the data of the trap has it. Without a handler it ends the process. Images
	// after one that the program is bound to have none, and get the errno alone.
	Log
)

// Network says what a program refuses of the network, whatever is promised,
// because a list of ports stands beside it that Landlock holds.
type Network uint8

const (
	// Listed refuses what passes the port rules of Landlock on some kernel:
	// MPTCP and its like, raw sockets, other families, MSG_FASTOPEN.
	Listed Network = 1 << iota
	// NoUDP refuses inet datagram sockets: no port of UDP is in the list.
	NoUDP
	// NoListen refuses listen(2), which takes a free port by itself: no port
	// is in the list to bind. It cannot tell UNIX sockets from others.
	NoListen
)

// Options are what a program depends on beside the promises.
type Options struct {
	Arch        Arch      // "" is the architecture that runs
	OnViolation Violation // the promise error makes violations ENOSYS, whatever this says
	Unpledged   bool      // ignore the promises; refuse only what is refused always
	NoLayer     bool      // no Landlock layer will hold paths: refuse opens by their kind, also of paths that promises imply
	Network     Network   // what is refused because ports are held by Landlock
	NoTruncate  bool      // refuse what Landlock below ABI 3 does not see: truncate(2), O_TRUNC of a reading open
	KeepHandler bool      // refuse to change what SIGSYS does, for a handler that has been installed before
	Pid         int       // the process id to be, for signals to itself; 0 allows none
	UID, GID    int       // the owner that fattr may give files
	Gate        uint64    // address behind the one execve instruction that is let through; 0 is none
	Image       *Image    // bind the program to an image; nil is to every one
	Behind      *Plan     // a program that is on already: what it answers alike is left to it

	// outside makes the answers for the images that come after a bound one,
	// and anyPid makes every process theirs: they may be of a child.
	outside, anyPid bool
}

// A step of a leaf: answer ret when all conditions hold.
type step struct {
	when []cond
	ret  uint32
	why  string
}

// A leaf is what happens to a range of system call numbers. Its last step
// has no conditions.
type leaf struct {
	first uint32 // lowest number; the range ends where the next begins
	steps []step
	bound bool // the image decides over answers but allow: see image.go
}

// plain reports whether the leaf looks at no argument.
func (l *leaf) plain() bool { return len(l.steps[0].when) == 0 }

// A Plan is a compiled seccomp program.
type Plan struct {
	set     Set
	options Options
	answers *[len(numbers)]answers // nil behind another program
	leaves  []leaf
	program []unix.SockFilter
}

// Program returns the instructions, for SECCOMP_SET_MODE_FILTER. The caller
// must not change them.
func (p *Plan) Program() []unix.SockFilter { return p.program }

// Arch returns the architecture that the plan is for.
func (p *Plan) Arch() Arch { return p.options.Arch }

// Narrows reports whether the program does anything: where there is one that it
// is behind, whether it answers any call otherwise.
func (p *Plan) Narrows() bool {
	return len(p.leaves) > 1 || p.leaves[0].steps[0].ret != unix.SECCOMP_RET_ALLOW
}

// Compile makes the seccomp program of a set. It depends on its arguments
// alone and touches nothing.
//
// It fails with ENOSYS for an architecture that the table does not know, and
// with E2BIG when the program has more instructions than the kernel takes
// (4096), which no set of this table does.
func Compile(set Set, o Options) (*Plan, error) {
	if o.Arch == "" {
		o.Arch = Arch(runtime.GOARCH)
	}
	column, err := o.Arch.column()
	if err != nil {
		return nil, err
	}
	if set >= 1<<len(table) {
		return nil, fmt.Errorf("pledge: set %#x has bits that are no promise: %w", uint64(set), unix.EINVAL)
	}
	p := &Plan{set: set, options: o}
	if b := o.Behind; b == nil {
		p.answers = collect(set, o)
		p.leaves = leaves(p, column)
	} else if b.options.Arch == o.Arch && o.Image.alike(b.options.Image) && b.answers != nil {
		p.leaves = leavesBehind(p, column)
	} else {
		return nil, fmt.Errorf("pledge: no program can be behind one of another architecture, of another image, or behind another: %w", unix.EINVAL)
	}
	if o.Image == nil {
		p.program = assemble(p.leaves, o)
	} else {
		if err := o.Image.check(set, o); err != nil {
			return nil, err
		}
		p.program = assembleImage(p, column)
	}
	if len(p.program) > unix.BPF_MAXINSNS {
		return nil, fmt.Errorf("pledge: program of %d instructions: %w", len(p.program), unix.E2BIG)
	}
	return p, nil
}

// answers is what the tables say of one call: in this order, refused,
// allowed, denied.
type answers struct {
	known    bool
	refused  []*refusal
	outright bool
	allowed  []*rule
	denied   []*denial
	text     bool // argument 0 must not be in the image
	promise  int  // the first of the table that would grant the call in some form and is not held, from 1
}

// collect gathers what the tables say of every call.
func collect(set Set, o Options) *[len(numbers)]answers {
	var a [len(numbers)]answers
	for i := range a {
		// Written before it is read: a new page that is read first costs two
		// faults, the second with an interrupt to every other thread's
		// processor. That was a tenth of a launch.
		a[i].promise = 0
	}
	gatherAnswers(set, o, func(c call) *answers { return &a[c] })
	return &a
}

// gatherAnswers gathers what the tables say of the calls that at has a place
// for; it has nil for others.
func gatherAnswers(set Set, o Options, at func(call) *answers) {
	lists := [][]refusal{refusals}
	if !o.Unpledged || o.Network&Listed != 0 {
		lists = append(lists, fastopenRefusals)
	}
	if o.Unpledged {
		lists = append(lists, unpledgedRefusals)
	} else {
		lists = append(lists, pathRefusals)
	}
	if o.Network&Listed != 0 {
		lists = append(lists, listedRefusals)
	}
	if o.Network&NoUDP != 0 {
		lists = append(lists, udpRefusals)
	}
	if o.Network&NoListen != 0 {
		lists = append(lists, listenRefusals)
	}
	if o.NoTruncate {
		lists = append(lists, truncateRefusals)
	}
	if o.KeepHandler && !o.outside {
		lists = append(lists, handlerRefusals)
	}
	if o.Image != nil && !o.outside {
		lists = append(lists, imageRefusals)
		if c := at(sys_mremap); c != nil {
			c.text = true
		}
	}
	for _, list := range lists {
		for i := range list {
			for _, call := range list[i].calls {
				if c := at(call); c != nil {
					c.known, c.refused = true, append(c.refused, &list[i])
				}
			}
		}
	}
	if o.Unpledged {
		for i := range numbers {
			if c := at(call(i)); c != nil {
				c.known, c.outright = true, true
			}
		}
		return
	}
	lack := func(c *answers, held bool, promise int) {
		if !held && c.promise == 0 {
			c.promise = promise
		}
	}
	grant := func(r *row, held bool, promise int) {
		for _, call := range r.calls {
			if c := at(call); c != nil {
				c.known, c.outright = true, c.outright || held
				lack(c, held, promise)
			}
		}
		for rule := range r.every() {
			c := at(rule.call)
			if c == nil {
				continue
			}
			if held && set.Has(words(rule.with)) && !(o.NoLayer && rule.layer) {
				c.allowed = append(c.allowed, rule)
			}
			c.known = true
			lack(c, held, promise)
		}
	}
	grant(&floor, true, 0)
	if o.outside {
		grant(&loader, true, 0)
	}
	for i := range table {
		grant(&table[i], set.Has(1<<i), i+1)
	}
	for i := range denials {
		if set.Has(words(denials[i].held)) {
			for _, call := range denials[i].calls {
				if c := at(call); c != nil {
					c.known, c.denied = true, append(c.denied, &denials[i])
				}
			}
		}
	}
	for _, call := range never {
		if c := at(call); c != nil {
			c.known = true
		}
	}
}

// words returns the set of promises spelled in the tables themselves, where
// a test holds every word to be one.
func words(s string) Set {
	set, _ := Parse(s)
	return set
}

// unknownCall answers numbers that the table does not know: programs that
// try a new call fall back to the old one.
var unknownCall = step{ret: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS), why: "not known"}

var unknownSteps = []step{unknownCall}

// steps appends the answers to one call, as the steps of its leaf, to those
// of other leaves. A step before the last that answers as the last does is
// left out.
func (a *answers) steps(list []step, set Set, o Options) []step {
	first := len(list)
	list = a.appendSteps(list, set, o)
	for n := len(list); n > first+1 && list[n-2].ret == list[n-1].ret; n-- {
		list[n-2] = list[n-1]
		list = list[:n-1]
	}
	gather(list[first:])
	return list
}

// gather puts steps that answer the same and begin with the same condition
// side by side, where the program tests it once. The order of steps that
// follow each other with the same answer makes no difference.
func gather(list []step) {
	for i := range list {
		behind := i + 1 // where the next one of the same beginning goes
		for j := i + 1; j < len(list) && list[j].ret == list[i].ret && len(list[j].when) > 0; j++ {
			if !list[j].when[0].equal(&list[i].when[0]) {
				continue
			}
			s := list[j]
			copy(list[behind+1:j+1], list[behind:j])
			list[behind] = s
			behind++
		}
	}
}

// everyStep is every step of a leaf, also those that make no difference.
func (a *answers) everyStep(set Set, o Options) []step { return a.appendSteps(nil, set, o) }

func (a *answers) appendSteps(list []step, set Set, o Options) []step {
	if !a.known {
		return append(list, unknownCall)
	}
	add := func(when []cond, ret uint32, why string) (done bool) {
		list = append(list, step{when, ret, why})
		return len(when) == 0
	}
	for _, r := range a.refused {
		if add(r.when, errnoAction(r.errno), r.reason) {
			return list
		}
	}
	if a.outright {
		if a.text {
			add(nil, allowUnlessText, "code stays in the image")
		} else {
			add(nil, unix.SECCOMP_RET_ALLOW, "")
		}
		return list
	}
	for _, r := range a.allowed {
		if o.Gate == 0 && r.when != nil && r.when[0].op == opGate {
			continue
		}
		if add(r.when, unix.SECCOMP_RET_ALLOW, "") {
			return list
		}
	}
	for _, d := range a.denied {
		if add(d.when, d.action(set, o, a.promise), d.reason) {
			return list
		}
	}
	add(nil, violation(set, o, a.promise), "")
	return list
}

func errnoAction(e unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(e) }

// action is the answer of a denial under the options.
func (d *denial) action(set Set, o Options, promise int) uint32 {
	if lacking := words(d.mends) &^ set; lacking != 0 {
		promise = bits.TrailingZeros64(uint64(lacking)) + 1
	}
	switch d.class {
	case classErrno:
		return errnoAction(d.errno)
	case classPath:
		switch {
		case o.OnViolation == Log && o.tells(set):
			return tell(promise, unix.EACCES)
		case o.OnViolation != Abort:
			return errnoAction(unix.EACCES)
		}
	case classQuiet:
		if o.OnViolation == Log {
			o.OnViolation = Errno
		}
	}
	return violation(set, o, promise)
}

// promiseError is looked up once: nearly every call asks for it.
var promiseError = words("error")

// violation is the answer to a violation. The data of a trap is the place in
// the table of the promise that would have granted the call, from 1, or 0.
func violation(set Set, o Options, promise int) uint32 {
	switch {
	case set.Has(promiseError):
		return errnoAction(unix.ENOSYS)
	case o.OnViolation == Log && o.tells(set):
		return tell(promise, unix.EPERM)
	case o.OnViolation == Errno, o.OnViolation == Log:
		return errnoAction(unix.EPERM)
	}
	return unix.SECCOMP_RET_TRAP | uint32(promise)
}

// tells reports whether a handler hears of violations under Log.
func (o *Options) tells(set Set) bool { return !o.outside && !set.Has(promiseError) }

// toldErrno is the place of the errno in the data of a trap that does not end
// the process: its handler makes the call return that.
const toldErrno = 8

func tell(promise int, e unix.Errno) uint32 {
	return unix.SECCOMP_RET_TRAP | uint32(e)<<toldErrno | uint32(promise)
}
