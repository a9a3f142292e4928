/*
 * libunveil-compat: the errno of OpenBSD for a path that unveil(2) hides.
 *
 * Landlock answers EACCES, and EXDEV for rename(2) and link(2), where OpenBSD
 * says ENOENT, and programs go on after ENOENT that give up after EACCES. These
 * functions stand in front of those of libc, call them, and look at errno when
 * they have failed: success costs the detour alone. What is refused, and what
 * is not, stays the kernel's business; nothing is hidden here that was seen.
 *
 * One object for glibc from 2.34, where dlsym(3) is in libc, and for musl, and
 * so without their headers: musl's make open64 and its kin macros of the
 * plain names. All that it wants of others is a weak reference.
 */
#include "../arguments.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#undef errno

/* asm-generic/fcntl.h: the same on x86-64 and arm64, but for O_TMPFILE's
 * second bit, O_DIRECTORY, which is not looked at. */
#define AT_FDCWD		(-100)
#define AT_SYMLINK_NOFOLLOW	0x100
#define AT_SYMLINK_FOLLOW	0x400
#define O_CREAT			0100
#define O_EXCL			0200
#define TMPFILE_BIT		020000000
#define AF_UNIX			1

#define RTLD_NEXT	((void *)-1l)
#define PUBLIC		__attribute__((visibility("default")))
#define weak		__attribute__((weak))

typedef unsigned mode_type;
typedef int64_t off_type;
typedef uint64_t dev_type;
typedef uint32_t length_type;	/* socklen_t */

extern int unveil_hides(int, const char *, int) weak;
extern void *dlsym(void *, const char *) weak;
extern int *__errno_location(void) weak;
extern char **environ weak;

/* ---- the functions of libc */

#define FUNCTIONS(X) \
	X(open) X(open64) X(openat) X(openat64) X(__open_2) X(__open64_2) X(__openat_2) X(__openat64_2) \
	X(creat) X(creat64) X(fopen) X(fopen64) X(freopen) X(freopen64) X(opendir) X(truncate) X(truncate64) \
	X(mkdir) X(mkdirat) X(mkfifo) X(mkfifoat) X(mknod) X(mknodat) X(unlink) X(unlinkat) X(rmdir) \
	X(rename) X(renameat) X(renameat2) X(link) X(linkat) X(symlink) X(symlinkat) X(bind) X(connect) \
	X(execve) X(execveat) X(posix_spawn)

#define PLACE(name) NEXT_##name,
#define NAME(name) #name,
enum place { FUNCTIONS(PLACE) PLACES };
static const char names[PLACES][16] = { FUNCTIONS(NAME) };
static void *found[PLACES];

/* Looked for at the start, since dlsym(3) takes a lock of libc's; and again by
 * who comes before, as another library's constructor may. */
static void *find(enum place p)
{
	void *f = __atomic_load_n(&found[p], __ATOMIC_RELAXED);

	if (f == NULL && dlsym != NULL) {
		f = dlsym(RTLD_NEXT, names[p]);
		__atomic_store_n(&found[p], f, __ATOMIC_RELAXED);
	}
	return f;
}

__attribute__((constructor)) static void find_all(void)
{
	for (unsigned p = 0; p < PLACES; p++)
		find((enum place)p);
}

/* A libc that lacks a function (musl, renameat2) lacks it here too, but for
 * the linker. */
static void absent(void)
{
	if (__errno_location != NULL)
		*__errno_location() = ENOSYS;
}

