/* The contract of pledge(2): arguments, errors, how sets shrink, violations. */
#include "ctest.h"

#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void sets(void)
{
	ct_ok(pledge(NULL, NULL));
	ct_ok(pledge("stdio rpath proc", NULL));
	ct_ok(pledge(NULL, NULL));
	ct_ok(pledge("stdio rpath proc", NULL));
	ct_ok(pledge("proc   rpath stdio stdio ", NULL));
	ct_ok(pledge("stdio rpath", NULL));
	ct_errno(pledge("stdio rpath proc", NULL), EPERM);
	ct_errno(pledge("stdio unix", NULL), EPERM);
	ct_ok(pledge("stdio", NULL));
	ct_errno(pledge("stdio rpath", NULL), EPERM);
}

static void words(void)
{
	static char longest[1024], one_more[1025];

	memset(longest, ' ', 1023);
	memcpy(longest, "stdio", 5);
	memset(one_more, ' ', 1024);
	memcpy(one_more, "stdio", 5);
	ct_errno(pledge("stdio rpaht", NULL), EINVAL);
	ct_errno(pledge("abort", NULL), EINVAL);
	ct_errno(pledge(" stdio", NULL), EINVAL);
	ct_errno(pledge(" ", NULL), EINVAL);
	ct_errno(pledge("stdio\trpath", NULL), EINVAL);
	ct_errno(pledge("stdio,rpath", NULL), EINVAL);
	ct_errno(pledge("stdio\n", NULL), EINVAL);
	ct_errno(pledge("STDIO", NULL), EINVAL);
	ct_errno(pledge("stdi", NULL), EINVAL);
	ct_errno(pledge("stdioo", NULL), EINVAL);
	ct_errno(pledge(one_more, NULL), ENAMETOOLONG);
	ct_errno(pledge("stdio", one_more), ENAMETOOLONG);
	ct_errno(pledge((const char *)8, NULL), EFAULT);
	ct_errno(pledge(NULL, (const char *)8), EFAULT);
	ct_errno(pledge("stdio", (const char *)8), EFAULT);
	/* None of them has changed anything. */
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_ok(pledge(longest, NULL));
}

/* Both strings are read before anything changes, the first one first. */
static void both_or_none(void)
{
	ct_ok(pledge("stdio rpath inet", "stdio rpath"));
	ct_errno(pledge("stdio", "stdio nonsense"), EINVAL);
	ct_errno(pledge("stdio", "stdio inet"), EPERM);
	ct_errno(pledge("nonsense", "stdio inet"), EINVAL);
	ct_errno(pledge("stdio proc", "nonsense"), EPERM);
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_ok(pledge("stdio", "stdio"));
}

/* A string that ends at the end of memory is read no further. */
static void end_of_memory(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_true(page != MAP_FAILED);
	ct_ok(mprotect(page + 4096, 4096, PROT_NONE));
	ct_errno(pledge(memset(page + 4096 - 5, 'x', 5), NULL), EFAULT);
	memcpy(page + 4096 - 6, "stdio", 6);
	ct_ok(pledge(page + 4096 - 6, NULL));
}

static void execpromises(void)
{
	ct_ok(pledge(NULL, "stdio rpath inet"));
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_errno(pledge(NULL, "stdio rpath inet proc"), EPERM);
	ct_ok(pledge(NULL, "stdio inet"));
	ct_ok(pledge("stdio error", NULL));
	ct_errno(pledge(NULL, "stdio inet rpath"), EPERM);	/* error cuts promises only */
	ct_ok(pledge(NULL, ""));
	ct_errno(pledge(NULL, "stdio"), EPERM);
}

static void error_cuts(void)
{
	ct_ok(pledge("stdio rpath error", NULL));
	ct_ok(pledge("stdio rpath wpath inet error", NULL));
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
	ct_errno(open("/tmp/ct-not-made", O_CREAT | O_WRONLY, 0600), ENOSYS);
	ct_errno(pledge(NULL, (const char *)8), EFAULT);
	/* A request without error gives it up. */
	ct_ok(pledge("stdio rpath inet", NULL));
	ct_errno(pledge("stdio rpath inet", NULL), EPERM);
	ct_ok(pledge("stdio rpath", NULL));
}

