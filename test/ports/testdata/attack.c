/*
 * The attacks that ports are tried with: an object to preload that stands in
 * front of pledge() and unveil(), lets the real call through, and behind the
 * one that is meant does one thing, by raw system calls.
 *
 *	ATTACK_AT	the promises of that pledge, or LOCK: unveil(NULL, NULL)
 *	ATTACK		read create unlink inet unix fork exec kill protexec ptrace
 *			uring x32 int80
 *	ATTACK_PATH	of read, create, unlink and exec
 *	ATTACK_FROM	main, thread (made when the process was) or child
 *	ATTACK_LOG	a file, opened before the pledge, for what came of it
 *
 * A child is forked behind the pledge: where that is not promised, no child is
 * there to attack, and the log stays empty. What is killed is a process that
 * was made before, and is no child: programs wait for theirs.
 *
 * The log has "worked" where the thing was done, and "refused" with an errno
 * where it was not. A process that is ended writes "tried" alone, and the
 * parent of a child "ended".
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *at, *what, *path, *from;
static int out = -1;
static int pipe_to[2], pipe_from[2];
static pid_t victim;

static void say(const char *text)
{
	syscall(SYS_write, out, text, strlen(text));
}

/* socket(2) of the network, without an argument that is an address. */
#ifdef __x86_64__
static long int80(void)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(359), "b"(AF_INET), "c"(SOCK_STREAM), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	if (ret < 0)
		errno = -ret;
	return ret < 0 ? -1 : ret;
}

static long x32(void)
{
	return syscall(0x40000000 | SYS_socket, AF_INET, SOCK_STREAM, 0);
}
#else /* no such ways */
static long int80(void)
{
	abort();
}

static long x32(void)
{
	abort();
}
#endif

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
	if (strcmp(what, "int80") == 0)
		return int80();
	if (strcmp(what, "x32") == 0)
		return x32();
	if (strcmp(what, "kill") == 0)
		return syscall(SYS_kill, victim, SIGTERM);
	if (strcmp(what, "protexec") == 0) {
		long code = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		return code == -1 ? -1 : 0;
	}
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

static void make_thread(void)
{
	pthread_t thread;

	if (pipe(pipe_to) != 0 || pipe(pipe_from) != 0 || pthread_create(&thread, NULL, before, NULL) != 0)
		abort();
}

static void child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		attack();
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, NULL, 0) == pid)
		say("ended\n");
	else
		say("no child\n");
}

/* It ends with the terminal's group, or by itself. */
static void make_victim(void)
{
	pid_t pid;
	int to[2];

	if (pipe(to) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid != 0) {
			write(to[1], &pid, sizeof pid);
			_exit(0);
		}
		for (int fd = 0; fd < 64; fd++)
			close(fd);
		signal(SIGTERM, SIG_DFL);
		alarm(60);
		pause();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid || read(to[0], &victim, sizeof victim) != sizeof victim || victim <= 0)
		abort();
	close(to[0]);
	close(to[1]);
}

__attribute__((constructor)) static void prepare(void)
{
	const char *log = getenv("ATTACK_LOG");

	at = getenv("ATTACK_AT");
	what = getenv("ATTACK");
	path = getenv("ATTACK_PATH");
	from = getenv("ATTACK_FROM");
	if (at == NULL || what == NULL || from == NULL || log == NULL)
		return;
	if (dlsym(RTLD_NEXT, "pledge") == NULL)
		return;	/* a shell, or setpriv(1), which takes no thread */
	out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (out < 0)
		abort();
	if (strcmp(what, "kill") == 0)
		make_victim();
	if (strcmp(from, "thread") == 0) {
		make_thread();
		/* A process that the program forks, and that pledges, has its own. */
		pthread_atfork(NULL, NULL, make_thread);
	}
}

static void begin(void)
{
	char byte = 0;

	if (strcmp(from, "main") == 0)
		attack();
	else if (strcmp(from, "child") == 0)
		child();
	else {
		write(pipe_to[1], &byte, 1);
		read(pipe_from[0], &byte, 1);
	}
	at = NULL;
}

typedef int call(const char *, const char *);

int pledge(const char *promises, const char *execpromises)
{
	int ret = ((call *)dlsym(RTLD_NEXT, "pledge"))(promises, execpromises);

	if (ret == 0 && promises != NULL && at != NULL && strcmp(promises, at) == 0)
		begin();
	return ret;
}

int unveil(const char *path, const char *permissions)
{
	int ret = ((call *)dlsym(RTLD_NEXT, "unveil"))(path, permissions);

	if (ret == 0 && path == NULL && permissions == NULL && at != NULL && strcmp(at, "LOCK") == 0)
		begin();
	return ret;
}
