/*
 * What OpenBSD's tests of pledge(2) hold, in our words: generic, execpromise,
 * sendrecvfd, sigabrt and sigkill, open, sockopt.
 */
#include "conformance.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <termios.h>

/* ---- generic */

static void nothing(void)
{
	promise("", NULL);
}

static void nothing_socket(void)
{
	promise("", NULL);
	fatal("socket", socket(AF_INET, SOCK_STREAM, 0));
}

static void removed_word(void)
{
	fails("pledge(\"abort\")", pledge("abort", NULL), EINVAL);
}

static void stdio_socket(void)
{
	promise("stdio", NULL);
	fatal("socket", socket(AF_INET, SOCK_STREAM, 0));
}

static void inet_close(void)
{
	int fd;

	promise("inet", NULL);
	fd = (int)works("socket", socket(AF_INET, SOCK_STREAM, 0));
	fatal("close", close(fd));
}

static void stdio_inet(void)
{
	promise("stdio inet", NULL);
	works("socket", socket(AF_INET, SOCK_STREAM, 0));
}

static void fattr_kill(void)
{
	promise("fattr", NULL);
	fatal("kill(0, SIGINT)", kill(0, SIGINT));
}

static void stdio_kill(void)
{
	promise("stdio", NULL);
	works("kill(0, SIGINT)", kill(0, SIGINT));
}

static void read_zero(void)
{
	char byte;
	int fd;

	promise("stdio rpath", NULL);
	fd = (int)works("open /dev/zero", open("/dev/zero", O_RDONLY));
	works("read", read(fd, &byte, 1));
	works("close", close(fd));
}

static void write_null(void)
{
	int fd;

	promise("stdio wpath", NULL);
	fd = (int)works("open /dev/null", open("/dev/null", O_WRONLY));
	works("write", write(fd, "x", 1));
	works("close", close(fd));
}

static void cpath_mkdir(void)
{
	promise("cpath", NULL);
	works("mkdir", mkdir("made", 0700));
	works("rmdir", rmdir("made"));
}

static void pledge_same(void)
{
	promise("stdio rpath", NULL);
	works("pledge", pledge("stdio rpath", NULL));
}

static void pledge_reduce(void)
{
	promise("stdio rpath", NULL);
	works("pledge", pledge("stdio", NULL));
}

static void pledge_add(void)
{
	promise("stdio", NULL);
	refused("pledge", pledge("stdio rpath", NULL), EPERM);
}

static void pledge_change(void)
{
	promise("stdio rpath", NULL);
	refused("pledge", pledge("stdio unix", NULL), EPERM);
}

static void request_stdio(void)
{
	struct rlimit limit;
	struct rusage usage;
	struct timespec t;
	struct stat st;
	gid_t groups[64];
	uid_t a, b, c;
	char name[256];
	int ends[2];
	sigset_t set;

	promise("stdio", NULL);
	works("getuid", getuid() | geteuid() | getgid() | getegid());
	works("getresuid", getresuid(&a, &b, &c) | getresgid(&a, &b, &c));
	works("getgroups", getgroups(64, groups));
	works("getpid", getpid() | getppid() | getpgrp() | getsid(0));
	works("getpgid", getpgid(0));
	works("getrlimit", getrlimit(RLIMIT_NOFILE, &limit));
	works("getrusage", getrusage(RUSAGE_SELF, &usage));
	works("clock_gettime", clock_gettime(CLOCK_REALTIME, &t));
	works("clock_getres", clock_getres(CLOCK_REALTIME, &t));
	works("gethostname", gethostname(name, sizeof name));
	works("getdtablesize", getdtablesize());
	works("umask", umask(022));
	works("fstat", fstat(0, &st));
	works("pipe", pipe(ends));
	works("dup", dup(0));
	works("fcntl", fcntl(0, F_GETFL));
	works("sigprocmask", sigprocmask(SIG_SETMASK, NULL, &set));
	works("sysconf", sysconf(_SC_NPROCESSORS_ONLN));
	free(malloc(1 << 20));
	/* Opens a file of /proc; what it finds is no matter, that it lives is. */
	getlogin();
}

/* A terminal of our own, that of a new session. */
static int terminal(void)
{
	int pty = posix_openpt(O_RDWR | O_NOCTTY), tty;

	setsid();
	grantpt(pty);
	unlockpt(pty);
	tty = open(ptsname(pty), O_RDWR | O_NOCTTY);
	if (tty < 0 || ioctl(tty, TIOCSCTTY, 0) != 0)
		differ("a terminal", "made", result(errno));
	return tty;
}