static void error_given_up(void)
{
	ct_ok(pledge("stdio error", NULL));
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
	ct_ok(pledge("stdio", NULL));
	socket(AF_INET, SOCK_STREAM, 0);
}

static void chown_to_fattr(void)
{
	ct_ok(pledge("stdio rpath chown", NULL));
	ct_errno(pledge("stdio rpath fattr", NULL), EPERM);
}

static void fattr_to_chown(void)
{
	ct_ok(pledge("stdio rpath fattr", NULL));
	ct_errno(pledge("stdio rpath chown", NULL), EPERM);
}

static void both_to_chown(void)
{
	ct_ok(pledge("stdio rpath fattr chown", NULL));
	ct_ok(pledge("stdio rpath chown", NULL));
}

static void empty_set(void)
{
	ct_ok(pledge("", NULL));
	ct_ok(pledge("", NULL));
	ct_errno(pledge("stdio", NULL), EPERM);
}

static void empty_after_some(void)
{
	ct_ok(pledge("stdio rpath", NULL));
	ct_ok(pledge("rpath", NULL));
	ct_ok(pledge("", NULL));
}

/* Twenty calls that ask for the same, or for less in what no layer holds, and then less at each. */
static void many_calls(void)
{
	for (int i = 0; i < 40; i++)
		ct_ok(pledge("stdio rpath wpath cpath proc", NULL));
	for (int i = 0; i < 20; i++)
		ct_ok(pledge(NULL, "stdio"));
	ct_ok(pledge("stdio rpath wpath cpath", NULL));
	ct_ok(pledge("stdio rpath wpath", NULL));
	ct_ok(pledge("stdio rpath", NULL));
	ct_ok(pledge("stdio", NULL));
	ct_ok(pledge("", NULL));
}

/* ---- acts */

static void inet_socket(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	ct_true(s >= 0);
	close(s);
}

static void nothing(void)
{
	syscall(SYS_exit_group, 0);
}

static void kill_group(void)
{
	signal(SIGINT, SIG_IGN);
	ct_ok(kill(0, SIGINT));
}

static void read_zero(void)
{
	char byte;
	int fd = open("/dev/zero", O_RDONLY);

	ct_true(fd >= 0 && read(fd, &byte, 1) == 1);
}

static void write_null(void)
{
	int fd = open("/dev/null", O_WRONLY);

	ct_true(fd >= 0 && write(fd, "x", 1) == 1);
}

static void make_directory(void)
{
	char name[64];

	snprintf(name, sizeof name, "/tmp/ct-%d", (int)getpid());
	if (mkdir(name, 0700) != 0 || rmdir(name) != 0)
		syscall(SYS_exit_group, 1);
	syscall(SYS_exit_group, 0);
}

static void create_file(void)
{
	char name[64];

	snprintf(name, sizeof name, "/tmp/ct-%d", (int)getpid());
	ct_true(open(name, O_CREAT | O_WRONLY | O_EXCL, 0600) >= 0);
	ct_ok(unlink(name));
}

static void fork_one(void)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	ct_true(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void exec_true(void)
{
	execl("/bin/true", "true", (char *)NULL);
	ct_fail("exec: errno %d", errno);
}

/* This program again, or another with its code elsewhere: a socket is all it makes. */
static void exec_socket(void)
{
	const char *probe = getenv("CT_PROBE");

	ct_true(probe != NULL);
	execl(probe, probe, "socket", (char *)NULL);
	ct_fail("exec: errno %d", errno);
}

static void exec_socket_inherit(void)
{
	setenv("UNVEIL_EXEC", "inherit", 1);
	ct_ok(pledge("stdio rpath exec", NULL));
	exec_socket();
}

static void ptrace_me(void)
{
	ct_ok(syscall(SYS_ptrace, 0 /* PTRACE_TRACEME */, 0, 0, 0));
}

static void own_abort_handler(int signal)
{
	(void)signal;
	_exit(3);
}

static void socket_with_handler(void)
{
	signal(SIGABRT, own_abort_handler);
	inet_socket();
}

static void socket_blocking(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGSYS);
	sigprocmask(SIG_SETMASK, &set, NULL);
	inet_socket();
}

