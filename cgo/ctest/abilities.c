/* What the library does with what each ABI of Landlock brought. */
#include "tree.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/un.h>

static int no_new_privs(void)
{
	return (int)syscall(SYS_prctl, 39 /* PR_GET_NO_NEW_PRIVS */, 0, 0, 0, 0);
}

static int at_first;	/* no_new_privs: abishim sets it for who is not root */

static void still_free(void)
{
	ct_true(open("/etc/passwd", O_RDONLY) >= 0);
	ct_true(open("/", O_RDONLY | O_DIRECTORY) >= 0);
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_true(no_new_privs() == at_first);
}

static void pledges(void)
{
	if (ct_abi() == 0) {
		ct_errno(pledge("stdio error", NULL), ENOSYS);
		ct_errno(pledge("stdio exec", "stdio"), ENOSYS);
		still_free();
		return;
	}
	ct_ok(pledge("stdio error", NULL));
	ct_errno(open("/etc/passwd", O_RDONLY), EACCES);
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
}

static void unveils(void)
{
	if (ct_abi() == 0) {
		ct_errno(unveil("/tmp", "r"), ENOSYS);
		ct_errno(unveil(NULL, NULL), ENOSYS);
		still_free();
		return;
	}
	ct_ok(unveil("/tmp", "r"));
	ct_ok(unveil(NULL, NULL));
	ct_errno(open("/", O_RDONLY | O_DIRECTORY), EACCES);
}

/* ---- files */

static void need_landlock(void)
{
	if (ct_abi() == 0)
		_exit(0);	/* pledges() and unveils() say that nothing is done */
}

/* ABI 2. */
static void renames(void)
{
	need_landlock();
	ct_ok(unveil(base, "rwc"));
	ct_ok(unveil(NULL, NULL));
	ct_true(close(open(at("from/file"), O_CREAT | O_WRONLY, 0600)) == 0);
	if (ct_abi() >= 2)
		ct_ok(rename(at("from/file"), at("to/file")));
	else
		ct_errno(rename(at("from/file"), at("to/file")), EXDEV);
	unlink(at("from/file"));
	unlink(at("to/file"));
}

/* ABI 3; below it is the filter's, where something was pledged. */
static void truncates(void)
{
	need_landlock();
	ct_true(close(open(at("full"), O_CREAT | O_WRONLY, 0600)) == 0);
	ct_ok(unveil(base, "r"));
	ct_ok(unveil(NULL, NULL));
	if (ct_abi() >= 3)
		ct_errno(truncate(at("full"), 0), EACCES);
	else
		ct_ok(truncate(at("full"), 0));
}

static void truncates_pledged(void)
{
	need_landlock();
	ct_ok(unveil(base, "r"));
	ct_ok(pledge("stdio rpath wpath error", NULL));
	ct_true(truncate(at("full"), 0) == -1);
}

/* ---- sockets */

static void server(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", at(name));
	ct_true(s >= 0 && bind(s, (void *)&a, sizeof a) == 0 && listen(s, 8) == 0);
	chmod(a.sun_path, 0666);
}

static int connects(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), ret;

	snprintf(a.sun_path, sizeof a.sun_path, "%s", at(name));
	ret = connect(s, (void *)&a, sizeof a);
	close(s);
	return ret;
}

static void sockets_control(void)
{
	ct_ok(connects("open"));
	ct_ok(connects("shut"));
}

/* ABI 9: the servers are outside, the parent's. */
static void sockets(void)
{
	need_landlock();
	ct_ok(unveil(at("open"), "rw"));
	ct_ok(unveil(NULL, NULL));
	ct_ok(connects("open"));
	if (ct_abi() >= 9)
		ct_errno(connects("shut"), EACCES);
	else
		ct_ok(connects("shut"));
}

/* ---- the resolver */

static int udp(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret, err;

	ct_true(s >= 0);
	ret = connect(s, (void *)&a, sizeof a);
	err = errno;
	close(s);
	errno = err;
	return ret;
}

static void resolver_control(void)
{
	ct_ok(udp(53));
	ct_ok(udp(4242));
}

/* ABI 10: dns is port 53. */
static void resolver(void)
{
	need_landlock();
	ct_ok(pledge("stdio dns error", NULL));
	ct_ok(udp(53));
	if (ct_abi() >= 10)
		ct_errno(udp(4242), EACCES);
	else
		ct_ok(udp(4242));
}

/* ---- no_new_privs */

/* ABI 11: the call that restricts sets it. A filter keeps prctl(2) from it,
 * which only root can have without it. */
static void one_call(void)
{
	static const struct ct_instruction refuse[] = {
		{ 0x20, 0, 0, 0 },		/* the number */
		{ 0x15, 0, 3, SYS_prctl },
		{ 0x20, 0, 0, 16 },		/* the low half of the first argument */
		{ 0x15, 0, 1, 38 },		/* PR_SET_NO_NEW_PRIVS */
		{ 0x06, 0, 0, 0x00050000 | EPERM },
		{ 0x06, 0, 0, 0x7fff0000 },
	};

	need_landlock();
	ct_need_root();
	ct_filter(refuse, sizeof refuse / sizeof refuse[0]);
	ct_errno(syscall(SYS_prctl, 38, 1, 0, 0, 0), EPERM);
	ct_ok(unveil("/tmp", "r"));
	if (ct_abi() < 11) {
		ct_errno(unveil(NULL, NULL), EPERM);
		still_free();
		return;
	}
	ct_ok(unveil(NULL, NULL));
	ct_true(no_new_privs() == 1);
	ct_errno(open("/", O_RDONLY | O_DIRECTORY), EACCES);
}

static void cases(void)
{
	strcpy(here, base);	/* one tree for all, and servers outside of the cases */
	ct_ok(mkdir(at("from"), 0700));
	ct_ok(mkdir(at("to"), 0700));
	server("open");
	server("shut");
	ct_case("control", 0, still_free);
	ct_case("pledge", 0, pledges);
	ct_case("unveil", 0, unveils);
	ct_case("2: rename across directories", 0, renames);
	ct_case("3: truncation", 0, truncates);
	ct_case("3: truncation, pledged", 0, truncates_pledged);
	ct_case("9: sockets by path (control)", 0, sockets_control);
	ct_case("9: sockets by path", 0, sockets);
	ct_case("10: the ports of dns (control)", 0, resolver_control);
	ct_case("10: the ports of dns", 0, resolver);
	ct_case("11: no_new_privs with the call", 0, one_call);
}

int main(int argc, char **argv)
{
	at_first = no_new_privs();
	return tree_main(argc, argv, cases);
}
