/* pledge(2) with other threads around: all are bound, or none is. */
#include "ctest.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

#define MANY 200

static atomic_int ready, go, stop, bound, loose, interrupted;

/* The kernel binds all threads: also those that answer no signal. */
static bool at_once(void) { return ct_abi() >= 8; }

/* One act that only Landlock refuses, and one that only the filter does. */
static void check(void)
{
	int file = open("/etc/passwd", O_RDONLY), s;

	if (file >= 0)
		close(file);
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (s >= 0)
		close(s);
	if (file < 0 && s < 0)
		bound++;
	else if (file >= 0 && s >= 0)
		loose++;
	else
		ct_fail("bound in part: open %d, socket %d", file, s);
}

static void wait_for_go(void)
{
	while (!go)
		sched_yield();
}

static void *plain(void *none)
{
	ready++;
	wait_for_go();
	check();
	return none;
}

static void *spinning(void *none)
{
	ready++;
	while (!go)
		;
	check();
	return none;
}

static void *blocking(void *none)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	return plain(none);
}

static void *blocking_raw(void *none)
{
	unsigned long all = ~0ul;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	return plain(none);
}

static void *sleeping(void *none)
{
	ready++;
	while (!go) {
		struct timespec t = { 0, 20000000 };

		if (nanosleep(&t, NULL) != 0 && errno == EINTR)
			interrupted++;
	}
	check();
	return none;
}

static void *reading(void *end)
{
	char byte;

	ready++;
	/* Goes on after the signal: SA_RESTART. */
	ct_true(read(*(int *)end, &byte, 1) == 1);
	wait_for_go();
	check();
	return NULL;
}

static void *vforking(void *none)
{
	/* Longer than pledge waits for a thread; a kernel that binds all waits for it as long as it takes. */
	int naps = at_once() ? 100 : 400;

	ready++;
	if (vfork() == 0) {
		struct timespec t = { 0, 10000000 };

		for (int i = 0; i < naps && !go; i++)
			syscall(SYS_nanosleep, &t, NULL);
		_exit(0);
	}
	wait_for_go();
	check();
	return none;
}

static void *leaf(void *none)
{
	if (go)
		check();
	return none;
}

static void *making_threads(void *none)
{
	ready++;
	while (!stop) {
		pthread_t t;

		if (pthread_create(&t, NULL, leaf, NULL) == 0)
			pthread_join(t, NULL);
	}
	check();
	return none;
}

static void *setting_id(void *none)
{
	ready++;
	while (!stop)
		if (setuid(getuid()) != 0 && errno != EAGAIN)
			ct_fail("setuid: errno %d", errno);
	check();
	return none;
}

static void *forking(void *none)
{
	ready++;
	while (!stop) {
		int status, was = go;
		pid_t child = fork();

		if (child == 0) {
			if (was && open("/etc/passwd", O_RDONLY) >= 0)
				_exit(1);
			_exit(0);
		}
		if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
			ct_fail("a child of a bound thread is free: %#x", status);
	}
	check();
	return none;
}

static void *with_own_filter(void *none)
{
	static const struct ct_instruction allow = { 6, 0, 0, 0x7fff0000 };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	ct_filter(&allow, 1);
	return plain(none);
}

static pthread_t threads[MANY];

static void start(int n, void *(*body)(void *), void *argument)
{
	int before = ready;
	pthread_attr_t a;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	for (int i = 0; i < n; i++)
		ct_true(pthread_create(&threads[i], &a, body, argument) == 0);
	while (ready < before + n)
		usleep(100);
	usleep(5000);
}

static void finish(int n)
{
	go = 1;
	usleep(3000);
	stop = 1;
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	check();
}

static void all_bound(int n, void *(*body)(void *), void *argument)
{
	start(n, body, argument);
	ct_ok(pledge("stdio proc id error", NULL));
	finish(n);
	if (loose != 0 || bound < n + 1)
		ct_fail("%d bound, %d not", (int)bound, (int)loose);
}

static void none_bound(int n, void *(*body)(void *), int want)
{
	start(n, body, NULL);
	errno = 0;
	if (pledge("stdio proc id error", NULL) != -1 || errno != want)
		ct_fail("errno %d, not %d", errno, want);
	finish(n);
	if (bound != 0 || loose < n + 1)
		ct_fail("%d bound, %d not", (int)bound, (int)loose);
}

static void control(void)
{
	start(8, plain, NULL);
	finish(8);
	ct_true(loose == 9 && bound == 0);
}