/* The child leads a process group, and setsid(2) is not for leaders. */
static void in_session(void (*body)(int tty))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		body(terminal());
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		differ("waitpid", "0", result(errno));
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

static void tty_calls(int tty)
{
	struct termios t;
	struct winsize size;
	pid_t group;

	fails("pledge(\"tty proc malloc\")", pledge("tty proc malloc", NULL), EINVAL);
	/* Setting the foreground group from a group behind it would stop us. */
	signal(SIGTTOU, SIG_IGN);
	promise("stdio tty proc", NULL);
	works("tcgetattr", tcgetattr(tty, &t));
	works("tcsetattr", tcsetattr(tty, TCSANOW, &t));
	works("tcsetattr drain", tcsetattr(tty, TCSADRAIN, &t));
	works("TIOCGWINSZ", ioctl(tty, TIOCGWINSZ, &size));
	works("TIOCSWINSZ", ioctl(tty, TIOCSWINSZ, &size));
	works("TIOCGPGRP", ioctl(tty, TIOCGPGRP, &group));
	works("TIOCSPGRP", ioctl(tty, TIOCSPGRP, &group));
	works("tcflush", tcflush(tty, TCIOFLUSH));
	works("tcflow off", tcflow(tty, TCOOFF));
	works("tcflow on", tcflow(tty, TCOON));
	works("TIOCEXCL", ioctl(tty, TIOCEXCL, 0));
	works("tcsendbreak", tcsendbreak(tty, 0));
}

static void request_tty(void)
{
	in_session(tty_calls);
}

static void tty_missing(int tty)
{
	struct termios t;

	tcgetattr(tty, &t);
	promise("stdio", NULL);
	fatal("tcsetattr", tcsetattr(tty, TCSANOW, &t));
}

static void stdio_tty(void)
{
	in_session(tty_missing);
}

/* ---- execpromise */

static const char *self;	/* this program, for what it execs */

/* What is exec'd: it may promise, and opens a UDP socket. What was not among
 * the execpromises is refused whatever pledge() says. */
static int execd(const char *promises)
{
	if (strcmp(promises, "-") != 0 && pledge(promises, NULL) != 0)
		return errno == EPERM ? 24 : 25;
	if (strstr(promises, "wpath") != NULL && open("file1", O_WRONLY) >= 0)
		return 27;
	if (socket(AF_INET, SOCK_DGRAM, 0) < 0)
		return errno == ENOSYS ? 23 : 26;
	return 0;
}

static void exec_under(const char *execpromises, const char *promises)
{
	promise("stdio exec", execpromises);
	execl(self, self, "execd", mode == FREE ? "-" : promises, (char *)NULL);
	differ("exec", "0", result(errno));
}

static void exec_normal(void)
{
	exec_under("stdio rpath inet", "stdio inet");
}

static void exec_no_pledge(void)
{
	exec_under("stdio rpath inet", "-");
}

static void exec_abort(void)
{
	exec_under("stdio rpath", "-");
}

static void exec_enosys(void)
{
	exec_under("stdio rpath error", "-");
}

static void exec_upgrade_fail(void)
{
	exec_under("stdio rpath inet", "stdio inet wpath");
}

static void exec_upgrade_ignore(void)
{
	exec_under("stdio rpath inet error", "stdio rpath wpath inet");
}

/* ---- sendrecvfd */

static const char *const kinds[] = { "file", "device", "link", "socket", "fifo", "directory" };
#define KINDS (sizeof kinds / sizeof *kinds)

static int open_kind(unsigned kind)
{
	switch (kind) {
	case 0:
		return open("file1", O_RDONLY);
	case 1:
		return open("/dev/null", O_RDONLY);
	case 2:
		return symlink("file1", "link") == 0 ? open("link", O_PATH | O_NOFOLLOW) : -1;
	case 3:
		return socket(AF_UNIX, SOCK_STREAM, 0);
	case 4:
		return mkfifo("fifo", 0600) == 0 ? open("fifo", O_RDONLY | O_NONBLOCK) : -1;
	default:
		return open("dir1", O_RDONLY | O_DIRECTORY);
	}
}

union control {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static struct msghdr *message(union control *c)
{
	static char byte;
	static struct iovec part = { &byte, 1 };
	static struct msghdr m;

	m = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1, .msg_control = c->space, .msg_controllen = sizeof c->space };
	return &m;
}

