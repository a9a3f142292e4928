package pledge

import (
	"math/bits"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/bpf"
)

// unadvised are promises that let calls through and that nobody is to be told
// to add for them: OpenBSD has dropped tmppath, unveil is for who calls the
// library, and error changes the answer only.
const unadvised = "tmppath unveil error"

// most is how many promises one call can need: an open for reading and
// writing that creates needs three.
const most = 3

// Mend returns the fewest promises that have to join a set for a call to be
// allowed, first those of prefer and then in the order of the table; 0 when
// it is allowed as it is. It reports false where no promise allows it.
//
// It tries what [Compile] makes of the sets, and touches nothing.
func Mend(set Set, o Options, d *bpf.Data, prefer Set) (Set, bool) {
	try := func(more Set) bool {
		p, err := Compile(set|more, o)
		if err != nil {
			return false
		}
		ret, err := bpf.Run(p.Program(), d)
		return err == nil && ret == unix.SECCOMP_RET_ALLOW
	}
	if try(0) {
		return 0, true
	}
	candidates := concerned(int(d.Nr)) &^ set &^ words(unadvised)
	var list []Set
	for _, part := range []Set{candidates & prefer, candidates &^ prefer} {
		for part != 0 {
			one := Set(1) << bits.TrailingZeros64(uint64(part))
			list = append(list, one)
			part &^= one
		}
	}
	for n := 1; n <= most; n++ {
		if found := choose(list, n, 0, try); found != 0 {
			return found, true
		}
	}
	return 0, false
}

// choose tries every n sets of list together with more.
func choose(list []Set, n int, more Set, try func(Set) bool) Set {
	for i := range list {
		with := more | list[i]
		if n > 1 {
			if found := choose(list[i+1:], n-1, with, try); found != 0 {
				return found
			}
		} else if try(with) {
			return with
		}
	}
	return 0
}

// concerned are the promises that say something of a call, by its number on
// the architecture that runs.
func concerned(number int) (set Set) {
	name := Name(number)
	for i := range table {
		for _, c := range table[i].calls {
			if numbers[c].name == name {
				set |= 1 << i
			}
		}
		for r := range table[i].every() {
			if numbers[r.call].name == name {
				set |= 1<<i | words(r.with)
			}
		}
	}
	return set
}

// Reason says why a call is refused that a plan does not allow: "libc asks
// nscd"; "" where the table gives no reason. The words are those of the plan
// as it is printed.
func (p *Plan) Reason(d *bpf.Data) string {
	column, err := p.options.Arch.column()
	if err != nil {
		return ""
	}
	a := collect(p.set, p.options)
	for c := range numbers {
		if numbers[c].nr[column] != int(d.Nr) {
			continue
		}
		for _, s := range a[c].everyStep(p.set, p.options) {
			if fits(s.when, p.options, d) {
				return s.why
			}
		}
	}
	return ""
}

// fits reports whether all conditions hold.
func fits(when []cond, o Options, d *bpf.Data) bool {
	if len(when) == 0 {
		return true
	}
	a := &assembler{o: &o, near: map[uint32]int{}}
	a.leaf(&leaf{steps: []step{{when: when, ret: 1}, {ret: 0}}})
	ret, err := bpf.Run(a.program(), d)
	return err == nil && ret == 1
}