static void c_plain(void) { all_bound(8, plain, NULL); }
static void c_many(void) { all_bound(MANY, sleeping, NULL); }
static void c_spinning(void) { all_bound(4, spinning, NULL); }
static void c_blocking(void) { all_bound(4, blocking, NULL); }
static void c_blocking_raw(void) { at_once() ? all_bound(1, blocking_raw, NULL) : none_bound(1, blocking_raw, EAGAIN); }
static void c_vforking(void) { at_once() ? all_bound(1, vforking, NULL) : none_bound(1, vforking, EAGAIN); }
static void c_making(void) { all_bound(4, making_threads, NULL); }
static void c_setting(void) { all_bound(2, setting_id, NULL); }
static void c_forking(void) { all_bound(2, forking, NULL); }
static void c_own_filter(void) { none_bound(2, with_own_filter, ESRCH); }

/* A call that failed leaves nothing behind: not that a next program, and so
 * this one, had best have the execpromises too. */
static void c_own_filter_ends(void)
{
	start(1, with_own_filter, NULL);
	ct_errno(pledge("stdio exec error", "stdio inet"), ESRCH);
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	finish(1);
	while (pledge("stdio exec error", "stdio inet") != 0)
		ct_true(errno == ESRCH);	/* it is about to end */
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
}

static void c_reading(void)
{
	int ends[2];

	ct_ok(pipe(ends));
	start(4, reading, &ends[0]);
	ct_ok(pledge("stdio error", NULL));
	ct_true(write(ends[1], "1234", 4) == 4);
	finish(4);
	ct_true(bound == 5 && loose == 0);
}

/* Once the thread lets the signal through, nothing happens, and another call works. */
static void *blocking_for_a_while(void *none)
{
	unsigned long all = ~0ul, free = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	ready++;
	while (!stop)
		sched_yield();
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &free, NULL, 8);
	ready++;
	wait_for_go();
	check();
	return none;
}

static void c_late(void)
{
	start(1, blocking_for_a_while, NULL);
	if (!at_once()) {
		ct_errno(pledge("stdio error", NULL), EAGAIN);
		check();
		ct_true(loose == 1);
	}
	stop = 1;
	while (ready < 2)
		usleep(100);
	ct_ok(pledge("stdio error", NULL));
	finish(1);
	ct_true(bound == 2);
}

#ifndef __GLIBC__
/* In a child of fork, musl's pthread_exit() of the first thread leaves the
 * lock of its list taken, with and without a pledge. */
static void c_zombie(void)
{
	ct_true(write(2, "musl hangs here by itself", 25) == 25);
	_exit(CT_SKIP);
}
#else
/* The first thread has ended: it stays in /proc, and answers nothing. */
static void *without_first(void *none)
{
	usleep(20000);
	ct_ok(pledge("stdio error", NULL));
	finish(4);
	ct_true(bound == 5 && loose == 0);
	_exit(0);
	return none;
}

static void c_zombie(void)
{
	pthread_t t;

	start(4, plain, NULL);
	ct_true(pthread_create(&t, NULL, without_first, NULL) == 0);
	pthread_exit(NULL);
}
#endif

/* Several at once, in a process whose threads fork, are made and set ids. */
static void *pledging(void *none)
{
	static const char *const steps[] = { "stdio proc id rpath error", "stdio proc id error" };

	for (int i = 0; i < 4; i++)
		ct_ok(pledge(steps[i / 2], NULL));
	return none;
}