static long send_fd(int via, int fd)
{
	union control c = { { 0 } };
	struct msghdr *m = message(&c);
	struct cmsghdr *h = CMSG_FIRSTHDR(m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	return sendmsg(via, m, 0);
}

static long receive_fd(int via)
{
	union control c = { { 0 } };
	struct msghdr *m = message(&c);
	long n = recvmsg(via, m, 0);
	struct cmsghdr *h = n < 0 ? NULL : CMSG_FIRSTHDR(m);

	if (n >= 0 && h == NULL) {
		errno = ENOMSG;
		return -1;
	}
	return n;
}

/* Each kind in a child of its own, since the first refusal ends it. */
static void passing(const char *promises, bool sends, bool granted)
{
	for (unsigned kind = 0; kind < KINDS; kind++) {
		int pair[2], fd = open_kind(kind), status;
		bool directory = kind == KINDS - 1;
		pid_t pid;

		if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
			differ(kinds[kind], "made", result(errno));
		if (!sends)
			works("sendmsg", send_fd(pair[0], fd));
		pid = fork();
		if (pid == 0) {
			if (promises != NULL)
				promise(promises, NULL);
			if (granted && !(directory && promises != NULL))
				works(kinds[kind], sends ? send_fd(pair[0], fd) : receive_fd(pair[1]));
			else if (granted)
				refused(kinds[kind], sends ? send_fd(pair[0], fd) : receive_fd(pair[1]), EPERM);
			else
				fatal(kinds[kind], sends ? send_fd(pair[0], fd) : receive_fd(pair[1]));
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (mode == FREE || granted ? status != 0 : !(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) && !(WIFEXITED(status) && WEXITSTATUS(status) == RETURNED))
			differ(kinds[kind], granted ? "exit 0" : "SIGABRT", WIFSIGNALED(status) ? "a signal" : "exit");
		close(fd);
		close(pair[0]);
		close(pair[1]);
	}
}

static void pass_free(void)
{
	passing(NULL, true, true);
	unlink("link");
	unlink("fifo");
	passing(NULL, false, true);
}

static void pass_sendfd(void)
{
	passing("stdio sendfd", true, true);
}

static void pass_recvfd(void)
{
	passing("stdio recvfd", false, true);
}

static void pass_nosendfd(void)
{
	passing("stdio", true, false);
}

static void pass_norecvfd(void)
{
	passing("stdio", false, false);
}

/* ---- sigabrt, sigkill */

static void handled(int signal)
{
	(void)signal;
	differ("a handler", "is not run", "is run");
	_exit(RETURNED);
}

static void abort_handler(void)
{
	signal(SIGABRT, handled);
	signal(SIGSYS, handled);
	promise("stdio", NULL);
	fatal("socket", socket(AF_INET, SOCK_STREAM, 0));
}

static void abort_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGABRT, SIG_IGN);
	promise("stdio", NULL);
	fatal("socket", socket(AF_INET, SOCK_STREAM, 0));
}

static void abort_sigsys_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	promise("stdio", NULL);
	fatal("socket", socket(AF_INET, SOCK_STREAM, 0));
}

static void write_nothing(void)
{
	works("write", write(1, "first\n", 6));
	promise("", NULL);
	fatal("write", write(1, "second\n", 7));
}

/* ---- open */

static void open_free(void)
{
	works("open", open("/etc/passwd", O_RDONLY));
}

static void open_other(void)
{
	promise("stdio", NULL);
	fatal("open /etc/passwd", open("/etc/passwd", O_RDONLY));
}

static void open_hosts(void)
{
	promise("stdio", NULL);
	fatal("open /etc/hosts", open("/etc/hosts", O_RDONLY));
}

/* Opens a path that promises grant, and may not change its mode by the descriptor. */
static void opened_fchmod(const char *promises, const char *path)
{
	struct stat st;
	int fd;

	promise(promises, NULL);
	fd = (int)works("open", open(path, O_RDONLY));
	works("fstat", fstat(fd, &st));
	if (mode == FREE && geteuid() != 0)
		fails("fchmod", fchmod(fd, st.st_mode & 0777), EPERM);
	else
		refused("fchmod", fchmod(fd, st.st_mode & 0777), EPERM);
}

static void open_dns_fattr(void)
{
	opened_fchmod("stdio dns fattr", "/etc/hosts");
}

static void open_rpath_fattr(void)
{
	opened_fchmod("stdio rpath fattr", "/etc/hosts");
}