/* The kernel does not call a handler that is blocked: it ends the process itself. */
static void socket_blocking_all(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	inet_socket();
}

static void socket_ignoring(void)
{
	signal(SIGABRT, SIG_IGN);
	inet_socket();
}

static void *thread_socket(void *none)
{
	inet_socket();
	return none;
}

static void socket_in_thread(void)
{
	pthread_t t;

	ct_true(pthread_create(&t, NULL, thread_socket, NULL) == 0);
	pthread_join(t, NULL);
}

static void socket_in_child(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		inet_socket();
		_exit(0);
	}
	ct_true(waitpid(child, &status, 0) == child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		_exit(34);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 35);
}

/* ---- the handler */

static volatile sig_atomic_t own_sigsys;

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	own_sigsys = info->si_code;
}

static void handler_kept(void)
{
	struct sigaction own = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	ct_ok(sigaction(SIGSYS, &own, NULL));
	ct_ok(pledge("stdio", NULL));
	raise(SIGSYS);
	ct_true(own_sigsys == SI_TKILL);
	inet_socket();
}

static void leave(int signal)
{
	(void)signal;
	_exit(0);
}

/* However SIGSYS is asked for, the socket behind it is what ends the process. */
static void take_over(void)
{
	struct sigaction own = { .sa_handler = leave }, was;

	if (sigaction(SIGSYS, &own, NULL) != 0)
		_exit(36);
	sigaction(SIGSYS, &own, &was);
	signal(SIGSYS, leave);
	inet_socket();
}

static void take_over_by_ignoring(void)
{
	struct sigaction own = { .sa_handler = SIG_IGN };

	sigaction(SIGSYS, &own, NULL);
	signal(SIGSYS, SIG_IGN);
	inet_socket();
}

static void take_over_in_child(void)
{
	struct sigaction own = { .sa_handler = leave };

	sigaction(SIGSYS, &own, NULL);
	socket_in_child();
}

static void handler_answers(void)
{
	struct sigaction own = { .sa_handler = leave }, was, now;

	ct_ok(sigaction(SIGSYS, NULL, &was));
	ct_ok(pledge("stdio", NULL));
	ct_ok(sigaction(SIGSYS, NULL, &was));
	ct_true(was.sa_handler != SIG_DFL && was.sa_handler != leave);
	ct_ok(sigaction(SIGSYS, &own, NULL));
	errno = 0;
	ct_true(sigaction(SIGSYS, &own, &now) == -1 && errno == EINVAL);
	errno = 0;
	ct_true(signal(SIGSYS, SIG_IGN) == SIG_ERR && errno == EINVAL);
	ct_ok(sigaction(SIGSYS, NULL, &now));
	ct_true(now.sa_handler == was.sa_handler);
	ct_ok(sigaction(SIGUSR1, &own, &now));
	ct_ok(sigaction(SIGUSR1, NULL, &now));
	ct_true(now.sa_handler == leave);
}

/* Where a violation is ENOSYS, no handler has to stay; what comes after is kept. */
static void handler_under_error(void)
{
	struct sigaction own = { .sa_handler = leave }, was;

	ct_ok(pledge("stdio error", NULL));
	ct_ok(sigaction(SIGSYS, &own, &was));
	ct_ok(pledge("stdio", NULL));
	ct_true(sigaction(SIGSYS, &own, &was) == -1);
	inet_socket();
}

