package pledge

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// verify checks a program as bpf_check_classic and seccomp_check_filter of the
// kernel do, and what assemble promises beside: the architecture is looked at
// first, the number next, arguments last.
func verify(program []unix.SockFilter) error {
	if len(program) == 0 || len(program) > unix.BPF_MAXINSNS {
		return fmt.Errorf("%d instructions", len(program))
	}
	loads := []uint32{dataArch, dataNr}
	for at, i := range program {
		left := len(program) - at - 1
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			switch {
			case len(loads) > 0 && i.K != loads[0]:
				return fmt.Errorf("instruction %d loads %d; the next to load is %d", at, i.K, loads[0])
			case len(loads) > 0:
				loads = loads[1:]
			case i.K == dataArch || i.K >= dataArgs+48 || i.K%4 != 0:
				return fmt.Errorf("instruction %d loads %d", at, i.K)
			}
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, unix.BPF_RET | unix.BPF_K, unix.BPF_RET | unix.BPF_A, unix.BPF_LD | unix.BPF_IMM:
		case unix.BPF_ST, unix.BPF_LD | unix.BPF_MEM: // simulate sees that what is loaded was stored
			if i.K > memLow {
				return fmt.Errorf("instruction %d is of memory %d", at, i.K)
			}
		case unix.BPF_JMP | unix.BPF_JA:
			if int64(i.K) >= int64(left) {
				return fmt.Errorf("instruction %d jumps by %d of %d", at, i.K, left)
			}
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			if int(i.Jt) >= left || int(i.Jf) >= left {
				return fmt.Errorf("instruction %d jumps by %d or %d of %d", at, i.Jt, i.Jf, left)
			}
		default:
			return fmt.Errorf("instruction %d: code %#x", at, i.Code)
		}
	}
	if program[0].Code != unix.BPF_LD|unix.BPF_W|unix.BPF_ABS || len(loads) > 0 {
		return errors.New("architecture or number is not loaded")
	}
	if program[len(program)-1].Code != unix.BPF_RET|unix.BPF_K {
		return errors.New("does not end in ret")
	}
	// All jumps go forward and stay inside: each way ends in a ret.
	return nil
}

// TestVerify holds that verify sees what it is for.
func TestVerify(t *testing.T) {
	p, err := Compile(words("stdio rpath inet"), Options{Arch: AMD64})
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(p.program); err != nil {
		t.Fatal(err)
	}
	n := len(p.program)
	for name, spoil := range map[string]func(q []unix.SockFilter) []unix.SockFilter{
		"empty":        func(q []unix.SockFilter) []unix.SockFilter { return nil },
		"too long":     func(q []unix.SockFilter) []unix.SockFilter { return append(q, make([]unix.SockFilter, 4096)...) },
		"cut":          func(q []unix.SockFilter) []unix.SockFilter { return q[:n-1] },
		"code":         func(q []unix.SockFilter) []unix.SockFilter { q[5].Code = 0xffff; return q },
		"far jump":     func(q []unix.SockFilter) []unix.SockFilter { q[1].Jf = 255; q[1].Jt = 255; return q[:20] },
		"number first": func(q []unix.SockFilter) []unix.SockFilter { q[0].K = dataNr; return q },
		"argument":     func(q []unix.SockFilter) []unix.SockFilter { q[0].K = dataArgs; return q },
	} {
		if verify(spoil(append([]unix.SockFilter(nil), p.program...))) == nil {
			t.Errorf("%s: not seen", name)
		}
	}
}

// someArgs are arguments at random; half are those that some condition of the
// steps of a call is about.
func someArgs(random *rand.Rand, steps []step) (args [6]uint64) {
	for i := range args {
		args[i] = random.Uint64() >> (random.Uint32() % 64)
	}
	for _, w := range steps[random.IntN(len(steps))].when {
		v := uint64(w.mask)
		if len(w.values) > 0 {
			v = uint64(w.values[random.IntN(len(w.values))])
		}
		switch random.IntN(4) {
		case 0:
			args[w.arg] = v
		case 1:
			args[w.arg] = v | random.Uint64()<<32 // an int, with another high half
		}
	}
	return args
}

