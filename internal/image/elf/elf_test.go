package elf

import (
	"debug/elf"
	"testing"
)

// TestNames holds the numbers to those of the standard library.
func TestNames(t *testing.T) {
	if Magic != elf.ELFMAG || EI_CLASS != elf.EI_CLASS || EI_DATA != elf.EI_DATA {
		t.Error("the first bytes differ")
	}
	for _, m := range []Machine{EM_NONE, EM_386, EM_MIPS, EM_PPC, EM_PPC64, EM_S390, EM_ARM, EM_SPARCV9, EM_X86_64, EM_AARCH64, EM_RISCV, EM_BPF, EM_LOONGARCH} {
		if got, want := m.String(), elf.Machine(m).String(); got != want {
			t.Errorf("machine %d: %s, want %s", uint16(m), got, want)
		}
	}
	for ours, theirs := range map[any]any{
		ELFCLASS32: elf.ELFCLASS32, ELFCLASS64: elf.ELFCLASS64,
		ELFDATANONE: elf.ELFDATANONE, ELFDATA2LSB: elf.ELFDATA2LSB, ELFDATA2MSB: elf.ELFDATA2MSB,
		ET_EXEC: elf.ET_EXEC, ET_DYN: elf.ET_DYN,
		PT_LOAD: elf.PT_LOAD, PT_DYNAMIC: elf.PT_DYNAMIC, PT_INTERP: elf.PT_INTERP, PT_NOTE: elf.PT_NOTE,
		DT_NULL: elf.DT_NULL, DT_NEEDED: elf.DT_NEEDED, DT_STRTAB: elf.DT_STRTAB, DT_RPATH: elf.DT_RPATH, DT_RUNPATH: elf.DT_RUNPATH,
		DT_DEPAUDIT: elf.DT_DEPAUDIT, DT_AUDIT: elf.DT_AUDIT, DT_AUXILIARY: elf.DT_AUXILIARY, DT_FILTER: elf.DT_FILTER,
	} {
		if got, want := number(ours), number(theirs); got != want {
			t.Errorf("%v: %d, want %d", theirs, got, want)
		}
	}
}

func number(v any) int64 {
	switch v := v.(type) {
	case Class:
		return int64(v)
	case Data:
		return int64(v)
	case Type:
		return int64(v)
	case ProgType:
		return int64(v)
	case DynTag:
		return int64(v)
	case elf.Class:
		return int64(v)
	case elf.Data:
		return int64(v)
	case elf.Type:
		return int64(v)
	case elf.ProgType:
		return int64(v)
	case elf.DynTag:
		return int64(v)
	}
	return -1
}
