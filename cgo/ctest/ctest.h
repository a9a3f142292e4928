/*
 * A small harness: each case runs in a child of its own, with a deadline,
 * since limits cannot be taken off. What it says goes to a pipe, and is
 * compared.
 *
 *	ct_case("a name", 0, body);			expects exit status 0
 *	ct_case("a name", CT_SIGNAL(SIGABRT), body);	expects the end by a signal
 *
 * A case of an act that is refused has a control: the same act where nothing
 * was promised must succeed, or the machine is broken, and not our fence
 * whole. ct_act() does both.
 *
 * The report is a line a case, "ok NAME", or "not ok NAME" with a tab and why;
 * a case that cannot run here says "skip NAME", and why. The exit status is 1 when one is not
 * ok.
 */
#ifndef CTEST_H
#define CTEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "code.h"
#include "unveil.h"

#define CT_SIGNAL(n) (0x100 | (n))
#define CT_ANY (-1)
#define CT_SKIP 77	/* exit status: cannot run here, standard error says why */
#define CT_KILLED 34	/* exit status: a child was ended by the signal that was expected */
#define CT_LIMIT_MS 20000

static int ct_failed;
static int ct_limit_ms = CT_LIMIT_MS;
static const char *ct_only;		/* the one case to run */
static const char *ct_says;		/* what standard error must hold in the next case */
static char ct_said[2048];		/* what it held in the last */

static long ct_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Fails the case from inside. */
static inline void ct_fail(const char *format, ...)
{
	char text[256];
	va_list rest;
	int n;

	va_start(rest, format);
	n = vsnprintf(text, sizeof text - 1, format, rest);
	va_end(rest);
	text[n] = '\n';
	if (write(2, text, (size_t)n + 1) < 0)
		_exit(98);
	_exit(99);
}