// FuzzCompile holds that every set, whatever the options, makes a program that
// the kernel takes and that does what the tables say.
func FuzzCompile(f *testing.F) {
	all := uint64(1<<len(table) - 1)
	f.Add(uint64(0), uint8(0), uint32(0), uint32(0), uint64(0), uint64(0))
	f.Add(all, uint8(1), uint32(1), uint32(1000), uint64(0x7f0000001000), uint64(1))
	f.Add(uint64(words("stdio rpath inet")), uint8(2), uint32(1234), uint32(0), uint64(0xffffffff), uint64(2))
	f.Add(uint64(words("stdio rpath tmppath exec")), uint8(0x41), uint32(7), uint32(7), uint64(0), uint64(4))
	f.Add(uint64(words("stdio error")), uint8(0x14), uint32(1<<31), uint32(1<<31), uint64(1)<<32, uint64(3))
	f.Fuzz(func(t *testing.T, bits uint64, mode uint8, pid, id uint32, gate, seed uint64) {
		set := Set(bits & all)
		random := rand.New(rand.NewPCG(seed, bits))
		for _, arch := range []Arch{AMD64, ARM64} {
			o := Options{Arch: arch, OnViolation: Violation(mode % 4), Unpledged: mode&0x10 != 0, NoTruncate: mode&0x20 != 0, NoLayer: mode&0x40 != 0, KeepHandler: mode&0x80 != 0,
				Network: Network(seed % 8),
				Pid:     int(pid), UID: int(id), GID: int(id + 1), Gate: gate}
			p, err := Compile(set, o)
			if err != nil {
				t.Fatalf("pledge %q: %v", set, err)
			}
			if err := verify(p.program); err != nil {
				t.Fatalf("pledge %q: %v", set, err)
			}
			column, _ := arch.column()
			said := collect(set, o)
			for c, n := range numbers {
				if n.nr[column] < 0 {
					continue
				}
				d := data{nr: uint32(n.nr[column]), arch: auditArch(arch), ip: gate ^ random.Uint64()&(1<<(random.Uint32()%64)-1),
					args: someArgs(random, said[c].everyStep(set, o))}
				got, err := simulate(p.program, d)
				if err != nil {
					t.Fatalf("pledge %q: %s: %v", set, n.name, err)
				}
				if want := interpret(&said[c], set, o, d); got != want {
					t.Fatalf("%s: pledge %q: %s%#x: program says %s, table says %s", arch, set, n.name, d.args, action(got), action(want))
				}
			}
		}
	})
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct {
		set   Set
		arch  Arch
		errno unix.Errno
	}{
		{1, "sparc64", unix.ENOSYS},
		{1, "386", unix.ENOSYS},
		{1 << len(table), AMD64, unix.EINVAL},
		{1 << 63, ARM64, unix.EINVAL},
	} {
		if p, err := Compile(c.set, Options{Arch: c.arch}); p != nil || !errors.Is(err, c.errno) {
			t.Errorf("%#x on %s: %v, want %v", uint64(c.set), c.arch, err, c.errno)
		}
	}
}

// TestCompileArch holds that no architecture means the one that runs.
func TestCompileArch(t *testing.T) {
	p, err := Compile(1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := Compile(1, Options{Arch: Arch(runtime.GOARCH)})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(p.program) != fmt.Sprint(q.program) {
		t.Error("the programs differ")
	}
}

// TestGate holds that a gate lets execve through at its place and nowhere
// else, execveat never, and that no gate is no place.
func TestGate(t *testing.T) {
	const gate = 0x7f0012345678
	for _, arch := range []Arch{AMD64, ARM64} {
		column, _ := arch.column()
		refused := unix.SECCOMP_RET_TRAP | uint32(names("exec"))
		for _, c := range []struct {
			gate, ip uint64
			call     call
			want     uint32
		}{
			{gate, gate, sys_execve, unix.SECCOMP_RET_ALLOW},
			{gate, gate + 1, sys_execve, refused},
			{gate, gate - 2, sys_execve, refused},
			{gate, gate + 1<<32, sys_execve, refused},
			{gate, gate & 0xffffffff, sys_execve, refused},
			{gate, 0, sys_execve, refused},
			{gate, gate, sys_execveat, refused},
			{0, 0, sys_execve, refused},
			{0, gate, sys_execve, refused},
		} {
			p, err := Compile(words("stdio"), Options{Arch: arch, Gate: c.gate})
			if err != nil {
				t.Fatal(err)
			}
			d := data{nr: uint32(numbers[c.call].nr[column]), arch: auditArch(arch), ip: c.ip}
			if got, err := simulate(p.program, d); err != nil || got != c.want {
				t.Errorf("%s: gate %#x, %s at %#x: %s, %v; want %s", arch, c.gate, numbers[c.call].name, c.ip, action(got), err, action(c.want))
			}
		}
	}
}

// names returns the place of a promise in the table, from 1.
func names(promise string) int {
	for i := range table {
		if table[i].name == promise {
			return i + 1
		}
	}
	return 0
}

func BenchmarkCompile(b *testing.B) {
	for _, promises := range []string{"stdio", "stdio rpath inet", "stdio rpath wpath cpath dpath unix tty proc exec"} {
		set := words(promises)
		b.Run(promises, func(b *testing.B) {
			n := 0
			for b.Loop() {
				p, err := Compile(set, Options{Pid: 1234, UID: 1000, GID: 1000})
				if err != nil {
					b.Fatal(err)
				}
				n = len(p.program)
			}
			b.ReportMetric(float64(n), "instructions")
		})
	}
}

// linear is the same program with a list in place of the tree.
func linear(leaves []leaf, o Options) []unix.SockFilter {
	return assembleBy(leaves, o, func(a *assembler, leaves []leaf) int {
		next := a.leaf(&leaves[0])
		for i, l := range leaves[1:] {
			next = a.jump(unix.BPF_JGE, l.first, a.leaf(&leaves[i+1]), next)
		}
		return next
	})
}

// BenchmarkAttach gives a program to the kernel for one thread, which then
// ends: a tree against a list of the same answers.
func BenchmarkAttach(b *testing.B) {
	p, err := Compile(words("stdio rpath inet"), Options{Pid: os.Getpid()}) // Go signals its own threads
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		program []unix.SockFilter
	}{{"tree", p.program}, {"list", linear(p.leaves, p.options)}} {
		b.Run(c.name, func(b *testing.B) {
			prog := unix.SockFprog{Len: uint16(len(c.program)), Filter: &c.program[0]}
			attach := func(took *time.Duration) error {
				if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
					return err
				}
				begin := time.Now()
				_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
				if *took += time.Since(begin); errno != 0 {
					return errno
				}
				return nil
			}
			var took time.Duration
			for b.Loop() {
				failed := make(chan error)
				go func() {
					runtime.LockOSThread() // and never unlocked: the thread ends with its filter
					failed <- attach(&took)
				}()
				if err := <-failed; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(took)/float64(b.N), "ns/attach")
		})
	}
}
