/* pledge(2) in children: of fork, first thing in main and under load, and of vfork. */
#include "ctest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>

static int many = 20000;	/* CT_CHILDREN */

static atomic_int stop;

/* In the child: bound, and the exit status says so. */
static void pledge_and_exit(void)
{
	int fd;

	if (pledge("stdio error", NULL) != 0)
		_exit(1);
	fd = open("/etc/passwd", O_RDONLY);
	_exit(fd >= 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 2 : 0);
}

/* Some at a time. The deadline of the case is what ends a child that hangs. */
static void forks(int n)
{
	for (int made = 0, left = 0; made < n || left > 0;) {
		int status;

		if (made < n && left < 16) {
			pid_t child = fork();

			if (child == 0)
				pledge_and_exit();
			ct_true(child > 0);
			made++, left++;
			continue;
		}
		ct_true(waitpid(-1, &status, 0) > 0);
		left--;
		if (status != 0)
			ct_fail("one of %d children ended with %#x", made, status);
	}
}

static void first(void)
{
	forks(1);
}

static void quiet(void)
{
	forks(many / 10);
}

static void *mapping(void *none)
{
	while (!stop) {
		char *memory = malloc(1 << 16);

		memset(memory, 1, 1 << 16);
		free(memory);
		fprintf(stdout, "%s", "");
		usleep(20);	/* or the children have no turn */
	}
	return none;
}

/* Threads in the library too: a call that is an error takes its locks. */
static void *pledging(void *none)
{
	while (!stop) {
		if (pledge("nonsense", NULL) == 0 || pledge("stdio rpath wpath cpath inet proc id exec", (char *)8) == 0)
			_exit(5);
		usleep(20);
	}
	return none;
}

static void with_threads(void)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		ct_true(pthread_create(&t[i], NULL, i % 2 ? pledging : mapping, NULL) == 0);
	forks(many);
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

/* The parent has promised too, and goes on to. */
static void *narrowing(void *none)
{
	for (int i = 0; i < 50 && !stop; i++) {
		ct_ok(pledge("stdio rpath proc inet error", NULL));
		usleep(500);
	}
	return none;
}

