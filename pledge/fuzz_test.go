package pledge

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// allPromises is the set of all promises.
var allPromises = Set(1<<len(table) - 1)

// FuzzUnion holds that promises only add: what either of two sets allows, the
// set of both allows too.
func FuzzUnion(f *testing.F) {
	f.Add(uint64(words("stdio rpath")), uint64(words("inet")), uint8(0), uint64(0))
	f.Add(uint64(words("stdio error")), uint64(words("proc exec")), uint8(0x61), uint64(1))
	f.Add(uint64(0), uint64(allPromises), uint8(2), uint64(2))
	for i := range table {
		f.Add(uint64(1<<i), uint64(words("stdio")), uint8(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, a, b uint64, mode uint8, seed uint64) {
		random := rand.New(rand.NewPCG(seed, a^b))
		sets := [3]Set{Set(a) & allPromises, Set(b) & allPromises, Set(a|b) & allPromises}
		for _, arch := range []Arch{AMD64, ARM64} {
			o := Options{Arch: arch, OnViolation: Violation(mode % 3), NoTruncate: mode&0x20 != 0, NoLayer: mode&0x40 != 0, KeepHandler: mode&0x80 != 0,
				Network: Network(seed % 8), Pid: 1234, UID: 1000, GID: 1000, Gate: 0x7f0000001000}
			var plans [3]*Plan
			for i, set := range sets {
				p, err := Compile(set, o)
				if err != nil {
					t.Fatal(err)
				}
				plans[i] = p
			}
			column, _ := arch.column()
			said := collect(sets[random.IntN(3)], o)
			for c, n := range numbers {
				if n.nr[column] < 0 {
					continue
				}
				d := data{nr: uint32(n.nr[column]), arch: auditArch(arch), args: someArgs(random, said[c].everyStep(0, o))}
				if random.IntN(2) == 0 {
					d.ip = o.Gate
				}
				var answers [3]uint32
				for i, p := range plans {
					got, err := simulate(p.program, d)
					if err != nil {
						t.Fatal(err)
					}
					answers[i] = got
				}
				const allow = unix.SECCOMP_RET_ALLOW
				if (answers[0] == allow || answers[1] == allow) && answers[2] != allow {
					t.Fatalf("%s: %s%#x: %s by %q, %s by %q, but %s by both", arch, n.name, d.args, action(answers[0]), sets[0], action(answers[1]), sets[1], action(answers[2]))
				}
			}
		}
	})
}

// imageOf makes an image of numbers of a fuzzer.
func imageOf(random *rand.Rand, mode uint8, next uint64) *Image {
	image := &Image{Ranges: everydayImage}
	if mode&1 != 0 {
		image.Ranges = risingRanges(randomRanges(random, 1<<(mode>>5)))
	}
	switch mode >> 1 & 3 {
	case 1:
		image.Foreign = true
	case 2:
		image.NextBound, image.Next = true, Set(next)&allPromises
	}
	return image
}

// FuzzImage holds programs that are bound to an image against the tables.
func FuzzImage(f *testing.F) {
	for i := range uint8(8) {
		f.Add(uint64(words("stdio rpath proc exec")), uint64(words("stdio")), i|i<<5, uint8(1), uint64(i))
	}
	f.Fuzz(func(t *testing.T, bits, next uint64, image, mode uint8, seed uint64) {
		random := rand.New(rand.NewPCG(seed, bits))
		for _, arch := range []Arch{AMD64, ARM64} {
			imageIsTable(t, random, Set(bits)&allPromises&^words("prot_exec"), Options{Arch: arch, OnViolation: Abort + Violation(mode&1), NoLayer: mode&2 != 0, NoTruncate: mode&4 != 0, KeepHandler: mode&8 != 0,
				Pid: 1234, UID: 1000, GID: 1000, Image: imageOf(random, image, next)}, 1)
		}
	})
}

// FuzzC holds that the C library makes the same program of the same set, byte
// by byte.
func FuzzC(f *testing.F) {
	cc := compiler(f)
	libraries := map[Arch]*cLibrary{AMD64: newCLibrary(f, cc, AMD64), ARM64: newCLibrary(f, cc, ARM64)}
	f.Add(uint64(0), uint64(0), uint8(0), uint8(0), uint32(0), uint32(0), uint64(0))
	for i := range uint8(8) {
		f.Add(uint64(words("stdio rpath proc exec")), uint64(words("stdio")), i|i<<5, i, uint32(1234), uint32(1000), uint64(i))
	}
	f.Fuzz(func(t *testing.T, bits, next uint64, image, mode uint8, pid, id uint32, seed uint64) {
		random := rand.New(rand.NewPCG(seed, bits))
		for arch, c := range libraries {
			o := Options{Arch: arch, OnViolation: Abort + Violation(mode&1), NoLayer: mode&2 != 0, NoTruncate: mode&4 != 0, KeepHandler: mode&8 != 0,
				Pid: int(pid), UID: int(id), GID: int(id + 1)}
			c.same(t, Set(bits)&allPromises, o)
			later := o
			later.Behind = must(t, (Set(bits)|Set(next))&allPromises, o)
			later.Pid, later.KeepHandler = int(pid)+int(image&1), image&2 != 0
			c.same(t, Set(bits)&allPromises, later)
			o.Image = imageOf(random, image, next)
			c.same(t, Set(bits)&allPromises&^words("prot_exec"), o)
			if o.Image != nil && !o.Image.NextBound {
				later = o
				later.Behind = must(t, (Set(bits)|Set(next))&allPromises&^words("prot_exec"), o)
				c.same(t, Set(bits)&allPromises&^words("prot_exec"), later)
			}
		}
	})
}

// FuzzCWords holds that the C library reads words as Parse does.
func FuzzCWords(f *testing.F) {
	c := newCLibrary(f, compiler(f), AMD64)
	for _, s := range []string{"", " ", "stdio rpath", "stdio  rpath ", " stdio", "stdio\trpath", "stdio\n", "rpaht", "stdio " + strings.Repeat("x", 1100)} {
		f.Add(s)
	}
	for _, r := range table {
		f.Add(r.name)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s, _, _ = strings.Cut(s, "\x00") // there is no more of it in C
		if len(s) > 4*maxWords {
			s = s[:4*maxWords] // of what the driver has room for
		}
		c.sameWords(t, s)
	})
}
