/* pledge(2) in a process of one thread, where this or that is missing. */
#include "ctest.h"

#include <grp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void limit(int resource, rlim_t value)
{
	struct rlimit both = { value, value };

	ct_ok(setrlimit(resource, &both));
}

static void bound(void)
{
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
	ct_true(open("/etc/passwd", O_RDONLY) < 0);
	ct_true(open("/", O_RDONLY | O_DIRECTORY) < 0);
}

static void still_free(void)
{
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_true(open("/", O_RDONLY | O_DIRECTORY) >= 0);
}

static void pledge_twice(void)
{
	ct_ok(pledge("stdio rpath error", NULL));
	ct_ok(pledge("stdio error", NULL));
	bound();
}

static void control(void)
{
	still_free();
}

static void empty_root(void)
{
	ct_need_root();
	mkdir("/tmp/ct-root", 0755);
	ct_ok(chroot("/tmp/ct-root"));
	ct_ok(chdir("/"));
	pledge_twice();
}

static void set_uid(void)
{
	ct_need_root();
	ct_ok(setgroups(0, NULL));
	ct_ok(setgid(65534));
	ct_ok(setuid(65534));
	pledge_twice();
}

static void no_processes(void)
{
	if (geteuid() == 0) {
		ct_ok(setgid(65533));
		ct_ok(setuid(65533));
	}
	limit(RLIMIT_NPROC, 1);
	pledge_twice();
}

static void no_signals(void)
{
	limit(RLIMIT_SIGPENDING, 0);
	pledge_twice();
}

/* A layer needs a descriptor; a filter alone does not. */
static void no_descriptors(void)
{
	limit(RLIMIT_NOFILE, 3);
	ct_errno(pledge("stdio rpath error", NULL), EMFILE);
	ct_true(errno == EMFILE);
	ct_ok(close(0));
	ct_true(socket(AF_INET, SOCK_STREAM, 0) == 0);
	ct_ok(close(0));
}

/* One that is bound to this image needs it too, to find where its code is. */
static void no_descriptors_exec(void)
{
	limit(RLIMIT_NOFILE, 3);
	ct_errno(pledge("stdio exec error", "stdio inet"), EMFILE);
	ct_ok(close(0));
	ct_true(socket(AF_INET, SOCK_STREAM, 0) == 0);
	ct_ok(close(0));
	ct_ok(pledge("stdio exec error", "stdio inet"));
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
}

static void one_descriptor(void)
{
	close(0);
	close(1);
	pledge_twice();
}

static void no_memory(void)
{
	limit(RLIMIT_AS, 4096);
	ct_errno(pledge("stdio error", NULL), ENOMEM);
	still_free();
}

static void four_megabytes(void)
{
	char text[256] = "";
	long pages = 0;
	int fd = open("/proc/self/statm", O_RDONLY);

	ct_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
	close(fd);
	pages = atol(text);
	/* What is there, and as much as is left of 4 MB, or a quarter of one. */
	limit(RLIMIT_AS, pages < 960 ? (rlim_t)4 << 20 : (rlim_t)(pages + 64) * 4096);
	pledge_twice();
}

static void small_stack(void)
{
	limit(RLIMIT_STACK, 64 << 10);
	pledge_twice();
}

static void new_user(void)
{
	if (unshare(CLONE_NEWUSER) != 0) {
		/* one thread or not is what is asked here: EINVAL is not */
		ct_true(errno == EPERM || errno == ENOSPC || errno == EUSERS);
		ct_true(write(2, "no user namespaces", 18) == 18);
		_exit(CT_SKIP);
	}
	pledge_twice();
}

/* Layers run out, with an errno, and nothing of the call holds. */
static void layers(void)
{
	static const struct { uint64_t fs, net, scoped; } attr = { 1 << 12, 0, 0 };

	syscall(SYS_prctl, 38, 1, 0, 0, 0);
	for (int i = 0; i < 16; i++) {
		int ruleset = (int)syscall(444, &attr, sizeof attr, 0);

		ct_true(ruleset >= 0);
		ct_ok(syscall(446, ruleset, 0));
		close(ruleset);
	}
	ct_errno(pledge("stdio rpath error", NULL), E2BIG);
	still_free();
}

