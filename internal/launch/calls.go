package launch

import (
	"os"
	"runtime"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/pledge"
)

// starting returns what the first filter grants beyond the promises, so that
// the command can start: ld.so maps libraries with PROT_EXEC.
func starting(img *image.Image) pledge.Set {
	if img.Kind == image.Dynamic {
		return promises.protExec
	}
	return 0
}

// calls compiles the seccomp program that is put on before exec: what is
// promised to anyone, and what it takes to start. gate is the address of the
// one execve that is let through.
func (r *Request) calls(img *image.Image, k kernel.Kernel, net network, gate uint64) (*pledge.Plan, *Failure) {
	set, _ := r.granted()
	more := starting(img)
	if r.Execpromises != nil {
		more = promises.protExec // for the loaders of what is executed
	}
	plan, err := pledge.Compile(set|more, r.callOptions(k, net, os.Getpid(), gate))
	if err != nil {
		return nil, failed(err)
	}
	return plan, nil
}

// callOptions are those of the program that is put on before exec, for a
// command by its process id.
func (r *Request) callOptions(k kernel.Kernel, net network, pid int, gate uint64) pledge.Options {
	_, pledged := r.granted()
	o := r.laterOptions(k, net, pid)
	o.Unpledged, o.Gate = !pledged, gate
	if o.OnViolation == pledge.Log {
		o.OnViolation = pledge.Errno // nobody is there yet who could speak
	}
	return o
}

// laterOptions are those of the programs of stage two.
func (r *Request) laterOptions(k kernel.Kernel, net network, pid int) pledge.Options {
	return pledge.Options{
		Arch:        pledge.Arch(runtime.GOARCH),
		OnViolation: r.OnViolation,
		Network:     net.refused(),
		NoTruncate:  k.ABI > 0 && !k.Truncate(),
		Pid:         pid,
		UID:         os.Geteuid(),
		GID:         os.Getegid(),
	}
}
