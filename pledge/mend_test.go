package pledge

import (
	"math/bits"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/bpf"
)

// TestAsking holds of every fact that a program that asks a supervisor lets
// nothing through that the program does not, asks about all that it refuses,
// and kills what it kills. So a supervisor that answers as the program does is
// no other box, and without one the box is narrower.
func TestAsking(t *testing.T) {
	arch := Arch(runtime.GOARCH)
	compiled := plans{}
	asked := 0
	for _, f := range readFacts(t) {
		if f.option == "image" || f.option == "next" {
			continue // no program of a launcher is bound to an image
		}
		d, ok := f.data(arch)
		if !ok {
			continue
		}
		plan := compiled.get(t, f.set, f.options(arch, Launch))
		asking, err := bpf.Ask(plan.Program())
		if err != nil {
			t.Fatal(err)
		}
		open, _ := Number("openat")
		joined := bpf.Then(asking, bpf.AskFor([]int{open}))
		want, err := simulate(plan.Program(), d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := simulate(joined, d)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case want == unix.SECCOMP_RET_KILL_PROCESS:
		case want != unix.SECCOMP_RET_ALLOW || int(d.nr) == open:
			want = unix.SECCOMP_RET_USER_NOTIF
			asked++
		}
		if got != want {
			t.Errorf("%v: %s, want %s", f, action(got), action(want))
		}
	}
	if asked == 0 {
		t.Error("no fact is asked about")
	}
}

// TestMend holds of every call that one promise more allows that one is
// found, that it allows the call, and that a set that allows it is left alone.
func TestMend(t *testing.T) {
	arch := Arch(runtime.GOARCH)
	tried := map[Set]bool{}
	for _, f := range readFacts(t) {
		d, ok := f.data(arch)
		if !ok || f.refusal == nil || f.expects.kind != "allow" || f.refusal.kind == "allow" || f.option != "" || words(unadvised).Has(f.first) {
			continue
		}
		if testing.Short() && tried[f.first] {
			continue
		}
		tried[f.first] = true
		o := f.options(arch, Launch)
		data := &bpf.Data{Nr: d.nr, Arch: d.arch, IP: d.ip, Args: d.args}
		if more, ok := Mend(f.set, o, data, 0); !ok || more != 0 {
			t.Errorf("%v: allowed, and %q is to be added (%v)", f, more, ok)
		}
		set := f.set &^ f.first
		more, ok := Mend(set, o, data, 0)
		if !ok || bits.OnesCount64(uint64(more)) != 1 {
			t.Errorf("%v: %q is to be added to %q (%v), want one promise", f, more, set, ok)
			continue
		}
		if p, err := Compile(set|more, o); err != nil {
			t.Error(err)
		} else if got, err := simulate(p.Program(), d); err != nil || got != unix.SECCOMP_RET_ALLOW {
			t.Errorf("%v: with %q it is %s, %v", f, more, action(got), err)
		}
		if preferred, _ := Mend(set, o, data, f.first); preferred != f.first {
			t.Errorf("%v: %q is preferred to %q", f, preferred, f.first)
		}
	}
	if len(tried) < 20 {
		t.Errorf("%d promises were tried", len(tried))
	}
	ptrace, _ := Number("ptrace")
	d := &bpf.Data{Nr: uint32(ptrace), Arch: auditArch(arch)}
	if more, ok := Mend(0, Options{}, d, 0); ok {
		t.Errorf("ptrace is allowed by %q", more)
	}
}

// TestReason holds that the reason of a refusal is that of the plan.
func TestReason(t *testing.T) {
	socket, _ := Number("socket")
	p, err := Compile(words("stdio"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := &bpf.Data{Nr: uint32(socket), Arch: auditArch(Arch(runtime.GOARCH)), Args: [6]uint64{unix.AF_UNIX, unix.SOCK_STREAM}}
	if got := p.Reason(d); got != "libc asks nscd" {
		t.Errorf("%q", got)
	}
	d.Args[0], d.Args[1] = unix.AF_NETLINK, unix.SOCK_RAW
	if got := p.Reason(d); got != "libc asks for the addresses of the machine" {
		t.Errorf("%q", got)
	}
}
