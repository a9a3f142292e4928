/* pledge(2): how a violation ends a process, past whatever it does about signals. */
#include "ctest.h"

#include <pthread.h>

static void own_abort_handler(int signal)
{
	(void)signal;
	_exit(3);
}

static void socket_with_handler(void)
{
	signal(SIGABRT, own_abort_handler);
	ct_inet_socket();
}

static void socket_blocking(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGSYS);
	sigprocmask(SIG_SETMASK, &set, NULL);
	ct_inet_socket();
}

/* The kernel does not call a handler that is blocked: it ends the process itself. */
static void socket_blocking_all(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	ct_inet_socket();
}

static void socket_ignoring(void)
{
	signal(SIGABRT, SIG_IGN);
	ct_inet_socket();
}

static void *thread_socket(void *none)
{
	ct_inet_socket();
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
	pid_t child = fork();

	if (child == 0) {
		ct_inet_socket();
		_exit(0);
	}
	ct_end_as(child, SIGABRT);
}

/* ---- a handler of the program's own */

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
	ct_inet_socket();
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
	ct_inet_socket();
}

static void take_over_by_ignoring(void)
{
	struct sigaction own = { .sa_handler = SIG_IGN };

	sigaction(SIGSYS, &own, NULL);
	signal(SIGSYS, SIG_IGN);
	ct_inet_socket();
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
	ct_inet_socket();
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

/* ---- no stack left */

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

static void errno_wished(void)
{
	setenv("UNVEIL_VIOLATION", "errno", 1);
	ct_ok(pledge("stdio rpath", NULL));
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	ct_errno(fork(), EPERM);
}

static void cases(void)
{
	ct_act("socket, with exec held", "stdio rpath proc exec", NULL, CT_SIGNAL(SIGABRT), ct_inet_socket);
	ct_act("socket in a child, with exec held", "stdio rpath proc exec", NULL, CT_KILLED, socket_in_child);
	ct_act("socket in a thread, with exec held", "stdio rpath proc exec", NULL, CT_SIGNAL(SIGABRT), socket_in_thread);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past a handler of SIGABRT", "stdio", NULL, CT_SIGNAL(SIGABRT), socket_with_handler);
	ct_act("past a blocked SIGABRT", "stdio", NULL, CT_SIGNAL(SIGABRT), socket_blocking);
	ct_act("past a blocked SIGSYS", "stdio", NULL, CT_SIGNAL(SIGSYS), socket_blocking_all);
	ct_act("past an ignored SIGABRT", "stdio", NULL, CT_SIGNAL(SIGABRT), socket_ignoring);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("in a thread", "stdio", NULL, CT_SIGNAL(SIGABRT), socket_in_thread);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("in a child", "stdio proc", NULL, CT_KILLED, socket_in_child);
	ct_case("a handler of SIGSYS is kept", CT_SIGNAL(SIGABRT), handler_kept);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past a handler of SIGSYS", "stdio", NULL, CT_SIGNAL(SIGABRT), take_over);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past a handler of SIGSYS, with exec held", "stdio rpath proc exec", NULL, CT_SIGNAL(SIGABRT), take_over);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past an ignored SIGSYS", "stdio", NULL, CT_SIGNAL(SIGABRT), take_over_by_ignoring);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("past a handler of SIGSYS, in a child", "stdio proc", NULL, CT_KILLED, take_over_in_child);
	ct_case("the handler of SIGSYS: what is answered", 0, handler_answers);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("the handler of SIGSYS, after error", CT_SIGNAL(SIGABRT), handler_under_error);
	ct_case("SIGSYS from others", CT_SIGNAL(SIGSYS), sent_sigsys);
	ct_case("SIGSYS from others, ignored", 0, sent_ignored);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("on the alternate stack", CT_SIGNAL(SIGABRT), on_alternate_stack);
	ct_case("with no stack left (control)", CT_SIGNAL(SIGSEGV), on_no_stack);
	ct_case("UNVEIL_VIOLATION=errno", 0, errno_wished);
}

int main(int argc, char **argv)
{
	return ct_main(argc, argv, cases);
}