#define NEXT(name, failure, ...)                                                       \
	__extension__({                                                                \
		__typeof__(name) *next_ = (__typeof__(name) *)find(NEXT_##name);         \
		next_ != NULL ? next_(__VA_ARGS__) : (absent(), (failure));            \
	})

/* ---- what is mended */

static bool hides(int dir, const char *path, int flags)
{
	return unveil_hides != NULL && unveil_hides(dir, path, flags) == 1;
}

static bool refused(int err)
{
	return __errno_location != NULL && *__errno_location() == err;
}

/* After a call on one path that has failed. */
static void mend(int dir, const char *path, int flags)
{
	if (refused(EACCES) && hides(dir, path, flags))
		*__errno_location() = ENOENT;
}

/* And on two: Landlock says EXDEV for a directory that may take no link. */
static void mend_two(int from_dir, const char *from, int flags, int to_dir, const char *to)
{
	if ((refused(EACCES) || refused(EXDEV)) &&
	    (hides(from_dir, from, flags) || hides(to_dir, to, AT_SYMLINK_NOFOLLOW)))
		*__errno_location() = ENOENT;
}

#define ONE(dir, path, flags, name, ...)                       \
	do {                                                   \
		int ret_ = NEXT(name, -1, __VA_ARGS__);        \
		if (__builtin_expect(ret_ < 0, 0))             \
			mend(dir, path, flags);                \
		return ret_;                                   \
	} while (0)

#define POINTER(dir, path, name, ...)                          \
	do {                                                   \
		void *ret_ = NEXT(name, NULL, __VA_ARGS__);    \
		if (__builtin_expect(ret_ == NULL, 0))         \
			mend(dir, path, 0);                    \
		return ret_;                                   \
	} while (0)

#define TWO(from_dir, from, flags, to_dir, to, name, ...)      \
	do {                                                   \
		int ret_ = NEXT(name, -1, __VA_ARGS__);        \
		if (__builtin_expect(ret_ < 0, 0))             \
			mend_two(from_dir, from, flags, to_dir, to); \
		return ret_;                                   \
	} while (0)

/* ---- opening */

/* A link at the end is not followed by who insists on making a file. */
static int last_link(int flags)
{
	return (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) ? AT_SYMLINK_NOFOLLOW : 0;
}

#define MODE(mode, flags)                                      \
	do {                                                   \
		if ((flags) & (O_CREAT | TMPFILE_BIT)) {       \
			va_list rest_;                         \
			va_start(rest_, flags);                \
			mode = va_arg(rest_, mode_type);       \
			va_end(rest_);                         \
		}                                              \
	} while (0)

PUBLIC int open(const char *path, int flags, ...)
{
	mode_type mode = 0;

	MODE(mode, flags);
	ONE(AT_FDCWD, path, last_link(flags), open, path, flags, mode);
}

PUBLIC int open64(const char *path, int flags, ...)
{
	mode_type mode = 0;

	MODE(mode, flags);
	ONE(AT_FDCWD, path, last_link(flags), open64, path, flags, mode);
}

PUBLIC int openat(int dir, const char *path, int flags, ...)
{
	mode_type mode = 0;

	MODE(mode, flags);
	ONE(dir, path, last_link(flags), openat, dir, path, flags, mode);
}

PUBLIC int openat64(int dir, const char *path, int flags, ...)
{
	mode_type mode = 0;

	MODE(mode, flags);
	ONE(dir, path, last_link(flags), openat64, dir, path, flags, mode);
}

/* What open(2) without a mode becomes with _FORTIFY_SOURCE. */
PUBLIC int __open_2(const char *path, int flags)
{
	ONE(AT_FDCWD, path, 0, __open_2, path, flags);
}

PUBLIC int __open64_2(const char *path, int flags)
{
	ONE(AT_FDCWD, path, 0, __open64_2, path, flags);
}

PUBLIC int __openat_2(int dir, const char *path, int flags)
{
	ONE(dir, path, 0, __openat_2, dir, path, flags);
}

PUBLIC int __openat64_2(int dir, const char *path, int flags)
{
	ONE(dir, path, 0, __openat64_2, dir, path, flags);
}

PUBLIC int creat(const char *path, mode_type mode)
{
	ONE(AT_FDCWD, path, 0, creat, path, mode);
}

PUBLIC int creat64(const char *path, mode_type mode)
{
	ONE(AT_FDCWD, path, 0, creat64, path, mode);
}

PUBLIC void *fopen(const char *path, const char *mode)
{
	POINTER(AT_FDCWD, path, fopen, path, mode);
}

PUBLIC void *fopen64(const char *path, const char *mode)
{
	POINTER(AT_FDCWD, path, fopen64, path, mode);
}

/* Without a path it changes the mode of a file that is open: that is no path
 * that could be hidden, and unveil_hides finds nothing at NULL. */
PUBLIC void *freopen(const char *path, const char *mode, void *file)
{
	POINTER(AT_FDCWD, path, freopen, path, mode, file);
}

PUBLIC void *freopen64(const char *path, const char *mode, void *file)
{
	POINTER(AT_FDCWD, path, freopen64, path, mode, file);
}

PUBLIC void *opendir(const char *path)
{
	POINTER(AT_FDCWD, path, opendir, path);
}

PUBLIC int truncate(const char *path, off_type size)
{
	ONE(AT_FDCWD, path, 0, truncate, path, size);
}

PUBLIC int truncate64(const char *path, off_type size)
{
	ONE(AT_FDCWD, path, 0, truncate64, path, size);
}

/* ---- names that come and go */

PUBLIC int mkdir(const char *path, mode_type mode)
{
	ONE(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, mkdir, path, mode);
}

PUBLIC int mkdirat(int dir, const char *path, mode_type mode)
{
	ONE(dir, path, AT_SYMLINK_NOFOLLOW, mkdirat, dir, path, mode);
}

PUBLIC int mkfifo(const char *path, mode_type mode)
{
	ONE(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, mkfifo, path, mode);
}

PUBLIC int mkfifoat(int dir, const char *path, mode_type mode)
{
	ONE(dir, path, AT_SYMLINK_NOFOLLOW, mkfifoat, dir, path, mode);
}

PUBLIC int mknod(const char *path, mode_type mode, dev_type dev)
{
	ONE(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, mknod, path, mode, dev);
}

PUBLIC int mknodat(int dir, const char *path, mode_type mode, dev_type dev)
{
	ONE(dir, path, AT_SYMLINK_NOFOLLOW, mknodat, dir, path, mode, dev);
}

PUBLIC int unlink(const char *path)
{
	ONE(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, unlink, path);
}

PUBLIC int unlinkat(int dir, const char *path, int flags)
{
	ONE(dir, path, AT_SYMLINK_NOFOLLOW, unlinkat, dir, path, flags);
}

PUBLIC int rmdir(const char *path)
{
	ONE(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, rmdir, path);
}

PUBLIC int rename(const char *from, const char *to)
{
	TWO(AT_FDCWD, from, AT_SYMLINK_NOFOLLOW, AT_FDCWD, to, rename, from, to);
}

PUBLIC int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	TWO(from_dir, from, AT_SYMLINK_NOFOLLOW, to_dir, to, renameat, from_dir, from, to_dir, to);
}

