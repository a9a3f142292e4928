package launch

import (
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Request is what was asked for, every word of it checked.
type Request struct {
	policy.Policy
	Command []string // and its arguments

	PassFD []int // descriptors that the command inherits beside 0, 1 and 2
	NoAuto bool  // the command needs rules of its own

	AllowSignals, AllowAbstract bool // reach what is outside

	Create, Widen, ListHidden bool // unveil.Options

	OnViolation pledge.Violation
	BestEffort  bool
	Without     []string // mechanisms that may be missing: "landlock", "seccomp"
	Explain     bool
	Print       string // a format that the policy is printed in, "" for none

	Trace bool   // a supervisor tells what is refused
	Learn string // a supervisor writes this policy file, and nothing is refused; "" for none
	Audit bool   // refusals go to the kernel's audit log

	words *Words // as they were said, for the supervisor
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
	case r.Learn != "":
		return 0, false
	case r.Pledge != nil:
		return *r.Pledge, true
	case len(r.Unveil)+len(r.Rights) > 0:
		return 0, false
	}
	return promises.stdio, true
}

// granted is all that the kernel has to let through while the command and
// what it executes run: the promises and the execpromises.
func (r *Request) granted() (pledge.Set, bool) {
	set, pledged := r.pledged()
	if r.Execpromises != nil {
		set |= *r.Execpromises
	}
	return set, pledged
}

// entries returns what is unveiled. Where promises stand alone, they alone say
// what may be done to a path.
func (r *Request) entries() []policy.Entry {
	if len(r.Unveil)+len(r.Rights) == 0 && r.Pledge != nil {
		return []policy.Entry{{Entry: unveil.Entry{Path: "/", Letters: unveil.All}, From: "-p without -u"}}
	}
	return r.Unveil
}

// letters returns those of all entries together.
func (r *Request) letters() unveil.Letters {
	var letters unveil.Letters
	for _, e := range r.entries() {
		letters |= e.Letters
	}
	for _, right := range r.Rights {
		for _, l := range unveil.Describe() {
			if right.Access&l.Letters.Access()&^unveil.Refer != 0 {
				letters |= l.Letters
			}
		}
	}
	return letters
}

// promises are the ones that the launcher looks at by name.
var promises = struct {
	stdio, rpath, dpath, inet, dns, unix, proc, exec, protExec, error pledge.Set
}{
	stdio: promise("stdio"), rpath: promise("rpath"), dpath: promise("dpath"),
	inet: promise("inet"), dns: promise("dns"), unix: promise("unix"), proc: promise("proc"), exec: promise("exec"), protExec: promise("prot_exec"), error: promise("error"),
}

// promise returns the set of one promise; a test holds each to be one.
func promise(name string) pledge.Set {
	set, _ := pledge.Parse(name)
	return set
}
