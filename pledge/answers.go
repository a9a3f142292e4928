package pledge

import (
	"math"

	"golang.org/x/sys/unix"
)

// A Masked is true of an argument whose bits of Mask are those of Value.
type Masked struct {
	Arg         int // from 0
	Mask, Value uint64
}

// A CallAnswer is what a plan answers to one call, for filters that are not
// programs: any of When allows the call, if all of its conditions hold; what
// is left gets Errno, or is a violation where that is 0. No two conditions of one
// list are on the same argument.
type CallAnswer struct {
	Call  string
	Allow bool // whatever the arguments
	When  [][]Masked
	Errno unix.Errno
}

// maxWhen bounds the lists of one call; what would need more is not allowed.
const maxWhen = 1024

// Answers returns the answers to every call of the plan's architecture that
// the table knows, in the order of the numbers. Only a plan without an image
// has them. What is answered to a call that is allowed in part is the last of
// its answers.
func (p *Plan) Answers() []CallAnswer {
	if p.options.Image != nil {
		return nil
	}
	column, _ := p.options.Arch.column()
	all := collect(p.set, p.options)
	var at byNumber
	top := at.fill(column)
	var list []CallAnswer
	for n := 0; n <= top; n++ {
		if at[n] == 0 {
			continue
		}
		c := int(at[n]) - 1
		a := CallAnswer{Call: numbers[c].name}
		steps := all[c].everyStep(p.set, p.options)
		last := steps[len(steps)-1]
		a.Allow = len(steps) == 1 && last.ret == unix.SECCOMP_RET_ALLOW
		if last.ret&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO {
			a.Errno = unix.Errno(last.ret & unix.SECCOMP_RET_DATA)
		}
		if !a.Allow {
			for _, b := range boxes(steps, p.options) {
				a.When = append(a.When, b.masked())
			}
		}
		if last.ret == unix.SECCOMP_RET_ALLOW && !a.Allow {
			a.Errno = errnoOf(steps)
		}
		list = append(list, a)
	}
	return list
}

// errnoOf returns the errno of the first answer that is one.
func errnoOf(steps []step) unix.Errno {
	for _, s := range steps {
		if s.ret&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO {
			return unix.Errno(s.ret & unix.SECCOMP_RET_DATA)
		}
	}
	return unix.EPERM
}

// A cube is the values whose bits of mask are those of value.
type cube struct{ mask, value uint64 }

// A box is one cube an argument; no bits for any value.
type box [6]cube

func (b box) masked() (list []Masked) {
	for i, c := range b {
		if c.mask != 0 {
			list = append(list, Masked{i, c.mask, c.value})
		}
	}
	return list
}

// boxes returns the arguments that the steps allow: each step allows what its
// conditions hold for and no step before it has answered otherwise.
func boxes(steps []step, o Options) []box {
	var list []box
	open := []box{{}} // what no step before has refused
	for i := range steps {
		s := &steps[i]
		if s.ret == unix.SECCOMP_RET_ALLOW {
			for _, b := range open {
				list = append(list, narrowed(b, s.when, o)...)
			}
		} else {
			var rest []box
			for _, b := range open {
				// What one of its conditions does not hold for, taken apart so
				// that nothing is in two boxes.
				in := []box{b}
				for _, c := range s.when {
					for _, x := range in {
						rest = append(rest, cut(x, int(c.arg), cubes(c, true, o))...)
					}
					var next []box
					for _, x := range in {
						next = append(next, cut(x, int(c.arg), cubes(c, false, o))...)
					}
					in = next
				}
			}
			open = rest
		}
		if len(list) > maxWhen || len(open) > maxWhen {
			return nil
		}
	}
	return list
}

// narrowed returns the part of a box for which all conditions hold.
func narrowed(b box, when []cond, o Options) []box {
	list := []box{b}
	for _, c := range when {
		var next []box
		for _, x := range list {
			next = append(next, cut(x, int(c.arg), cubes(c, false, o))...)
		}
		list = next
	}
	return list
}

// cut returns the parts of a box whose argument is in one of the cubes.
func cut(b box, arg int, list []cube) (parts []box) {
	for _, c := range list {
		old := b[arg]
		if (old.value^c.value)&old.mask&c.mask != 0 {
			continue
		}
		part := b
		part[arg] = cube{old.mask | c.mask, old.value | c.value}
		parts = append(parts, part)
	}
	return parts
}

// cubes returns the values that a condition holds for, or does not hold for.
func cubes(c cond, not bool, o Options) []cube {
	switch c.op {
	case opIn:
		return among(math.MaxUint32, c.values, not)
	case opNotIn:
		return among(math.MaxUint32, c.values, !not)
	case opMasked:
		return among(c.mask, c.values, not)
	case opNotMasked:
		return among(c.mask, c.values, !not)
	case opLacks:
		return bitsOf(uint64(c.mask), not)
	case opHasAny:
		return bitsOf(uint64(c.mask), !not)
	case opNull:
		return bitsOf(math.MaxUint64, not)
	case opNotNull:
		return bitsOf(math.MaxUint64, !not)
	case opPid:
		return among(math.MaxUint32, []uint32{uint32(o.Pid)}, not)
	case opUID:
		return among(math.MaxUint32, []uint32{math.MaxUint32, uint32(o.UID)}, not)
	case opGID:
		return among(math.MaxUint32, []uint32{math.MaxUint32, uint32(o.GID)}, not)
	}
	return nil // the gate and images: no other filter has them
}

// bitsOf returns the values that have no bit of mask, or some.
func bitsOf(mask uint64, some bool) []cube {
	if !some {
		return []cube{{mask, 0}}
	}
	var list []cube
	seen := uint64(0)
	for i := range 64 {
		if bit := uint64(1) << i; mask&bit != 0 {
			seen |= bit
			list = append(list, cube{seen, bit})
		}
	}
	return list
}

// among returns the values that are, cut to mask, one of a list, or none.
func among(mask uint32, values []uint32, none bool) []cube {
	if !none {
		var list []cube
		for i, v := range values {
			dup := v&^mask != 0
			for _, w := range values[:i] {
				dup = dup || v == w
			}
			if !dup {
				list = append(list, cube{uint64(mask), uint64(v)})
			}
		}
		return list
	}
	// Bit by bit from the top: a prefix that no value has is a cube.
	var list []cube
	var split func(bit int, c cube, values []uint32)
	split = func(bit int, c cube, values []uint32) {
		if len(values) == 0 {
			list = append(list, c)
			return
		}
		for bit >= 0 && mask&(1<<bit) == 0 {
			bit--
		}
		if bit < 0 {
			return
		}
		b := uint64(1) << bit
		for _, want := range []uint64{0, b} {
			var rest []uint32
			for _, v := range values {
				if uint64(v)&b == want {
					rest = append(rest, v)
				}
			}
			split(bit-1, cube{c.mask | b, c.value | want}, rest)
		}
	}
	var known []uint32
	for _, v := range values {
		if v&^mask == 0 {
			known = append(known, v)
		}
	}
	split(31, cube{}, known)
	return list
}
