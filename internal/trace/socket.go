package trace

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// borrow gives f a descriptor of the caller, which is the same open file. It
// reports false where it cannot be had.
func (c *Caller) borrow(fd int, f func(own int) error) bool {
	pidfd, err := unix.PidfdOpen(c.Process(), 0)
	if err != nil {
		return false
	}
	defer unix.Close(pidfd)
	own, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return false
	}
	defer unix.Close(own)
	return f(own) == nil
}

// Socket returns the family and the type of a socket of the caller, AF_UNSPEC
// for what is none.
func (c *Caller) Socket(fd int) (family, kind int) {
	ok := c.borrow(fd, func(own int) (err error) {
		if family, err = unix.GetsockoptInt(own, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil {
			return err
		}
		kind, err = unix.GetsockoptInt(own, unix.SOL_SOCKET, unix.SO_TYPE)
		return err
	})
	if !ok {
		return unix.AF_UNSPEC, 0
	}
	return family, kind
}

// Peer returns the port that a socket of the caller is connected to.
func (c *Caller) Peer(fd int) (port uint16, ok bool) {
	ok = c.borrow(fd, func(own int) error {
		to, err := unix.Getpeername(own)
		if err != nil {
			return err
		}
		switch to := to.(type) {
		case *unix.SockaddrInet4:
			port = uint16(to.Port)
		case *unix.SockaddrInet6:
			port = uint16(to.Port)
		default:
			return unix.EAFNOSUPPORT
		}
		return nil
	})
	return port, ok
}

// Nonblocking reports whether a descriptor of the caller is O_NONBLOCK.
func (c *Caller) Nonblocking(fd int) bool {
	text, err := os.ReadFile(c.proc("fdinfo/" + strconv.Itoa(fd)))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseUint(strings.TrimSpace(value), 8, 64)
			return err == nil && flags&unix.O_NONBLOCK != 0
		}
	}
	return false
}

// Inside reports whether a process comes from another, as far as its parents
// still live.
func (c *Caller) Inside(pid, from int) bool {
	for ; pid > 1; pid = parent(pid) {
		if pid == from || pid == c.Process() {
			return true
		}
	}
	return false
}
