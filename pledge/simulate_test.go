package pledge

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/bpf"
)

// data is struct seccomp_data: what a program may look at.
type data struct {
	nr   uint32
	arch uint32
	ip   uint64
	args [6]uint64
}

// simulate runs a program as the kernel would, and returns its value. It
// fails on any instruction or jump that the kernel would not take.
func simulate(program []unix.SockFilter, d data) (uint32, error) {
	return bpf.Run(program, &bpf.Data{Nr: d.nr, Arch: d.arch, IP: d.ip, Args: d.args})
}

// interpret answers a call from the tables themselves, without a program: the
// second opinion that the compiled one is held against.
func interpret(a *answers, set Set, o Options, d data) uint32 {
	for _, s := range a.everyStep(set, o) {
		fits := true
		for _, c := range s.when {
			fits = fits && holds(c, o, d)
		}
		if fits {
			return s.ret
		}
	}
	panic("no last step")
}

func holds(c cond, o Options, d data) bool {
	v := uint32(d.args[c.arg])
	among := func() bool {
		for _, x := range c.values {
			if v == x {
				return true
			}
		}
		return false
	}
	switch c.op {
	case opIn:
		return among()
	case opNotIn:
		return !among()
	case opLacks:
		return v&c.mask == 0
	case opHasAny:
		return v&c.mask != 0
	case opMasked:
		v &= c.mask
		return among()
	case opNotMasked:
		v &= c.mask
		return !among()
	case opNull:
		return d.args[c.arg] == 0
	case opNotNull:
		return d.args[c.arg] != 0
	case opPid:
		return v == uint32(o.Pid) || o.anyPid && v < 1<<31
	case opUID:
		return v == ^uint32(0) || v == uint32(o.UID)
	case opGID:
		return v == ^uint32(0) || v == uint32(o.GID)
	case opGate:
		return d.ip == o.Gate
	case opTagged:
		return d.args[c.arg]>>map[Arch]int{AMD64: 47, ARM64: 48}[o.Arch] != 0
	}
	panic("unknown condition")
}

// someSets are each promise alone and beside stdio, and everydaySets.
func someSets(t testing.TB) []Set {
	sets := everydaySets(t)
	for i := range table {
		sets = append(sets, 1<<i, 1|1<<i)
	}
	return sets
}

// everydaySets are what programs ask for, the empty set, and all.
func everydaySets(t testing.TB) []Set {
	sets := []Set{0}
	for _, w := range []string{"stdio rpath inet", "stdio rpath wpath cpath fattr", "stdio rpath wpath cpath dpath unix tty proc exec",
		"stdio error", "stdio rpath fattr chown flock mcast inet dns getpw prot_exec id settime error"} {
		s, err := Parse(w)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, s)
	}
	return append(sets, 1<<len(table)-1)
}

// TestProgramIsTable holds every compiled program against the tables, for
// every call, on both architectures, with arguments at the edges of each
// condition.
func TestProgramIsTable(t *testing.T) {
	values := map[uint64]bool{0: true, 1: true, 0xffffffff: true, 1 << 32: true, ^uint64(0): true, 1234: true, 1000: true, 0x7f0000001234: true}
	note := func(when []cond) {
		for _, c := range when {
			for _, v := range c.values {
				values[uint64(v)] = true
				values[uint64(v)|1<<40] = true
			}
			if c.mask != 0 {
				values[uint64(c.mask)] = true
				values[uint64(c.mask&-c.mask)] = true
				values[uint64(^c.mask)] = true
			}
		}
	}
	for _, arch := range []Arch{AMD64, ARM64} {
		column, err := arch.column()
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range []Options{{}, {OnViolation: Abort}, {OnViolation: Errno}, {OnViolation: Log}, {Unpledged: true}, {NoTruncate: true, Gate: 0x7f0000001234}, {NoLayer: true, OnViolation: Abort, KeepHandler: true}, {Unpledged: true, Network: Listed | NoUDP | NoListen}, {Network: Listed}} {
			o := mode
			o.Arch, o.Pid, o.UID, o.GID = arch, 1234, 1000, 1000
			sets := everydaySets(t)
			if mode == (Options{}) {
				sets = someSets(t)
			}
			for _, set := range sets {
				p, err := Compile(set, o)
				if err != nil {
					t.Fatal(err)
				}
				table := collect(set, o)
				for c := range numbers {
					nr := numbers[c].nr[column]
					if nr < 0 {
						continue
					}
					clear(values)
					for _, v := range []uint64{0, 1, 0xffffffff, 1 << 32, ^uint64(0), 1234, 1000} {
						values[v] = true
					}
					for _, s := range table[c].everyStep(set, o) {
						note(s.when)
					}
					for v := range values {
						for k := 0; k < 7; k++ {
							d := data{nr: uint32(nr), arch: auditArch(arch), ip: 0x7f0000001234}
							for i := range d.args {
								if k == 6 || i == k {
									d.args[i] = v
								}
							}
							if k == 5 {
								d.ip, d.args[0] = 0x7e0000001234, v
							}
							got, err := simulate(p.program, d)
							if err != nil {
								t.Fatalf("%s: pledge %q: %s: %v", arch, set, numbers[c].name, err)
							}
							if want := interpret(&table[c], set, o, d); got != want {
								t.Fatalf("%s: pledge %q: %s%#x: program says %s, table says %s", arch, set, numbers[c].name, d.args, action(got), action(want))
							}
						}
					}
				}
			}
		}
	}
}

func auditArch(a Arch) uint32 {
	if a == AMD64 {
		return unix.AUDIT_ARCH_X86_64
	}
	return unix.AUDIT_ARCH_AARCH64
}

// TestForeign holds that no number of another architecture or of x32 passes.
func TestForeign(t *testing.T) {
	for _, o := range []Options{{Arch: AMD64}, {Arch: ARM64}, {Arch: AMD64, Unpledged: true}, {Arch: ARM64, Unpledged: true}} {
		p, err := Compile(1<<len(table)-1, o)
		if err != nil {
			t.Fatal(err)
		}
		for nr := uint32(0); nr < 600; nr++ {
			for _, arch := range []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_AARCH64} {
				if arch == auditArch(o.Arch) {
					continue
				}
				if got, err := simulate(p.program, data{nr: nr, arch: arch}); err != nil || got != unix.SECCOMP_RET_KILL_PROCESS {
					t.Errorf("%s: number %d of architecture %#x: %s, %v", o.Arch, nr, arch, action(got), err)
				}
			}
			for _, high := range []uint32{x32Bit, 1 << 31, 0xffff0000, 2000} {
				if got, err := simulate(p.program, data{nr: nr | high, arch: auditArch(o.Arch)}); err != nil || got != unknownCall.ret {
					t.Errorf("%s: number %#x: %s, %v", o.Arch, nr|high, action(got), err)
				}
			}
		}
	}
}

// TestBitmap holds that no argument is loaded on the way to a plain answer:
// the kernel can then note it and need not run the program.
func TestBitmap(t *testing.T) {
	p, err := Compile(words("stdio rpath inet"), Options{Arch: AMD64})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range p.leaves {
		if !l.plain() {
			continue
		}
		cut := append([]unix.SockFilter(nil), p.program...)
		for i := range cut {
			if cut[i].Code == unix.BPF_LD|unix.BPF_W|unix.BPF_ABS && cut[i].K >= dataIP {
				cut[i].K = 9999 // makes simulate fail
			}
		}
		if _, err := simulate(cut, data{nr: l.first, arch: unix.AUDIT_ARCH_X86_64}); err != nil {
			t.Errorf("number %d: %v", l.first, err)
		}
	}
}
