package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAgainstDebugELF reads this system's files twice.
func TestAgainstDebugELF(t *testing.T) {
	var names []string
	for _, pattern := range []string{"/usr/bin/*", "/usr/lib/*/lib*.so.*", "/usr/lib64/lib*.so.*"} {
		found, _ := filepath.Glob(pattern)
		for i := 0; i < len(found); i += max(len(found)/100, 1) {
			names = append(names, found[i])
		}
	}
	r, compared := new(elfReader), 0
	for _, name := range names {
		f, err := elf.Open(name)
		if err != nil {
			continue
		}
		file, _ := os.Open(name)
		r.reset(file)
		obj, err := r.object(name, true)
		if err == nil {
			compared++
			needed, _ := f.ImportedLibraries()
			runpath, _ := f.DynString(elf.DT_RUNPATH)
			golang := f.Section(".note.go.buildid") != nil || f.Section(".go.buildinfo") != nil
			if obj.elfType != f.Type || obj.machine != f.Machine || !slices.Equal(obj.needed, needed) ||
				obj.runpath != strings.Join(runpath, "") || obj.goBuilt != golang || (obj.interp != "") != (f.Section(".interp") != nil) {
				t.Errorf("%s: %+v, debug/elf: %v %q %q go %v", name, obj, f.Type, needed, runpath, golang)
			}
		} else if m, _ := native(); f.Machine == m && f.Class == elf.ELFCLASS64 {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
		file.Close()
	}
	if compared < 20 {
		t.Errorf("only %d files were compared", compared)
	}
}

// seed is a small dynamic ELF file with every table that is read.
func seed() []byte {
	machine, data := native()
	var order binary.ByteOrder = binary.LittleEndian
	if data == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	b := make([]byte, 1024)
	copy(b, "\x7fELF\x02")
	b[5], b[6] = byte(data), 1
	order.PutUint16(b[16:], uint16(elf.ET_DYN))
	order.PutUint16(b[18:], uint16(machine))
	order.PutUint64(b[32:], headerSize)
	order.PutUint64(b[40:], 768)
	for i, v := range []uint16{headerSize, programSize, 4, sectionSize, 2, 1} {
		order.PutUint16(b[52+2*i:], v)
	}
	for i, p := range []program{{elf.PT_LOAD, 0, 0, 1024}, {elf.PT_INTERP, 320, 0, 8}, {elf.PT_DYNAMIC, 352, 0, 96}, {elf.PT_NOTE, 480, 0, 24}} {
		at := b[headerSize+i*programSize:]
		order.PutUint32(at, uint32(p.kind))
		order.PutUint64(at[8:], p.off)
		order.PutUint64(at[32:], p.filesz)
	}
	copy(b[320:], "/lib/ld\x00")
	for i, d := range [][2]uint64{{uint64(elf.DT_STRTAB), 600}, {uint64(elf.DT_NEEDED), 1}, {uint64(elf.DT_RUNPATH), 9}, {uint64(elf.DT_RPATH), 9}, {uint64(elf.DT_AUDIT), 1}} {
		order.PutUint64(b[352+16*i:], d[0])
		order.PutUint64(b[360+16*i:], d[1])
	}
	copy(b[480:], "\x04\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00Go\x00\x00abcd")
	copy(b[600:], "\x00liba.so\x00$ORIGIN/../lib\x00.go.buildinfo\x00")
	order.PutUint64(b[768+64+24:], 600)
	order.PutUint64(b[768+64+32:], 64)
	return b
}

func TestSeed(t *testing.T) {
	r := new(elfReader)
	r.reset(bytes.NewReader(seed()))
	obj, err := r.object("seed", true)
	if err != nil || obj.interp != "/lib/ld" || !slices.Equal(obj.needed, []string{"liba.so"}) || !obj.hasRunpath || obj.rpath == "" || len(obj.audit) != 1 || !obj.goBuilt {
		t.Errorf("%+v, %v", obj, err)
	}
}

func FuzzELF(f *testing.F) {
	f.Add(seed())
	f.Add(seed()[:512])
	f.Add([]byte("\x7fELF\x01\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := new(elfReader)
		r.reset(bytes.NewReader(data))
		obj, err := r.object("fuzz", true)
		if err != nil {
			return
		}
		if len(obj.needed) > maxStrings {
			t.Errorf("%d names", len(obj.needed))
		}
		for _, s := range append(append([]string{obj.interp, obj.rpath, obj.runpath}, obj.needed...), obj.audit...) {
			if strings.Contains(s, "\x00") || len(s) > windowSize {
				t.Errorf("string %q", s)
			}
		}
	})
}
