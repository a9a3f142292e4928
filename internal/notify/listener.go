// Package notify is the kernel's side of a supervisor: seccomp user
// notification (seccomp_unotify(2)), and what can be learnt of a thread that
// waits for an answer.
//
// It decides nothing. CONTINUE lets the kernel go on with a call whose
// arguments in memory the program may have changed meanwhile, so that it is
// no decision: whoever answers so must know that something else decides.
package notify

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/bpf"
)

// A Call is struct seccomp_notif: a thread that waits in a system call.
type Call struct {
	ID    uint64
	Tid   uint32 // the thread, 0 when it is not in our pid namespace
	Flags uint32
	Data  bpf.Data
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// ErrGone tells that the thread does not wait any more: it was killed, or a
// signal made it leave the call.
var ErrGone = errors.New("the call is not waited for any more")

// A Listener is the descriptor that a filter with
// SECCOMP_FILTER_FLAG_NEW_LISTENER has brought.
type Listener struct{ fd int }

// NewListener takes a listener over.
//
// It asks the kernel to run both sides on one processor, in turns, which is
// several times as fast; before Linux 6.6 it cannot, and nothing is lost but
// time.
func NewListener(fd int) *Listener {
	unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	return &Listener{fd}
}

// FD returns the descriptor, for poll(2): POLLIN when a call waits, POLLHUP
// when no process has the filter any more.
func (l *Listener) FD() int { return l.fd }

// Receive takes the next call that waits into c. It blocks until there is
// one. ErrGone tells that it was gone before it could be taken.
func (l *Listener) Receive(c *Call) error {
	*c = Call{} // the kernel refuses one that is not zero
	return l.exchange("receive", unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(c))
}

// Continue lets the kernel go on with a call as if there were no filter.
func (l *Listener) Continue(id uint64) error {
	return l.answer(response{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
}

// Refuse answers a call with an errno; 0 is success, and the call is not made
// either.
func (l *Listener) Refuse(id uint64, errno unix.Errno) error {
	return l.answer(response{id: id, errno: -int32(errno)})
}

func (l *Listener) answer(r response) error {
	return l.exchange("answer", unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
}

// exchange takes a call or answers one. ErrGone tells that it is gone.
func (l *Listener) exchange(what string, request uintptr, arg unsafe.Pointer) error {
	for {
		switch errno := l.ioctl(request, arg); errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		case unix.ENOENT:
			return ErrGone
		default:
			return fmt.Errorf("notify: %s: %w", what, errno)
		}
	}
}

// Waits reports whether the thread still waits in the call: what was read of
// the thread by its number before is then its own.
func (l *Listener) Waits(id uint64) bool {
	return l.ioctl(unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&id)) == 0
}

func (l *Listener) ioctl(request uintptr, arg unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l.fd), request, uintptr(arg))
	return errno
}

// Flags returns the flags to attach a filter with, the best that the kernel
// knows; the error is that of a kernel without user notification.
//
// With WAIT_KILLABLE_RECV (Linux 5.19) a call that the supervisor has taken is
// not begun anew at each signal: a program with a fast timer would never get
// out of it.
func Flags() (uintptr, error) {
	for _, flags := range []uintptr{
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
	} {
		// Without a program the kernel looks at the flags first, EINVAL, and at
		// the address then.
		if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, 0); errno == unix.EFAULT {
			return flags, nil
		}
	}
	return 0, fmt.Errorf("notify: seccomp user notification (Linux 5.5): %w", unix.ENOSYS)
}
