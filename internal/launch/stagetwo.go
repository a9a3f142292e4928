package launch

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/internal/preload"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A stageTwo is what libunveil.so does in the command when its loader is done,
// before main. It only narrows what the launcher has put on; what is lost
// where it cannot be is said.
type stageTwo struct {
	plan    *preload.Plan // nil where there is none
	program *pledge.Plan  // what its program is of, for people
	lost    string        // what is looser without it, "" where there is a plan, or no need of one
}

// stageTwo decides what is left to do when the loader is done.
func (r *Request) stageTwo(b *box) (stageTwo, *Failure) {
	set, pledged := r.pledged()
	if !pledged || b.kernel.Seccomp != nil {
		return stageTwo{}, nil
	}
	var (
		// A supervisor is asked by the kernel, tells, and ends who has asked: for
		// that each refused call must get as far as the program that asks.
		traps = r.OnViolation != pledge.Errno && !set.Has(promises.error) && !r.Trace
		logs  = r.OnViolation == pledge.Log && traps
		exec  = set.Has(promises.exec)
		bound = r.Execpromises != nil || logs && exec
		why   = r.withoutPreload(b.image)
	)
	if why == "" && bound {
		why = unbindable(set)
	}
	if why != "" {
		if r.Execpromises != nil {
			return stageTwo{}, failedf("-P %q: the command and what it executes cannot be told apart: %s", *r.Execpromises, why).
				hinted("without -P what the command executes has its promises")
		}
		return stageTwo{lost: r.looser(b.image, traps, logs, why)}, nil
	}
	o := r.laterOptions(b.kernel, b.net, os.Getpid())
	o.KeepHandler = traps && (!exec || bound)
	s := stageTwo{plan: &preload.Plan{TakesSIGSYS: traps}}
	if traps && !set.Has(promises.proc) {
		s.plan.Forks = preload.ForksEnd
		if logs {
			s.plan.Forks = preload.ForksLog
		}
	}
	switch {
	case bound:
		s.plan.Bound = &preload.Bound{Set: set, Options: o}
		if r.Execpromises != nil {
			s.plan.Bound.Options.NoLayer = r.opensBelow(set)
			s.plan.Bound.Image = pledge.Image{
				NextBound:   true,
				Next:        *r.Execpromises | promises.protExec, // its loader maps code
				NextNoLayer: r.opensBelow(*r.Execpromises),
			}
		}
	case !exec:
		o.Behind = b.calls
		if r.Trace { // as a static command, which has the gate alone
			o.Gate = b.gate.Address()
		}
		program, err := pledge.Compile(set, o)
		if err != nil {
			return stageTwo{}, failed(err)
		}
		if program.Narrows() {
			s.program, s.plan.Program = program, program.Program()
		}
	}
	if !traps && s.plan.Bound == nil && s.program == nil {
		return stageTwo{}, nil
	}
	return s, nil
}

// opensBelow reports whether the layer of Landlock, which is for the command
// and for what it executes, opens more than a set promises: the filter then
// has to refuse opens by their kind.
func (r *Request) opensBelow(set pledge.Set) bool {
	granted, _ := r.granted()
	return (kindsOf(set)^kindsOf(granted))&(unveil.R|unveil.W) != 0
}

// withoutPreload says why the library cannot be preloaded, or "". The loader
// drops it in silence where the command has more rights than who starts it.
func (r *Request) withoutPreload(img *image.Image) string {
	if img.Kind != image.Dynamic {
		return "the command is " + img.Kind.String()
	}
	if !preload.Built() {
		return "libunveil.so is not built in, which make does"
	}
	var fs unix.Statfs_t
	if err := unix.Statfs("/proc/self/fd", &fs); err != nil || fs.Type != unix.PROC_SUPER_MAGIC {
		return "there is no /proc to find the library by"
	}
	uid := os.Getuid()
	if uid != os.Geteuid() || os.Getgid() != os.Getegid() {
		return "the real user or group is not the effective one, for which the loader preloads nothing"
	}
	if uid != 0 && hasFileCapabilities(img.File) {
		return fmt.Sprintf("%q has file capabilities, for which the loader preloads nothing", img.File)
	}
	return ""
}

func hasFileCapabilities(file string) bool {
	n, err := unix.Getxattr(file, "security.capability", nil)
	return err == nil && n > 0
}

// unbindable says why no program can be bound to the image of the command, or
// "". The rest is looked for when its code is mapped.
func unbindable(set pledge.Set) string {
	if set.Has(promises.protExec) {
		return "prot_exec is promised, with which code may be anywhere"
	}
	mode, err := os.ReadFile("/proc/sys/kernel/randomize_va_space")
	const ask, noRandomize = 0xffffffff, 0x0040000
	persona, _, errno := unix.Syscall(unix.SYS_PERSONALITY, ask, 0, 0)
	if err != nil || strings.HasPrefix(string(mode), "0") || errno != 0 || persona&noRandomize != 0 {
		return "addresses are not at random here"
	}
	return ""
}

// looser says what is not held, or not said, without stage two.
func (r *Request) looser(img *image.Image, traps, logs bool, why string) string {
	var list []string
	set, _ := r.pledged()
	if img.Kind == image.Dynamic && !set.Has(promises.exec) && !set.Has(promises.protExec) {
		list = append(list, "the command may map executable memory")
	}
	switch {
	case logs:
		list = append(list, "no line is printed for what is refused")
	case traps:
		list = append(list, "a violation ends the command by SIGSYS, without a line")
	}
	if list == nil {
		return ""
	}
	return why + ": " + strings.Join(list, ", and ")
}

// explain says what stage two does.
func (s *stageTwo) explain(w *strings.Builder) {
	line := func(format string, args ...any) { fmt.Fprintf(w, "when the loader is done: "+format+"\n", args...) }
	if s.plan == nil {
		return
	}
	if s.plan.TakesSIGSYS {
		line("a violation prints a line")
	}
	switch b := s.plan.Bound; {
	case b == nil:
	case b.Image.NextBound:
		line("pledge %q for the command alone, pledge %q for what it executes", b.Set, b.Image.Next)
	default:
		line("pledge %q for the command alone", b.Set)
	}
	if s.program != nil {
		line("another program beside the first:")
		w.WriteString(s.program.String())
	}
}

// checkExecpromises refuses execpromises that are nobody's.
func (r *Request) checkExecpromises() *Failure {
	set, pledged := r.pledged()
	switch {
	case r.Execpromises == nil:
	case !pledged || r.Pledge == nil:
		return failedf("-P %q: the command itself has no promises", *r.Execpromises).hinted("-p %q", "stdio rpath proc exec")
	case !set.Has(promises.exec):
		return failedf("-P %q: the command may not execute anything", *r.Execpromises).hinted("-p %q", (set | promises.exec).String())
	case r.Trace:
		return failedf("-P %q: --trace cannot tell what the command alone is refused", *r.Execpromises).
			hinted("-p %q", (set | *r.Execpromises).String())
	}
	return nil
}
