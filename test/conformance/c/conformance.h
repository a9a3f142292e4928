/*
 * A harness for cases that say what OpenBSD does.
 *
 * Each case is run in children of its own: free, where nothing is promised
 * and nothing unveiled, so that every act must succeed; bound, as OpenBSD's
 * tests have it; ended, the same with unveil(NULL, NULL) before the acts,
 * where the case unveils; and plain, ended with the letter c of directories
 * only, since c of anything else widens its directory here.
 *
 * A case does not stop at a difference: it is reported, and the next act is
 * tried. A line a run, its fields divided by tabs:
 *
 *	NAME	MODE	WHAT|WANT|GOT	...
 *
 * No field behind MODE: it is as on OpenBSD (or, free, as it has to be).
 * A case that Linux cannot run has the mode "cannot", and why.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#define _GNU_SOURCE
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unveil.h"

#define BY_SIGNAL(n) (0x100 | (n))
#define RETURNED 96		/* exit status of a case whose fatal act returned: that is reported */
#define REPORT 100		/* the descriptor that reports go to */
#define LIMIT_S 20

enum mode { FREE, BOUND, ENDED, PLAIN };
static const char *const mode_names[] = { "free", "bound", "ended", "plain" };
static enum mode mode;

struct test {
	const char *name;
	void (*body)(void);
	int end;		/* on OpenBSD */
	int free_end;		/* without confinement */
	bool unveils;		/* is run ended and plain too */
	const char *cannot;	/* why it cannot be run */
};

static char base[] = "/tmp/unveil-conformance.XXXXXX";
static char here[128];	/* the tree of the run, its working directory */

static const char *result(int err)
{
	if (err == 0)
		return "0";
	return strerrorname_np(err) != NULL ? strerrorname_np(err) : "?";
}

/* At once, since what follows may end the process. */
static void differ(const char *what, const char *want, const char *got)
{
	char line[512];
	int n = snprintf(line, sizeof line, "\t%s|%s|%s", what, want, got);

	if (write(REPORT, line, (size_t)n) != n)
		_exit(97);
}

/* An act that returned ret, and is to end with the errno want, or 0. */
static long outcome(const char *what, long ret, int want)
{
	int got = ret < 0 ? errno : 0;

	if (got != want)
		differ(what, result(want), result(got));
	return ret;
}

/* What works, confined or not. */
#define works(what, call) (errno = 0, outcome(what, (long)(call), 0))
/* What is refused with an errno, and works without confinement. */
#define refused(what, call, want) (errno = 0, outcome(what, (long)(call), mode == FREE ? 0 : (want)))
/* What fails, confined or not. */
#define fails(what, call, want) (errno = 0, outcome(what, (long)(call), want))
/* What ends the process, and works without confinement. */
#define fatal(what, call) do { errno = 0; long ret_ = (long)(call); \
		if (mode == FREE) outcome(what, ret_, 0); else outlived(what, ret_); } while (0)
/* What ends the process, and without confinement gets an answer of the kernel. */
#define fatal_answer(what, call) do { errno = 0; long ret_ = (long)(call); \
		if (mode != FREE) outlived(what, ret_); } while (0)

static inline void outlived(const char *what, long ret)
{
	differ(what, "SIGABRT", result(ret < 0 ? errno : 0));
	_exit(RETURNED);
}

/* The confinement: nothing of it is done in a free run. */
static inline void promise(const char *promises, const char *execpromises)
{
	if (mode != FREE)
		outcome("pledge", pledge(promises, execpromises), 0);
}

static inline void veil(const char *path, const char *permissions)
{
	char letters[8];
	struct stat st;

	if (mode == FREE)
		return;
	snprintf(letters, sizeof letters, "%s", permissions);
	if (mode == PLAIN && !(stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		letters[strcspn(letters, "c")] = '\0';	/* it is last, if there */
	outcome("unveil", unveil(path, letters), 0);
}

/* Where the acts begin. */
static inline void veiled(void)
{
	if (mode >= ENDED)
		outcome("unveil(NULL, NULL)", unveil(NULL, NULL), 0);
}

static void make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);

	if (fd < 0 || write(fd, "text\n", 5) != 5 || close(fd) != 0)
		differ(path, "made", result(errno));
}

/* An absolute path in the tree. */
static inline const char *at(const char *name)
{
	static char paths[16][256];
	static unsigned next;
	char *path = paths[next++ % 16];

	snprintf(path, sizeof paths[0], "%s/%s", here, name);
	return path;
}

/* dir1/sub, dir2, file1 and file2, and a file "in" in each directory. */
static void make_tree(void)
{
	snprintf(here, sizeof here, "%s/%d", base, (int)getpid());
	if (mkdir(here, 0755) != 0 || chdir(here) != 0 || mkdir("dir1", 0755) != 0 ||
	    mkdir("dir1/sub", 0755) != 0 || mkdir("dir2", 0755) != 0)
		differ("a tree", "made", result(errno));
	make_file("file1");
	make_file("file2");
	make_file("dir1/in");
	make_file("dir2/in");
}

static const char *end_name(int end)
{
	static char names[4][32];
	static unsigned next;
	char *name = names[next++ % 4];

	if (end & 0x100)
		snprintf(name, 32, "SIG%s", sigabbrev_np(end & 0xff));
	else
		snprintf(name, 32, "exit %d", end);
	return name;
}

static _Noreturn void child(const struct test *t, int report)
{
	const struct rlimit none = { 0, 0 };
	int null = open("/dev/null", O_RDWR);

	/* A core of each violation would fill the disk. */
	setrlimit(RLIMIT_CORE, &none);
	setpgid(0, 0);
	alarm(LIMIT_S);
	dup2(report, REPORT);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_range(3, REPORT - 1, 0);
	close_range(REPORT + 1, ~0u, 0);
	make_tree();
	t->body();
	_exit(0);
}

static void run(const struct test *t, enum mode m)
{
	int ends[2], status, end, want = m == FREE ? t->free_end : t->end;
	char said[4096];
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	mode = m;
	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(t, ends[1]);
	close(ends[1]);
	while ((n = read(ends[0], said + used, sizeof said - 1 - used)) > 0)
		used += (size_t)n;
	said[used] = '\0';
	close(ends[0]);
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);	/* what it has left */
	end = WIFSIGNALED(status) ? BY_SIGNAL(WTERMSIG(status)) : WEXITSTATUS(status);
	printf("%s\t%s%s", t->name, mode_names[m], said);
	if (end != want && end != RETURNED)
		printf("\tends|%s|%s", end_name(want), end_name(end));
	printf("\n");
}

static inline int run_all(const struct test *tests, size_t n)
{
	if (mkdtemp(base) == NULL) {
		perror("mkdtemp");
		return 1;
	}
	chmod(base, 0755);
	for (size_t i = 0; i < n; i++) {
		if (tests[i].cannot != NULL) {
			printf("%s\tcannot\t%s\n", tests[i].name, tests[i].cannot);
			continue;
		}
		run(&tests[i], FREE);
		run(&tests[i], BOUND);
		if (tests[i].unveils) {
			run(&tests[i], ENDED);
			run(&tests[i], PLAIN);
		}
	}
	fflush(NULL);
	execlp("rm", "rm", "-rf", base, (char *)NULL);
	return 1;
}

#endif
