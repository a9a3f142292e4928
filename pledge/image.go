package pledge

import (
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// An Image binds a program to the code of one process image. A filter outlives
// execve(2), but pledge(2) without execpromises leaves the next image free: so
// that what the promises do not grant is answered only where the instruction
// pointer is in the image, and allowed elsewhere. A child of fork(2) has the
// same mappings and stays bound.
//
// That holds a process as long as it makes no code outside of its ranges. The
// program sees to it while it runs; what was there before is the caller's to
// look for: memory both writable and executable, READ_IMPLIES_EXEC.
type Image struct {
	// Ranges are the executable mappings. Those that the kernel has at fixed
	// addresses are added. Order does not matter.
	Ranges []Range
	// Next are the promises of the images that come after this one, when
	// NextBound; else those are free.
	Next      Set
	NextBound bool
	// NextNoLayer is NoLayer of the Options for them.
	NextNoLayer bool
	// Foreign lets the pointer decide over calls of the 32-bit architecture
	// too, where the next image is free; else they end the process. Sound only
	// where the LDT is empty: its segments have a base that no pointer shows.
	Foreign bool
}

// A Range is a range of executable memory. Last is the address behind its last
// byte: a system call shows the address behind its instruction.
type Range struct{ First, Last uint64 }

// Answers of the tables that are no answer of the kernel's.
const (
	// allowUnlessText allows mremap(2) where its first argument is not in the image.
	allowUnlessText = unix.SECCOMP_RET_ALLOW | 1
	// undecided is left to the pointer: both images have answers of their own.
	undecided = 0
)

// fixedRanges are where the kernel has code of its own in a process, or may
// put it later: the vsyscall page, and the page that a return probe jumps to,
// the last below the top of either size of address space.
func fixedRanges(a Arch) []Range {
	if a == AMD64 {
		return []Range{
			{0x7fffffffe000, 0x7ffffffff000},
			{0xffffffffffe000, 0xfffffffffff000},
			{0xffffffffff600000, 0xffffffffff601000},
		}
	}
	return []Range{ // a page of 64 KiB at most
		{0xffffffff0000, 0x1000000000000},
		{0xfffffffff0000, 0x10000000000000},
	}
}

// tagMask has the bits of the high word of an address that none of a program
// has, unless it asked mmap(2) for an address above the usual.
func tagMask(a Arch) uint32 {
	if a == AMD64 {
		return 0xffff8000
	}
	return 0xffff0000
}

// check says what an image cannot be bound with.
func (i *Image) check(set Set, o Options) error {
	switch {
	case set.Has(words("prot_exec")):
		return fmt.Errorf("pledge: an image that may make executable memory cannot be bound: %w", unix.EINVAL)
	case o.Unpledged || o.Gate != 0 || o.Network != 0:
		return fmt.Errorf("pledge: an image is bound by promises alone: %w", unix.EINVAL)
	case len(i.Ranges) == 0:
		return fmt.Errorf("pledge: an image without executable memory: %w", unix.EINVAL)
	case i.Next >= 1<<len(table):
		return fmt.Errorf("pledge: set %#x has bits that are no promise: %w", uint64(i.Next), unix.EINVAL)
	}
	for _, r := range i.Ranges {
		if r.First > r.Last {
			return fmt.Errorf("pledge: range from %#x to %#x: %w", r.First, r.Last, unix.EINVAL)
		}
	}
	return nil
}

// alike reports whether two programs are for every image, or both for the same
// one and say nothing of the next.
func (i *Image) alike(j *Image) bool {
	if i == nil || j == nil {
		return i == j
	}
	return !i.NextBound && !j.NextBound && i.Foreign == j.Foreign && slices.Equal(i.Ranges, j.Ranges)
}

// merged returns all ranges of the image in rising order, those that overlap
// or touch as one.
func (i *Image) merged(a Arch) []Range {
	all := append(fixedRanges(a), i.Ranges...)
	slices.SortFunc(all, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	list := all[:1]
	for _, r := range all[1:] {
		last := &list[len(list)-1]
		if r.First <= last.Last || r.First == last.Last+1 {
			last.Last = max(last.Last, r.Last)
		} else {
			list = append(list, r)
		}
	}
	return list
}

// Scratch memory of a program that is bound to an image.
const (
	memAnswer = 0 // what is answered when the address is in the image
	memLow    = 1 // low word of the address
)

// assembleImage makes a program that is bound to an image. First comes the
// tree over the numbers, in which what is allowed is allowed at once, so that
// the kernel's notes about numbers still serve. Other answers are laid down
// and the image is looked through, by a second tree, over its ranges: where
// the address is in it the answer stands.
//
// When the next image is bound too, the first tree answers what is the same
// for both. What is not comes, behind the ranges, to one of two trees more.
func assembleImage(p *Plan, column int) []unix.SockFilter {
	o := p.options
	a := &assembler{back: make([]unix.SockFilter, 0, 2048), o: &o}
	first := slices.Clone(p.leaves)
	free := !o.Image.NextBound
	if free {
		for i := range first {
			first[i].bound = true
		}
		out := a.ret(unix.SECCOMP_RET_ALLOW)
		a.put(unix.BPF_RET|unix.BPF_A, 0, 0, 0)
		in := a.put(unix.BPF_LD|unix.BPF_MEM, 0, 0, memAnswer)
		a.lookup(in, out)
	} else {
		next := o
		next.outside, next.anyPid = true, p.set.Has(words("proc"))
		next.NoLayer = o.Image.NextNoLayer
		outside := collect(o.Image.Next, next)
		of := func(a *[len(numbers)]answers, set Set, o Options, c int) []step {
			if c < 0 {
				return unknownSteps
			}
			return a[c].steps(nil, set, o)
		}
		both := func(c int) (in, out []step, decided bool) {
			in, out = of(p.answers, p.set, o, c), of(outside, o.Image.Next, next, c)
			plain := len(in[0].when) == 0 && len(out[0].when) == 0
			return in, out, plain && in[0].ret == out[0].ret || movesText(in)
		}
		a.second(o.Image.Next, next, lay(column, len(numbers), func(c int) ([]step, bool) {
			_, out, decided := both(c)
			return out, !decided
		}))
		out := a.next()
		a.second(p.set, o, lay(column, len(numbers), func(c int) ([]step, bool) {
			in, _, decided := both(c)
			return in, !decided
		}))
		in := a.next()
		a.lookup(in, out)
		first = lay(column, len(numbers), func(c int) ([]step, bool) {
			in, _, decided := both(c)
			if !decided {
				in = []step{{ret: undecided}}
			}
			return in, true
		})
		for i := range first {
			first[i].bound = movesText(first[i].steps)
		}
	}
	foreign := -1
	if free && o.Image.Foreign {
		byPointer := a.answer(unix.SECCOMP_RET_KILL_PROCESS, true)
		kill := a.ret(unix.SECCOMP_RET_KILL_PROCESS)
		// A 32-bit pointer: else 64-bit code made the call.
		a.jump(unix.BPF_JEQ, 0, byPointer, kill)
		foreign = a.load(dataIP + 4)
	}
	a.near, a.bound = map[uint32]int{}, free
	a.head(a.tree(first), foreign, free)
	return a.program()
}

// movesText reports whether steps look for code among the arguments. The tree
// over the ranges can be gone through once only, so that such a call is not
// for the next image to decide: it is allowed there, where it is allowed here.
func movesText(s []step) bool { return s[len(s)-1].ret == allowUnlessText }

// second writes a tree for what the first left undecided. The answer that was
// laid down comes first: when there is one and this is the image's tree, it
// stands; in the tree of the others the call is allowed.
func (a *assembler) second(set Set, o Options, leaves []leaf) {
	if len(leaves) == 0 {
		leaves = []leaf{{steps: unknownSteps}}
	}
	was := a.o
	a.o, a.near = &o, map[uint32]int{}
	a.tree(leaves)
	number := a.load(dataNr)
	stands := 0
	if o.outside {
		stands = a.ret(unix.SECCOMP_RET_ALLOW)
	} else {
		stands = a.put(unix.BPF_RET|unix.BPF_A, 0, 0, 0)
	}
	a.jump(unix.BPF_JEQ, undecided, number, stands)
	a.put(unix.BPF_LD|unix.BPF_MEM, 0, 0, memAnswer)
	a.o = was
}

// lookup writes the tree over the ranges of the image, which goes to in or to
// out, and the two ways to it.
func (a *assembler) lookup(in, out int) {
	root := a.ranges(a.o.Image.merged(a.o.Arch), in, out)
	// The answer is in the accumulator; the address is the pointer.
	a.load(dataIP + 4)
	a.put(unix.BPF_ST, 0, 0, memLow)
	a.load(dataIP)
	a.pointer = a.put(unix.BPF_ST, 0, 0, memAnswer)
	// The address is argument 0.
	a.put(unix.BPF_JMP|unix.BPF_JA, 0, 0, uint32(a.distance(root)))
	a.load(dataArgs + 4)
	a.put(unix.BPF_ST, 0, 0, memLow)
	a.load(dataArgs)
	a.put(unix.BPF_ST, 0, 0, memAnswer)
	a.address = a.put(unix.BPF_LD|unix.BPF_IMM, 0, 0, errnoAction(unix.EACCES))
}

// answer writes an answer to a call. In a bound leaf the pointer decides
// whether it stands, unless it allows.
func (a *assembler) answer(ret uint32, bound bool) int {
	switch {
	case ret == allowUnlessText:
		return a.put(unix.BPF_JMP|unix.BPF_JA, 0, 0, uint32(a.distance(a.address)))
	case ret == undecided, bound && ret != unix.SECCOMP_RET_ALLOW:
		a.put(unix.BPF_JMP|unix.BPF_JA, 0, 0, uint32(a.distance(a.pointer)))
		return a.put(unix.BPF_LD|unix.BPF_IMM, 0, 0, ret)
	}
	return a.ret(ret)
}

// A turn is where a word begins to lead to another place.
type turn struct {
	first uint32
	to    *int
}

// ranges writes a tree over ranges in rising order that do not touch: first
// over the high word of an address, which is in the accumulator, then over its
// low word. A range that crosses 4 GiB is one in each part.
func (a *assembler) ranges(list []Range, in, out int) (root int) {
	// Parts with one high word, or with several that are in the image entirely.
	type part struct{ high, highLast, low, lowLast uint32 }
	const top = ^uint32(0)
	var parts []part
	for _, r := range list {
		high, low, highLast, lowLast := uint32(r.First>>32), uint32(r.First), uint32(r.Last>>32), uint32(r.Last)
		if low != 0 && high != highLast {
			parts = append(parts, part{high, high, low, top})
			high, low = high+1, 0
		}
		if low == 0 && lowLast != top && high != highLast {
			parts = append(parts, part{high, highLast - 1, 0, top})
			high = highLast
		}
		parts = append(parts, part{high, highLast, low, lowLast})
	}
	// From the end, so that each high word has its tree before it is referred to.
	var words []turn
	for end := len(parts); end > 0; {
		p := parts[end-1]
		begin := end - 1
		for begin > 0 && parts[begin-1].high == p.high {
			begin--
		}
		to := &in
		if p.low != 0 || p.lowLast != top {
			var lows []turn
			if parts[begin].low != 0 {
				lows = append(lows, turn{0, &out})
			}
			for _, q := range parts[begin:end] {
				lows = append(lows, turn{q.low, &in})
				if q.lowLast != top {
					lows = append(lows, turn{q.lowLast + 1, &out})
				}
			}
			a.turns(lows)
			place := a.put(unix.BPF_LD|unix.BPF_MEM, 0, 0, memLow)
			to = &place
		}
		if p.highLast != top && (len(words) == 0 || words[len(words)-1].first != p.highLast+1) {
			words = append(words, turn{p.highLast + 1, &out})
		}
		words = append(words, turn{p.high, to})
		end = begin
	}
	if words[len(words)-1].first != 0 {
		words = append(words, turn{0, &out})
	}
	slices.Reverse(words)
	return a.turns(words)
}

// turns writes a tree over turns and returns its root. A place that is out of
// reach of a jump gets a way there nearby, for the turns that follow.
func (a *assembler) turns(list []turn) int {
	if len(list) == 1 {
		to := list[0].to
		if a.distance(*to) >= 128 {
			*to = a.put(unix.BPF_JMP|unix.BPF_JA, 0, 0, uint32(a.distance(*to)))
		}
		return *to
	}
	middle := len(list) / 2
	right := a.turns(list[middle:])
	left := a.turns(list[:middle])
	return a.jump(unix.BPF_JGE, list[middle].first, right, left)
}
