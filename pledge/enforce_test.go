package pledge

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

// A trial is one call in a process of its own, with or without a filter. It
// is all that the child may touch: there the Go runtime does not work, so that
// the child makes raw calls only and allocates nothing.
type trial struct {
	nr      uintptr
	args    [6]uintptr
	pids    [6]bool // arguments that the process id is added to
	foreign bool    // int 0x80 in place of the call
	uid     uintptr
	gid     uintptr
	guard   unix.Itimerval // ends a child that blocks
	prog    *unix.SockFprog
	filter  []unix.SockFilter // its instructions; factPid becomes the child's
	sigsys  sigaction
	normal  sigaction
	code    func() // int 0x80
	report  *report
}

// report is what the child says, in memory that it shares with the test.
type report struct {
	state uint64 // setting up, then calling, then returned
	errno uint64
}

const (
	settingUp = iota
	calling
	returned
)

// sigaction is struct sigaction of the kernel, the same on both architectures.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// run makes a child and, there, the call of the trial. It returns the child's
// process id, or an error number below 0.
//
//go:noinline
//go:norace
//go:nocheckptr
func (t *trial) run() int {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return -int(errno)
	}
	if pid != 0 {
		return int(pid)
	}
	self, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	for i := range t.filter {
		if t.filter[i].K == factPid {
			t.filter[i].K = uint32(self)
		}
	}
	for i := range t.args {
		if t.pids[i] {
			t.args[i] += self
		}
	}
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGSYS), uintptr(unsafe.Pointer(&t.sigsys)), 0, 8, 0, 0)
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGALRM), uintptr(unsafe.Pointer(&t.normal)), 0, 8, 0, 0)
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGSEGV), uintptr(unsafe.Pointer(&t.normal)), 0, 8, 0, 0)
	syscall.RawSyscall6(unix.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&t.guard)), 0, 0, 0, 0)
	if t.uid != 0 {
		syscall.RawSyscall6(unix.SYS_SETGROUPS, 0, 0, 0, 0, 0, 0)
		syscall.RawSyscall6(unix.SYS_SETRESGID, t.gid, t.gid, t.gid, 0, 0, 0)
		syscall.RawSyscall6(unix.SYS_SETRESUID, t.uid, t.uid, t.uid, 0, 0, 0)
	}
	uid, _, _ := syscall.RawSyscall6(unix.SYS_GETEUID, 0, 0, 0, 0, 0, 0)
	if uid != t.uid {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 1, 0, 0, 0, 0, 0)
	}
	syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if t.prog != nil {
		_, _, errno = syscall.RawSyscall6(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(t.prog)), 0, 0, 0)
		if errno != 0 {
			syscall.RawSyscall6(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0, 0, 0, 0)
		}
	}
	t.report.state = calling
	errno = 0
	if t.foreign {
		t.code()
	} else {
		_, _, errno = syscall.RawSyscall6(t.nr, t.args[0], t.args[1], t.args[2], t.args[3], t.args[4], t.args[5])
	}
	// The child of a fork that was allowed would speak for the next trial.
	if me, _, _ := syscall.RawSyscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0); me == self {
		t.report.errno = uint64(errno)
		t.report.state = returned
	}
	for {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0)
	}
}

// outcome is how a trial ended.
type outcome struct {
	called   bool // it was come to
	returned bool
	errno    unix.Errno // of a call that returned
	status   unix.WaitStatus
}

func (o outcome) String() string {
	switch {
	case o.returned && o.errno == 0:
		return "success"
	case o.returned:
		return unix.ErrnoName(o.errno)
	case o.status.Signaled():
		return "death by " + unix.SignalName(o.status.Signal())
	case o.status.ExitStatus() >= trapped:
		return action(unix.SECCOMP_RET_TRAP | uint32(o.status.ExitStatus()-trapped))
	}
	return fmt.Sprintf("exit %d", o.status.ExitStatus())
}

// trapped is added to the data of SECCOMP_RET_TRAP, which is si_errno of the
// signal, to make the exit status of the handler below.
const trapped = 100

// machineCode is a page with the handler of SIGSYS,
// exit_group(info->si_errno + trapped), and behind it int 0x80 getpid.
var machineCode = map[string][2][]byte{
	"amd64": {
		{0x8b, 0x7e, 0x04, 0x83, 0xc7, trapped, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05},
		{0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3},
	},
	"arm64": {
		{0x20, 0x04, 0x40, 0xb9, 0x00, 0x90, 0x01, 0x11, 0xc8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4},
		nil,
	},
}[runtime.GOARCH]

