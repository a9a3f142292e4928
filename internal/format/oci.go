package format

import (
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/pledge"
)

// ociProfile is linux.seccomp of the OCI runtime specification, as Docker,
// Podman and Kubernetes read it from a file.
type ociProfile struct {
	Default  string    `json:"defaultAction"`
	Errno    uint      `json:"defaultErrnoRet"`
	Arches   []string  `json:"architectures"`
	Syscalls []ociCall `json:"syscalls"`
}

type ociCall struct {
	Names  []string `json:"names"`
	Action string   `json:"action"`
	Errno  *uint    `json:"errnoRet,omitempty"`
	Args   []ociArg `json:"args,omitempty"`
}

// An ociArg compares by mask: Value is the mask, and Two what is left.
type ociArg struct {
	Index int    `json:"index"`
	Value uint64 `json:"value"`
	Two   uint64 `json:"valueTwo"`
	Op    string `json:"op"`
}

var ociArches = map[pledge.Arch]string{pledge.AMD64: "SCMP_ARCH_X86_64", pledge.ARM64: "SCMP_ARCH_AARCH64"}

// ociSeccomp writes the system calls. Each condition is a comparison by mask,
// and no rule has two on one argument: runtimes take those as alternatives.
func ociSeccomp(b *Box) (string, []string, error) {
	var l lost
	p := ociProfile{Default: "SCMP_ACT_ERRNO", Errno: uint(unix.EPERM), Arches: []string{ociArches[b.Arch]}}
	allow := ociCall{Action: "SCMP_ACT_ALLOW"}
	denied := map[unix.Errno]*ociCall{}
	var order []unix.Errno
	for _, a := range b.Calls {
		switch {
		case a.Allow:
			allow.Names = append(allow.Names, a.Call)
		case len(a.When) > 0:
			for _, when := range a.When {
				call := ociCall{Names: []string{a.Call}, Action: allow.Action}
				for _, m := range when {
					call.Args = append(call.Args, ociArg{m.Arg, m.Mask, m.Value, "SCMP_CMP_MASKED_EQ"})
				}
				p.Syscalls = append(p.Syscalls, call)
			}
		case a.Errno != unix.EPERM:
			if denied[a.Errno] == nil {
				errno := uint(a.Errno)
				denied[a.Errno] = &ociCall{Action: p.Default, Errno: &errno}
				order = append(order, a.Errno)
			}
			denied[a.Errno].Names = append(denied[a.Errno].Names, a.Call)
		}
	}
	p.Syscalls = append([]ociCall{allow}, p.Syscalls...)
	for _, errno := range order {
		p.Syscalls = append(p.Syscalls, *denied[errno])
	}
	l.add("oci-seccomp has no paths: not said are the entries of unveil")
	l.capabilities(b)
	l.scopes(b)
	l.network(b)
	l.rest(b)
	if b.Pledged {
		l.execpromises(b)
		l.add("a call that is not promised fails, and ends nothing; signals to itself are those of process 1")
		l.add("the runtime executes the command under the profile, so that the command may execute again; use it with no-new-privileges")
	}
	text, err := indented(p)
	return text, l, err
}
