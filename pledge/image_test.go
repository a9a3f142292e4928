package pledge

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// in reports whether an address is in the image, by looking at each range.
func (i *Image) in(arch Arch, at uint64) bool {
	return slices.ContainsFunc(append(fixedRanges(arch), i.Ranges...), func(r Range) bool { return r.First <= at && at <= r.Last })
}

// interpretImage answers a call from the tables, as interpret does, for a
// program that is bound to an image. next are the options of the images after it.
func interpretImage(inside, outside *answers, set Set, o, next Options, d data) uint32 {
	ret := interpret(inside, set, o, d)
	switch {
	case ret == allowUnlessText && o.Image.in(o.Arch, d.args[0]):
		return errnoAction(unix.EACCES)
	case ret == allowUnlessText:
		return unix.SECCOMP_RET_ALLOW
	case o.Image.in(o.Arch, d.ip):
		return ret
	case o.Image.NextBound && !movesText(inside.steps(nil, set, o)):
		return interpret(outside, o.Image.Next, next, d)
	}
	return unix.SECCOMP_RET_ALLOW
}

// everydayImage is what a small program looks like: text of the program, of a
// library that crosses 4 GiB, of two that touch, and the vdso.
var everydayImage = []Range{
	{0x55d0c4a21000, 0x55d0c4a29000},
	{0x7f11fff3a000, 0x7f120009f000},
	{0x7f1200121000, 0x7f1200133000}, {0x7f1200133000, 0x7f1200140000},
	{0x7ffd56d1a000, 0x7ffd56d1c000},
}

