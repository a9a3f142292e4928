/*
 * pledge() and unveil() of OpenBSD, on Linux.
 *
 * Both return 0, or -1 with errno and nothing changed. Both hold for every
 * thread of the process and for the processes that it forks; what an exec'd
 * program keeps stands with each. They set no_new_privs: set-id programs that
 * are exec'd lose their bit.
 *
 * Link with -lunveil. The functions may be called in a child of fork(2), in a
 * signal handler that has 24 KB of stack, after chroot(2) and setuid(2), and
 * without /proc. In a child of vfork(2) they bind it, and its parent does not
 * hear of it.
 *
 * The library stands in for the exec functions and posix_spawn(3) of libc,
 * which then give the kernel what was unveiled.
 *
 * From the environment, at the first call, and never in a set-id program:
 *
 *	UNVEIL_VIOLATION=errno	a violation returns EPERM (EACCES for a path) and ends nothing
 *	UNVEIL_EXEC=inherit	programs that are exec'd are bound as this one is; they and
 *				it may read files and load code beside, and do what
 *				execpromises allow
 *	UNVEIL_STRICT=1		what cannot be held in full here is EOPNOTSUPP
 *
 * What the kernel answers by itself, not this library: a violation in a
 * thread that blocks SIGSYS, or in a program that is exec'd, ends by SIGSYS
 * (status 159) and without the line. Without the promise stdio there is no
 * line either. Below Landlock ABI 8, system calls
 * that a signal ends return EINTR in the other threads of a process.
 */
#ifndef UNVEIL_H
#define UNVEIL_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Promises to make only system calls of the given kinds from now on: words
 * separated by blanks, pledge(3) lists them. Any other call writes a line to
 * standard error and ends the process by SIGABRT, which cannot be caught;
 * with the promise "error" it returns ENOSYS instead. Promises can only be
 * given up. NULL leaves a set as it is, "" is the empty set.
 *
 * execpromises are those of programs that are exec'd, when "exec" is
 * promised. While they have never been given, or no promises have been made,
 * such a program is free, where the kernel can tell it from this one, and else
 * bound as this one is, which then has the execpromises too.
 *
 * EFAULT	a string is not in memory that can be read
 * EINVAL	a word is no promise, or a blank or a tab, newline or comma is where none may be
 * ENAMETOOLONG	a string has 1024 bytes or more
 * EPERM	a set would grow; with "error" promised, promises are cut down to what there is instead
 * ENOSYS	this kernel has no Landlock or no seccomp
 * EOPNOTSUPP	a kernel thread of io_uring serves the process, and cannot be bound;
 *		or UNVEIL_STRICT=1 is set and the kernel is too old to hold a promise in full,
 *		or there are execpromises and no promises
 * EAGAIN	a thread has not answered within two seconds, or the limit of
 *		pending signals is reached; or a signal handler calls in the middle of pledge or unveil
 * ESRCH	a thread has a seccomp filter of its own
 * E2BIG	the process has as many layers of Landlock as there can be
 * EACCES	the first execpromises come after the end of a list, which they are held to and
 *		which cannot be looked at any more: "rpath" or "stdio" is not promised
 * ENOMEM, EMFILE, ENFILE	no memory, or no descriptor is free
 */
int (pledge)(const char *promises, const char *execpromises)
#ifdef __GNUC__
	__attribute__((visibility("default")))
#endif
	;

/*
 * Makes path visible with the given permissions, any of the letters r (read),
 * w (write), x (execute) and c (create and remove), and everything that is
 * not unveiled invisible. The most specific path that is unveiled decides; a
 * path that is unveiled again has the last permissions.
 *
 * The kernel gets the list at unveil(NULL, NULL), which ends it for good, at
 * a pledge() without "unveil" or "stdio", and when a program is exec'd. Without
 * the promise "unveil" a call is a violation.
 *
 * EFAULT	a string is not in memory that can be read, or one of them is NULL
 * EINVAL	a letter is none of the four, or the path is empty
 * ENAMETOOLONG	more than four letters, a path of 4096 bytes or more, or a name in it of 256
 * ENOENT, ENOTDIR, ELOOP	the directory that is to hold the last component is not there,
 *		or cannot be searched
 * EPERM	the list is closed
 * E2BIG	128 directories or 128 other names are in the list, or their names are too long together
 * EMFILE, ENFILE, ENOMEM	no descriptor is free, or no memory: a directory is held by one
 * ENOSYS	this kernel has no Landlock
 * EOPNOTSUPP	a child of vfork(2) calls
 *
 * unveil(NULL, NULL) has the errors of pledge() that tell of threads and
 * memory, and those of a list that cannot be held; nothing is applied then:
 * EOPNOTSUPP	less is unveiled below /proc, /sys or /dev than above it, below a
 *		directory that has another name by a bind mount, or below one that
 *		is widened for a missing path with c; or UNVEIL_STRICT=1 is set and
 *		a directory would be widened
 * E2BIG	less is unveiled below a directory than above, with too many neighbours
 * EBADF	the program has closed the descriptor of an unveiled directory, and
 *		another has its name now
 */
int (unveil)(const char *path, const char *permissions)
#ifdef __GNUC__
	__attribute__((visibility("default")))
#endif
	;

/*
 * Whether a path that was refused is one that OpenBSD would call missing:
 * 1 if neither it nor a directory above it was unveiled, or if the nearest
 * that was is a directory without letters. dir is as in openat(2). flags are
 * 0, or AT_SYMLINK_NOFOLLOW where a link at the end is not followed.
 *
 * 0 if the path is covered, but also where that cannot be told: nothing was
 * unveiled, the list has not ended, an exec'd program asks, the path cannot be
 * searched, a promise of looking at paths (rpath) is missing, or no descriptor
 * is free. Never fails, leaves errno alone, takes no lock and 5 KB of the
 * stack, and may be called where unveil() may. libunveil-compat.so asks it.
 */
int (unveil_hides)(int dir, const char *path, int flags)
#ifdef __GNUC__
	__attribute__((visibility("default")))
#endif
	;

#ifdef __cplusplus
}
#endif

#endif
