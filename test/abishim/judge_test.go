package main

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// known is what each ABI knows, written out from the kernel's header and
// documentation and not taken from the table that judge uses.
var known = []struct {
	abi                     int
	size                    int
	fs, net, scoped         uint64
	portRules               bool
	ruleFlags, restrictFlag uint64
}{
	{1, 8, 0x1fff, 0, 0, false, 0, 0},
	{2, 8, 0x3fff, 0, 0, false, 0, 0},
	{3, 8, 0x7fff, 0, 0, false, 0, 0},
	{4, 16, 0x7fff, 0x3, 0, true, 0, 0},
	{5, 16, 0xffff, 0x3, 0, true, 0, 0},
	{6, 24, 0xffff, 0x3, 0x3, true, 0, 0},
	{7, 24, 0xffff, 0x3, 0x3, true, 0, 0x7},
	{8, 24, 0xffff, 0x3, 0x3, true, 0, 0xf},
	{9, 24, 0x1ffff, 0x3, 0x3, true, 0, 0xf},
	{10, 48, 0x1ffff, 0xf, 0x3, true, 0x1, 0xf},
	{11, 48, 0x1ffff, 0xf, 0x3, true, 0x1, 0x1f},
}

// memory is the caller's memory at address attr; reading past it is EFAULT.
func memory(b []byte) func(uint64, []byte) error {
	return func(addr uint64, p []byte) error {
		if addr < attr || addr+uint64(len(p)) > attr+uint64(len(b)) {
			return unix.EFAULT
		}
		copy(p, b[addr-attr:])
		return nil
	}
}

const attr = 0x10000

// create, rule and restrict are the three calls.
func create(mem []byte, addr, size, flags uint64) call {
	return call{nr: unix.SYS_LANDLOCK_CREATE_RULESET, args: [6]uint64{addr, size, flags}, read: memory(mem)}
}

func rule(kind, flags uint64) call {
	return call{nr: unix.SYS_LANDLOCK_ADD_RULE, args: [6]uint64{3, kind, attr, flags}, read: memory(nil)}
}

func restrict(flags uint64) call {
	return call{nr: unix.SYS_LANDLOCK_RESTRICT_SELF, args: [6]uint64{3, flags}, read: memory(nil)}
}

// field returns size bytes of attributes with one 64-bit field set.
func field(size, offset int, value uint64) []byte {
	b := make([]byte, size)
	for i := range 8 {
		b[offset+i] = byte(value >> (8 * i)) // amd64 and arm64 are little-endian
	}
	return b
}

func check(t *testing.T, n int, what string, c call, want verdict) {
	t.Helper()
	got, err := judge(n)(c)
	if err != nil || got != want {
		t.Errorf("ABI %d, %s: %+v, %v; want %+v", n, what, got, err, want)
	}
}

func TestJudgeCreate(t *testing.T) {
	page := uint64(os.Getpagesize())
	zero := make([]byte, page+1)
	for _, k := range known {
		ask := func(what string, want verdict, mem []byte, addr, size, flags uint64) {
			t.Helper()
			check(t, k.abi, what, create(mem, addr, size, flags), want)
		}
		const version, errata = 1, 2
		ask("version", answer(k.abi), nil, 0, 0, version)
		ask("version, upper half of the register set", answer(k.abi), nil, 0, 0, 1<<32|version)
		ask("version with an address", refuse(unix.EINVAL), zero, attr, 0, version)
		ask("version with a size", refuse(unix.EINVAL), zero, 0, 8, version)
		ask("errata", pass, nil, 0, 0, errata)
		ask("errata with attributes", refuse(unix.EINVAL), zero, attr, 8, errata)
		for _, flags := range []uint64{version | errata, 4, 1 << 31} {
			ask(fmt.Sprintf("flags %#x", flags), refuse(unix.EINVAL), nil, 0, 0, flags)
		}
		ask("NULL", refuse(unix.EFAULT), nil, 0, 8, 0)
		ask("NULL before the size", refuse(unix.EFAULT), nil, 0, 0, 0)
		for size := range uint64(8) {
			ask(fmt.Sprintf("%d bytes", size), refuse(unix.EINVAL), zero, attr, size, 0)
		}
		for _, size := range []uint64{8, 9, 15, 16, 23, 24, 40, 47, 48, 49, 64, page} {
			ask(fmt.Sprintf("%d bytes of zero", size), pass, zero, attr, size, 0)
		}
		for _, size := range []uint64{page + 1, 1 << 32, 1 << 63, ^uint64(0)} {
			ask(fmt.Sprintf("%#x bytes", size), refuse(unix.E2BIG), zero, attr, size, 0)
		}
		ask("an address of nothing", refuse(unix.EFAULT), nil, attr, 8, 0)
		ask("attributes cut short", refuse(unix.EFAULT), zero[:12], attr, 16, 0)
		// Only what the caller says is read: what lies behind is not its tail.
		ask("attributes before other data", pass, field(64, 8, ^uint64(0)), attr, 8, 0)
	}
}

