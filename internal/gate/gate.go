package gate

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/filelimit"
	"github.com/unveil-run/unveil-run/internal/random"
)

// A Gate is the page with its one instruction.
type Gate struct {
	entry uintptr // address of the instruction
}

// tries bounds the search for an address that is free.
const tries = 64

// Open maps a page at a random address and makes it executable. The page
// stays until the process executes or ends.
//
// The error wraps the errno of getrandom(2), mmap(2) or mprotect(2): ENOMEM
// without memory, EACCES or EPERM where an outer sandbox forbids executable
// memory, EEXIST when no free address was found.
func Open() (*Gate, error) {
	size := unix.Getpagesize()
	for range tries {
		var b [16]byte
		if err := random.Fill(b[:]); err != nil {
			return nil, fmt.Errorf("gate: getrandom: %w", err)
		}
		at := uintptr(binary.NativeEndian.Uint64(b[:])) & addressMask &^ uintptr(size-1)
		page, err := mapAt(at, size)
		if err == unix.EEXIST {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("gate: mmap: %w", err)
		}
		for i := range page {
			page[i] = trap[i%len(trap)]
		}
		offset := int(binary.NativeEndian.Uint64(b[8:])%uint64(size-len(code))) &^ (codeStep - 1)
		copy(page[offset:], code)
		if err := unix.Mprotect(page, unix.PROT_READ|unix.PROT_EXEC); err != nil {
			return nil, fmt.Errorf("gate: mprotect: %w", err)
		}
		entry := at + uintptr(offset)
		flush(entry)
		flush(entry + uintptr(len(code)) - 1) // which may be in another line of the cache
		return &Gate{entry}, nil
	}
	return nil, fmt.Errorf("gate: no free address: %w", unix.EEXIST)
}

// mapAt maps a page for writing at an address: EEXIST when it is taken, or
// where it can be no address (0, or below vm.mmap_min_addr).
func mapAt(at uintptr, size int) ([]byte, error) {
	if at < 1<<20 {
		return nil, unix.EEXIST
	}
	wish := *(*unsafe.Pointer)(unsafe.Pointer(&at))
	got, err := unix.MmapPtr(-1, 0, wish, uintptr(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE)
	if err != nil {
		return nil, err
	}
	if got != wish {
		// Before Linux 4.17 the flag is not known, and the address a wish.
		if err := unix.MunmapPtr(got, uintptr(size)); err != nil {
			return nil, err
		}
		return nil, unix.EEXIST
	}
	return unsafe.Slice((*byte)(got), size), nil
}

// Address returns what the instruction pointer is in a system call from the
// gate: the address behind the instruction. It is pledge.Options.Gate.
func (g *Gate) Address() uint64 { return uint64(g.entry) + instructionSize }

// A Supervisor answers the calls that a filter asks about. It is another
// process, which takes the listener from this one (pidfd_getfd(2)): the
// execve is to be among the calls that are asked about, so that this process
// waits there until it has.
type Supervisor struct {
	Flags uintptr // of seccomp(2), SECCOMP_FILTER_FLAG_NEW_LISTENER among them
	Tell  int     // a descriptor: the number of the listener is written to it, an int32
}

// Exec gives the calling thread the filter and executes the file from the
// gate. An empty program gives no filter; s is nil for one that asks nobody.
// no_new_privs must be set, and the goroutine locked to its thread; other
// threads are not bound, and end with the old image.
//
// It returns only when the filter is refused, with the errno of seccomp(2).
// Behind the filter nothing but the gate's own calls is sure to be allowed:
// when execve(2) fails, Exec writes failed, a colon and the text of the errno
// as a line to standard error, and ends the process with status 126; when the
// supervisor cannot be told, likewise with 125.
func (g *Gate) Exec(program []unix.SockFilter, s *Supervisor, path string, argv, env []string, failed string) error {
	file, err := unix.BytePtrFromString(path)
	if err != nil {
		return fmt.Errorf("gate: path: %w", err)
	}
	args, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return fmt.Errorf("gate: arguments: %w", err)
	}
	vars, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return fmt.Errorf("gate: environment: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(program))}
	if len(program) > 0 {
		prog.Filter = &program[0]
	}
	failed += ": "
	var texts errnoTexts
	texts.fill()
	if err := restoreFileLimit(); err != nil {
		return err
	}
	supervised := Supervisor{Tell: -1}
	if s != nil {
		supervised = *s
	}
	errno := g.execute(&prog, &supervised, file, &args[0], &vars[0], failed, &texts)
	runtime.KeepAlive(program)
	return fmt.Errorf("gate: seccomp: %w", errno)
}

// errnoTexts has room for every errno of Linux; 0 is the text of all others.
type errnoTexts [134]string

func (t *errnoTexts) fill() {
	t[0] = "unknown error"
	for i := 1; i < len(t); i++ {
		t[i] = syscall.Errno(i).Error()
	}
}

// execute returns the errno of seccomp(2), and not at all behind a filter.
//
// It is nosplit, and so is all that it calls: at the entry of any other
// function, and by a signal within one, the runtime may take the thread for
// another goroutine. It does so after 10 ms, which a busy machine needs for
// this, and under the filter every call that it makes is refused.
//
//go:nosplit
func (g *Gate) execute(prog *unix.SockFprog, s *Supervisor, file *byte, argv, envp **byte, failed string, texts *errnoTexts) syscall.Errno {
	step, errno := enter(prog, s.Flags, s.Tell, g.entry, file, argv, envp)
	if step == stepFilter {
		return errno
	}
	status := uintptr(exitNotExecuted)
	if step == stepTell {
		failed, status = noSupervisor, exitFailed
	}
	text := texts[0]
	if errno < syscall.Errno(len(texts)) {
		text = texts[errno]
	}
	write(g.entry, unsafe.StringData(failed), uintptr(len(failed)))
	write(g.entry, unsafe.StringData(text), uintptr(len(text)))
	write(g.entry, unsafe.StringData("\n"), 1)
	exit(status)
	return errno
}

// restoreFileLimit sets the limit of open files that the process was started
// with, which the runtime raises.
func restoreFileLimit() error {
	if !filelimit.OK {
		return nil // no such call, so the runtime could not raise it either
	}
	limit := syscall.Rlimit{Cur: filelimit.Start.Cur, Max: filelimit.Start.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("gate: limit of open files: %w", err)
	}
	return nil
}

// exitNotExecuted is the exit status of a launcher whose command is found and
// cannot be executed, as env(1) has it.
const exitNotExecuted = 126

// exitFailed is the exit status of a launcher that failed itself.
const exitFailed = 125

const noSupervisor = "unveil-run: error: the supervisor cannot be told of the filter: "

// The steps of enter that can fail, as it returns them.
const (
	stepFilter = 1 // before the filter is on
	stepTell   = 2 // telling the supervisor
)

// enter gives the thread the filter, unless it is empty, and executes. It is
// one piece of assembly, so that nothing of the Go runtime makes a system
// call between the two.
//
//go:noescape
func enter(prog *unix.SockFprog, flags uintptr, tell int, entry uintptr, path *byte, argv, envp **byte) (step uintptr, errno syscall.Errno)

// write writes to standard error from the gate.
//
//go:noescape
func write(entry uintptr, text *byte, n uintptr)

// exit ends the process.
func exit(status uintptr)

// flush makes instructions visible to the processor that were written to the
// line of the cache with an address.
//
//go:noescape
func flush(at uintptr)