// laboratory is what all trials share.
type laboratory struct {
	code     []byte // executable
	codeAddr uintptr
	shared   []byte
	buf      []byte
	texts    map[string]*byte
	controls map[string]outcome
	header   map[string]int // numbers, see headerNumbers

	unhandled bool // leave SIGSYS without a handler
}

func newLaboratory(t *testing.T) *laboratory {
	t.Helper()
	l := &laboratory{buf: make([]byte, 4096), texts: map[string]*byte{}, controls: map[string]outcome{}}
	var err error
	if l.code, err = unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON); err != nil {
		need.Missing(t, "memory that is executable: %v", err)
	}
	if l.shared, err = unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Munmap(l.code)
		unix.Munmap(l.shared)
	})
	copy(l.code, machineCode[0])
	copy(l.code[64:], machineCode[1])
	l.codeAddr = uintptr(unsafe.Pointer(&l.code[0]))
	return l
}

// text returns the address of a text in memory that stays.
func (l *laboratory) text(s string) uintptr {
	p := l.texts[s]
	if p == nil {
		p = unsafe.StringData(s)
		l.texts[s] = p
	}
	return uintptr(unsafe.Pointer(p))
}

// try makes the call of a fact for real, as a user, under a plan or under none.
func (l *laboratory) try(t *testing.T, f *fact, uid int, p *Plan) outcome {
	t.Helper()
	if f.call != sys_pause {
		return l.tryFor(t, f, uid, p, guard)
	}
	// It is meant to block, until the alarm: which must not come before the
	// call does, for which an emulated machine takes its time.
	var o outcome
	for after := 20 * time.Millisecond; after < guard; after *= 4 {
		if o = l.tryFor(t, f, uid, p, after); o.called {
			break
		}
	}
	return o
}

// guard is when the alarm ends a call that hangs.
const guard = 10 * time.Second

// tryFor has the alarm come after a time.
func (l *laboratory) tryFor(t *testing.T, f *fact, uid int, p *Plan, after time.Duration) outcome {
	t.Helper()
	d, ok := f.data(Arch(runtime.GOARCH))
	if !ok {
		t.Fatalf("%s: the architecture lacks it", f)
	}
	clear(l.shared)
	clear(l.buf)
	tr := &trial{nr: uintptr(d.nr), foreign: f.abi == "foreign", uid: uintptr(uid), gid: uintptr(uid), report: (*report)(unsafe.Pointer(&l.shared[0])),
		guard:  unix.Itimerval{Value: unix.NsecToTimeval(after.Nanoseconds())},
		sigsys: sigaction{handler: l.codeAddr, flags: saSiginfo | saOnstack | saRestorer, restorer: l.codeAddr}}
	// By the number of the kernel's header: were it ours, a wrong one would be
	// the filter's and the call's alike.
	if nr, ok := l.header[numbers[f.call].name]; ok && f.abi == "" {
		tr.nr = uintptr(nr)
	}
	for i, a := range f.args {
		tr.args[i] = uintptr(a.number)
		tr.pids[i] = a.pid
		if a.uid || a.gid {
			tr.args[i] += uintptr(uid)
		}
		if a.buf {
			tr.args[i] += uintptr(unsafe.Pointer(&l.buf[0]))
		}
		if a.text != nil {
			tr.args[i] = l.text(*a.text)
		}
	}
	if l.unhandled {
		tr.sigsys = tr.normal
	}
	entry := l.codeAddr + 64
	closure := &entry
	tr.code = *(*func())(unsafe.Pointer(&closure))
	if p != nil {
		tr.filter = p.program
		tr.prog = &unix.SockFprog{Len: uint16(len(p.program)), Filter: &p.program[0]}
	}
	pid := tr.run()
	if pid < 0 {
		t.Fatalf("fork: %v", unix.Errno(-pid))
	}
	var o outcome
	// Not by unix.Wait4: the runtime would hand the processor on each time, which
	// takes longer than the trial.
	for {
		_, _, errno := syscall.RawSyscall6(unix.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(&o.status)), 0, 0, 0, 0)
		if errno == 0 {
			break
		}
		if errno != unix.EINTR {
			t.Fatal(errno)
		}
	}
	runtime.KeepAlive(tr)
	runtime.KeepAlive(p)
	o.called = tr.report.state != settingUp
	switch tr.report.state {
	case settingUp:
		if after == guard {
			t.Fatalf("%s: user %d: the child never came to the call: %s", f, uid, o)
		}
	case returned:
		o.returned, o.errno = true, unix.Errno(tr.report.errno)
	}
	return o
}

