// Package filelimit knows the limit of open files that the process was
// started with.
//
// Package os raises the soft limit (RLIMIT_NOFILE) when it is initialised,
// and only syscall.Exec lowers it again. A launcher that executes in another
// way has to do so itself, or its command runs with a limit that nobody set:
// select(2) breaks above 1,024.
//
// The package imports syscall alone, so that the runtime initialises it
// before os: packages whose imports are ready go in the order of their paths.
// A test of package gate runs a command and looks.
package filelimit

import "syscall"

var start, startErr = func() (l syscall.Rlimit, err error) {
	err = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return l, err
}()

// Restore sets the limit that the process was started with. It fails with the
// errno of getrlimit(2) or setrlimit(2): EPERM if the hard limit was lowered
// below it meanwhile.
func Restore() error {
	if startErr != nil {
		return startErr
	}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &start)
}
