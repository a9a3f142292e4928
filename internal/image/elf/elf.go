// Package elf has the names of the ELF header that package image reads,
// elf(5). The standard library's debug/elf has them too, but with it come
// readers of DWARF and of three kinds of compression, and the tables that
// these make at every start: 0.1 ms of a launch.
package elf

import "strconv"

// Magic is how a file begins.
const Magic = "\x7fELF"

// Places in the first 16 bytes.
const (
	EI_CLASS = 4
	EI_DATA  = 5
)

// Class is the width of a word.
type Class byte

// Classes.
const (
	ELFCLASS32 Class = 1
	ELFCLASS64 Class = 2
)

// Data is the order of bytes.
type Data byte

// Orders.
const (
	ELFDATANONE Data = 0
	ELFDATA2LSB Data = 1
	ELFDATA2MSB Data = 2
)

// Type is what a file is for.
type Type uint16

// Types.
const (
	ET_EXEC Type = 2
	ET_DYN  Type = 3
)

// Machine is a processor architecture.
type Machine uint16

// Machines that Go runs on, and the ones that their executables are taken for.
const (
	EM_NONE      Machine = 0
	EM_386       Machine = 3
	EM_MIPS      Machine = 8
	EM_PPC       Machine = 20
	EM_PPC64     Machine = 21
	EM_S390      Machine = 22
	EM_ARM       Machine = 40
	EM_SPARCV9   Machine = 43
	EM_X86_64    Machine = 62
	EM_AARCH64   Machine = 183
	EM_RISCV     Machine = 243
	EM_BPF       Machine = 247
	EM_LOONGARCH Machine = 258
)

// String returns the name of elf.h, or "machine N".
func (m Machine) String() string {
	switch m {
	case EM_NONE:
		return "EM_NONE"
	case EM_386:
		return "EM_386"
	case EM_MIPS:
		return "EM_MIPS"
	case EM_PPC:
		return "EM_PPC"
	case EM_PPC64:
		return "EM_PPC64"
	case EM_S390:
		return "EM_S390"
	case EM_ARM:
		return "EM_ARM"
	case EM_SPARCV9:
		return "EM_SPARCV9"
	case EM_X86_64:
		return "EM_X86_64"
	case EM_AARCH64:
		return "EM_AARCH64"
	case EM_RISCV:
		return "EM_RISCV"
	case EM_BPF:
		return "EM_BPF"
	case EM_LOONGARCH:
		return "EM_LOONGARCH"
	}
	return "machine " + strconv.Itoa(int(m))
}

// ProgType is the type of a program header.
type ProgType uint32

// Program headers.
const (
	PT_LOAD    ProgType = 1
	PT_DYNAMIC ProgType = 2
	PT_INTERP  ProgType = 3
	PT_NOTE    ProgType = 4
)

// DynTag is the tag of an entry of the dynamic section.
type DynTag int64

// Entries of the dynamic section.
const (
	DT_NULL      DynTag = 0
	DT_NEEDED    DynTag = 1
	DT_STRTAB    DynTag = 5
	DT_RPATH     DynTag = 15
	DT_RUNPATH   DynTag = 29
	DT_DEPAUDIT  DynTag = 0x6ffffefb
	DT_AUDIT     DynTag = 0x6ffffefc
	DT_AUXILIARY DynTag = 0x7ffffffd
	DT_FILTER    DynTag = 0x7fffffff
)
