package preload

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/random"
	"github.com/unveil-run/unveil-run/pledge"
)

// Built reports whether the library is built in.
func Built() bool { return library != "" }

// A Plan is what the library shall do when the loader is done.
type Plan struct {
	TakesSIGSYS bool              // install the handler of SIGSYS
	Forks       Forks             // what is done over fork(3), whose violation SIGSYS may not tell of
	Program     []unix.SockFilter // put on every thread; empty is none
	Bound       *Bound            // a program that only the command's own image is under, in place of Program
}

// Forks says what the library does where the command makes a process. The
// filter refuses it all the same.
type Forks uint8

const (
	ForksAllowed Forks = iota // nothing
	ForksEnd                  // print the line, and end
	ForksLog                  // print the line
)

// Bound is a program that the library compiles, since it depends on where the
// code of the command lies.
type Bound struct {
	Set     pledge.Set
	Options pledge.Options // OnViolation, NoLayer, NoTruncate, KeepHandler, UID and GID count
	Image   pledge.Image   // Next, NextBound and NextNoLayer count
}

// MapsPath is the file that tells where the code of a process lies. A plan
// with Bound holds it open, by number, over exec; to be read behind it, it
// must be allowed by Landlock.
const MapsPath = "/proc/self/maps"

// Names of the variables.
const (
	loadVariable = "LD_PRELOAD"
	planVariable = "UNVEIL_RUN_PLAN"
)

// What struct plan of cgo/preload.c begins with, and its flags.
const magic = "unveil\x00\x01"

const (
	takesSIGSYS = 1 << iota
	nextBound
	noLayer
	noTruncate
	keepHandler
	nextNoLayer
	forksEnd
	forksLog
)

const nonceSize = 16

// A Handover is a plan and the library, ready for the loader. Its descriptors
// stay open over exec.
type Handover struct {
	library, plan, maps int
	nonce               string // in hexadecimal digits
}

// Open makes the memfds for the process pid, which is the one that will
// execute the command. Its descriptors are closed at exec unless the caller
// says otherwise.
//
// Errors wrap the errno of memfd_create(2), write(2), fcntl(2), getrandom(2)
// or open(2): EMFILE and ENFILE where no descriptor is left, ENOMEM, ENOENT
// without /proc.
func (p *Plan) Open(pid int) (*Handover, error) {
	if !Built() {
		return nil, fmt.Errorf("preload: libunveil.so is not built in: %w", unix.ENOSYS)
	}
	h := &Handover{maps: -1}
	var err error
	if p.Bound != nil {
		if h.maps, err = unix.Open(MapsPath, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
			return nil, fmt.Errorf("preload: %s: %w", MapsPath, err)
		}
	}
	if h.library, err = sealed("libunveil.so", unsafe.Slice(unsafe.StringData(library), len(library))); err != nil {
		return nil, err
	}
	var nonce [nonceSize]byte
	if err := random.Fill(nonce[:]); err != nil {
		return nil, fmt.Errorf("preload: getrandom: %w", err)
	}
	h.nonce = hex.EncodeToString(nonce[:])
	if h.plan, err = sealed("plan", p.encode(h, nonce[:], pid)); err != nil {
		return nil, err
	}
	return h, nil
}

// encode writes struct plan of cgo/preload.c and what follows it.
func (p *Plan) encode(h *Handover, nonce []byte, pid int) []byte {
	b := make([]byte, 0, 96+8*len(p.Program))
	put := func(v int) { b = binary.LittleEndian.AppendUint32(b, uint32(v)) }
	var flags int
	flag := func(is bool, f int) {
		if is {
			flags |= f
		}
	}
	bound := p.Bound
	if bound == nil {
		bound = new(Bound)
	}
	flag(p.TakesSIGSYS, takesSIGSYS)
	flag(bound.Image.NextBound, nextBound)
	flag(bound.Options.NoLayer, noLayer)
	flag(bound.Options.NoTruncate, noTruncate)
	flag(bound.Options.KeepHandler, keepHandler)
	flag(bound.Image.NextNoLayer, nextNoLayer)
	flag(p.Forks == ForksEnd, forksEnd)
	flag(p.Forks == ForksLog, forksLog)
	b = append(append(b, magic...), nonce...)
	put(pid)
	put(h.library)
	put(h.maps)
	put(len(library))
	put(len(p.Program))
	put(int(bound.Options.OnViolation))
	put(bound.Options.UID)
	put(bound.Options.GID)
	put(flags)
	put(0)
	b = binary.LittleEndian.AppendUint64(b, uint64(bound.Set))
	b = binary.LittleEndian.AppendUint64(b, uint64(bound.Image.Next))
	for _, i := range p.Program {
		b = binary.LittleEndian.AppendUint16(b, i.Code)
		b = append(b, i.Jt, i.Jf)
		b = binary.LittleEndian.AppendUint32(b, i.K)
	}
	return b
}

// sealed returns a memfd that holds data and that nobody can change.
func sealed(name string, data []byte) (int, error) {
	// Before Linux 6.3 there is no seal against executing it.
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, fmt.Errorf("preload: memfd_create: %w", err)
	}
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err != nil {
			return -1, fmt.Errorf("preload: write: %w", err)
		}
		data = data[n:]
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return -1, fmt.Errorf("preload: seal: %w", err)
	}
	return fd, nil
}

// Descriptors are those that must stay open over exec.
func (h *Handover) Descriptors() []int {
	list := []int{h.library, h.plan}
	if h.maps >= 0 {
		list = append(list, h.maps)
	}
	return list
}

// Environment returns env with what the loader and the library look for. What
// LD_PRELOAD had stays behind the library, which is then initialised last.
func (h *Handover) Environment(env []string) []string {
	env = Forget(env)
	load := loadVariable + "=/proc/self/fd/" + strconv.Itoa(h.library)
	for i, word := range env {
		if own, ok := strings.CutPrefix(word, loadVariable+"="); ok {
			env[i] = load + ":" + own
			load = ""
			break
		}
	}
	if load != "" {
		env = append(env, load)
	}
	return append(env, planVariable+"="+strconv.Itoa(h.plan)+":"+h.nonce)
}

// Forget returns env without a plan, which can only be of somebody else.
func Forget(env []string) []string {
	list := make([]string, 0, len(env)+2)
	for _, word := range env {
		if !strings.HasPrefix(word, planVariable+"=") {
			list = append(list, word)
		}
	}
	return list
}