// randomRanges are up to n ranges, many of them near each other, or at the
// edges of 4 GiB.
func randomRanges(random *rand.Rand, n int) []Range {
	list := make([]Range, 1+random.IntN(n))
	at := random.Uint64() >> (random.Uint32() % 40)
	for i := range list {
		switch random.IntN(8) {
		case 0:
			at = random.Uint64() >> (random.Uint32() % 64)
		case 1:
			at = at &^ 0xffffffff
		case 2:
			at |= 0xffffffff
		}
		size := random.Uint64() >> (20 + random.Uint32()%44)
		if at+size < at {
			at = 0
		}
		list[i] = Range{at, at + size}
		at += size + random.Uint64()%3 + random.Uint64()>>(24+random.Uint32()%40)
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// edges are addresses where an answer may change.
func edges(random *rand.Rand, arch Arch, ranges []Range) uint64 {
	all := append(fixedRanges(arch), ranges...)
	r := all[random.IntN(len(all))]
	at := []uint64{r.First, r.Last, r.First&^0xffffffff | r.Last&0xffffffff, r.First ^ 1<<32, r.Last ^ 1<<32,
		r.First | 0xffffffff, r.Last &^ 0xffffffff, random.Uint64() >> (random.Uint32() % 64)}[random.IntN(8)]
	return at + uint64(random.IntN(5)) - 2
}

// TestImage holds programs that are bound to an image against the tables, with
// pointers and arguments at the edges of the ranges.
func TestImage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	usual := words("stdio rpath wpath cpath proc exec")
	for round := range 150 {
		set := usual
		image := &Image{Ranges: everydayImage}
		if round >= 10 {
			set = Set(random.Uint64()) & (1<<len(table) - 1) &^ words("prot_exec")
			image.Ranges = randomRanges(random, 1<<(random.Uint32()%6))
		}
		switch round % 3 {
		case 1:
			image.Foreign = true
		case 2:
			image.NextBound, image.NextNoLayer = true, round%2 == 0
			if image.Next = words("stdio rpath"); round >= 10 {
				image.Next = Set(random.Uint64()) & (1<<len(table) - 1)
			}
		}
		for _, arch := range []Arch{AMD64, ARM64} {
			imageIsTable(t, random, set, Options{Arch: arch, OnViolation: Violation(1 + round%3), NoLayer: round%4 == 0, NoTruncate: round%5 == 0, KeepHandler: round%3 == 0, Pid: 1234, UID: 1000, GID: 1000, Image: image}, 12)
		}
	}
}

// imageIsTable holds a program that is bound to an image against the tables:
// every call, so many times. Where the next image is free, one more holds the
// same together with the one that it is put on behind.
func imageIsTable(t *testing.T, random *rand.Rand, set Set, o Options, tries int) {
	t.Helper()
	p, err := Compile(set, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(p.program); err != nil {
		t.Fatal(err)
	}
	var first, later *Plan
	if !o.Image.NextBound {
		behind := o
		first = must(t, set|Set(random.Uint64())&(1<<len(table)-1)&^words("prot_exec"), o)
		behind.Behind = first
		later = must(t, set, behind)
	}
	column, _ := o.Arch.column()
	next := o
	next.outside, next.anyPid, next.NoLayer = true, set.Has(words("proc")), o.Image.NextNoLayer
	inside, outside := collect(set, o), collect(o.Image.Next, next)
	for c, n := range numbers {
		if n.nr[column] < 0 {
			continue
		}
		steps := inside[c].everyStep(set, o)
		for range tries {
			d := data{nr: uint32(n.nr[column]), arch: auditArch(o.Arch), ip: edges(random, o.Arch, o.Image.Ranges), args: someArgs(random, steps)}
			if call(c) == sys_mremap && random.IntN(4) > 0 {
				d.args[0], d.args[3] = edges(random, o.Arch, o.Image.Ranges), d.args[3]&^unix.MREMAP_FIXED
			}
			got, err := simulate(p.program, d)
			if err != nil {
				t.Fatal(err)
			}
			if want := interpretImage(&inside[c], &outside[c], set, o, next, d); got != want {
				t.Fatalf("%s: pledge %q, %+v: %s%#x from %#x: program says %s, table says %s", o.Arch, set, o.Image, n.name, d.args, d.ip, action(got), action(want))
			}
			if later == nil {
				continue
			}
			before, err1 := simulate(first.program, d)
			behind, err2 := simulate(later.program, d)
			if together, want := stricter(behind, before), stricter(got, before); err1 != nil || err2 != nil || together != want {
				t.Fatalf("%s: pledge %q behind %q, %+v: %s%#x from %#x: %s and %s behind it are not %s (%v, %v)", o.Arch, set, first.set, o.Image, n.name, d.args, d.ip,
					action(before), action(behind), action(want), err1, err2)
			}
		}
	}
}

// TestImageForeign holds what becomes of numbers of other architectures and of
// x32: the next image has them where it is free, the bound one never.
func TestImageForeign(t *testing.T) {
	const inside, outside, low = 0x7f1200121234, 0x7f5000000000, 0x8049000
	kill, none, allow := uint32(unix.SECCOMP_RET_KILL_PROCESS), unknownCall.ret, uint32(unix.SECCOMP_RET_ALLOW)
	for _, arch := range []Arch{AMD64, ARM64} {
		for _, c := range []struct {
			image      Image
			ip         uint64
			other, x32 uint32
		}{
			{Image{}, inside, kill, none},
			{Image{}, outside, kill, allow},
			{Image{}, low, kill, allow},
			{Image{Foreign: true}, inside, kill, none},
			{Image{Foreign: true}, outside, kill, allow}, // 64-bit code that makes a 32-bit call
			{Image{Foreign: true}, low, allow, allow},
			{Image{Foreign: true, Ranges: []Range{{0x8048000, 0x804a000}}}, low, kill, none},
			{Image{Foreign: true, NextBound: true}, inside, kill, none},
			{Image{Foreign: true, NextBound: true}, low, kill, none},
		} {
			if c.image.Ranges == nil {
				c.image.Ranges = everydayImage
			}
			p, err := Compile(words("stdio exec"), Options{Arch: arch, OnViolation: Abort, Image: &c.image})
			if err != nil {
				t.Fatal(err)
			}
			other := data{nr: 1, arch: map[Arch]uint32{AMD64: unix.AUDIT_ARCH_I386, ARM64: unix.AUDIT_ARCH_ARM}[arch], ip: c.ip}
			if got, err := simulate(p.program, other); err != nil || got != c.other {
				t.Errorf("%s: %+v: 32-bit call from %#x: %s, %v; want %s", arch, c.image, c.ip, action(got), err, action(c.other))
			}
			x32 := data{nr: 1 | x32Bit, arch: auditArch(arch), ip: c.ip}
			if got, err := simulate(p.program, x32); err != nil || got != c.x32 {
				t.Errorf("%s: %+v: x32 call from %#x: %s, %v; want %s", arch, c.image, c.ip, action(got), err, action(c.x32))
			}
		}
	}
}

func TestImageErrors(t *testing.T) {
	good := Image{Ranges: everydayImage}
	for name, c := range map[string]struct {
		set Set
		o   Options
	}{
		"prot_exec":    {words("stdio prot_exec"), Options{Image: &good}},
		"unpledged":    {1, Options{Image: &good, Unpledged: true}},
		"gate":         {1, Options{Image: &good, Gate: 1}},
		"network":      {1, Options{Image: &good, Network: Listed}},
		"no ranges":    {1, Options{Image: &Image{}}},
		"turned range": {1, Options{Image: &Image{Ranges: []Range{{2, 1}}}}},
		"next":         {1, Options{Image: &Image{Ranges: everydayImage, Next: 1 << 63}}},
	} {
		c.o.Arch = AMD64
		if p, err := Compile(c.set, c.o); p != nil || !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v, want EINVAL", name, err)
		}
		c.o = Options{Arch: AMD64, Image: &good}
	}
	if _, err := Compile(1, Options{Arch: AMD64, Image: &good}); err != nil {
		t.Error(err)
	}
}

// TestImageSize holds that hundreds of ranges still make a program that the
// kernel takes, and that few make a short one.
func TestImageSize(t *testing.T) {
	for _, c := range []struct{ ranges, most int }{{5, 130}, {40, 200}, {300, 730}, {512, 1200}} {
		var list []Range
		for i := range uint64(c.ranges) {
			list = append(list, Range{0x7f0000000000 + i<<20, 0x7f0000000000 + i<<20 + 0x30000})
		}
		set := words("stdio rpath proc exec")
		plain, err := Compile(set, Options{Arch: AMD64, OnViolation: Abort})
		if err != nil {
			t.Fatal(err)
		}
		bound, err := Compile(set, Options{Arch: AMD64, OnViolation: Abort, Image: &Image{Ranges: list}})
		if err != nil {
			t.Fatal(err)
		}
		next, err := Compile(set, Options{Arch: AMD64, OnViolation: Abort, Image: &Image{Ranges: list, NextBound: true, Next: words("stdio rpath")}})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d ranges: %d instructions, bound %d, with the next image bound %d", c.ranges, len(plain.program), len(bound.program), len(next.program))
		if more := len(bound.program) - len(plain.program); more > c.most {
			t.Errorf("%d ranges take %d instructions more", c.ranges, more)
		}
	}
}

// TestImageListing holds that the listing of a bound program says so.
func TestImageListing(t *testing.T) {
	for want, image := range map[string]*Image{
		"\nwhat is not allowed, where the call comes from the image; elsewhere: allow\n":      {Ranges: everydayImage},
		"\nall this where the call comes from the image; elsewhere: pledge \"stdio rpath\"\n": {Ranges: everydayImage, NextBound: true, Next: words("stdio rpath")},
	} {
		p, err := Compile(words("stdio exec"), Options{Arch: AMD64, Image: image})
		if err != nil {
			t.Fatal(err)
		}
		if s := p.String(); !strings.HasSuffix(s, want) ||
			!strings.Contains(s, "\nmremap:\n\terrno EACCES if arg3 has a bit of 0x2 (may carry code out of the image)\n"+
				"\terrno EACCES if arg0 is no address of a program (may carry code out of the image)\n"+
				"\tallow unless arg0 is in the image (code stays in the image)\n") {
			t.Errorf("%s\nlacks %q, or mremap", s, want)
		}
	}
}