static void c_everything(void)
{
	pthread_t p[2];

	start(2, making_threads, NULL);
	start(1, setting_id, NULL);
	start(1, forking, NULL);
	for (int i = 0; i < 2; i++)
		ct_true(pthread_create(&p[i], NULL, pledging, NULL) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(p[i], NULL);
	go = 1;
	usleep(5000);
	stop = 1;
	usleep(5000);
	check();
	ct_true(loose == 0);
	_exit(0);
}

/* Several pledges after one another, and one that only a filter is for. */
static void c_again(void)
{
	start(8, sleeping, NULL);
	ct_ok(pledge("stdio rpath proc flock error", NULL));
	ct_ok(pledge("stdio rpath proc error", NULL));
	ct_ok(pledge("stdio proc error", NULL));
	ct_ok(pledge("stdio error", NULL));
	finish(8);
	ct_true(bound == 9 && loose == 0);
}

/* No stdio: the threads can do nothing any more, not even end; this one ends all. */
static void c_empty(void)
{
	start(4, spinning, NULL);
	ct_ok(pledge("", NULL));
	syscall(SYS_exit_group, 0);
}

/* ---- surroundings, with threads */

static void into_empty_root(void)
{
	ct_need_root();
	mkdir("/tmp/ct-root", 0755);
	ct_ok(chroot("/tmp/ct-root"));
	ct_ok(chdir("/"));
}

/* No /proc: every number is tried. */
static void c_no_proc(void)
{
	int file, s;

#ifdef __aarch64__
	if (getenv("CT_LIMIT_MS") != NULL && !at_once()) {
		ct_true(write(2, "takes minutes where it is emulated", 34) == 34);
		_exit(CT_SKIP);
	}
#endif
	start(8, plain, NULL);
	into_empty_root();
	ct_limit_ms = 60000;
	ct_ok(pledge("stdio error", NULL));
	go = 1;
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	file = open("/", O_RDONLY | O_DIRECTORY);
	s = socket(AF_INET, SOCK_STREAM, 0);
	ct_true(file < 0 && errno == ENOSYS && s < 0);
}

static void c_sigpending(void)
{
	struct rlimit none = { 0, 0 };

	start(2, plain, NULL);
	/* As the kernel counts it, by user: what root has is not looked at. */
	ct_ok(setrlimit(RLIMIT_SIGPENDING, &none));
	if (at_once()) {
		ct_ok(pledge("stdio error", NULL));
		finish(2);
		ct_true(bound == 3);
		return;
	}
	ct_errno(pledge("stdio error", NULL), EAGAIN);
	finish(2);
	ct_true(loose == 3 && bound == 0);
}

struct ring_params {
	uint32_t entries, cq_entries, flags, cpu, idle, features, wq, reserved[3];
	uint64_t offsets[10];
};

static void ring_begin(void)
{
	struct ring_params params = { .flags = 2 /* IORING_SETUP_SQPOLL */, .idle = 20000 };

	if (syscall(SYS_io_uring_setup, 4, &params) < 0) {
		ct_true(write(2, "no io_uring", 11) == 11);
		_exit(CT_SKIP);
	}
}

static void ring_refused(const char *promises)
{
	ring_begin();
	ct_errno(pledge(promises, NULL), EOPNOTSUPP);
	check();
	ct_true(loose == 1);
}

static void c_ring(void) { ring_refused("stdio error"); }
/* exec is held, and so no layer made: a filter alone. */
static void c_ring_filter(void) { ring_refused("stdio rpath proc exec error"); }

/* It is not seen without a descriptor, nor passed over. */
static void c_ring_no_descriptors(void)
{
	int last = -1;

	ring_begin();
	for (int fd; (fd = dup(2)) >= 0;)
		last = fd;
	ct_errno(pledge("stdio rpath proc exec prot_exec error", NULL), EMFILE);
	close(last);
	close(last - 1);
	ct_errno(pledge("stdio rpath proc exec prot_exec error", NULL), EOPNOTSUPP);
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static void c_started_before(void)
{
	start(1, plain, NULL);
	ct_ok(pledge("stdio", NULL));
	finish(1);
}

static void cases(void)
{
	ct_case("control", 0, control);
	ct_case("waiting", 0, c_plain);
	ct_case("many, sleeping", 0, c_many);
	ct_case("spinning", 0, c_spinning);
	ct_case("blocking all signals", 0, c_blocking);
	ct_case("blocking all, past libc", 0, c_blocking_raw);
	ct_case("blocking for a while", 0, c_late);
	ct_case("in read", 0, c_reading);
	ct_case("in vfork", 0, c_vforking);
	ct_case("making threads", 0, c_making);
	ct_case("calling setuid", 0, c_setting);
	ct_case("forking", 0, c_forking);
	ct_case("all at once", 0, c_everything);
	ct_case("with a filter of its own", 0, c_own_filter);
	ct_case("with a filter of its own, and ended", 0, c_own_filter_ends);
	ct_case("the first has ended", 0, c_zombie);
	ct_case("several pledges", 0, c_again);
	ct_case("the empty set", 0, c_empty);
	ct_case("without /proc", 0, c_no_proc);
	ct_case("RLIMIT_SIGPENDING 0", 0, c_sigpending);
	ct_case("io_uring with a thread of the kernel", 0, c_ring);
	ct_case("io_uring, a filter alone", 0, c_ring_filter);
	ct_case("io_uring, no descriptors", 0, c_ring_no_descriptors);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("started before, ends the same", CT_SIGNAL(SIGABRT), c_started_before);
}

int main(int argc, char **argv)
{
	return ct_main(argc, argv, cases);
}