static void open_zone_fattr(void)
{
	opened_fchmod("stdio fattr", "/usr/share/zoneinfo/Asia/Ulaanbaatar");
}

static void open_error(void)
{
	promise("stdio error", NULL);
	refused("open /etc/hosts", open("/etc/hosts", O_RDONLY), ENOSYS);
}

static void open_null(void)
{
	promise("stdio", NULL);
	works("open /dev/null", open("/dev/null", O_RDWR));
}

static void open_null_nothing(void)
{
	promise("", NULL);
	fatal("open /dev/null", open("/dev/null", O_RDWR));
}

static void open_zone_parent(void)
{
	promise("stdio", NULL);
	fatal("open zoneinfo/Asia/..", open("/usr/share/zoneinfo/Asia/..", O_RDONLY));
}

/* ---- sockopt */

static struct option {
	const char *promises;
	int family, type;
	bool set;
	int level, name;
	enum { ALLOWED, DENIED, DENIED_ANSWER } verdict;
} const *the_option;

static long option_call(int fd, const struct option *o)
{
	union {
		int number;
		struct in_addr address;
		struct ipv6_mreq group;
		char space[256];
	} value = { .space = { 0 } };
	socklen_t length = sizeof value.number;

	if (o->level == IPPROTO_IP && o->name == IP_OPTIONS)
		length = o->set ? 0 : sizeof value.space;
	if (o->level == IPPROTO_IPV6 && o->name == IPV6_JOIN_GROUP) {
		value.group.ipv6mr_multiaddr = (struct in6_addr){ { { 0xff, 2, [15] = 0x77 } } };
		value.group.ipv6mr_interface = 1;
		length = sizeof value.group;
	}
	if (o->set)
		return setsockopt(fd, o->level, o->name, &value, length);
	return getsockopt(fd, o->level, o->name, &value, &length);
}

static void option(void)
{
	const struct option *o = the_option;
	const char *what = o->set ? "setsockopt" : "getsockopt";
	int fd = socket(o->family, o->type, 0);

	if (fd < 0)
		differ("socket", "0", result(errno));
	promise(o->promises, NULL);
	if (o->verdict == ALLOWED)
		works(what, option_call(fd, o));
	else if (o->verdict == DENIED)
		fatal(what, option_call(fd, o));
	else
		fatal_answer(what, option_call(fd, o));
}