PUBLIC int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	TWO(from_dir, from, AT_SYMLINK_NOFOLLOW, to_dir, to, renameat2, from_dir, from, to_dir, to, flags);
}

PUBLIC int link(const char *from, const char *to)
{
	TWO(AT_FDCWD, from, AT_SYMLINK_NOFOLLOW, AT_FDCWD, to, link, from, to);
}

PUBLIC int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	TWO(from_dir, from, flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW, to_dir, to, linkat, from_dir, from, to_dir, to, flags);
}

/* The target of a link is text: only the link itself is a path. */
PUBLIC int symlink(const char *target, const char *path)
{
	ONE(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, symlink, target, path);
}

PUBLIC int symlinkat(const char *target, int dir, const char *path)
{
	ONE(dir, path, AT_SYMLINK_NOFOLLOW, symlinkat, target, dir, path);
}

/* ---- sockets that are paths */

struct address {
	uint16_t family;
	char path[108];
};

static void mend_socket(const struct address *to, length_type size, int flags)
{
	char path[sizeof to->path + 1];
	size_t n = 0;

	if (!refused(EACCES) || size <= offsetof(struct address, path) || size > sizeof *to || to->family != AF_UNIX)
		return;
	/* It need not end in NUL. One that begins with it is abstract, and no path. */
	for (; n < size - offsetof(struct address, path) && to->path[n] != '\0'; n++)
		path[n] = to->path[n];
	path[n] = '\0';
	mend(AT_FDCWD, path, flags);
}

PUBLIC int bind(int fd, const void *to, length_type size)
{
	int ret = NEXT(bind, -1, fd, to, size);

	if (__builtin_expect(ret < 0, 0))
		mend_socket(to, size, AT_SYMLINK_NOFOLLOW);
	return ret;
}

PUBLIC int connect(int fd, const void *to, length_type size)
{
	int ret = NEXT(connect, -1, fd, to, size);

	if (__builtin_expect(ret < 0, 0))
		mend_socket(to, size, 0);
	return ret;
}

/* ---- programs */

/*
 * libunveil's own are next, where this library is in front of it, and hand the
 * list over first. Those that search PATH are left to it: EACCES there
 * is the answer for several paths.
 */
PUBLIC int execve(const char *path, char *const argv[], char *const envp[])
{
	ONE(AT_FDCWD, path, 0, execve, path, argv, envp);
}

PUBLIC int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	ONE(dir, path, flags & AT_SYMLINK_NOFOLLOW, execveat, dir, path, argv, envp, flags);
}

PUBLIC int execv(const char *path, char *const argv[])
{
	return execve(path, argv, &environ != NULL ? environ : NULL);
}

PUBLIC int execl(const char *path, const char *arg, ...)
{
	size_t n;

	ARGUMENTS_COUNT(n, arg);
	{
		char *argv[n + 1];
		va_list rest;

		ARGUMENTS_LAY(argv, n, arg, rest);
		va_end(rest);
		return execv(path, argv);
	}
}

PUBLIC int execle(const char *path, const char *arg, ...)
{
	size_t n;

	ARGUMENTS_COUNT(n, arg);
	{
		char *argv[n + 1], **envp;
		va_list rest;

		ARGUMENTS_LAY(argv, n, arg, rest);
		envp = va_arg(rest, char **);
		va_end(rest);
		return execve(path, argv, envp);
	}
}

/* It returns what others leave in errno. */
PUBLIC int posix_spawn(void *pid, const char *path, const void *actions, const void *attr, char *const argv[], char *const envp[])
{
	int err = NEXT(posix_spawn, ENOSYS, pid, path, actions, attr, argv, envp);

	return __builtin_expect(err == EACCES, 0) && hides(AT_FDCWD, path, 0) ? ENOENT : err;
}