/* Set-id images do not listen to the environment; nothing of it is asked of this one. */
static void descriptors_left(void)
{
	int before = dup(2), after;

	close(before);
	ct_ok(pledge("stdio rpath proc exec error", NULL));
	ct_ok(pledge("stdio rpath proc error", NULL));
	ct_ok(pledge("stdio error", NULL));
	after = dup(2);
	if (after != before)
		ct_fail("the lowest free descriptor was %d, and is %d", before, after);
}

static int runs(const char *path, const char *argument)
{
	pid_t child = fork();

	if (child == 0) {
		dup2(open("/dev/null", O_RDWR), 2);
		execl(path, path, argument, (char *)NULL);
		_exit(99);
	}
	return ct_wait(child);
}

/* The interpreter has x with what was unveiled, and maps what it may read. */
static void by_interpreter(void)
{
#ifdef __aarch64__
	const char *interpreter = "/lib/ld-linux-aarch64.so.1";
#else
	const char *interpreter = "/lib64/ld-linux-x86-64.so.2";
#endif

	ct_ok(unveil("/bin/sh", "x"));
	ct_ok(pledge("stdio proc exec", NULL));
	ct_true(runs("/bin/true", NULL) == 99);
	ct_true(runs(interpreter, "/bin/true") == 0);
}

/* A filter does not see what is asked of the socket that tells addresses, and
 * takes no capability from root. */
static void adds_address(void)
{
	struct {
		struct { uint32_t length; uint16_t type, flags; uint32_t sequence, port; } head;
		struct { uint8_t family, prefix, flags, scope; uint32_t index; } body;
		struct { uint16_t length, type; uint8_t address[4]; } local;
	} asks = {
		{ sizeof asks, 20 /* RTM_NEWADDR */, 0x405 /* NLM_F_REQUEST, _ACK and _CREATE */, 1, 0 },
		{ AF_INET, 8, 0, 0, 1 },
		{ 8, 2 /* IFA_LOCAL */, { 127, 1, 2, 3 } },
	};
	struct { uint32_t length; uint16_t type, flags; uint32_t sequence, port; int32_t error; char rest[256]; } answer;
	int s;

	ct_need_root();
	ct_ok(unshare(CLONE_NEWNET));
	ct_ok(pledge("stdio inet", NULL));
	s = socket(AF_NETLINK, SOCK_RAW, 0 /* NETLINK_ROUTE */);
	ct_true(s >= 0 && send(s, &asks, sizeof asks, 0) == (ssize_t)sizeof asks);
	ct_true(recv(s, &answer, sizeof answer, 0) >= 20 && answer.type == 2 /* NLMSG_ERROR */ && answer.error == 0);
}

static void cases(void)
{
	ct_case("control", 0, control);
	ct_case("an empty root", 0, empty_root);
	ct_case("after setuid", 0, set_uid);
	ct_case("RLIMIT_NPROC 1", 0, no_processes);
	ct_case("RLIMIT_SIGPENDING 0", 0, no_signals);
	ct_case("RLIMIT_NOFILE 3", 0, no_descriptors);
	ct_case("RLIMIT_NOFILE 3, with exec", 0, no_descriptors_exec);
	ct_case("stdin and stdout closed", 0, one_descriptor);
	ct_case("no memory", 0, no_memory);
	ct_case("RLIMIT_AS 4 MB", 0, four_megabytes);
	ct_case("RLIMIT_STACK 64 KB", 0, small_stack);
	ct_case("a new user namespace", 0, new_user);
	ct_case("no layer left", 0, layers);
	ct_case("no descriptor is left open", 0, descriptors_left);
	ct_case("x by way of the interpreter (differs)", 0, by_interpreter);
	ct_case("an address that root adds under inet (differs)", 0, adds_address);
}

int main(int argc, char **argv)
{
	return ct_main(argc, argv, cases);
}