#define OPTION(name, ...) static void name(void) { static const struct option o = { __VA_ARGS__ }; the_option = &o; option(); }
OPTION(so_error, "stdio", AF_INET, SOCK_STREAM, false, SOL_SOCKET, SO_ERROR, ALLOWED)
OPTION(so_rcvbuf, "stdio", AF_INET, SOCK_STREAM, true, SOL_SOCKET, SO_RCVBUF, ALLOWED)
OPTION(so_timestamp_stdio, "stdio", AF_INET, SOCK_DGRAM, true, SOL_SOCKET, SO_TIMESTAMP, DENIED)
OPTION(so_timestamp_inet, "stdio inet", AF_INET, SOCK_DGRAM, true, SOL_SOCKET, SO_TIMESTAMP, ALLOWED)
OPTION(so_timestamp_dns, "stdio dns", AF_INET, SOCK_DGRAM, true, SOL_SOCKET, SO_TIMESTAMP, ALLOWED)
OPTION(so_timestamp_unix, "stdio unix", AF_UNIX, SOCK_DGRAM, true, SOL_SOCKET, SO_TIMESTAMP, ALLOWED)
OPTION(so_keepalive_stdio, "stdio", AF_INET, SOCK_STREAM, true, SOL_SOCKET, SO_KEEPALIVE, DENIED)
OPTION(so_keepalive_inet, "stdio inet", AF_INET, SOCK_STREAM, true, SOL_SOCKET, SO_KEEPALIVE, ALLOWED)
OPTION(tcp_nodelay, "stdio", AF_INET, SOCK_STREAM, true, IPPROTO_TCP, TCP_NODELAY, ALLOWED)
OPTION(tcp_maxseg, "stdio", AF_INET, SOCK_STREAM, false, IPPROTO_TCP, TCP_MAXSEG, DENIED)
OPTION(ip_tos, "stdio", AF_INET, SOCK_DGRAM, true, IPPROTO_IP, IP_TOS, ALLOWED)
OPTION(ip_options_get, "stdio inet", AF_INET, SOCK_DGRAM, false, IPPROTO_IP, IP_OPTIONS, ALLOWED)
OPTION(ip_options_set, "stdio inet", AF_INET, SOCK_DGRAM, true, IPPROTO_IP, IP_OPTIONS, DENIED)
OPTION(ip_mcast_if, "stdio inet", AF_INET, SOCK_DGRAM, true, IPPROTO_IP, IP_MULTICAST_IF, DENIED)
OPTION(ip_mcast_loop, "stdio inet", AF_INET, SOCK_DGRAM, true, IPPROTO_IP, IP_MULTICAST_LOOP, DENIED)
OPTION(ip_mcast_if_granted, "stdio inet mcast", AF_INET, SOCK_DGRAM, true, IPPROTO_IP, IP_MULTICAST_IF, ALLOWED)
OPTION(ip_mcast_loop_granted, "stdio inet mcast", AF_INET, SOCK_DGRAM, true, IPPROTO_IP, IP_MULTICAST_LOOP, ALLOWED)
OPTION(ipv6_tclass, "stdio", AF_INET6, SOCK_DGRAM, true, IPPROTO_IPV6, IPV6_TCLASS, ALLOWED)
OPTION(ipv6_v6only, "stdio inet", AF_INET6, SOCK_DGRAM, false, IPPROTO_IPV6, IPV6_V6ONLY, ALLOWED)
OPTION(ipv6_mcast_loop, "stdio inet", AF_INET6, SOCK_DGRAM, true, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, DENIED)
OPTION(ipv6_join, "stdio inet", AF_INET6, SOCK_DGRAM, true, IPPROTO_IPV6, IPV6_JOIN_GROUP, DENIED)
OPTION(ipv6_mcast_loop_granted, "stdio inet mcast", AF_INET6, SOCK_DGRAM, true, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, ALLOWED)
OPTION(ipv6_join_granted, "stdio inet mcast", AF_INET6, SOCK_DGRAM, true, IPPROTO_IPV6, IPV6_JOIN_GROUP, ALLOWED)
/* The level 1 of ICMP is SOL_SOCKET on Linux: its options have the level of raw sockets. */
OPTION(icmp_level, "stdio inet", AF_INET, SOCK_DGRAM, true, SOL_RAW, 1, DENIED_ANSWER)
OPTION(icmpv6_level, "stdio inet", AF_INET6, SOCK_DGRAM, true, IPPROTO_ICMPV6, 1, DENIED_ANSWER)

