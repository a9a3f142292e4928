package unveil_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"

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
		if !s.kernel.LandlockTSYNC() {
			s.want("after a thread by itself", unix.EOPNOTSUPP, unwrapped(plan().ApplyAll()))
		}
	}
}
