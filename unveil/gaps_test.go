package unveil_test

import (
	"strings"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/unveil"
)

// askedForAll is a plan of everything that can be asked for.
func askedForAll(t *testing.T, dir string, k kernel.Kernel) *unveil.Plan {
	t.Helper()
	r, err := ruleSet(dir + ":rwxc")
	if err != nil {
		t.Fatal(err)
	}
	r.Port(ll.AccessNetConnectTCP, 443)
	r.Port(ll.AccessNetConnectSendUDP, 53)
	r.HandleNet(ll.AccessNetBindTCP | ll.AccessNetBindUDP)
	r.Scope(ll.ScopeSignal | ll.ScopeAbstractUnixSocket)
	p, err := r.Compile(unveil.Options{Kernel: k, Kinds: unveil.All, ResolveUnix: true, Log: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// TestGaps: what each ABI cannot hold, with "!" where going on is somebody's
// decision. Each gap is there up to the ABI before the one that closes it.
func TestGaps(t *testing.T) {
	dir := newTree(t)
	gaps := []struct {
		what, hint string
		closed     int // the ABI
	}{
		{"c across directories!", "needs Linux 5.19", 2},
		{"truncation", "needs Linux 6.2", 3},
		{"ioctl on devices", "needs Linux 6.10", 5},
		{"UNIX sockets by path", "needs Linux 7.1", 9},
		{"TCP ports!", "needs Linux 6.7", 4},
		{"UDP ports!", "needs Linux 7.2", 10},
		{"the audit log!", "needs Linux 6.15", 7},
		{"scopes", "needs Linux 6.12", 6},
	}
	for n := 1; n <= kernel.Newest+1; n++ {
		var want []string
		for _, g := range gaps {
			if n < g.closed {
				want = append(want, g.what+" "+g.hint)
			}
		}
		p := askedForAll(t, dir, kernel.Landlock(n))
		if got := gapWords(p); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("ABI %d:\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		row := kernel.Lookup(n)
		head := "files: " + unveil.Access(row.FS).String() + "\n"
		if !strings.HasPrefix(p.String(), head) {
			t.Errorf("ABI %d handles other rights than the kernel has:\n%s", n, p)
		}
		if got, want := p.Access(dir), (unveil.All.Access()|unveil.ResolveUnix)&unveil.Access(row.FS)&^unveil.Refer; got != want {
			t.Errorf("ABI %d: %s, want %s", n, got, want)
		}
	}
}

func gapWords(p *unveil.Plan) []string {
	var words []string
	for _, g := range p.Gaps {
		s := g.What
		if g.Strict {
			s += "!"
		}
		if g.Hint != "" {
			s += " " + g.Hint
		}
		words = append(words, s)
	}
	return words
}

// TestNothingAskedNoGap: an old kernel is no gap for who asks for nothing
// that it lacks. Truncation and ioctl are asked for by every plan: it
// refuses them wherever it does not grant them.
func TestNothingAskedNoGap(t *testing.T) {
	dir := newTree(t)
	for n := 1; n <= kernel.Newest; n++ {
		o := in(dir)
		o.Kernel = kernel.Landlock(n)
		p := compile(t, o, ".:rwx")
		for _, g := range p.Gaps {
			if g.Strict {
				t.Errorf("ABI %d: %s", n, g)
			}
		}
	}
}

// TestNoLandlock: one gap, for everything; the version is a hint only where a
// newer kernel is what is missing.
func TestNoLandlock(t *testing.T) {
	dir := newTree(t, "f")
	for _, c := range []struct {
		k    kernel.Kernel
		hint string
		why  string
	}{
		{kernel.Landlock(0), "needs Linux 5.13", "not built into"},
		{kernel.Landlock(-1), "", "not enabled at boot"},
		{kernel.Kernel{}, "needs Linux 5.13", "has no Landlock"},
	} {
		p := askedForAll(t, dir, c.k)
		if len(p.Gaps) != 1 || !p.Gaps[0].Strict || p.Gaps[0].Hint != c.hint || !strings.Contains(p.Gaps[0].Why, c.why) {
			t.Errorf("%v: gaps %q", c.k, p.Gaps)
		}
		if a := p.Access(dir); a != 0 {
			t.Errorf("%v: %s", c.k, a)
		}
		if err := p.Apply(); err == nil {
			t.Fatalf("%v: applied", c.k)
		}
	}
}

// TestNoINET: without TCP/IP there are no ports to restrict, and no gap.
func TestNoINET(t *testing.T) {
	k := kernel.Landlock(kernel.Newest)
	k.NoINET = true
	if p := askedForAll(t, newTree(t), k); len(p.Gaps) != 0 || strings.Contains(p.String(), "port") || strings.Contains(p.String(), "network") {
		t.Errorf("gaps %v\n%s", p.Gaps, p)
	}
}
