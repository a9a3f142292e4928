/* What the library does to a process that only loads it: nothing. */
#include "ctest.h"

#include <sched.h>

static void one_thread(void)
{
	/* What a runtime starts, it starts soon. */
	usleep(50000);
	ct_true(ct_entries("/proc/self/task") == 1);
	ct_ok(unshare(CLONE_THREAD));
}

static void no_handler(void)
{
	for (int s = 1; s <= 64; s++) {
		unsigned long action[4] = { 0 };

		if (syscall(SYS_rt_sigaction, s, NULL, action, 8) == 0 && action[0] > 1)
			ct_fail("signal %d has a handler", s);
	}
}

/* 0 to 2, the harness's own, and the one that lists them. */
static void no_descriptor(void)
{
	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			ct_fail("descriptor %d is open", fd);
}

static void no_stack(void)
{
	stack_t now;

	ct_ok(sigaltstack(NULL, &now));
	ct_true(now.ss_flags & SS_DISABLE);
}

static void no_promise(void)
{
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_true(syscall(SYS_prctl, 39, 0, 0, 0, 0) == 0);	/* no_new_privs */
	ct_ok(pledge(NULL, NULL));
	ct_true(syscall(SYS_prctl, 39, 0, 0, 0, 0) == 0);
}

static void cases(void)
{
	ct_case("one thread", 0, one_thread);
	ct_case("no handler of a signal", 0, no_handler);
	ct_case("no descriptor", 0, no_descriptor);
	ct_case("no alternate stack", 0, no_stack);
	ct_case("no promise", 0, no_promise);
}

int main(int argc, char **argv)
{
	/* Again, without the descriptors that others have left open. */
	if (getenv("CT_CLEAN") == NULL) {
		setenv("CT_CLEAN", "1", 1);
		syscall(436 /* close_range */, 3, ~0u, 0);
		execv("/proc/self/exe", argv);
		return 1;
	}
	return ct_main(argc, argv, cases);
}
