package unveil_test

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// TestApplyAll: every thread is restricted, those that were there before and
// those that come; or, in a program with cgo below ABI 8, none.
func TestApplyAll(t *testing.T) { everyABI(t, "apply all") }

func init() {
	scenes["apply all"] = func(s *scene) {
		s.grow("d/f", "out/f")
		plan := func() *unveil.Plan {
			r, err := ruleSet("d:r")
			s.must(err)
			p, err := r.Compile(s.here())
			s.must(err)
			return p
		}
		// Threads that are there before, each with its own goroutine.
		const n = 8
		ask, answers := make([]chan bool, n), make(chan error, n)
		var ready sync.WaitGroup
		for i := range ask {
			ask[i] = make(chan bool)
			ready.Add(1)
			go func() {
				runtime.LockOSThread()
				ready.Done()
				for range ask[i] {
					answers <- opening("/out/f", unix.O_RDONLY)(s.dir)
				}
			}()
		}
		ready.Wait()
		all := func(what string, want unix.Errno) {
			for i := range ask {
				ask[i] <- true
				s.want(what, want, <-answers)
			}
		}
		all("before", 0)
		err := plan().ApplyAll()
		if errors.Is(err, unix.EOPNOTSUPP) && cgoLinked && !s.kernel.LandlockTSYNC() {
			if s.kernel.ABI >= 8 {
				s.errorf("refused with cgo: %v", err)
			}
			all("with cgo", 0)
			s.want("with cgo, by itself", 0, opening("/out/f", unix.O_RDONLY)(s.dir))
			return
		}
		s.must(err)
		all("a thread from before", unix.EACCES)
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // ends with the goroutine, and so is a new one
			done <- opening("/out/f", unix.O_RDONLY)(s.dir)
		}()
		s.want("a new thread", unix.EACCES, <-done)
		s.want("what is granted", 0, opening("/d/f", unix.O_RDONLY)(s.dir))

		// Once a thread has a layer of its own the others cannot be brought to
		// the same, and the runtime must not be let find out.
		apart := make(chan error)
		go func() {
			runtime.LockOSThread()
			apart <- plan().Apply()
			select {}
		}()
		s.must(<-apart)
		want := unix.EOPNOTSUPP
		if s.kernel.ABI >= 8 { // the kernel brings them there
			want = 0
		}
		s.want("after a thread by itself", want, unwrapped(plan().ApplyAll()))
	}
}

// TestNoNewPrivs: since ABI 11 the call that restricts sets no_new_privs, and
// a program that may not set it otherwise can be restricted all the same.
func TestNoNewPrivs(t *testing.T) { everyABI(t, "no_new_privs") }

func init() {
	scenes["no_new_privs"] = func(s *scene) {
		if os.Getuid() != 0 {
			return // a filter takes no_new_privs, or root
		}
		s.grow("d/f", "out/f")
		s.oneCall("a thread", (*unveil.Plan).Apply)
		if s.kernel.ABI >= 8 { // below, the runtime ends a program whose threads differ
			s.oneCall("all threads", (*unveil.Plan).ApplyAll)
		}
	}
}

// oneCall applies a plan on a thread that may not set no_new_privs.
func (s *scene) oneCall(what string, apply func(*unveil.Plan) error) {
	p := s.compile(s.here(), "d:r")
	over := make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlocked: it ends with the goroutine
		defer close(over)
		if err := refuseNoNewPrivs(); err != nil {
			s.errorf("%s: %v", what, err)
			return
		}
		s.want(what+": prctl", unix.EPERM, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		applied, set, outside := unix.EPERM, 0, unix.Errno(0)
		if s.kernel.ABI >= 11 {
			applied, set, outside = 0, 1, unix.EACCES
		}
		s.want(what, applied, unwrapped(apply(p)))
		if got, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); got != set || err != nil {
			s.errorf("%s: no_new_privs is %d, %v, want %d", what, got, err, set)
		}
		s.want(what+": outside", outside, opening("/out/f", unix.O_RDONLY)(s.dir))
	}()
	<-over
}

// refuseNoNewPrivs puts the thread of root under a filter that refuses to set
// no_new_privs by prctl(2), which root may have without it.
func refuseNoNewPrivs() error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PRCTL, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // the low half of the first argument
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.PR_SET_NO_NEW_PRIVS, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}
