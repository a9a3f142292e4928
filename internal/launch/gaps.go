package launch

import (
	"slices"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/unveil"
)

// A gap is one of unveil's, or of seccomp, which that package does not know.
type gap struct {
	unveil.Gap
	without string // the mechanism that is missing as a whole, "" for less
}

// gaps lists what was asked for and this kernel cannot hold.
func (r *Request) gaps(k kernel.Kernel, plan *unveil.Plan) []gap {
	var list []gap
	for _, g := range plan.Gaps {
		if g.What == unveil.GapTruncate && k.Seccomp == nil {
			continue // the filter refuses it: pledge.Options.NoTruncate
		}
		without := ""
		if k.ABI == 0 {
			without = Landlock
		}
		if g.What == unveil.GapUnix && len(r.Unix) > 0 {
			g.Strict = true // of the promise alone it is a limit, of --unix what was asked for
		}
		list = append(list, gap{g, without})
	}
	if k.Seccomp != nil {
		list = append(list, gap{unveil.Gap{What: "system calls", Why: k.Seccomp.Error(), Strict: true}, Seccomp})
	}
	return list
}

// accept refuses the gaps that nobody has accepted. A mechanism that is
// missing as a whole has to be named.
func (r *Request) accept(list []gap) *Failure {
	for _, g := range list {
		switch {
		case !g.Strict:
		case g.without != "" && !slices.Contains(r.Without, g.without):
			return failedf("this kernel cannot hold %s", g).hinted("--best-effort --without %s runs the command without it", g.without)
		case !r.BestEffort:
			f := failedf("this kernel cannot hold %s", g)
			if g.What == unveil.GapUDP {
				f.hinted("--connect 'udp:*' lets UDP reach every port")
			}
			return f.hinted("--best-effort runs the command all the same")
		}
	}
	return nil
}
