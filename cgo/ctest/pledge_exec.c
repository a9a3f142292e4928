/* pledge(2): what an exec ends, and what execpromises hold the next program to. */
#include "ctest.h"

#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/stat.h>

static void exec_true(void)
{
	execl("/bin/true", "true", (char *)NULL);
	ct_fail("exec: errno %d", errno);
}

/* Executes what CT_PROBE names: probe.c, with its code elsewhere. */
static void exec_probe(const char *act)
{
	const char *probe = getenv("CT_PROBE");

	ct_true(probe != NULL);
	execl(probe, probe, act, (char *)NULL);
	ct_fail("exec: errno %d", errno);
}

static void exec_socket(void)
{
	exec_probe("socket");
}

static void exec_socket_inherit(void)
{
	setenv("UNVEIL_EXEC", "inherit", 1);
	ct_ok(pledge("stdio rpath exec", NULL));
	exec_socket();
}

/* An image that comes after takes the signal as it likes. */
static void exec_handler(void)
{
	exec_probe("handler");
}

static void exec_handler_inherit(void)
{
	setenv("UNVEIL_EXEC", "inherit", 1);
	ct_ok(pledge("stdio rpath exec", NULL));
	exec_handler();
}

static void exec_promises_alone(void)
{
	ct_ok(pledge(NULL, "stdio rpath"));
	exec_socket();
}

static void exec_promises_alone_syscall(void)
{
	char *const argv[] = { getenv("CT_PROBE"), (char *)"socket", NULL };

	ct_ok(pledge(NULL, "stdio rpath"));
	syscall(SYS_execve, argv[0], argv, environ);
}

static void exec_promises_alone_strict(void)
{
	setenv("UNVEIL_STRICT", "1", 1);
	ct_errno(pledge(NULL, "stdio rpath"), EOPNOTSUPP);
	ct_ok(pledge("stdio rpath exec", "stdio rpath inet"));
	ct_ok(pledge(NULL, "stdio rpath"));
}

static volatile int at_it = 1;

static void *promising(void *none)
{
	while (at_it)
		ct_ok(pledge(NULL, "stdio rpath"));
	return none;
}

/* While they are made once more, they hold. */
static void exec_promises_alone_vfork(void)
{
	char *const argv[] = { getenv("CT_PROBE"), (char *)"socket", NULL };
	pthread_t thread;
	long start = ct_now();

	ct_ok(pledge(NULL, "stdio rpath"));
	ct_true(pthread_create(&thread, NULL, promising, NULL) == 0);
	/* 200 take 0.6 s, and 16 s where the processor is emulated. */
	for (int i = 0; i < 20 || (i < 200 && ct_now() < start + 1000); i++) {
		pid_t child = vfork();
		int end;

		if (child == 0) {
			execv(argv[0], argv);
			_exit(36);
		}
		end = ct_wait(child);
		if (end != CT_SIGNAL(SIGSYS))
			ct_fail("%d: %#x", i, (unsigned)end);
	}
	at_it = 0;
	pthread_join(thread, NULL);
}

