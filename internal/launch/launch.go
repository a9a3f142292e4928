package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/gate"
	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A box is all that was decided, ready to be applied.
type box struct {
	image   *image.Image
	kernel  kernel.Kernel
	paths   *unveil.Plan
	calls   *pledge.Plan
	gate    *gate.Gate
	second  stageTwo
	gaps    []gap
	notices []string
	env     environment
	set     []string // what was set in env beside what was asked for, for people
	keep    []int    // descriptors
	caps    capSet
	net     network
	dir     string         // the working directory
	entries []unveil.Entry // of paths, and of @tmp
	granted []granted      // by the other tokens
	tmp     string         // what @tmp is, or ""
	watch   string         // the flag that asks for a supervisor, for people
}

// Run confines the calling thread and executes the command; the goroutine
// must be locked to its thread, best the first of the process. It returns
// only a failure, or nil after it has explained the plan on out.
func (r *Request) Run(s Speech, out io.Writer) *Failure {
	r.takeDescriptors()
	b, fail := r.compile()
	if fail != nil {
		return fail
	}
	defer b.paths.Close()
	if r.Print != "" {
		return r.print(b, s, out)
	}
	if r.Explain {
		return r.explain(b, out)
	}
	if r.Learn != "" {
		return r.learn(b)
	}
	if fail := r.accept(b.gaps); fail != nil {
		return fail
	}
	if fail := r.startable(b); fail != nil {
		return fail
	}
	for _, n := range b.notices {
		s.notice(n)
	}
	for _, g := range b.gaps {
		if g.Strict {
			s.gap(g.String())
		}
	}
	if err := b.paths.Create(); err != nil {
		return explainPath(err)
	}
	program := b.program()
	var supervisor *gate.Supervisor
	if r.Trace {
		program, supervisor, fail = r.supervise(b)
		if fail != nil {
			return fail
		}
	}
	return b.enter(program, supervisor)
}

// program is what seccomp is given: nothing without seccomp, which is a gap.
func (b *box) program() []unix.SockFilter {
	if b.kernel.Seccomp != nil {
		return nil
	}
	return b.calls.Program()
}

// manyEntries is from where on the garbage collector is kept from running, by
// memory that is never touched: in what is left of a launch it costs a fifth, and
// frees next to nothing. For fewer entries it has no occasion to run.
const manyEntries = 1000

// manyDescriptors is from where on the table of descriptors has to grow.
const manyDescriptors = 200

// takeDescriptors parts the descriptors of this thread from those of the
// others, which use none: where a table that threads share has to grow, the
// kernel waits for all processors, 5 to 15 ms, half of what 1,000 entries take.
// Where unshare(2) is refused, it waits. With a supervisor the others do use
// descriptors; and /proc/self/fd has those of the first thread.
func (r *Request) takeDescriptors() {
	if len(r.Unveil) > manyDescriptors && !r.Trace && r.Learn == "" && unix.Gettid() == os.Getpid() {
		_ = unix.Unshare(unix.CLONE_FILES)
	}
}

// compile decides everything, and changes nothing.
func (r *Request) compile() (*box, *Failure) {
	if len(r.Unveil) > manyEntries {
		// debug.SetGCPercent would say it, but runtime/debug is initialised
		// after regexp, and this package after it.
		ballast := make([]byte, 64<<20)
		defer runtime.KeepAlive(ballast)
	}
	b := &box{env: r.environment(os.Environ()), caps: r.capabilities(), watch: r.watch()}
	var fail *Failure
	if b.keep, fail = r.inherited(b.env); fail != nil {
		return nil, fail
	}
	if len(r.Command) == 0 && r.Print == "" {
		return nil, failedf("no command").hinted("write it as in: unveil-run -u /usr:rx -p %q -- ls -l /usr", "stdio rpath")
	}
	if fail := r.checkNetwork(); fail != nil {
		return nil, fail
	}
	if fail := r.checkExecpromises(); fail != nil {
		return nil, fail
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, failedf("working directory: %w", err)
	}
	b.dir, b.image = dir, &image.Image{}
	if len(r.Command) > 0 {
		b.image, err = image.Resolve(r.Command[0], r.Command[1:], b.env.lookup, dir)
		if err != nil {
			return nil, explainImage(err)
		}
	}
	b.kernel = kernel.Probe()
	b.net = r.network(b.kernel)
	if b.net.vc {
		b.env = b.env.resolveByTCP()
		b.set = append(b.set, "RES_OPTIONS=use-vc, so that names are looked up by TCP")
	}
	if fail = b.expand(r.entries()); fail != nil {
		return nil, fail
	}
	if fail = b.useTmp(r); fail != nil {
		return nil, fail
	}
	if b.paths, fail = r.paths(b, dir); fail != nil {
		return nil, fail
	}
	if b.gate, err = gate.Open(); err != nil {
		b.paths.Close()
		return nil, failed(err)
	}
	if b.calls, fail = r.calls(b.image, b.kernel, b.net, b.gate.Address()); fail != nil {
		b.paths.Close()
		return nil, fail
	}
	if b.second, fail = r.stageTwo(b); fail != nil {
		b.paths.Close()
		return nil, fail
	}
	if !r.NoAuto && !r.ClearEnv && b.kernel.ABI > 0 && r.Learn == "" {
		b.set = append(b.set, b.substitutes()...)
	}
	b.gaps = r.gaps(b.kernel, b.paths)
	b.notices = slices.Concat(b.kernel.Notes, b.paths.Notices, r.notices(b, dir))
	return b, nil
}

// enter applies what was decided and executes the command. From the first
// line on, only a failure of the kernel leads back.
func (b *box) enter(program []unix.SockFilter, s *gate.Supervisor) *Failure {
	if fail := b.cleanUp(); fail != nil {
		return fail
	}
	if plan := b.second.plan; plan != nil {
		handover, err := plan.Open(os.Getpid())
		if errors.Is(err, unix.EMFILE) {
			return failed(err, "raise the limit of open files: ulimit -n")
		}
		if err != nil {
			return failed(err)
		}
		b.env = handover.Environment(b.env)
		b.keep = append(b.keep, handover.Descriptors()...)
	}
	if err := keepOnly(b.keep); err != nil {
		return failed(err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return failedf("no_new_privs: %w", err)
	}
	if err := dropReadImpliesExec(); err != nil {
		return failed(err)
	}
	if err := keepCapabilities(b.caps); err != nil {
		return failed(err)
	}
	if b.paths != nil && b.kernel.ABI > 0 {
		if err := b.paths.Apply(); err != nil {
			return failed(err)
		}
	}
	why := fmt.Sprintf("unveil-run: error: cannot execute %q", b.image.Path)
	err := b.gate.Exec(program, s, b.image.Path, b.image.Argv, b.env, why)
	if s != nil && errors.Is(err, unix.EBUSY) {
		return failedf("%s: another supervisor answers for this process already, and the kernel takes one", b.watch).
			hinted("run it outside of the other, or without %s", b.watch)
	}
	return failed(err)
}