static const struct test tests[] = {
	{ .name = "generic: \"\", and nothing", .body = nothing },
	{ .name = "generic: \"\", socket", .body = nothing_socket, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "generic: the word abort", .body = removed_word },
	{ .name = "generic: stdio, socket", .body = stdio_socket, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "generic: inet, socket and close", .body = inet_close, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "generic: stdio inet, socket", .body = stdio_inet },
	{ .name = "generic: fattr, kill of the group", .body = fattr_kill, .end = BY_SIGNAL(SIGABRT), .free_end = BY_SIGNAL(SIGINT) },
	{ .name = "generic: stdio, kill of the group", .body = stdio_kill, .end = BY_SIGNAL(SIGINT), .free_end = BY_SIGNAL(SIGINT) },
	{ .name = "generic: stdio rpath, read /dev/zero", .body = read_zero },
	{ .name = "generic: stdio wpath, write /dev/null", .body = write_null },
	{ .name = "generic: cpath, mkdir and rmdir", .body = cpath_mkdir },
	{ .name = "generic: the same promises again", .body = pledge_same },
	{ .name = "generic: fewer promises", .body = pledge_reduce },
	{ .name = "generic: one promise more", .body = pledge_add },
	{ .name = "generic: another promise", .body = pledge_change },
	{ .name = "generic: stdio, what it may ask", .body = request_stdio },
	{ .name = "generic: tty, what it may ask", .body = request_tty },
	{ .name = "generic: stdio, tcsetattr", .body = stdio_tty, .end = BY_SIGNAL(SIGABRT) },

	{ .name = "pledgepath: all", .cannot = "the call pledgepath(2) and the promise \"paths\" are no more" },

	{ .name = "execpromise: normal", .body = exec_normal },
	{ .name = "execpromise: no pledge in the child", .body = exec_no_pledge },
	{ .name = "execpromise: violation in the child", .body = exec_abort, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "execpromise: error in the child", .body = exec_enosys, .end = 23 },
	{ .name = "execpromise: more promises in the child", .body = exec_upgrade_fail, .end = 24 },
	{ .name = "execpromise: more promises under error", .body = exec_upgrade_ignore },

	{ .name = "sendrecvfd: no pledge", .body = pass_free },
	{ .name = "sendrecvfd: sendfd", .body = pass_sendfd },
	{ .name = "sendrecvfd: recvfd", .body = pass_recvfd },
	{ .name = "sendrecvfd: no sendfd", .body = pass_nosendfd },
	{ .name = "sendrecvfd: no recvfd", .body = pass_norecvfd },
	{ .name = "sendrecvfd: block devices", .cannot = "no block device is on every machine" },

	{ .name = "sigabrt: handlers", .body = abort_handler, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sigabrt: ignored and blocked", .body = abort_blocked, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sigabrt: every signal blocked", .body = abort_sigsys_blocked, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sigkill: \"\", write", .body = write_nothing, .end = BY_SIGNAL(SIGABRT) },

	{ .name = "open: no pledge", .body = open_free },
	{ .name = "open: stdio, another file", .body = open_other, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "open: stdio dns fattr, /etc/hosts", .body = open_dns_fattr },
	{ .name = "open: stdio, /etc/hosts", .body = open_hosts, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "open: stdio error, /etc/hosts", .body = open_error },
	{ .name = "open: stdio rpath fattr, /etc/hosts", .body = open_rpath_fattr },
	{ .name = "open: stdio, /dev/null", .body = open_null },
	{ .name = "open: \"\", /dev/null", .body = open_null_nothing, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "open: stdio fattr, zoneinfo", .body = open_zone_fattr },
	{ .name = "open: stdio, zoneinfo/Asia/..", .body = open_zone_parent, .end = BY_SIGNAL(SIGABRT) },

	{ .name = "sockopt: stdio, SO_ERROR", .body = so_error },
	{ .name = "sockopt: stdio, SO_RCVBUF", .body = so_rcvbuf },
	{ .name = "sockopt: stdio, SO_TIMESTAMP", .body = so_timestamp_stdio, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: inet, SO_TIMESTAMP", .body = so_timestamp_inet },
	{ .name = "sockopt: dns, SO_TIMESTAMP", .body = so_timestamp_dns },
	{ .name = "sockopt: unix, SO_TIMESTAMP", .body = so_timestamp_unix },
	{ .name = "sockopt: stdio, SO_KEEPALIVE", .body = so_keepalive_stdio, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: inet, SO_KEEPALIVE", .body = so_keepalive_inet },
	{ .name = "sockopt: stdio, TCP_NODELAY", .body = tcp_nodelay },
	{ .name = "sockopt: stdio, TCP_MAXSEG", .body = tcp_maxseg, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: stdio, IP_TOS", .body = ip_tos },
	{ .name = "sockopt: inet, IP_OPTIONS asked", .body = ip_options_get },
	{ .name = "sockopt: inet, IP_OPTIONS set", .body = ip_options_set, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: inet, IP_MULTICAST_IF", .body = ip_mcast_if, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: inet, IP_MULTICAST_LOOP", .body = ip_mcast_loop, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: inet mcast, IP_MULTICAST_IF", .body = ip_mcast_if_granted },
	{ .name = "sockopt: inet mcast, IP_MULTICAST_LOOP", .body = ip_mcast_loop_granted },
	{ .name = "sockopt: stdio, IPV6_TCLASS", .body = ipv6_tclass },
	{ .name = "sockopt: inet, IPV6_V6ONLY", .body = ipv6_v6only },
	{ .name = "sockopt: inet, IPV6_MULTICAST_LOOP", .body = ipv6_mcast_loop, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: inet, IPV6_JOIN_GROUP", .body = ipv6_join, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: inet mcast, IPV6_MULTICAST_LOOP", .body = ipv6_mcast_loop_granted },
	{ .name = "sockopt: inet mcast, IPV6_JOIN_GROUP", .body = ipv6_join_granted },
	{ .name = "sockopt: inet, level ICMP", .body = icmp_level, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: inet, level ICMPv6", .body = icmpv6_level, .end = BY_SIGNAL(SIGABRT) },
	{ .name = "sockopt: SO_RTABLE", .cannot = "Linux has no routing domains of sockets" },

	{ .name = "ioctl: pf on a passed descriptor", .cannot = "Linux has no pf(4)" },
	{ .name = "filedescriptor: the mark of fstat(1)", .cannot = "Linux has no mark on a descriptor that was opened under a pledge" },
};

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "execd") == 0)
		return execd(argv[2]);
	self = argv[0];
	return run_all(tests, sizeof tests / sizeof *tests);
}
