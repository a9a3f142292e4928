package pledge

import "golang.org/x/sys/unix"

// Offsets into struct seccomp_data (linux/seccomp.h); both architectures are
// little-endian.
const (
	dataNr   = 0
	dataArch = 4
	dataIP   = 8
	dataArgs = 16
)

// x32Bit marks the numbers of the x32 ABI in a 64-bit process.
const x32Bit = 0x40000000

// assembler writes a program from its end to its beginning, so that every
// jump knows its target. A place is an index from the end.
type assembler struct {
	back  []unix.SockFilter
	o     *Options
	near  map[uint32]int // the last place of each answer
	bound bool           // the image decides over the answers in near: see image.go

	pointer, address int // of a program that is bound to an image: see image.go
}

// put writes an instruction before all others and returns its place.
func (a *assembler) put(code uint16, jt, jf uint8, k uint32) int {
	a.back = append(a.back, unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k})
	return len(a.back) - 1
}

func (a *assembler) ret(k uint32) int { return a.put(unix.BPF_RET|unix.BPF_K, 0, 0, k) }
func (a *assembler) load(off uint32) int {
	return a.put(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0, 0, off)
}
func (a *assembler) next() int           { return len(a.back) - 1 }
func (a *assembler) distance(to int) int { return len(a.back) - 1 - to }
func (a *assembler) and(mask uint32) int {
	return a.put(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0, 0, mask)
}

// reach returns a place for to that a conditional jump can reach with one
// instruction between, by way of a long jump when it is too far.
func (a *assembler) reach(to int) int {
	if a.distance(to)+1 <= 255 {
		return to
	}
	return a.put(unix.BPF_JMP|unix.BPF_JA, 0, 0, uint32(a.distance(to)))
}

// jump compares the accumulator with k, and goes to one of two places.
func (a *assembler) jump(op uint16, k uint32, yes, no int) int {
	yes, no = a.reach(yes), a.reach(no)
	// The second long jump, if any, lies before the first.
	return a.put(unix.BPF_JMP|op|unix.BPF_K, uint8(a.distance(yes)), uint8(a.distance(no)), k)
}

// assemble makes the program: architecture and x32 first, then a binary tree
// over the numbers, arguments only in its leaves. No argument is loaded
// before the number is known, which lets the kernel note for each number
// that is always allowed that the program need not be run.
func assemble(leaves []leaf, o Options) []unix.SockFilter {
	return assembleBy(leaves, o, (*assembler).tree)
}

// assembleBy makes the program with the given way to find a leaf.
func assembleBy(leaves []leaf, o Options, find func(*assembler, []leaf) int) []unix.SockFilter {
	a := &assembler{back: make([]unix.SockFilter, 0, min(16*len(leaves), 1024)), o: &o, near: map[uint32]int{}}
	a.head(find(a, leaves), -1, false)
	return a.program()
}

// head writes what comes before the tree. foreign is the place where calls of
// other architectures go, or -1: the process dies. bound is about x32.
func (a *assembler) head(tree, foreign int, bound bool) {
	arch := uint32(unix.AUDIT_ARCH_AARCH64)
	if a.o.Arch == AMD64 {
		arch = unix.AUDIT_ARCH_X86_64
		x32 := a.answer(errnoAction(unix.ENOSYS), bound)
		a.jump(unix.BPF_JGE, x32Bit, x32, tree)
	}
	nr := a.load(dataNr)
	if foreign < 0 {
		foreign = a.ret(unix.SECCOMP_RET_KILL_PROCESS)
	}
	a.jump(unix.BPF_JEQ, arch, nr, foreign)
	a.load(dataArch)
}

// program returns what was written, from its beginning to its end.
func (a *assembler) program() []unix.SockFilter {
	for i, j := 0, len(a.back)-1; i < j; i, j = i+1, j-1 {
		a.back[i], a.back[j] = a.back[j], a.back[i]
	}
	return a.back
}

// tree writes the leaves below a binary tree over their runs and returns its
// root.
func (a *assembler) tree(leaves []leaf) int {
	runs := make([]int, 0, len(leaves)+1) // where each begins, and where the last ends
	for i := 0; i < len(leaves); i += run(leaves[i:]) {
		runs = append(runs, i)
	}
	return a.branch(leaves, append(runs, len(leaves)))
}

// exceptionsMax is how many single numbers a run goes around. More would be
// fewer instructions, but not quicker to attach: the kernel walks the program
// once for each number.
const exceptionsMax = 2

// run returns how many leaves from the first are one range of numbers with one
// plain answer, but for single numbers between: to compare these is one
// instruction each, where the tree would take two.
func run(leaves []leaf) int {
	n := 1
	for n <= 2*exceptionsMax-1 && len(leaves) > n+1 && leaves[0].plain() && leaves[n+1].plain() &&
		leaves[0].steps[0].ret == leaves[n+1].steps[0].ret && leaves[n].first+1 == leaves[n+1].first {
		n += 2
	}
	return n
}

func (a *assembler) branch(leaves []leaf, runs []int) int {
	if len(runs) == 2 {
		return a.run(leaves[runs[0]:runs[1]])
	}
	middle := (len(runs) - 1) / 2
	right := a.branch(leaves, runs[middle:])
	left := a.branch(leaves, runs[:middle+1])
	return a.jump(unix.BPF_JGE, leaves[runs[middle]].first, right, left)
}