// TestJudgeMasks sets each bit of each field, one at a time.
func TestJudgeMasks(t *testing.T) {
	for _, k := range known {
		for _, f := range []struct {
			name   string
			offset int
			mask   uint64
		}{
			{"handled_access_fs", 0, k.fs},
			{"handled_access_net", 8, k.net},
			{"scoped", 16, k.scoped},
		} {
			check(t, k.abi, f.name+", all", create(field(48, f.offset, f.mask), attr, 48, 0), pass)
			for bit := range 64 {
				want := pass
				switch {
				case f.offset >= k.size:
					want = refuse(unix.E2BIG)
				case f.mask>>bit&1 == 0:
					want = refuse(unix.EINVAL)
				}
				check(t, k.abi, fmt.Sprintf("%s, bit %d", f.name, bit), create(field(48, f.offset, 1<<bit), attr, 48, 0), want)
			}
		}
	}
}

// TestJudgeTail sets each byte behind the fields of an ABI.
func TestJudgeTail(t *testing.T) {
	for _, k := range known {
		for i := k.size; i < 128; i++ {
			b := make([]byte, 128)
			b[i] = 0x80
			check(t, k.abi, fmt.Sprintf("byte %d", i), create(b, attr, 128, 0), refuse(unix.E2BIG))
			check(t, k.abi, fmt.Sprintf("byte %d behind the size", i), create(b, attr, uint64(max(i, 8)), 0), pass)
		}
		// The tail is looked at before the masks.
		b := field(128, 0, 1<<63)
		b[127] = 1
		check(t, k.abi, "bad mask and tail", create(b, attr, 128, 0), refuse(unix.E2BIG))
		// The quiet fields of ABI 10 are looked at by the real kernel.
		want := refuse(unix.E2BIG)
		if k.abi >= 10 {
			want = pass
		}
		for _, offset := range []int{24, 32, 40} {
			check(t, k.abi, fmt.Sprintf("quiet field at %d", offset), create(field(48, offset, 1), attr, 48, 0), want)
		}
	}
}

func TestJudgeRule(t *testing.T) {
	for _, k := range known {
		for kind, ok := range map[uint64]bool{
			0: false, 1: true, 2: k.portRules, 3: false, 1<<32 - 1: false,
			1<<32 | 1: true, // the upper half of the register is no part of it
		} {
			want := refuse(unix.EINVAL)
			if ok {
				want = pass
			}
			check(t, k.abi, fmt.Sprintf("rule type %#x", kind), rule(kind, 0), want)
		}
		for bit := range 32 {
			want := refuse(unix.EINVAL)
			if k.ruleFlags>>bit&1 != 0 {
				want = pass
			}
			check(t, k.abi, fmt.Sprintf("rule flag %d", bit), rule(1, 1<<bit), want)
		}
	}
}

func TestJudgeRestrict(t *testing.T) {
	for _, k := range known {
		check(t, k.abi, "no flag", restrict(0), pass)
		check(t, k.abi, "all flags", restrict(k.restrictFlag), pass)
		for bit := range 32 {
			want := refuse(unix.EINVAL)
			if k.restrictFlag>>bit&1 != 0 {
				want = pass
			}
			check(t, k.abi, fmt.Sprintf("restrict flag %d", bit), restrict(1<<bit), want)
		}
		check(t, k.abi, "upper half of the register", restrict(1<<40), pass)
	}
}

// TestJudgeNone: without Landlock every call fails alike, whatever its
// arguments.
func TestJudgeNone(t *testing.T) {
	for n, errno := range map[int]unix.Errno{0: unix.ENOSYS, -1: unix.EOPNOTSUPP} {
		for what, c := range map[string]call{
			"version":  create(nil, 0, 0, 1),
			"errata":   create(nil, 0, 0, 2),
			"create":   create(field(8, 0, 1), attr, 8, 0),
			"bad":      create(nil, attr, 1<<40, 77),
			"rule":     rule(1, 0),
			"bad rule": rule(99, 99),
			"restrict": restrict(0),
			"bad flag": restrict(1 << 31),
		} {
			check(t, n, what, c, refuse(errno))
		}
	}
}

// TestJudgeOthers: a call of another number stops here when the command has a
// filter of its own that traces it, and is none of abishim's business.
func TestJudgeOthers(t *testing.T) {
	for n := lowest; n <= len(known); n++ {
		for _, nr := range []uint64{0, unix.SYS_LANDLOCK_CREATE_RULESET - 1, unix.SYS_LANDLOCK_RESTRICT_SELF + 1, ^uint64(0)} {
			check(t, n, fmt.Sprintf("call %d", nr), call{nr: nr}, pass)
		}
	}
}

// TestJudgeCannotRead: that abishim may not read the caller is no answer that
// a kernel gives.
func TestJudgeCannotRead(t *testing.T) {
	c := create(nil, attr, 8, 0)
	c.read = func(uint64, []byte) error { return unix.EPERM }
	if v, err := judge(1)(c); !errors.Is(err, unix.EPERM) || v.pass {
		t.Errorf("%+v, %v; want %v", v, err, unix.EPERM)
	}
}
