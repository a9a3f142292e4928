/* The contract of pledge(2): arguments, errors, how sets shrink; and what promises allow. */
#include "ctest.h"

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

static void strict_wished(void)
{
	setenv("UNVEIL_STRICT", "1", 1);
	if (ct_abi() >= 10)
		ct_ok(pledge("stdio rpath dns", NULL));
	else
		ct_errno(pledge("stdio rpath dns", NULL), EOPNOTSUPP);
	ct_ok(pledge("stdio rpath", NULL));
}

/* ---- acts */

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
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	ct_true(ct_wait(child) == 0);
}

static void ptrace_me(void)
{
	ct_ok(syscall(SYS_ptrace, 0 /* PTRACE_TRACEME */, 0, 0, 0));
}

/* tmppath opens what the layer lets, and that was made of more; without stdio
 * there is no other. */
static void dropped_without_stdio(void)
{
	ct_true(open("/etc/passwd", O_RDONLY) >= 0);
	ct_ok(pledge("rpath tmppath error", NULL));
	ct_true(open("/etc/passwd", O_RDONLY) >= 0);
	ct_ok(pledge("tmppath error", NULL));
	ct_errno(open("/etc/passwd", O_RDONLY), ENOSYS);
	ct_errno(open("/dev/null", O_WRONLY), ENOSYS);
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
	ct_case("rpath given up, without stdio", 0, dropped_without_stdio);
	ct_case("many calls", 0, many_calls);
	ct_case("UNVEIL_STRICT=1", 0, strict_wished);

	ct_act("nothing: exit", "", NULL, 0, nothing);
	ct_act("nothing: socket", "", NULL, CT_SIGNAL(SIGABRT), ct_inet_socket);
	ct_says = "]: pledge \"inet\", syscall socket\n";
	ct_act("stdio: socket", "stdio", NULL, CT_SIGNAL(SIGABRT), ct_inet_socket);
	ct_act("inet: socket, and close", "inet", NULL, CT_SIGNAL(SIGABRT), ct_inet_socket);
	ct_act("stdio inet: socket", "stdio inet", NULL, 0, ct_inet_socket);
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
	ct_says = "]: pledge \"\", syscall ptrace\n";
	ct_act("stdio: ptrace", "stdio", NULL, CT_SIGNAL(SIGABRT), ptrace_me);
}

int main(int argc, char **argv)
{
	return ct_main(argc, argv, cases);
}