/* An image that comes after takes the signal as it likes. */
static void exec_handler(void)
{
	const char *probe = getenv("CT_PROBE");

	ct_true(probe != NULL);
	execl(probe, probe, "handler", (char *)NULL);
	ct_fail("exec: errno %d", errno);
}

static void exec_handler_inherit(void)
{
	setenv("UNVEIL_EXEC", "inherit", 1);
	ct_ok(pledge("stdio rpath exec", NULL));
	exec_handler();
}

static void sent_sigsys(void)
{
	ct_ok(pledge("stdio", NULL));
	raise(SIGSYS);
}

static void sent_ignored(void)
{
	signal(SIGSYS, SIG_IGN);
	ct_ok(pledge("stdio", NULL));
	raise(SIGSYS);
}

static char *stack_end;

/* Down to where a frame of a handler has no room. */
static __attribute__((noinline)) int descend(int depth)
{
	volatile char frame[256];

	frame[0] = (char)depth;
	if ((char *)__builtin_frame_address(0) - 1280 < stack_end) {
		syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
		return 0;
	}
	return descend(depth + 1) + frame[0];
}

static void *deep_socket(void *alternate)
{
	static char other[1 << 16];
	stack_t stack = { .ss_sp = other, .ss_size = sizeof other };

	if (alternate != NULL)
		sigaltstack(&stack, NULL);
	descend(0);
	return NULL;
}

static void deep_thread(void *alternate)
{
	size_t size = 1 << 18;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t a;
	pthread_t t;

	ct_true(stack != MAP_FAILED);
	ct_ok(mprotect(stack, 4096, PROT_NONE));
	stack_end = stack + 4096;
	ct_ok(pledge("stdio", NULL));
	pthread_attr_init(&a);
	pthread_attr_setstack(&a, stack, size);
	ct_true(pthread_create(&t, &a, deep_socket, alternate) == 0);
	pthread_join(t, NULL);
}

static void on_alternate_stack(void)
{
	deep_thread(&stack_end);
}

static void on_no_stack(void)
{
	deep_thread(NULL);
}

/* ---- the environment */

static void errno_wished(void)
{
	setenv("UNVEIL_VIOLATION", "errno", 1);
	ct_ok(pledge("stdio rpath", NULL));
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	ct_errno(fork(), EPERM);
}

static void strict_wished(void)
{
	setenv("UNVEIL_STRICT", "1", 1);
	if (syscall(444, NULL, 0, 1) >= 10)
		ct_ok(pledge("stdio rpath dns", NULL));
	else
		ct_errno(pledge("stdio rpath dns", NULL), EOPNOTSUPP);
	ct_ok(pledge("stdio rpath", NULL));
}

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

/* Ends as the child does: 34 by SIGSYS. */
static void wait_beside(pid_t child)
{
	int status;

	ct_true(waitpid(child, &status, 0) == child);
	_exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? 34 : WIFEXITED(status) ? WEXITSTATUS(status) : 35);
}

static void beside_fork(void)
{
	char *const *argv = beside();
	pid_t child = fork();

	if (child == 0) {
		execv(argv[0], argv);
		_exit(36);
	}
	wait_beside(child);
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
	wait_beside(child);
}

