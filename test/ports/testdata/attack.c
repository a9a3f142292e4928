/*
 * The attacks that ports are tried with: an object to preload that stands in
 * front of pledge(), lets the real call through, and behind the one whose
 * promises are $ATTACK_AT does one thing, by raw system calls.
 *
 *	ATTACK_AT	the promises of that call
 *	ATTACK		read create unlink inet unix fork exec ptrace uring
 *	ATTACK_PATH	of read, create, unlink and exec
 *	ATTACK_FROM	main, thread (made before the program's main) or child
 *	ATTACK_LOG	a file, opened before the pledge, for what came of it
 *
 * A child is forked behind the pledge: where that is not promised, no child is
 * there to attack, and the log stays empty.
 *
 * The log has "worked" where the thing was done, and "refused" with an errno
 * where it was not. A process that is ended writes "tried" alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *at, *what, *path, *from;
static int out = -1;
static int pipe_to[2], pipe_from[2];

static void say(const char *text)
{
	syscall(SYS_write, out, text, strlen(text));
}

static long act(void)
{
	char byte;
	long fd;

	if (strcmp(what, "read") == 0) {
		fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? fd : syscall(SYS_read, fd, &byte, 1) == 1 ? 0 : -1;
	}
	if (strcmp(what, "create") == 0)
		return syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (strcmp(what, "unlink") == 0)
		return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	if (strcmp(what, "inet") == 0)
		return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (strcmp(what, "unix") == 0)
		return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	if (strcmp(what, "ptrace") == 0 && strcmp(from, "thread") != 0)
		return syscall(SYS_ptrace, 0 /* PTRACE_TRACEME */, 0, 0, 0);
	if (strcmp(what, "ptrace") == 0) {
		/* A thread that is traced could not be waited for. */
		char other;
		struct iovec to = { &other, 1 }, of = { &byte, 1 };

		byte = 1;
		return syscall(SYS_process_vm_readv, getpid(), &to, 1, &of, 1, 0);
	}
	if (strcmp(what, "uring") == 0) {
		char parameters[120] = { 0 };

		return syscall(SYS_io_uring_setup, 1, parameters);
	}
	if (strcmp(what, "fork") == 0) {
		long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (pid == 0)
			syscall(SYS_exit_group, 0);
		return pid;
	}
	if (strcmp(what, "exec") == 0) {
		/* Of a file that makes another: what it does is what is looked at. */
		char *argv[] = { (char *)path, NULL }, *none[] = { NULL };

		return syscall(SYS_execve, path, argv, none);
	}
	abort();
}

static void attack(void)
{
	char text[64];
	long ret;

	say("tried\n");
	ret = act();
	if (ret >= 0)
		say("worked\n");
	else {
		snprintf(text, sizeof text, "refused %d\n", errno);
		say(text);
	}
}

static void *before(void *unused)
{
	char byte;

	while (read(pipe_to[0], &byte, 1) == 1) {
		attack();
		write(pipe_from[1], &byte, 1);
	}
	return unused;
}

static void child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		attack();
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	else
		say("no child\n");
}

__attribute__((constructor)) static void prepare(void)
{
	const char *log = getenv("ATTACK_LOG");
	pthread_t thread;

	at = getenv("ATTACK_AT");
	what = getenv("ATTACK");
	path = getenv("ATTACK_PATH");
	from = getenv("ATTACK_FROM");
	if (at == NULL || what == NULL || from == NULL || log == NULL)
		return;
	out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (out < 0 || pipe(pipe_to) != 0 || pipe(pipe_from) != 0)
		abort();
	if (strcmp(from, "thread") == 0 && pthread_create(&thread, NULL, before, NULL) != 0)
		abort();
}

int pledge(const char *promises, const char *execpromises)
{
	int (*real)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "pledge");
	int ret = real(promises, execpromises);
	char byte = 0;

	if (ret != 0 || promises == NULL || at == NULL || strcmp(promises, at) != 0)
		return ret;
	if (strcmp(from, "main") == 0)
		attack();
	else if (strcmp(from, "child") == 0)
		child();
	else {
		write(pipe_to[1], &byte, 1);
		read(pipe_from[0], &byte, 1);
	}
	at = NULL;
	return ret;
}