/* What is not there to be executed leaves everything as it was. */
static void exec_missing(void)
{
	ct_ok(setenv("PATH", "/nonexistent:/tmp", 1));
	ct_ok(pledge("stdio rpath inet exec", "stdio rpath"));
	ct_errno(execl("/nonexistent/true", "true", (char *)NULL), ENOENT);
	ct_errno(execl("/dev/null/true", "true", (char *)NULL), ENOTDIR);
	ct_errno(execlp("ct-nonexistent", "true", (char *)NULL), ENOENT);
	ct_errno(execl("/etc/passwd", "true", (char *)NULL), EACCES);
	ct_errno(fexecve(99, (char *const[]){ NULL }, environ), EBADF);
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

/* Of what is there, and cannot be executed, the filter stays. */
static void exec_fails(void)
{
	char name[] = "/tmp/ct-garbage-XXXXXX";
	int fd = mkstemp(name);

	ct_true(fd >= 0 && write(fd, "\x7f" "ELF", 4) == 4 && fchmod(fd, 0755) == 0);
	close(fd);
	ct_ok(pledge("stdio rpath cpath inet exec", "stdio rpath cpath"));
	ct_errno(execl(name, name, (char *)NULL), ENOEXEC);
	ct_ok(unlink(name));
	socket(AF_INET, SOCK_STREAM, 0);
}

/* Execute in a child, and end as it does. */
static void in_fork(char *const *argv)
{
	pid_t child = fork();

	if (child == 0) {
		execv(argv[0], argv);
		_exit(36);
	}
	ct_end_as(child, SIGSYS);
}

static void in_spawn(char *const *argv)
{
	pid_t child;

	ct_true(posix_spawn(&child, argv[0], NULL, NULL, argv, environ) == 0);
	ct_end_as(child, SIGSYS);
}

/* ---- code where the parent's was */

/* The arguments of a program that maps code where this one's is, after a pledge that allows it less. */
static char *const *beside(void)
{
	static char at[32], *argv[] = { NULL, (char *)"beside", at, NULL };

	argv[0] = getenv("CT_PROBE");
	ct_true(argv[0] != NULL);
	snprintf(at, sizeof at, "%lx", (unsigned long)beside & ~0xffful);
	ct_ok(pledge("stdio rpath inet proc exec", "stdio rpath"));
	return argv;
}

static void beside_execve(void)
{
	char *const *argv = beside();

	execve(argv[0], argv, environ);
}

static void beside_execl(void)
{
	char *const *argv = beside();

	execl(argv[0], argv[0], argv[1], argv[2], (char *)NULL);
}

static void beside_execvp(void)
{
	char *const *argv = beside();

	execvp(argv[0], argv);
}

static void beside_fexecve(void)
{
	char *const *argv = beside();

	fexecve(open(argv[0], O_RDONLY | O_CLOEXEC), argv, environ);
}

static void beside_syscall(void)
{
	char *const *argv = beside();

	syscall(SYS_execve, argv[0], argv, environ);
}

static void beside_fork(void)
{
	in_fork(beside());
}

static void beside_vfork(void)
{
	char *const *argv = beside();
	pid_t child = vfork();

	if (child == 0) {
		execv(argv[0], argv);
		_exit(36);
	}
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);	/* of the child's filter the parent has nothing */
	ct_end_as(child, SIGSYS);
}

static void beside_spawn(void)
{
	in_spawn(beside());
}

/* ---- what exec brings this program itself */

/* Where the next program cannot be told from this one, they have the same filter. */
static void has_execpromises(void)
{
	int fd = open("/etc/passwd", O_RDONLY);

	ct_inet_socket();
	ct_true(fd >= 0);
	close(fd);
}

static struct sockaddr_in listening;
static int listener;

/* A layer that holds the ports would stay with the next program. */
static void connects(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	ct_ok(connect(s, (struct sockaddr *)&listening, sizeof listening));
	close(s);
}

static void listens(void)
{
	socklen_t size = sizeof listening;

	listening.sin_family = AF_INET;
	listening.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	ct_ok(bind(listener, (struct sockaddr *)&listening, size));
	ct_ok(listen(listener, 4));
	ct_ok(getsockname(listener, (struct sockaddr *)&listening, &size));
}

/* ---- signals to others, which proc is for */

static char *const *signalling(void)
{
	static char whom[12], *argv[] = { NULL, (char *)"signal", whom, NULL };

	argv[0] = getenv("CT_PROBE");
	ct_true(argv[0] != NULL);
	snprintf(whom, sizeof whom, "%d", (int)getpid());
	return argv;
}

static void signal_fork(void)
{
	in_fork(signalling());
}

static void signal_vfork(void)
{
	char *const *argv = signalling();
	pid_t child = vfork();

	if (child == 0) {
		execv(argv[0], argv);
		_exit(36);
	}
	ct_ok(kill(child, 0));	/* the parent may still */
	ct_end_as(child, SIGSYS);
}

static void signal_spawn(void)
{
	in_spawn(signalling());
}

