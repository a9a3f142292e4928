package pledge

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// stricter is which of two answers the kernel takes: of two that are alike the
// one of the program that was put on later.
func stricter(later, earlier uint32) uint32 {
	action := func(ret uint32) int32 { return int32(ret & unix.SECCOMP_RET_ACTION_FULL) }
	if action(earlier) < action(later) {
		return earlier
	}
	return later
}

// TestBehind holds that a program behind another answers, together with it, as
// the whole program would: for every fact, whatever is narrowed.
func TestBehind(t *testing.T) {
	const gate = 0x7f0000001234
	facts := readFacts(t)
	for _, arch := range []Arch{AMD64, ARM64} {
		tried, shortest := 0, 1<<20
		for _, step := range []struct {
			more Set // of the first program
			from func(*Options)
			to   func(*Options)
		}{
			{words("prot_exec"), func(o *Options) { o.Gate = gate }, func(o *Options) { o.KeepHandler = true }},
			{words("prot_exec inet"), func(o *Options) { o.OnViolation = Errno }, func(o *Options) { o.OnViolation = Log }},
			{0, func(*Options) {}, func(*Options) {}},
			{words("stdio"), func(*Options) {}, func(*Options) {}},
			{words("rpath cpath proc"), func(*Options) {}, func(*Options) {}},
			{words("wpath fattr unix exec id tmppath"), func(*Options) {}, func(*Options) {}},
			{0, func(o *Options) { o.Pid++ }, func(*Options) {}},
			{words("proc"), func(o *Options) { o.UID++ }, func(*Options) {}},
			{words("rpath"), func(o *Options) { o.GID++ }, func(*Options) {}},
			{0, func(o *Options) { o.Gate = gate }, func(o *Options) { o.Gate = gate + 16 }},
		} {
			compiled := map[Set][3]*Plan{}
			for _, f := range facts {
				o := f.options(arch, Launch)
				d, ok := f.data(arch)
				if !ok || f.option != "" || f.set.Has(words("error")) {
					continue
				}
				plans, ok := compiled[f.set]
				if !ok {
					first, second := o, o
					step.from(&first)
					step.to(&second)
					plans[0] = must(t, f.set|step.more, first)
					plans[1] = must(t, f.set, second)
					second.Behind = plans[0]
					plans[2] = must(t, f.set, second)
					compiled[f.set] = plans
					shortest = min(shortest, len(plans[2].program))
				}
				var ret [3]uint32
				for i := range plans {
					var err error
					if ret[i], err = simulate(plans[i].program, d); err != nil {
						t.Fatalf("%s: %v", f, err)
					}
				}
				if got, want := stricter(ret[2], ret[0]), stricter(ret[1], ret[0]); got != want {
					t.Errorf("%s: %s: %s and %s behind it are not %s", arch, f, action(ret[0]), action(ret[2]), action(want))
				}
				tried++
			}
		}
		// What does not narrow anything says nothing but which architecture it is of.
		if tried < 1500 || shortest > 12 {
			t.Errorf("%s: %d facts tried, the shortest program has %d instructions", arch, tried, shortest)
		}
	}
}

// TestBehindErrors holds what no program can be behind.
func TestBehindErrors(t *testing.T) {
	image := &Image{Ranges: everydayImage}
	for name, o := range map[string]Options{
		"another architecture":     {Arch: ARM64, Behind: must(t, 1, Options{Arch: AMD64})},
		"a program bound to image": {Arch: AMD64, Behind: must(t, 1, Options{Arch: AMD64, Image: image})},
		"behind another":           {Arch: AMD64, Behind: must(t, 1, Options{Arch: AMD64, Behind: must(t, 1, Options{Arch: AMD64})})},
		"bound itself":             {Arch: AMD64, Image: image, Behind: must(t, 1, Options{Arch: AMD64})},
	} {
		if _, err := Compile(1, o); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func must(t *testing.T, set Set, o Options) *Plan {
	t.Helper()
	p, err := Compile(set, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
