// Package compat gives a Go program pledge(2) and unveil(2) under the names
// and signatures that golang.org/x/sys/unix has for OpenBSD. On OpenBSD it
// calls those; on Linux it keeps the same contract with Landlock and seccomp.
// A program that is written for OpenBSD changes an import:
//
//	compat.Unveil("/etc/ssl", "r")
//	compat.UnveilBlock()
//	compat.Pledge("stdio rpath inet", "")
//
// The contract, on Linux:
//
//   - A call holds for every thread of the process, those that were there
//     before too, and for the processes that it starts. Nothing takes it back.
//   - Words are read before anything changes. A call that fails for its words
//     has changed nothing. One that fails for the kernel (see Errors) may have
//     entered a layer of Landlock and left the filter out: it has not widened
//     anything, and the program should end.
//   - Unveil collects; the kernel holds the list from UnveilBlock on, or from a
//     pledge without "unveil". A program that never ends its list is not
//     confined by it, since Go has no place where exec could be seen.
//   - A violation ends the program with the stack of the goroutine that made
//     it: the signal is SIGSYS, the status 2. With the promise "error" the call
//     returns ENOSYS instead. What the runtime and libc ask by themselves gets
//     an errno in either case.
//   - Programs that are exec'd are bound as this one is. While exec is
//     promised, this process and all that come of it may do what promises and
//     execpromises allow together, and read files and map code beside, as a
//     loader does. So execpromises only add: they take nothing from the next
//     program that this one has.
//
// # Cgo
//
// Below Landlock ABI 8 (Linux 7.0) a layer can be given to all threads by the
// runtime alone, which refuses where cgo is linked: importing net or os/user
// is enough if a C compiler is installed. There what was unveiled cannot be
// held, and UnveilBlock is EOPNOTSUPP. A pledge works by its filter, which
// refuses paths by the kind of access: those that stdio and tty imply,
// /dev/null and the time zone, are refused too without rpath or wpath. A
// promise that is about paths (dns, getpw, ps, route, tmppath, vminfo) and
// that the filter cannot keep so is EOPNOTSUPP. Build with CGO_ENABLED=0.
//
// # Environment
//
// UNVEIL_VIOLATION=errno makes a violation return EPERM, or EACCES for a
// path, and end nothing. UNVEIL_STRICT=1 makes what the kernel cannot hold in
// full EOPNOTSUPP. Both are read at the first call, and ignored in set-id
// programs.
//
// # Errors
//
// Those of OpenBSD are bare errnos, to be compared with ==: EINVAL,
// ENAMETOOLONG and EPERM of pledge(2); EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR,
// ELOOP, EPERM and E2BIG of unveil(2). A NUL in a string is EINVAL, as in
// x/sys/unix. Those that Linux adds tell what is missing, and wrap an errno:
// ENOSYS without Landlock or seccomp, EOPNOTSUPP, E2BIG for a 16th layer,
// ESRCH where a thread has a filter of its own, EMFILE, ENOMEM.
//
// What differs from OpenBSD is the table [Differences].
package compat

//go:generate go test -run ^TestPage$ -update .
