/*
 * The exec functions, in front of those of libc: what was unveiled goes to
 * the kernel before another program runs, also where unveil(NULL, NULL) was
 * never called.
 *
 * They make the system call themselves and do the rest as POSIX has it,
 * without malloc, so that they are as good in a child of vfork(2), in a static
 * program, and with any libc. environ is libc's: a weak reference, since this
 * library links to none.
 */
#include "arguments.h"
#include "veil.h"

#include <unistd.h>

#pragma weak environ
extern char **environ;

#define PUBLIC __attribute__((visibility("default")))

static char **environment(void)
{
	return &environ != NULL ? environ : NULL;
}

/*
 * The system call. Only the first of several seals, since there is nothing
 * left then; bound says whether one has put on what execpromises ask for.
 */
static long run(int dir, const char *path, char *const argv[], char *const envp[], int flags, bool *bound)
{
	int err = unveil_seal();

	if (err == 0 && !*bound) {
		err = next_put_on(dir, path, flags);
		*bound = err == 0;
	}
	if (err < 0)
		return err;
	if (dir == AT_FDCWD && flags == 0)
		return sys(NR_execve, path, argv, envp);
	return sys(NR_execveat, dir, path, argv, envp, flags);
}

static int run_once(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	bool bound = false;

	return answer((int)run(dir, path, argv, envp, flags, &bound));
}

PUBLIC int execve(const char *path, char *const argv[], char *const envp[])
{
	return run_once(AT_FDCWD, path, argv, envp, 0);
}

PUBLIC int execv(const char *path, char *const argv[])
{
	return run_once(AT_FDCWD, path, argv, environment(), 0);
}

PUBLIC int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	return run_once(dir, path, argv, envp, flags);
}

PUBLIC int fexecve(int fd, char *const argv[], char *const envp[])
{
	if (fd < 0)	/* AT_FDCWD would be the working directory */
		return answer(-EINVAL);
	return run_once(fd, "", argv, envp, AT_EMPTY_PATH);
}

/* A file that the kernel does not know is a script of the shell. */
static long run_script(const char *path, char *const argv[], char *const envp[], bool *bound)
{
	size_t n = 0;

	while (argv[n] != NULL)
		n++;
	{
		char *args[n + 3];

		args[0] = (char *)"/bin/sh";
		args[1] = (char *)path;
		for (size_t i = 1; i < n; i++) {
			__asm__ volatile("");	/* no call of memcpy(3) */
			args[i + 1] = argv[i];
		}
		args[n > 0 ? n + 1 : 2] = NULL;
		return run(AT_FDCWD, args[0], args, envp, 0, bound);
	}
}

static long run_or_script(const char *path, char *const argv[], char *const envp[], bool *bound)
{
	long err = run(AT_FDCWD, path, argv, envp, 0, bound);

	return err == -ENOEXEC ? run_script(path, argv, envp, bound) : err;
}

static const char *search_path(void)
{
	for (char **e = environment(); e != NULL && *e != NULL; e++)
		if ((*e)[0] == 'P' && (*e)[1] == 'A' && (*e)[2] == 'T' && (*e)[3] == 'H' && (*e)[4] == '=')
			return *e + 5;
	return "/bin:/usr/bin";
}

/* execvpe(3): a name without a slash is looked for in PATH. */
static long search(const char *file, char *const argv[], char *const envp[])
{
	char path[PATH_SIZE];
	const char *next = search_path();
	bool refused = false, bound = false;
	size_t length = 0;

	for (const char *c = file; *c != '\0'; c++, length++)
		if (*c == '/')
			return run_or_script(file, argv, envp, &bound);
	if (length == 0)
		return -ENOENT;
	for (bool last = false; !last;) {
		const char *dir = next;
		size_t n;
		long err;

		while (*next != ':' && *next != '\0')
			next++;
		last = *next == '\0';
		if ((size_t)(next - dir) + 1 + length >= sizeof(path)) {
			next++;
			continue;
		}
		n = (size_t)(next - dir);
		text_copy(path, dir, n);
		next++;
		if (n > 0)
			path[n++] = '/';
		text_copy(path + n, file, length + 1);
		err = run_or_script(path, argv, envp, &bound);
		switch (err) {
		case -EACCES:
			refused = true;	/* unless it is found further on */
			break;
		case -ENOENT:
		case -ENOTDIR:
		case -ESTALE:
		case -ENODEV:
		case -ETIMEDOUT:
			break;
		default:
			return err;
		}
	}
	return refused ? -EACCES : -ENOENT;
}

PUBLIC int execvpe(const char *file, char *const argv[], char *const envp[])
{
	return answer((int)search(file, argv, envp));
}

PUBLIC int execvp(const char *file, char *const argv[])
{
	return answer((int)search(file, argv, environment()));
}

PUBLIC int execl(const char *path, const char *arg, ...)
{
	size_t n;

	ARGUMENTS_COUNT(n, arg);
	{
		char *argv[n + 1];
		va_list list;

		ARGUMENTS_LAY(argv, n, arg, list);
		va_end(list);
		return run_once(AT_FDCWD, path, argv, environment(), 0);
	}
}

PUBLIC int execlp(const char *file, const char *arg, ...)
{
	size_t n;

	ARGUMENTS_COUNT(n, arg);
	{
		char *argv[n + 1];
		va_list list;

		ARGUMENTS_LAY(argv, n, arg, list);
		va_end(list);
		return answer((int)search(file, argv, environment()));
	}
}

PUBLIC int execle(const char *path, const char *arg, ...)
{
	size_t n;

	ARGUMENTS_COUNT(n, arg);
	{
		char *argv[n + 1], **envp;
		va_list list;

		ARGUMENTS_LAY(argv, n, arg, list);
		envp = va_arg(list, char **);
		va_end(list);
		return run_once(AT_FDCWD, path, argv, envp, 0);
	}
}
