package pledge

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAnswers holds that the lists of masks allow what the program allows, and
// nothing else, for arguments made of what either looks at.
func TestAnswers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	inexact := map[string]bool{}
	for _, mode := range []Options{{}, {Unpledged: true}, {NoTruncate: true}, {Unpledged: true, Network: Listed | NoUDP | NoListen}, {Network: Listed}} {
		o := mode
		o.Arch, o.Pid, o.UID, o.GID = AMD64, 1234, 1000, 1000
		for _, set := range everydaySets(t) {
			p, err := Compile(set, o)
			if err != nil {
				t.Fatal(err)
			}
			list := p.Answers()
			if len(list) < 300 {
				t.Fatalf("%d calls", len(list))
			}
			numberOf := map[string]int{}
			for _, n := range numbers {
				numberOf[n.name] = n.nr[0]
			}
			tables := collect(set, o)
			steps := map[string][]step{}
			for c := range numbers {
				steps[numbers[c].name] = tables[c].everyStep(set, o)
			}
			for _, a := range list {
				values := []uint64{0, 1, 2, 0xffffffff, 1 << 32, ^uint64(0), 1234, 1000}
				for _, s := range steps[a.Call] {
					for _, c := range s.when {
						for _, v := range c.values {
							values = append(values, uint64(v), uint64(v)|1<<40, uint64(v)+1, uint64(v)|uint64(c.mask))
						}
						values = append(values, uint64(c.mask), uint64(c.mask&-c.mask), uint64(^c.mask))
					}
				}
				allowed, wanted := 0, 0
				for range 200 {
					d := data{nr: uint32(numberOf[a.Call]), arch: auditArch(AMD64)}
					for i := range d.args {
						d.args[i] = values[random.IntN(len(values))]
						if random.IntN(4) == 0 {
							d.args[i] ^= 1 << random.IntN(64)
						}
					}
					ret, err := simulate(p.program, d)
					if err != nil {
						t.Fatal(err)
					}
					want, got := ret == unix.SECCOMP_RET_ALLOW, a.allows(d.args)
					if got && !want {
						t.Fatalf("pledge %q %+v: %s%#x: allowed, the program says %s", set, mode, a.Call, d.args, action(ret))
					}
					if want {
						wanted++
					}
					if got {
						allowed++
					}
				}
				if allowed != wanted {
					inexact[a.Call] = true
				}
				for _, when := range a.When {
					seen := map[int]bool{}
					for _, m := range when {
						if seen[m.Arg] || m.Value&^m.Mask != 0 || m.Mask == 0 {
							t.Fatalf("%s: %+v", a.Call, when)
						}
						seen[m.Arg] = true
					}
				}
				if len(a.When) > maxWhen {
					t.Errorf("%s: %d lists", a.Call, len(a.When))
				}
			}
		}
	}
	for call := range inexact {
		t.Errorf("%s: what the program allows is not allowed", call)
	}
}

func (a *CallAnswer) allows(args [6]uint64) bool {
	if a.Allow {
		return true
	}
	for _, when := range a.When {
		all := true
		for _, m := range when {
			all = all && args[m.Arg]&m.Mask == m.Value
		}
		if all {
			return true
		}
	}
	return false
}