static void while_pledging(void)
{
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		ct_true(pthread_create(&t[i], NULL, narrowing, NULL) == 0);
	forks(many / 20);
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

/* Privilege separation: each process has promises of its own. */
static void separate(void)
{
	pid_t child;

	ct_ok(pledge("stdio rpath inet proc error", NULL));
	child = fork();
	if (child == 0) {
		ct_ok(pledge("stdio inet error", NULL));
		ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
		ct_errno(fork(), ENOSYS);
		ct_ok(pledge("stdio rpath error", NULL));	/* cut down: error is on */
		ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
		_exit(0);
	}
	ct_true(ct_wait(child) == 0);
	ct_true(open("/etc/passwd", O_RDONLY) >= 0);
	ct_ok(pledge("stdio rpath", NULL));
	ct_errno(pledge("stdio rpath proc", NULL), EPERM);
}

/* The child of vfork is bound, its parent is not, and remembers nothing of it. */
static void in_vfork(void)
{
	pid_t child;

	ct_ok(pledge("stdio rpath inet proc error", NULL));
	for (int i = 0; i < 200; i++) {
		child = vfork();
		if (child == 0)
			pledge_and_exit();
		ct_true(ct_wait(child) == 0);
	}
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_true(open("/etc/passwd", O_RDONLY) >= 0);
	ct_ok(pledge("stdio inet proc error", NULL));
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_true(open("/etc/passwd", O_RDONLY) < 0);
	ct_ok(pledge("stdio inet", NULL));
	ct_errno(pledge("stdio inet proc", NULL), EPERM);
}

/* The child is the first to call: what it promised is not the parent's. */
static void vfork_first(void)
{
	pid_t child = vfork();

	if (child == 0)
		pledge_and_exit();
	ct_true(ct_wait(child) == 0);
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_ok(pledge("stdio rpath inet", NULL));
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_errno(pledge("stdio rpath inet proc", NULL), EPERM);
	socket(AF_UNIX, SOCK_DGRAM, 0);
	ct_ok(pledge("stdio", NULL));
	ct_errno(open("/etc/passwd", O_RDONLY), EACCES);
	socket(AF_INET, SOCK_STREAM, 0);
}

static void mapped_control(void)
{
	ct_true(ct_map_code(NULL)() >= 0);
}

/* Nor is the code that it found, to be bound to, all that there is of the parent's. */
static void vfork_first_bound(void)
{
	pid_t child = vfork();

	if (child == 0)
		_exit(pledge("stdio proc exec", NULL) == 0 ? 0 : 1);
	ct_true(ct_wait(child) == 0);

	long (*make_socket)(void) = ct_map_code(NULL);

	ct_ok(pledge("stdio proc exec", NULL));
	make_socket();
}

/* As containers do, where nothing tells a vfork child from its parent. */
static void refuse_unshare(void)
{
	static const struct ct_instruction code[] = {
		{ 0x20, 0, 0, 0 },			/* the number */
		{ 0x15, 0, 1, SYS_unshare },
		{ 0x06, 0, 0, 0x50000 | EPERM },	/* SECCOMP_RET_ERRNO */
		{ 0x06, 0, 0, 0x7fff0000 },		/* SECCOMP_RET_ALLOW */
	};

	ct_ok(prctl(38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0));
	ct_filter(code, sizeof code / sizeof code[0]);
}

static void vfork_first_confined(void)
{
	refuse_unshare();
	vfork_first();
}

static void vfork_first_bound_confined(void)
{
	refuse_unshare();
	vfork_first_bound();
}

/* What a child of vfork unveils is not for its parent. */
static void child_unveils(void)
{
	pid_t child = vfork();

	if (child == 0) {
		unveil("/usr", "r");
		unveil(NULL, NULL);
		_exit(0);
	}
	ct_true(ct_wait(child) == 0);
}

static void vfork_unveils(void)
{
	child_unveils();
	ct_true(open("/usr/bin", O_RDONLY) >= 0);
	ct_ok(unveil("/tmp", "r"));
	ct_ok(unveil(NULL, NULL));
	ct_errno(open("/usr/bin", O_RDONLY), EACCES);
	ct_true(open("/tmp", O_RDONLY) >= 0);
}

static void vfork_unveils_confined(void)
{
	refuse_unshare();
	child_unveils();
	ct_errno(unveil("/tmp", "r"), EOPNOTSUPP);
	ct_errno(unveil(NULL, NULL), EOPNOTSUPP);
	ct_errno(pledge("stdio", NULL), EOPNOTSUPP);
}

static void vfork_of_a_child(void)
{
	pid_t child;

	ct_ok(pledge("stdio rpath inet proc", NULL));
	child = fork();
	if (child == 0)
		child = vfork();
	if (child == 0) {
		/* the first call since the fork, in a child of vfork */
		if (pledge("stdio error", NULL) == 0)
			_exit(1);
		_exit(pledge("stdio", NULL) == 0 ? 0 : 2);
	}
	ct_true(ct_wait(child) == 0);
	ct_ok(pledge("stdio inet", NULL));
	ct_errno(pledge("stdio inet rpath", NULL), EPERM);
}

/* ---- from a signal handler */

static volatile sig_atomic_t handled;

static void on_alarm(int signal)
{
	(void)signal;
	handled = pledge("stdio rpath error", NULL) == 0 ? 1 : -1;
}

static void in_handler_once(void)
{
	struct timespec t;

	signal(SIGALRM, on_alarm);
	clock_gettime(CLOCK_MONOTONIC, &t);
	ualarm(200 + (useconds_t)(t.tv_nsec / 1000 % 300), 0);
	while (!handled) {
		char *memory = malloc(100 + (size_t)t.tv_nsec % 1000);

		fprintf(stdout, "%p", (void *)memory);
		free(memory);
		rewind(stdout);
	}
	_exit(handled == 1 && socket(AF_INET, SOCK_STREAM, 0) < 0 ? 0 : 1);
}

/* As much as pledge(3) says, and nothing below it. */
#define STACK (24 << 10)

static void on_signal(int signal)
{
	char *const argv[] = { (char *)"true", NULL };

	(void)signal;
	handled = unveil("/usr", "rx") == 0 && unveil("/usr/lib", "") == 0 && unveil("/", "rx") == 0 &&
		pledge("stdio rpath proc exec", "stdio rpath") == 0;
	execv("/nonexistent", argv);
}

static void in_handler_on_little_stack(void)
{
	char *room = mmap(NULL, STACK + 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = room + 65536, .ss_size = STACK };
	struct sigaction on_it = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	ct_ok(mprotect(room + 65536, STACK, PROT_READ | PROT_WRITE));
	ct_ok(sigaltstack(&stack, NULL));
	ct_ok(sigaction(SIGUSR1, &on_it, NULL));
	ct_ok(raise(SIGUSR1));
	ct_true(handled);
}

static void in_handler(void)
{
	ct_true(freopen("/dev/null", "w", stdout) != NULL);
	for (int i = 0; i < many / 40; i++) {
		int end;
		pid_t child = fork();

		if (child == 0)
			in_handler_once();
		end = ct_wait(child);
		if (end != 0)
			ct_fail("child %d ended with %#x", i, (unsigned)end);
	}
}

/* A handler that comes while pledge runs waits until it has. */
static void on_timer(int signal)
{
	(void)signal;
	if (pledge("stdio rpath proc error", NULL) != 0)
		handled = errno;
}

static void handler_in_pledge(void)
{
	signal(SIGALRM, on_timer);
	ualarm(50, 50);
	for (int i = 0; i < 3000; i++)
		ct_ok(pledge("stdio rpath proc error", NULL));
	ualarm(0, 0);
	if (handled != 0)
		ct_fail("in a handler: errno %d", (int)handled);
}

static void cases(void)
{
	const char *wanted = getenv("CT_CHILDREN");

	if (wanted != NULL)
		many = atoi(wanted);
	ct_limit_ms = 240000;
	ct_case("first thing in main", 0, first);
	ct_case("of a quiet process", 0, quiet);
	ct_case("with threads in malloc, stdio and pledge", 0, with_threads);
	ct_case("while threads pledge", 0, while_pledging);
	ct_case("promises of their own", 0, separate);
	ct_case("vfork", 0, in_vfork);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("vfork, the child calls first", CT_SIGNAL(SIGABRT), vfork_first);
	ct_case("vfork, the child calls first, code is mapped, without a pledge", 0, mapped_control);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("vfork, the child calls first, code is mapped", CT_SIGNAL(SIGABRT), vfork_first_bound);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("vfork, the child calls first, code is mapped, in a container", CT_SIGNAL(SIGABRT), vfork_first_bound_confined);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_case("vfork, the child calls first, in a container", CT_SIGNAL(SIGABRT), vfork_first_confined);
	ct_case("vfork, the child unveils", 0, vfork_unveils);
	ct_case("vfork, the child unveils, in a container", 0, vfork_unveils_confined);
	ct_case("vfork of a child", 0, vfork_of_a_child);
	ct_case("in a signal handler", 0, in_handler);
	ct_case("in a signal handler, on little stack", 0, in_handler_on_little_stack);
	ct_case("a signal handler in pledge", 0, handler_in_pledge);
}

int main(int argc, char **argv)
{
	/* Before anything else: the plain shape of a daemon of OpenBSD. */
	int status;
	pid_t child = fork();

	if (child == 0)
		pledge_and_exit();
	if (waitpid(child, &status, 0) != child || status != 0) {
		printf("not ok fork before all: %#x\n", status);
		return 1;
	}
	return ct_main(argc, argv, cases);
}
