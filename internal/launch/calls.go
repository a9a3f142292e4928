package launch

import (
	"os"

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

// calls compiles the seccomp program. gate is the address of the one execve
// that is let through.
func (r *Request) calls(img *image.Image, k kernel.Kernel, net network, gate uint64) (*pledge.Plan, *Failure) {
	set, _ := r.pledged()
	plan, err := pledge.Compile(set|starting(img), r.callOptions(k, net, os.Getpid(), gate))
	if err != nil {
		return nil, failed(err)
	}
	return plan, nil
}

// callOptions are those of the program of a command by its process id.
func (r *Request) callOptions(k kernel.Kernel, net network, pid int, gate uint64) pledge.Options {
	_, pledged := r.pledged()
	return pledge.Options{
		OnViolation: r.OnViolation,
		Unpledged:   !pledged,
		Network:     net.refused(),
		NoTruncate:  k.ABI > 0 && !k.Truncate(),
		Pid:         pid,
		UID:         os.Geteuid(),
		GID:         os.Getegid(),
		Gate:        gate,
	}
}
