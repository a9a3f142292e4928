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
	plain map[uint32]int // the last place of each answer of a plain leaf

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

// near returns a place for to that a conditional jump can reach from the
// instruction that follows, by way of a long jump when it is too far. room
// is how many more instructions may come between.
func (a *assembler) near(to, room int) int {
	if a.distance(to)+room <= 255 {
		return to
	}
	return a.put(unix.BPF_JMP|unix.BPF_JA, 0, 0, uint32(a.distance(to)))
}

// jump compares the accumulator with k, and goes to one of two places.
func (a *assembler) jump(op uint16, k uint32, yes, no int) int {
	yes, no = a.near(yes, 1), a.near(no, 1)
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
	a := &assembler{back: make([]unix.SockFilter, 0, 1024), o: &o, plain: map[uint32]int{}}
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

// tree writes the leaves below a binary tree and returns its root.
func (a *assembler) tree(leaves []leaf) int {
	if len(leaves) == 1 {
		if leaves[0].plain() {
			return a.share(&leaves[0])
		}
		return a.leaf(&leaves[0])
	}
	middle := len(leaves) / 2
	right := a.tree(leaves[middle:])
	left := a.tree(leaves[:middle])
	return a.jump(unix.BPF_JGE, leaves[middle].first, right, left)
}

// share returns the place of the answer of a plain leaf that is near, or
// writes one. The kernel compiles a program at each attach, so that its length
// is what pledge costs.
func (a *assembler) share(l *leaf) int {
	ret := l.steps[0].ret
	if place, ok := a.plain[ret]; ok && a.distance(place) < 128 {
		return place
	}
	a.plain[ret] = a.answer(ret, l.bound)
	return a.plain[ret]
}

// leaf writes the steps of a leaf and returns the place of the first.
func (a *assembler) leaf(l *leaf) int {
	steps := l.steps
	next := 0
	for i := len(steps) - 1; i >= 0; i-- {
		otherwise := next
		next = a.answer(steps[i].ret, l.bound)
		for j := len(steps[i].when) - 1; j >= 0; j-- {
			next = a.test(steps[i].when, j, next, otherwise)
		}
	}
	return next
}

// test writes the condition at place j of when: it goes to yes when the
// condition holds, else to no.
func (a *assembler) test(when []cond, j, yes, no int) int {
	c := &when[j]
	low := dataArgs + 8*uint32(c.arg)
	one := func(values ...uint32) (start int) {
		for i := len(values) - 1; i >= 0; i-- {
			start = a.jump(unix.BPF_JEQ, values[i], yes, no)
			no = start
		}
		return start
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
	// The accumulator still holds the argument when the test before left it there.
	if j > 0 && when[j-1].arg == c.arg && when[j-1].op.keeps() {
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