static void signal_itself(void)
{
	pid_t child = fork();

	if (child == 0)
		exec_probe("signal");
	ct_end_as(child, SIGSYS);
}

static void cases(void)
{
	ct_says = "]: pledge \"exec\", syscall execve\n";
	ct_act("stdio rpath: exec", "stdio rpath", NULL, CT_SIGNAL(SIGABRT), exec_true);
	ct_act("stdio exec: exec", "stdio exec", NULL, 0, exec_true);
	ct_act("stdio rpath exec: exec of what makes a socket", "stdio rpath exec", NULL, 0, exec_socket);
	ct_act("stdio exec: exec of what makes a socket", "stdio exec", NULL, 0, exec_socket);
	ct_act("the same, under execpromises that lack it", "stdio rpath exec", "stdio rpath", CT_SIGNAL(SIGSYS), exec_socket);
	ct_act("the same, under execpromises that have it", "stdio rpath exec", "stdio rpath inet", 0, exec_socket);
	ct_case("UNVEIL_EXEC=inherit", CT_SIGNAL(SIGSYS), exec_socket_inherit);
	ct_act("a handler of SIGSYS of an exec'd program", "stdio rpath exec", NULL, 0, exec_handler);
	ct_case("the same, with UNVEIL_EXEC=inherit", 0, exec_handler_inherit);
	ct_case("execpromises, code is mapped where the parent's is: execve", CT_SIGNAL(SIGSYS), beside_execve);
	ct_case("the same: execl", CT_SIGNAL(SIGSYS), beside_execl);
	ct_case("the same: execvp", CT_SIGNAL(SIGSYS), beside_execvp);
	ct_case("the same: fexecve", CT_SIGNAL(SIGSYS), beside_fexecve);
	ct_case("the same: in a child", CT_KILLED, beside_fork);
	ct_case("the same: in a child of vfork", CT_KILLED, beside_vfork);
	ct_case("the same: by a system call of its own (differs)", 0, beside_syscall);
#ifdef __GLIBC__
	ct_case("the same: posix_spawn (differs)", 0, beside_spawn);
#else
	ct_case("the same: posix_spawn (differs)", CT_ANY, beside_spawn);
#endif
	ct_act("execpromises without proc: a signal to the parent", "stdio rpath proc exec", "stdio rpath", CT_KILLED, signal_fork);
	ct_act("the same: of a child of vfork", "stdio rpath proc exec", "stdio rpath", CT_KILLED, signal_vfork);
	ct_act("the same, with proc", "stdio rpath proc exec", "stdio rpath proc", 0, signal_fork);
	ct_act("the same, to itself", "stdio rpath proc exec", "stdio rpath", 0, signal_itself);
#ifdef __GLIBC__
	ct_act("a signal to the parent: posix_spawn (differs)", "stdio rpath proc exec", "stdio rpath", 0, signal_spawn);
#else
	ct_act("a signal to the parent: posix_spawn (differs)", "stdio rpath proc exec", "stdio rpath", CT_ANY, signal_spawn);
#endif
	ct_act("execpromises, with prot_exec: this program has them too (differs)", "stdio prot_exec exec", "stdio inet", 0, has_execpromises);
	listens();
	ct_act("dns beside exec: any port (differs)", "stdio dns exec", NULL, 0, connects);
	ct_act("dns without exec", "stdio dns", NULL, ct_abi() >= 4 ? 99 : 0, connects);
	close(listener);
	ct_case("exec of what is not there, under execpromises", 0, exec_missing);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("exec that fails, under execpromises (differs)", CT_SIGNAL(SIGABRT), exec_fails);
	ct_case("exec, with execpromises alone", CT_SIGNAL(SIGSYS), exec_promises_alone);
	ct_case("the same, in children of vfork", 0, exec_promises_alone_vfork);
	ct_case("the same, by a system call of its own (differs)", 0, exec_promises_alone_syscall);
	ct_case("the same, with UNVEIL_STRICT=1", 0, exec_promises_alone_strict);
}

int main(int argc, char **argv)
{
	return ct_main(argc, argv, cases);
}
