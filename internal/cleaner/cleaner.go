package cleaner

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/descriptors"
)

// argv0 tells the binary that it is to clean up. Who calls it so by hand can
// remove with it what can be removed anyway.
const argv0 = "unveil-run (removes @tmp)"

// The two processes of Start: the first starts the second and ends, so that
// the second is nobody's child.
const (
	first  = "first"
	second = "second"
)

// Descriptors of both.
const (
	pidFD = 3 // of the command
	dirFD = 4 // of the directory that holds the one to be removed
)

// Start leaves a process behind that removes a directory when the calling
// process has ended, which it may do as another image. dir is a descriptor of
// the directory above it, object one of itself; whatever has its name by then
// and is another object is left alone.
//
// Start must be called before the process confines itself: the other inherits
// what it has.
func Start(dir, object int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstat(object, &st); err != nil {
		return err
	}
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(pidfd)
	// A descriptor of O_PATH cannot be used to list.
	parent, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) {
		parent, err = unix.Openat(dir, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	pid, err := spawn(first, []string{filepath.Base(name), strconv.FormatUint(uint64(st.Dev), 10), strconv.FormatUint(st.Ino, 10)}, pidfd, parent) //nolint:unconvert // Dev differs between architectures
	if err != nil {
		return err
	}
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	if err == nil && status != 0 {
		err = fmt.Errorf("wait status %#x", int(status))
	}
	return err
}

// spawn starts this binary as one of the two processes.
func spawn(which string, args []string, pidfd, dir int) (int, error) {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(null)
	const self = "/proc/self/exe"
	pid, err := syscall.ForkExec(self, append([]string{argv0, which}, args...), &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{},
		Files: []uintptr{uintptr(null), uintptr(null), uintptr(null), uintptr(pidfd), uintptr(dir)},
		Sys:   &syscall.SysProcAttr{Setsid: which == second},
	})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", self, err)
	}
	return pid, nil
}

// Main is the program of both processes. It returns at once, and reports
// false, where the binary is not called as one.
func Main(args []string) (status int, called bool) {
	if len(args) != 5 || args[0] != argv0 {
		return 0, false
	}
	switch args[1] {
	case first:
		// Whoever waits for the end of a pipe, or for a lock, shall not wait for
		// the directory.
		if descriptors.CloseAtExec(dirFD+1) != nil {
			return 1, true
		}
		if _, err := spawn(second, args[2:], pidFD, dirFD); err != nil {
			return 1, true
		}
		return 0, true
	case second:
		dev, err1 := strconv.ParseUint(args[3], 10, 64)
		ino, err2 := strconv.ParseUint(args[4], 10, 64)
		if err1 != nil || err2 != nil {
			return 1, true
		}
		// systemd sends it to what a service has left when the service ends.
		signal.Ignore(unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT)
		if wait(pidFD) != nil || Remove(dirFD, args[2], dev, ino) != nil {
			return 1, true
		}
		return 0, true
	}
	return 1, true
}

// wait returns when the process of a pidfd has ended.
func wait(pidfd int) error {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1)
		if err != unix.EINTR {
			return err
		}
	}
}
