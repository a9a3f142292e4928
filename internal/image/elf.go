package image

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"runtime"

	"golang.org/x/sys/unix"
)

// debug/elf reads every section and allocates for it; here only the program
// headers, the dynamic section and the strings it names are read, which is
// some four system calls for a file. Only its names are used.

const (
	headerSize  = 64
	programSize = 56
	sectionSize = 64
	dynamicSize = 16

	windowSize  = 4096
	maxProgram  = 65536   // the kernel's bound on the program headers
	maxDynamic  = 1 << 16 // 4,096 entries
	maxSections = 4096
	maxStrings  = 1024 // DT_NEEDED and its kin, of one object
	maxNotes    = 4096
)

// descriptor reads a file without os.File, which would register it with the
// poller.
type descriptor int

func (d descriptor) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Pread(int(d), p[done:], off+int64(done))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		if n == 0 {
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

// object is one ELF file: the executable or a library.
type object struct {
	path   string // as it was found
	real   string // canonical
	loader *object

	elfType elf.Type
	class   elf.Class
	machine elf.Machine
	interp  string
	goBuilt bool

	needed     []string // DT_NEEDED, DT_AUXILIARY, DT_FILTER
	audit      []string // DT_AUDIT, DT_DEPAUDIT
	rpath      string
	runpath    string
	hasRunpath bool
}

// elfReader reads ELF files one after the other through the same buffers.
type elfReader struct {
	src    io.ReaderAt
	start  [windowSize]byte
	size   int // of start
	window [windowSize]byte
	base   int64 // of window
	filled int
}

func (e *elfReader) reset(src io.ReaderAt) {
	e.src, e.size, e.base, e.filled = src, -1, 0, 0
}

// head returns the first bytes of the file.
func (e *elfReader) head() ([]byte, error) {
	if e.size < 0 {
		n, err := e.src.ReadAt(e.start[:], 0)
		if err != nil && err != io.EOF {
			return nil, err
		}
		e.size = n
	}
	return e.start[:e.size], nil
}

// bytes returns n bytes at off, or false if the file does not have them.
func (e *elfReader) bytes(off, n uint64) ([]byte, bool) {
	if off+n < off || off+n > 1<<62 {
		return nil, false
	}
	if off+n <= uint64(max(e.size, 0)) {
		return e.start[off : off+n], true
	}
	p := make([]byte, n)
	if got, _ := e.src.ReadAt(p, int64(off)); uint64(got) < n {
		return nil, false
	}
	return p, true
}

// cstring returns the NUL-terminated string at off, of less than a window.
func (e *elfReader) cstring(off uint64) (string, bool) {
	if off > 1<<62 {
		return "", false
	}
	if size := uint64(max(e.size, 0)); off < size {
		if n := bytes.IndexByte(e.start[off:size], 0); n >= 0 {
			return string(e.start[off : off+uint64(n)]), true
		}
	}
	at := int64(off)
	if at >= e.base && at < e.base+int64(e.filled) {
		from := int(at - e.base)
		if n := bytes.IndexByte(e.window[from:e.filled], 0); n >= 0 {
			return string(e.window[from : from+n]), true
		}
	}
	n, _ := e.src.ReadAt(e.window[:], at)
	e.base, e.filled = at, n
	if end := bytes.IndexByte(e.window[:n], 0); end >= 0 {
		return string(e.window[:end]), true
	}
	return "", false
}

// native is the machine whose executables pass the seccomp filter. A machine
// that is not in the table accepts nothing.
func native() (elf.Machine, elf.Data) {
	switch runtime.GOARCH {
	case "amd64":
		return elf.EM_X86_64, elf.ELFDATA2LSB
	case "arm64":
		return elf.EM_AARCH64, elf.ELFDATA2LSB
	case "riscv64":
		return elf.EM_RISCV, elf.ELFDATA2LSB
	case "loong64":
		return elf.EM_LOONGARCH, elf.ELFDATA2LSB
	case "ppc64le":
		return elf.EM_PPC64, elf.ELFDATA2LSB
	case "s390x":
		return elf.EM_S390, elf.ELFDATA2MSB
	}
	return elf.EM_NONE, elf.ELFDATANONE
}

type program struct {
	kind               elf.ProgType
	off, vaddr, filesz uint64
}

var (
	errFormat  = unix.ENOEXEC
	err32Bit   = reason("it is a 32-bit executable, which the seccomp filter would kill: only the machine's own 64-bit system calls are let through", unix.ENOEXEC)
	errMachine = func(m elf.Machine) error {
		return reason("it is an executable for another machine ("+m.String()+", not "+nativeName()+")", unix.ENOEXEC)
	}
)

func nativeName() string {
	m, _ := native()
	return m.String()
}

// object reads the headers, and for a dynamic object its dynamic section. It
// fails with what the kernel would refuse, and where the filter would. Who
// linked it is looked for only in a command.
func (e *elfReader) object(path string, command bool) (*object, error) {
	head, err := e.head()
	if err != nil {
		return nil, err
	}
	if len(head) < 20 || string(head[:4]) != elf.ELFMAG {
		return nil, errFormat
	}
	machine, data := native()
	obj := &object{path: path, class: elf.Class(head[elf.EI_CLASS])}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	obj.elfType = elf.Type(order.Uint16(head[16:]))
	obj.machine = elf.Machine(order.Uint16(head[18:]))
	switch {
	case obj.class == elf.ELFCLASS32:
		return nil, err32Bit
	case obj.class != elf.ELFCLASS64:
		return nil, errFormat
	case obj.machine != machine || elf.Data(head[elf.EI_DATA]) != data:
		return nil, errMachine(obj.machine)
	case len(head) < headerSize, obj.elfType != elf.ET_EXEC && obj.elfType != elf.ET_DYN:
		return nil, errFormat
	}

	programs, ok := e.programs(head, order)
	if !ok {
		return nil, errFormat
	}
	for _, p := range programs {
		if p.kind != elf.PT_INTERP {
			continue
		}
		if p.filesz < 2 || p.filesz > unix.PathMax {
			return nil, errFormat
		}
		b, ok := e.bytes(p.off, p.filesz)
		if !ok || b[len(b)-1] != 0 {
			return nil, errFormat
		}
		name, _, _ := bytes.Cut(b, []byte{0})
		if len(name) == 0 {
			return nil, errFormat
		}
		obj.interp = string(name)
		break // the kernel takes the first
	}
	e.dynamic(obj, programs, order)
	obj.goBuilt = command && (e.goNote(programs, order) || e.goSection(head, order))
	return obj, nil
}

func (e *elfReader) programs(head []byte, order binary.ByteOrder) ([]program, bool) {
	off := order.Uint64(head[32:])
	size, count := order.Uint16(head[54:]), order.Uint16(head[56:])
	if size != programSize || count == 0 || int(count)*programSize > maxProgram {
		return nil, false
	}
	table, ok := e.bytes(off, uint64(count)*programSize)
	if !ok {
		return nil, false
	}
	list := make([]program, count)
	for i := range list {
		p := table[i*programSize:]
		list[i] = program{
			kind:   elf.ProgType(order.Uint32(p)),
			off:    order.Uint64(p[8:]),
			vaddr:  order.Uint64(p[16:]),
			filesz: order.Uint64(p[32:]),
		}
	}
	return list, true
}

// dynamic reads the strings of the dynamic section. What is broken is left
// out: ld.so refuses it in its own words.
func (e *elfReader) dynamic(obj *object, programs []program, order binary.ByteOrder) {
	var table []byte
	for _, p := range programs {
		if p.kind == elf.PT_DYNAMIC {
			table, _ = e.bytes(p.off, min(p.filesz, maxDynamic)/dynamicSize*dynamicSize)
			break
		}
	}
	end := 0
	var strtab uint64
	for ; end+dynamicSize <= len(table); end += dynamicSize {
		switch elf.DynTag(order.Uint64(table[end:])) {
		case elf.DT_STRTAB:
			strtab = order.Uint64(table[end+8:])
			continue
		case elf.DT_NULL:
		default:
			continue
		}
		break
	}
	base, ok := uint64(0), false
	for _, p := range programs {
		if p.kind == elf.PT_LOAD && strtab >= p.vaddr && strtab-p.vaddr < p.filesz {
			base, ok = strtab-p.vaddr+p.off, true
			break
		}
	}
	if !ok {
		return
	}
	left := maxStrings
	for i := 0; i+dynamicSize <= end && left > 0; i += dynamicSize {
		tag := elf.DynTag(order.Uint64(table[i:]))
		switch tag {
		case elf.DT_NEEDED, elf.DT_AUXILIARY, elf.DT_FILTER, elf.DT_AUDIT, elf.DT_DEPAUDIT, elf.DT_RPATH, elf.DT_RUNPATH:
		default:
			continue
		}
		left--
		off := base + order.Uint64(table[i+8:])
		if off < base {
			continue
		}
		s, ok := e.cstring(off)
		if !ok {
			continue
		}
		switch tag {
		case elf.DT_RPATH:
			obj.rpath = s
		case elf.DT_RUNPATH:
			obj.runpath, obj.hasRunpath = s, true // an empty one hides RPATH too
		case elf.DT_AUDIT, elf.DT_DEPAUDIT:
			obj.audit = append(obj.audit, s)
		default:
			obj.needed = append(obj.needed, s)
		}
	}
}

// goNote looks for the build id note of the Go linker (name "Go", type 4),
// which outlives the section headers.
func (e *elfReader) goNote(programs []program, order binary.ByteOrder) bool {
	for _, p := range programs {
		if p.kind != elf.PT_NOTE {
			continue
		}
		notes, _ := e.bytes(p.off, min(p.filesz, maxNotes))
		for len(notes) >= 12 {
			name, desc := uint64(order.Uint32(notes)), uint64(order.Uint32(notes[4:]))
			if name == 4 && order.Uint32(notes[8:]) == 4 && len(notes) >= 16 && string(notes[12:16]) == "Go\x00\x00" {
				return true
			}
			next := 12 + (name+3)&^3 + (desc+3)&^3
			if next > uint64(len(notes)) {
				break
			}
			notes = notes[next:]
		}
	}
	return false
}

// goSection looks for the Go linker's sections; -buildid= leaves no note.
func (e *elfReader) goSection(head []byte, order binary.ByteOrder) bool {
	off := order.Uint64(head[40:])
	size, count, index := order.Uint16(head[58:]), order.Uint16(head[60:]), order.Uint16(head[62:])
	if off == 0 || size != sectionSize || count == 0 || count > maxSections || index >= count {
		return false
	}
	table, ok := e.bytes(off, uint64(count)*sectionSize)
	if !ok {
		return false
	}
	names := table[int(index)*sectionSize:]
	strings, ok := e.bytes(order.Uint64(names[24:]), min(order.Uint64(names[32:]), 1<<16))
	if !ok {
		return false
	}
	for i := range int(count) {
		at := order.Uint32(table[i*sectionSize:])
		if uint64(at) >= uint64(len(strings)) {
			continue
		}
		name, _, _ := bytes.Cut(strings[at:], []byte{0})
		if string(name) == ".note.go.buildid" || string(name) == ".go.buildinfo" {
			return true
		}
	}
	return false
}
