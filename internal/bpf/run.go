// Package bpf runs and joins seccomp programs, as lists of instructions.
//
// It knows the instructions that package pledge writes, and no other: an
// instruction that it does not know is an error, never a guess. It touches
// nothing.
package bpf

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Data is struct seccomp_data of linux/seccomp.h: what a program may look at.
type Data struct {
	Nr   uint32
	Arch uint32 // AUDIT_ARCH_*
	IP   uint64
	Args [6]uint64
}

// Offsets into Data; both architectures are little-endian.
const (
	offNr   = 0
	offArch = 4
	offIP   = 8
	offArgs = 16
	size    = offArgs + 6*8
)

// load returns the word at an offset, as the kernel's 32-bit loads do.
func (d *Data) load(off uint32) (uint32, bool) {
	switch {
	case off%4 != 0 || off >= size:
		return 0, false
	case off == offNr:
		return d.Nr, true
	case off == offArch:
		return d.Arch, true
	}
	v := d.IP
	if off >= offArgs {
		v = d.Args[(off-offArgs)/8]
	}
	if off%8 != 0 {
		v >>= 32
	}
	return uint32(v), true
}

// Run runs a program as the kernel does, and returns its value. It fails on
// an instruction, a load or a jump that the kernel would not take, and on an
// instruction that no program of this project has.
func Run(program []unix.SockFilter, d *Data) (uint32, error) {
	var acc uint32
	var memory [unix.BPF_MEMWORDS]struct {
		value  uint32
		stored bool
	}
	for pc := 0; pc >= 0 && pc < len(program); {
		i := &program[pc]
		pc++
		yes := false
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			v, ok := d.load(i.K)
			if !ok {
				return 0, fmt.Errorf("bpf: instruction %d loads from %d", pc-1, i.K)
			}
			acc = v
			continue
		case unix.BPF_LD | unix.BPF_IMM:
			acc = i.K
			continue
		case unix.BPF_ST:
			if i.K >= unix.BPF_MEMWORDS {
				return 0, fmt.Errorf("bpf: instruction %d stores to memory %d", pc-1, i.K)
			}
			memory[i.K].value, memory[i.K].stored = acc, true
			continue
		case unix.BPF_LD | unix.BPF_MEM:
			if i.K >= unix.BPF_MEMWORDS || !memory[i.K].stored {
				return 0, fmt.Errorf("bpf: instruction %d loads memory %d, where nothing was stored", pc-1, i.K)
			}
			acc = memory[i.K].value
			continue
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			acc &= i.K
			continue
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(i.K)
			continue
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			yes = acc == i.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			yes = acc >= i.K
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			yes = acc&i.K != 0
		case unix.BPF_RET | unix.BPF_K:
			return i.K, nil
		case unix.BPF_RET | unix.BPF_A:
			return acc, nil
		default:
			return 0, fmt.Errorf("bpf: instruction %d: code %#x", pc-1, i.Code)
		}
		if yes {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
	return 0, fmt.Errorf("bpf: the program has no end")
}