#define ct_true(condition) \
	do { if (!(condition)) ct_fail("line %d: %s (errno %d)", __LINE__, #condition, errno); } while (0)
/* A call that is to return -1 with an errno. */
#define ct_errno(call, want) \
	do { errno = 0; long ct_ret = (long)(call); \
		if (ct_ret != -1 || errno != (want)) \
			ct_fail("line %d: %s = %ld, errno %d, not %s", __LINE__, #call, ct_ret, errno, #want); } while (0)
#define ct_ok(call) \
	do { errno = 0; long ct_ret = (long)(call); \
		if (ct_ret != 0) ct_fail("line %d: %s = %ld, errno %d", __LINE__, #call, ct_ret, errno); } while (0)

/* Maps code that makes a socket, at an address or anywhere. */
static inline long (*ct_map_code(void *address))(void)
{
	long (*code)(void) = code_map(address);

	ct_true(code != NULL);
	return code;
}

/* How a child ended, of what wait(2) says: CT_SIGNAL or exit status. */
static inline int ct_ended(int status)
{
	return WIFSIGNALED(status) ? CT_SIGNAL(WTERMSIG(status)) : WEXITSTATUS(status);
}

/* Runs body in a child: how it ended, CT_SIGNAL or exit status; -2: too late. */
static int ct_run(void (*body)(void))
{
	int ends[2], status = 0;
	size_t used = 0;
	long until = ct_now() + ct_limit_ms;
	pid_t child;
	bool hung = false;

	if (pipe(ends) != 0)
		abort();
	fflush(NULL);
	child = fork();
	if (child == 0) {
		/* A core of each violation would fill the disk. */
		syscall(SYS_prlimit64, 0, 4 /* RLIMIT_CORE */, (uint64_t[2]){ 0, 0 }, NULL);
		setpgid(0, 0);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		body();
		_exit(0);
	}
	close(ends[1]);
	for (;;) {
		struct pollfd p = { ends[0], POLLIN, 0 };
		long left = until - ct_now();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0) {
			hung = true;
			break;
		}
		n = read(ends[0], ct_said + used, sizeof ct_said - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
		if (used == sizeof ct_said - 1)
			break;
	}
	ct_said[used] = '\0';
	close(ends[0]);
	/* The pipe may be closed before the end; wait for that too. */
	while (!hung && waitpid(child, &status, WNOHANG) == 0) {
		if (ct_now() > until)
			hung = true;
		usleep(200);
	}
	kill(-child, SIGKILL);
	if (hung) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return -2;
	}
	return ct_ended(status);
}

/* Waits for a child: how it ended, CT_SIGNAL or exit status. */
static inline int ct_wait(pid_t child)
{
	int status = 0;

	ct_true(child > 0 && waitpid(child, &status, 0) == child);
	return ct_ended(status);
}

/* Ends as a child does: with its exit status, with CT_KILLED where that signal ended it, else with 35. */
static inline void ct_end_as(pid_t child, int signal)
{
	int end = ct_wait(child);

	_exit(end == CT_SIGNAL(signal) ? CT_KILLED : end < CT_SIGNAL(0) ? end : 35);
}

static void ct_print(const char *verdict, const char *name, const char *format, ...)
{
	va_list rest;

	printf("%s %s", verdict, name);
	if (format != NULL) {
		char why[2600];

		va_start(rest, format);
		vsnprintf(why, sizeof why, format, rest);
		va_end(rest);
		for (char *p = why; *p != '\0'; p++)
			if (*p == '\n')
				*p = p[1] != '\0' ? '|' : '\0';
		printf("\t%s", why);
	}
	printf("\n");
	fflush(stdout);
}

static void ct_case(const char *name, int want, void (*body)(void))
{
	const char *says = ct_says;
	int got;

	ct_says = NULL;
	if (ct_only != NULL && strcmp(ct_only, name) != 0)
		return;
	got = ct_run(body);
	if (got == CT_SKIP) {
		ct_print("skip", name, "%s", ct_said);
	} else if (got == -2) {
		ct_failed = 1;
		ct_print("not ok", name, "still running after %d ms; %s", ct_limit_ms, ct_said);
	} else if (want != CT_ANY && got != want) {
		ct_failed = 1;
		ct_print("not ok", name, "ended with %#x, not %#x; %s", (unsigned)got, (unsigned)want, ct_said);
	} else if (says != NULL && strstr(ct_said, says) == NULL) {
		ct_failed = 1;
		ct_print("not ok", name, "does not say '%s' but '%s'", says, ct_said);
	} else {
		ct_print("ok", name, NULL);
	}
}

/* The rest of the case is for root. The run as root must not skip it. */
static inline void ct_need_root(void)
{
	if (geteuid() != 0) {
		if (write(2, "needs root", 10) < 0)
			_exit(98);
		_exit(CT_SKIP);
	}
}

/* An act under promises, and without: then it must end well. */
static const char *ct_promises, *ct_execpromises;
static void (*ct_the_act)(void);

static void ct_free(void)
{
	ct_the_act();
}

static void ct_bound(void)
{
	ct_ok(pledge(ct_promises, ct_execpromises));
	ct_the_act();
}

static inline void ct_act(const char *name, const char *promises, const char *execpromises, int want, void (*act)(void))
{
	char control[200];
	const char *says = ct_says;

	ct_says = NULL;
	ct_promises = promises;
	ct_execpromises = execpromises;
	ct_the_act = act;
	snprintf(control, sizeof control, "%s (control)", name);
	ct_case(control, 0, ct_free);
	ct_says = says;
	ct_case(name, want, ct_bound);
}

/* The ABI of Landlock; 0: the kernel has none. */
static inline long ct_abi(void)
{
	long abi = syscall(444 /* landlock_create_ruleset */, NULL, 0, 1);

	return abi < 0 ? 0 : abi;
}

/* How many entries a directory has. */
static inline int ct_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	ct_true(d != NULL);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* An instruction of a filter: musl has no headers of the kernel. */
struct ct_instruction {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

/* Puts on a filter of the case's own. */
static inline void ct_filter(const struct ct_instruction *code, unsigned short n)
{
	struct { unsigned short len; const void *filter; } program = { n, code };

	ct_ok(syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &program));
}

/* An act of the promise inet. */
static inline void ct_inet_socket(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	ct_true(s >= 0);
	close(s);
}

static inline int ct_main(int argc, char **argv, void (*cases)(void))
{
	const char *limit = getenv("CT_LIMIT_MS");	/* of an emulated machine */

	if (argc > 1)
		ct_only = argv[1];
	if (limit != NULL)
		ct_limit_ms = atoi(limit);
	cases();
	return ct_failed;
}

#endif
