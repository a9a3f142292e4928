package launch

import (
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/pledge"
)

// A Request is what was asked for, every word of it checked.
type Request struct {
	policy.Policy
	Command []string // and its arguments

	ClearEnv bool
	PassFD   []int // descriptors that the command inherits beside 0, 1 and 2
	NoAuto   bool  // the command needs rules of its own

	Create, Widen, ListHidden bool // unveil.Options

	OnViolation pledge.Violation
	BestEffort  bool
	Without     []string // mechanisms that may be missing: "landlock", "seccomp"
	Explain     bool
}

// Mechanisms that a gap may name, see Request.Without.
const (
	Landlock = "landlock"
	Seccomp  = "seccomp"
)

// pledged returns the promises, and whether there are any: with paths alone
// every call is left but those that are refused always. Nothing asked for at
// all is stdio, and no path.
func (r *Request) pledged() (pledge.Set, bool) {
	switch {
	case r.Pledge != nil:
		return *r.Pledge, true
	case len(r.Unveil) > 0:
		return 0, false
	}
	return promises.stdio, true
}

// promises are the ones that the launcher looks at by name.
var promises = struct {
	stdio, rpath, wpath, cpath, dpath, unix, exec, protExec pledge.Set
}{
	stdio: promise("stdio"), rpath: promise("rpath"), wpath: promise("wpath"), cpath: promise("cpath"),
	dpath: promise("dpath"), unix: promise("unix"), exec: promise("exec"), protExec: promise("prot_exec"),
}

// promise returns the set of one promise; a test holds each to be one.
func promise(name string) pledge.Set {
	set, _ := pledge.Parse(name)
	return set
}