// control is the outcome of the same call, in the same form, without a filter.
func (l *laboratory) control(t *testing.T, f *fact, uid int) outcome {
	t.Helper()
	key := fmt.Sprint(uid, " ", strings.Split(" "+f.text, " | ")[1])
	o, ok := l.controls[key]
	if !ok {
		o = l.try(t, f, uid, nil)
		l.controls[key] = o
	}
	return o
}

// Flags of sigaction(2), the same on both architectures.
const (
	saSiginfo  = 0x4
	saOnstack  = 0x08000000
	saRestorer = 0x04000000
)

// TestEnforce makes the call of every fact on the running kernel, under the
// filter and without it, as root and as nobody; in short, as either.
func TestEnforce(t *testing.T) {
	facts := readFacts(t)
	l := newLaboratory(t)
	l.header = headerNumbers(t, Arch(runtime.GOARCH))
	users := []int{0, 65534}
	if self := os.Geteuid(); self != 0 {
		users = []int{self}
		defer need.Missing(t, "root, as whom half of the facts are to be tried")
	}
	decided := map[*fact]bool{}
	mute := map[string]bool{}   // the kernel answers what the filter would
	absent := map[string]bool{} // the kernel has no such call
	tried, dry := 0, 0
	compiled := plans{}
	for u, uid := range users {
		for i, f := range facts {
			if _, ok := f.data(Arch(runtime.GOARCH)); !ok {
				continue
			}
			if testing.Short() && i%len(users) != u {
				continue // emulated, a call takes 20 ms: as the other user only
			}
			if f.dry || f.abi == "foreign" && machineCode[1] == nil {
				dry++
				decided[f] = true
				continue
			}
			o := f.options(Arch(runtime.GOARCH), Launch)
			o.UID, o.GID = uid, uid
			p := compiled.get(t, f.set, o)
			control := l.control(t, f, uid)
			got := l.try(t, f, uid, p)
			tried++
			if why := judge(f, got, control); why != "" {
				t.Errorf("%s: user %d: %s; %s, without the filter %s", f, uid, why, got, control)
			}
			switch {
			case control.returned && control.errno == unix.ENOSYS:
				absent[strings.TrimSpace(f.abi+" "+numbers[f.call].name)] = true
				decided[f] = true
			case couldFail(f, control):
				decided[f] = true
			}
		}
	}
	for _, f := range facts {
		if _, ok := f.data(Arch(runtime.GOARCH)); ok && !decided[f] {
			mute[f.String()] = true
		}
	}
	t.Logf("%d calls made; %d facts are dry; this kernel has no %s", tried, dry, strings.Join(sorted(absent), " "))
	if len(mute) > 0 {
		say := t.Logf
		if os.Getenv("CI") != "" {
			say = t.Errorf
		}
		say("nothing shows these facts, since this machine answers the same without the filter:\n%s", strings.Join(sorted(mute), "\n"))
	}
}

func sorted(set map[string]bool) []string {
	var list []string
	for s := range set {
		list = append(list, s)
	}
	sort.Strings(list)
	return list
}

// judge says what is wrong with the outcome of a fact, or "".
func judge(f *fact, got, control outcome) string {
	want := f.action(Launch)
	data := want & unix.SECCOMP_RET_DATA
	switch want & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW:
		if got.returned != control.returned || got.errno != control.errno || !got.returned && got.status != control.status {
			return "not as without the filter"
		}
	case unix.SECCOMP_RET_ERRNO:
		if !got.returned || got.errno != unix.Errno(data) {
			return "not " + action(want)
		}
	case unix.SECCOMP_RET_TRAP:
		if got.returned || !got.status.Exited() || got.status.ExitStatus() != trapped+int(data) {
			return "not " + action(want)
		}
	case unix.SECCOMP_RET_KILL_PROCESS:
		if got.returned || !got.status.Signaled() || got.status.Signal() != unix.SIGSYS {
			return "not killed"
		}
	default:
		return "unknown answer"
	}
	return ""
}

// couldFail reports whether a filter with the other answer would have been
// seen: not when the kernel answers the same by itself.
func couldFail(f *fact, control outcome) bool {
	e := &f.expects
	if e.kind == "allow" {
		e = f.refusal
	}
	if e == nil {
		return true
	}
	a := f.means(e, Launch)
	return a&unix.SECCOMP_RET_ACTION_FULL != unix.SECCOMP_RET_ERRNO || !control.returned || control.errno != unix.Errno(a&unix.SECCOMP_RET_DATA)
}
