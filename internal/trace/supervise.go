package trace

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/bpf"
	"github.com/unveil-run/unveil-run/internal/notify"
	"github.com/unveil-run/unveil-run/internal/printed"
)

// A Watcher is told what happens. It has no say in the answers, but one: see
// Instead.
type Watcher interface {
	// Call is told of a call before it is answered with ret, the value that the
	// program has for it. The caller stands still meanwhile.
	Call(c *Caller, ret uint32)
	// Ending is told that the command is about to end, or has just ended: by
	// exit_group(2) before, by a signal it may be after. It may come twice.
	Ending()
	// Tick is called now and then, at least once a second.
	Tick()
	// Instead may answer a call that the program allows in the kernel's place,
	// without it being made: ok, and 0 or an errno.
	Instead(c *Caller) (errno unix.Errno, ok bool)
}

// A Supervised command, as its supervisor knows it.
type Supervised struct {
	Listener *notify.Listener
	Program  []unix.SockFilter // what the command was to be given, if nobody were asked
	Pid      int               // of the command
	PidFD    int               // and its pidfd

	moved bool // a process may have another root than the supervisor
}

// A Caller is a thread that waits for the answer to its call.
type Caller struct {
	notify.Call
	supervised *Supervised
	tgid       int
}

// tick is how often a Watcher gets to do what is due.
const tick = 250 * time.Millisecond

// patience is how often is looked for processes that are left.
const patience = 2 * time.Second

// Supervise answers until no process has the filter any more.
func Supervise(s *Supervised, w Watcher) error {
	alive := true
	var looked time.Time
	fds := make([]unix.PollFd, 2)
	for {
		fds[0] = unix.PollFd{Fd: int32(s.Listener.FD()), Events: unix.POLLIN}
		fds[1] = unix.PollFd{Fd: -1}
		if alive {
			fds[1] = unix.PollFd{Fd: int32(s.PidFD), Events: unix.POLLIN}
		}
		n, err := unix.Poll(fds, int(tick.Milliseconds()))
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("trace: poll: %w", err)
		}
		if n <= 0 {
			w.Tick()
			if !alive && time.Since(looked) > patience {
				looked = time.Now()
				if !filtered() {
					return nil
				}
			}
			continue
		}
		if fds[0].Revents&unix.POLLIN != 0 {
			if err := s.one(w); err != nil {
				return err
			}
		}
		if alive && fds[1].Revents != 0 {
			alive = false
			w.Ending()
		}
		if fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0 && fds[0].Revents&unix.POLLIN == 0 {
			return nil
		}
	}
}

// one takes a call and answers it.
func (s *Supervised) one(w Watcher) error {
	c := Caller{supervised: s}
	if err := s.Listener.Receive(&c.Call); err != nil {
		return gone(err)
	}
	ret, err := bpf.Run(s.Program, &c.Data)
	if err != nil {
		return err
	}
	w.Call(&c, ret)
	switch ret & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW:
		if errno, ok := w.Instead(&c); ok {
			return gone(s.Listener.Refuse(c.ID, errno))
		}
		if exits(&c) {
			w.Ending()
		}
		s.moved = s.moved || int(c.Data.Nr) == unix.SYS_CHROOT
		return gone(s.Listener.Continue(c.ID))
	case unix.SECCOMP_RET_ERRNO:
		return gone(s.Listener.Refuse(c.ID, unix.Errno(ret&unix.SECCOMP_RET_DATA)))
	case unix.SECCOMP_RET_TRAP:
		if c.Process() == s.Pid {
			w.Ending()
		}
		return c.trap()
	}
	return gone(s.Listener.Refuse(c.ID, unix.EPERM))
}

// gone is err unless it only tells that the thread is not there any more.
func gone(err error) error {
	if errors.Is(err, notify.ErrGone) {
		return nil
	}
	return err
}

// exits reports whether the command itself is about to end.
func exits(c *Caller) bool {
	return int(c.Data.Nr) == unix.SYS_EXIT_GROUP && c.Process() == c.supervised.Pid
}

// trap refuses the call and sends the caller what the kernel sends for
// SECCOMP_RET_TRAP, as far as a process can: SIGSYS, which ends it, also where
// it is blocked. Where it is ignored, and where it cannot be sent, SIGKILL does.
func (c *Caller) trap() error {
	const bit = 1 << (unix.SIGSYS - 1)
	blocked, ignored := c.mask("SigBlk")&bit != 0, c.mask("SigIgn")&bit != 0
	l := c.supervised.Listener
	if !c.Waits() {
		return nil
	}
	switch {
	case ignored:
		unix.Kill(c.Process(), unix.SIGKILL)
	case blocked && !c.unblock(bit):
		unix.Kill(c.Process(), unix.SIGKILL)
	case blocked: // and answered
		return nil
	case unix.Tgkill(c.Process(), int(c.Tid), unix.SIGSYS) != nil:
		unix.Kill(c.Process(), unix.SIGKILL)
	}
	return gone(l.Refuse(c.ID, unix.EPERM))
}

// unblock stops the thread behind its call, which it refuses, and takes SIGSYS
// off what it blocks; posix_spawn(3) blocks everything. It reports false where
// the thread cannot be stopped, and the call is still to be answered.
func (c *Caller) unblock(bit uint64) bool {
	tid := int(c.Tid)
	if unix.PtraceSeize(tid) != nil {
		return false
	}
	if unix.PtraceInterrupt(tid) != nil {
		unix.PtraceDetach(tid)
		return false
	}
	// Before Linux 5.19 the interrupt has made the thread leave the call, which
	// it would begin anew: then there is nothing to refuse.
	if err := c.supervised.Listener.Refuse(c.ID, unix.EPERM); err != nil && !errors.Is(err, notify.ErrGone) {
		unix.PtraceDetach(tid)
		return false
	}
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(tid, &ws, unix.WALL, nil); err == unix.EINTR {
			continue
		} else if err != nil || !ws.Stopped() {
			return true
		}
		break
	}
	mask := c.mask("SigBlk") &^ bit
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SETSIGMASK, uintptr(tid), unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)), 0, 0)
	if errno != 0 || unix.Tgkill(c.Process(), tid, unix.SIGSYS) != nil {
		unix.Kill(c.Process(), unix.SIGKILL)
	}
	unix.PtraceDetach(tid)
	return true
}

// Waits reports whether the caller is still there, so that what was read of
// it is its own.
func (c *Caller) Waits() bool { return c.supervised.Listener.Waits(c.ID) }

// Process returns the process that the calling thread belongs to.
func (c *Caller) Process() int {
	if c.tgid == 0 {
		if int(c.Tid) == c.supervised.Pid {
			c.tgid = c.supervised.Pid
		} else if c.tgid = int(c.status("Tgid", 10)); c.tgid == 0 {
			c.tgid = int(c.Tid)
		}
	}
	return c.tgid
}

// Name returns the name of the program that calls, comm of proc(5), as it can
// be shown: a program may call itself what it likes.
func (c *Caller) Name() string {
	b, err := os.ReadFile(c.proc("comm"))
	if err != nil || len(b) == 0 {
		return "?"
	}
	return printed.Line(string(b[:len(b)-1]))
}