// run writes one run.
func (a *assembler) run(leaves []leaf) int {
	if !leaves[0].plain() {
		return a.leaf(&leaves[0])
	}
	rest := a.share(leaves[0].steps[0].ret, leaves[0].bound)
	for i := len(leaves) - 2; i > 0; i -= 2 {
		rest = a.jump(unix.BPF_JEQ, leaves[i].first, a.run(leaves[i:i+1]), rest)
	}
	return rest
}

// share returns the place of an answer that is near, or writes one. The kernel
// compiles a program at each attach, so that its length is what pledge costs.
func (a *assembler) share(ret uint32, bound bool) int {
	if bound != a.bound || ret == allowUnlessText {
		return a.answer(ret, bound)
	}
	if place, ok := a.near[ret]; ok && a.distance(place) < 128 {
		return place
	}
	a.near[ret] = a.answer(ret, bound)
	return a.near[ret]
}

// leaf writes the steps of a leaf and returns the place of the first. Steps
// that begin with the same conditions test these once: where one of them fails
// for a step it fails for the next, and where all hold, the next is entered
// behind them.
func (a *assembler) leaf(l *leaf) int {
	var enter int          // of the step after
	var fail [condsMax]int // where its conditions go when they do not hold
	behind := 0            // how many of them are also those of this step
	for i := len(l.steps) - 1; i >= 0; i-- {
		when := l.steps[i].when
		before := l.before(i)
		for j := behind; j < len(when); j++ {
			fail[j] = enter
		}
		enter = a.share(l.steps[i].ret, l.bound)
		for j := len(when) - 1; j >= before; j-- {
			enter = a.test(&when[j], enter, fail[j], l.holds(i, j))
		}
		behind = before
	}
	return enter
}

// before returns how many conditions the step at i begins with as the one
// before it does.
func (l *leaf) before(i int) int {
	if i == 0 {
		return 0
	}
	a, b, n := l.steps[i-1].when, l.steps[i].when, 0
	for n < len(a) && n < len(b) && a[n].equal(&b[n]) {
		n++
	}
	return n
}

// holds reports whether the accumulator has the argument of the condition at j
// of the step at i, whichever way it was come to.
func (l *leaf) holds(i, j int) bool {
	arg, before := l.steps[i].when[j].arg, l.before(i)
	var last []cond
	switch {
	case j > before:
		last = l.steps[i].when[:j]
	case i > 0 && len(l.steps[i-1].when) == before+1 && l.before(i-1) <= before:
		last = l.steps[i-1].when // whose last condition alone leads here
	default:
		return false
	}
	c := &last[len(last)-1]
	return c.arg == arg && c.op.keeps()
}

// condsMax is the most conditions of a step; a test holds the tables to it.
const condsMax = 4

// test writes a condition, which goes to yes when it holds, else to no. held
// says that the accumulator has its argument.
func (a *assembler) test(c *cond, yes, no int, held bool) int {
	low := dataArgs + 8*uint32(c.arg)
	one := func(values ...uint32) {
		for i := len(values) - 1; i >= 0; i-- {
			last := values[i]
			for i > 0 && values[i] != 0 && values[i-1] == values[i]-1 && last != ^uint32(0) {
				i--
			}
			switch first := values[i]; {
			case first == last:
				no = a.jump(unix.BPF_JEQ, first, yes, no)
			case first == 0:
				no = a.jump(unix.BPF_JGE, last+1, no, yes)
			default:
				no = a.jump(unix.BPF_JGE, first, a.jump(unix.BPF_JGE, last+1, no, yes), no)
			}
		}
	}
	wide := func(off, lo, hi uint32) int {
		a.jump(unix.BPF_JEQ, hi, yes, no)
		a.load(off + 4)
		a.jump(unix.BPF_JEQ, lo, a.next(), no)
		return a.load(off)
	}
	switch c.op {
	case opNull:
		return wide(low, 0, 0)
	case opNotNull:
		yes, no = no, yes
		return wide(low, 0, 0)
	case opTagged:
		a.jump(unix.BPF_JSET, tagMask(a.o.Arch), yes, no)
		return a.load(low + 4)
	case opGate:
		return wide(dataIP, uint32(a.o.Gate), uint32(a.o.Gate>>32))
	case opIn:
		one(c.values...)
	case opNotIn:
		yes, no = no, yes
		one(c.values...)
	case opLacks:
		a.jump(unix.BPF_JSET, c.mask, no, yes)
	case opHasAny:
		a.jump(unix.BPF_JSET, c.mask, yes, no)
	case opMasked:
		one(c.values...)
		a.and(c.mask)
	case opNotMasked:
		yes, no = no, yes
		one(c.values...)
		a.and(c.mask)
	case opPid:
		if a.o.anyPid { // but no group of processes
			a.jump(unix.BPF_JSET, 1<<31, no, yes)
		} else {
			one(uint32(a.o.Pid))
		}
	case opUID:
		one(^uint32(0), uint32(a.o.UID))
	case opGID:
		one(^uint32(0), uint32(a.o.GID))
	}
	if held {
		return a.next()
	}
	return a.load(low)
}

// keeps reports whether a test leaves the argument in the accumulator.
func (o op) keeps() bool {
	switch o {
	case opIn, opNotIn, opLacks, opHasAny, opPid, opUID, opGID:
		return true
	}
	return false
}