static void beside_spawn(void)
{
	char *const *argv = beside();
	pid_t child;

	ct_true(posix_spawn(&child, argv[0], NULL, NULL, argv, environ) == 0);
	wait_beside(child);
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

static void cases(void)
{
	ct_case("sets shrink", 0, sets);
	ct_case("words", 0, words);
	ct_case("both strings or none", 0, both_or_none);
	ct_case("end of memory", 0, end_of_memory);
	ct_case("execpromises", 0, execpromises);
	ct_case("error cuts down", 0, error_cuts);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("error given up", CT_SIGNAL(SIGABRT), error_given_up);
	ct_case("chown to fattr", 0, chown_to_fattr);
	ct_case("fattr to chown", 0, fattr_to_chown);
	ct_case("fattr chown to chown", 0, both_to_chown);
	ct_case("empty set", 0, empty_set);
	ct_case("empty after some", 0, empty_after_some);
	ct_case("many calls", 0, many_calls);

	ct_act("nothing: exit", "", NULL, 0, nothing);
	ct_act("nothing: socket", "", NULL, CT_SIGNAL(SIGABRT), inet_socket);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("stdio: socket", "stdio", NULL, CT_SIGNAL(SIGABRT), inet_socket);
	ct_act("inet: socket, and close", "inet", NULL, CT_SIGNAL(SIGABRT), inet_socket);
	ct_act("stdio inet: socket", "stdio inet", NULL, 0, inet_socket);
	ct_act("fattr: kill", "fattr", NULL, CT_SIGNAL(SIGABRT), kill_group);
	ct_act("stdio: kill", "stdio", NULL, 0, kill_group);
	ct_act("stdio rpath: read", "stdio rpath", NULL, 0, read_zero);
	ct_act("stdio wpath: write", "stdio wpath", NULL, 0, write_null);
	ct_act("stdio: write to null", "stdio", NULL, 0, write_null);
	ct_act("cpath: mkdir", "cpath", NULL, 0, make_directory);
	ct_act("stdio rpath wpath cpath: create", "stdio rpath wpath cpath", NULL, 0, create_file);
	ct_says = "]: pledge \"cpath\", syscall open";
	ct_act("stdio rpath wpath: create", "stdio rpath wpath", NULL, CT_SIGNAL(SIGABRT), create_file);
	ct_act("stdio proc: fork", "stdio proc", NULL, 0, fork_one);
#ifdef __GLIBC__
	ct_says = "]: pledge \"proc\", syscall clone\n";
	ct_act("stdio: fork", "stdio", NULL, CT_SIGNAL(SIGABRT), fork_one);
#else	/* musl blocks all signals around the call: the kernel ends the process itself */
	ct_act("stdio: fork", "stdio", NULL, CT_SIGNAL(SIGSYS), fork_one);
#endif
	ct_says = "]: pledge \"exec\", syscall execve\n";
	ct_act("stdio rpath: exec", "stdio rpath", NULL, CT_SIGNAL(SIGABRT), exec_true);
	ct_act("stdio exec: exec", "stdio exec", NULL, 0, exec_true);
	ct_act("stdio rpath exec: exec of what makes a socket", "stdio rpath exec", NULL, 0, exec_socket);
	ct_act("stdio exec: exec of what makes a socket", "stdio exec", NULL, 0, exec_socket);
	ct_act("the same, under execpromises that lack it", "stdio rpath exec", "stdio rpath", CT_SIGNAL(SIGSYS), exec_socket);
	ct_act("the same, under execpromises that have it", "stdio rpath exec", "stdio rpath inet", 0, exec_socket);
	ct_act("socket, with exec held", "stdio rpath proc exec", NULL, CT_SIGNAL(SIGABRT), inet_socket);
	ct_act("socket in a child, with exec held", "stdio rpath proc exec", NULL, 34, socket_in_child);
	ct_act("socket in a thread, with exec held", "stdio rpath proc exec", NULL, CT_SIGNAL(SIGABRT), socket_in_thread);
	ct_case("UNVEIL_EXEC=inherit", CT_SIGNAL(SIGSYS), exec_socket_inherit);
	ct_says = "]: pledge \"\", syscall ptrace\n";
	ct_act("stdio: ptrace", "stdio", NULL, CT_SIGNAL(SIGABRT), ptrace_me);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past a handler of SIGABRT", "stdio", NULL, CT_SIGNAL(SIGABRT), socket_with_handler);
	ct_act("past a blocked SIGABRT", "stdio", NULL, CT_SIGNAL(SIGABRT), socket_blocking);
	ct_act("past a blocked SIGSYS", "stdio", NULL, CT_SIGNAL(SIGSYS), socket_blocking_all);
	ct_act("past an ignored SIGABRT", "stdio", NULL, CT_SIGNAL(SIGABRT), socket_ignoring);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("in a thread", "stdio", NULL, CT_SIGNAL(SIGABRT), socket_in_thread);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("in a child", "stdio proc", NULL, 34, socket_in_child);

	ct_case("a handler of SIGSYS is kept", CT_SIGNAL(SIGABRT), handler_kept);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past a handler of SIGSYS", "stdio", NULL, CT_SIGNAL(SIGABRT), take_over);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past a handler of SIGSYS, with exec held", "stdio rpath proc exec", NULL, CT_SIGNAL(SIGABRT), take_over);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past an ignored SIGSYS", "stdio", NULL, CT_SIGNAL(SIGABRT), take_over_by_ignoring);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past a handler of SIGSYS, in a child", "stdio proc", NULL, 34, take_over_in_child);
	ct_case("the handler of SIGSYS: what is answered", 0, handler_answers);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("the handler of SIGSYS, after error", CT_SIGNAL(SIGABRT), handler_under_error);
	ct_act("a handler of SIGSYS of an exec'd program", "stdio rpath exec", NULL, 0, exec_handler);
	ct_case("the same, with UNVEIL_EXEC=inherit", 0, exec_handler_inherit);
	ct_case("SIGSYS from others", CT_SIGNAL(SIGSYS), sent_sigsys);
	ct_case("SIGSYS from others, ignored", 0, sent_ignored);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("on the alternate stack", CT_SIGNAL(SIGABRT), on_alternate_stack);
	ct_case("with no stack left (control)", CT_SIGNAL(SIGSEGV), on_no_stack);
	ct_case("UNVEIL_VIOLATION=errno", 0, errno_wished);
	ct_case("UNVEIL_STRICT=1", 0, strict_wished);
	ct_case("execpromises, code is mapped where the parent's is: execve", CT_SIGNAL(SIGSYS), beside_execve);
	ct_case("the same: execl", CT_SIGNAL(SIGSYS), beside_execl);
	ct_case("the same: execvp", CT_SIGNAL(SIGSYS), beside_execvp);
	ct_case("the same: fexecve", CT_SIGNAL(SIGSYS), beside_fexecve);
	ct_case("the same: in a child", 34, beside_fork);
	ct_case("the same: in a child of vfork", 34, beside_vfork);
	ct_case("the same: by a system call of its own (differs)", 0, beside_syscall);
