package unveil_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/unveil"
)

// TestWhole: promises alone need no entry, and handle only what they lack.
func TestWhole(t *testing.T) {
	var rules unveil.Rules
	if err := rules.Unveil("/", "rwxc"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kinds unveil.Letters
		fifo  bool
		has   unveil.Access
		lacks unveil.Access
	}{
		{unveil.R, false, unveil.ReadFile | unveil.ReadDir, unveil.Execute | unveil.WriteFile | unveil.MakeReg | unveil.MakeFifo},
		{unveil.W | unveil.C, true, unveil.WriteFile | unveil.MakeReg | unveil.MakeFifo, unveil.ReadFile | unveil.Execute},
		{unveil.All, true, unveil.ReadFile | unveil.MakeReg, unveil.MakeSock | unveil.MakeChar},
	} {
		p, err := rules.Compile(unveil.Options{Kernel: kernel.Landlock(7), Kinds: c.kinds, Fifo: c.fifo, Whole: true})
		if err != nil {
			t.Fatal(err)
		}
		got := p.Access("/")
		if got&c.has != c.has || got&c.lacks != 0 {
			t.Errorf("%s: %s", c.kinds, got)
		}
		p.Close()
	}
}

// TestWholeHolds enters such a plan.
func TestWholeHolds(t *testing.T) { everyABI(t, "whole") }

func init() {
	scenes["whole"] = func(s *scene) {
		s.grow("d/f", "e/f", "g/")
		o := s.here()
		o.Kinds, o.Whole = unveil.W|unveil.C, true
		var rules unveil.Rules
		rules.Imply(s.dir+"/e", unveil.ReadFile, "a promise")
		p, err := rules.Compile(o)
		s.must(err)
		s.want("control", 0, opening("/d/f", unix.O_RDONLY)(s.dir))
		s.confined(p, func(func(func())) {
			s.want("reading", unix.EACCES, opening("/d/f", unix.O_RDONLY)(s.dir))
			s.want("reading what is implied", 0, opening("/e/f", unix.O_RDONLY)(s.dir))
			s.want("writing", 0, opening("/d/f", unix.O_WRONLY)(s.dir))
			if s.kernel.Refer() {
				s.want("moving", 0, unix.Rename(s.dir+"/d/f", s.dir+"/g/moved"))
			}
			s.want("creating", 0, opening("/d/new", unix.O_CREAT|unix.O_WRONLY)(s.dir))
		})
	}
}
