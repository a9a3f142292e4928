// Package filelimit knows the limit of open files that the process was
// started with.
//
// Package syscall raises the soft limit (RLIMIT_NOFILE) when it is
// initialised, and only syscall.Exec lowers it again. A launcher that
// executes in another way has to do so itself, or its command runs with a
// limit that nobody set: select(2) breaks above 1,024.
//
// The package imports nothing, so that the runtime initialises it before
// syscall: packages whose imports are ready go in the order of their paths.
// The scripts of the launcher run a command and look.
package filelimit

// Start is the limit, as struct rlimit64 has it; OK says that it is known.
var (
	Start struct{ Cur, Max uint64 }
	OK    = get(&Start) == 0
)

// get is prlimit(2) of RLIMIT_NOFILE; it returns 0, or a negative errno.
//
//go:noescape
func get(limit *struct{ Cur, Max uint64 }) int