#ifdef __GLIBC__
	ct_case("the same: posix_spawn (differs)", 0, beside_spawn);
#else
	ct_case("the same: posix_spawn (differs)", CT_ANY, beside_spawn);
#endif
	ct_case("exec of what is not there, under execpromises", 0, exec_missing);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("exec that fails, under execpromises (differs)", CT_SIGNAL(SIGABRT), exec_fails);
	ct_case("exec, with execpromises alone", CT_SIGNAL(SIGSYS), exec_promises_alone);
	ct_case("the same, by a system call of its own (differs)", 0, exec_promises_alone_syscall);
	ct_case("the same, with UNVEIL_STRICT=1", 0, exec_promises_alone_strict);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "violate") == 0) {	/* what the environment says of it, to a set-id program too */
		if (pledge("stdio", NULL) != 0)
			return 2;
		return socket(AF_INET, SOCK_STREAM, 0) >= 0;
	}
	if (argc > 1 && strcmp(argv[1], "socket") == 0)
		return socket(AF_INET, SOCK_STREAM, 0) < 0;
	if (argc > 2 && strcmp(argv[1], "beside") == 0)
		return ct_map_code((void *)strtoul(argv[2], NULL, 16))() < 0;
	if (argc > 1 && strcmp(argv[1], "handler") == 0) {
		struct sigaction own = { .sa_handler = leave }, was;

		if (sigaction(SIGSYS, &own, &was) != 0 || was.sa_handler != SIG_DFL)
			return 3;
		raise(SIGSYS);
		return 4;	/* leave() is not called */
	}
	return ct_main(argc, argv, cases);
}
