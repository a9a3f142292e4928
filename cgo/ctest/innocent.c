/* What libc does by itself after pledge("stdio") ends no program. */
#include "ctest.h"

#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

static void times(void)
{
	time_t now = time(NULL);
	struct tm *t = localtime(&now);
	char text[64];

	ct_true(t != NULL && strftime(text, sizeof text, "%c %Z", t) > 0);
	tzset();
}

static void locales(void)
{
	setlocale(LC_ALL, "");
	setlocale(LC_ALL, "de_DE.UTF-8");
	setlocale(LC_ALL, "C.UTF-8");
	ct_true(strerror(EPERM) != NULL);
}

static void output(void)
{
	char *line = NULL;
	size_t size = 0;

	fprintf(stderr, "%s %d %f\n", "x", 1, 1.5);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	fflush(stdout);
	ct_true(getline(&line, &size, stdin) <= 0 || line != NULL);
	free(line);
}

static void memory(void)
{
	for (size_t size = 1; size < (size_t)1 << 26; size *= 4) {
		char *p = malloc(size), *q;

		ct_true(p != NULL);
		memset(p, 1, size);
		q = realloc(p, size * 2);
		ct_true(q != NULL);
		free(q);
	}
}

static void names(void)
{
	struct addrinfo *list = NULL, hints = { .ai_socktype = SOCK_STREAM };

	if (getaddrinfo("localhost", "80", &hints, &list) == 0)
		freeaddrinfo(list);
	if (getaddrinfo("127.0.0.1", "80", &hints, &list) == 0)
		freeaddrinfo(list);
}

static void users(void)
{
	getpwuid(0);
	getpwnam("root");
}

static void *ending(void *none)
{
	pthread_exit(none);
}

static void *sleeping(void *none)
{
	for (;;)
		pause();
	return none;
}

static void threads(void)
{
	pthread_t t;

	ct_true(pthread_create(&t, NULL, ending, NULL) == 0);
	ct_true(pthread_join(t, NULL) == 0);
}

static void cancel(void)
{
	pthread_t t;

	ct_true(pthread_create(&t, NULL, sleeping, NULL) == 0);
	ct_true(pthread_cancel(t) == 0);
	ct_true(pthread_join(t, NULL) == 0);
}

static void logging(void)
{
	openlog("ctest", LOG_PID, LOG_DAEMON);
	syslog(LOG_INFO, "message %d", 1);
	closelog();
	syslog(LOG_INFO, "message %d", 2);
}

static void processors(void)
{
	ct_true(sysconf(_SC_NPROCESSORS_ONLN) > 0);
	ct_true(sysconf(_SC_OPEN_MAX) > 0);
	ct_true(isatty(1) == 0 || isatty(1) == 1);
	ct_true(usleep(1) == 0);
}

static void everything(void)
{
	output();
	memory();
	times();
	locales();
	names();
	users();
	processors();
	logging();
	threads();
#ifdef __GLIBC__
	cancel();
#endif
}

/* ---- the message arrives, by a socket that is in place of /dev/log */

static int receiver = -1;

static void with_log(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	ct_need_root();
	ct_ok(unshare(CLONE_NEWNS));
	ct_ok(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ct_ok(mount("ct", "/dev", "tmpfs", 0, NULL));
	ct_ok(mknod("/dev/null", S_IFCHR | 0666, (1 << 8) | 3));
	receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
	ct_ok(bind(receiver, (struct sockaddr *)&address, sizeof address));
}

static bool arrived(const char *text)
{
	char got[512];
	ssize_t n = recv(receiver, got, sizeof got - 1, MSG_DONTWAIT);

	if (n < 0)
		return false;
	got[n] = '\0';
	return strstr(got, text) != NULL;
}

static void log_arrives(void)
{
	with_log();
	ct_ok(pledge("stdio", NULL));
	syslog(LOG_INFO, "after %s", "pledge");
	ct_true(arrived("after pledge"));
	openlog("ctest", LOG_PID, LOG_DAEMON);
	syslog(LOG_INFO, "with a name");
	ct_true(arrived("ctest["));
}

static void log_control(void)
{
	with_log();
	syslog(LOG_INFO, "before %s", "pledge");
	ct_true(arrived("before pledge"));
}

static void log_in_child(void)
{
	pid_t child;

	with_log();
	child = fork();
	if (child == 0) {
		ct_ok(pledge("stdio", NULL));
		syslog(LOG_INFO, "of a child");
		ct_true(arrived("of a child"));
		_exit(0);
	}
	ct_true(ct_wait(child) == 0);
}

/* Its name was set before: it stays. */
static void log_keeps_name(void)
{
	with_log();
	openlog("before", LOG_NDELAY | LOG_PID, LOG_DAEMON);
	ct_ok(pledge("stdio", NULL));
	syslog(LOG_INFO, "text");
	ct_true(arrived("before["));
}

#define PLEDGED(act) static void p_##act(void) { ct_ok(pledge("stdio", NULL)); act(); }
PLEDGED(times) PLEDGED(locales) PLEDGED(output) PLEDGED(memory) PLEDGED(names) PLEDGED(users)
PLEDGED(threads) PLEDGED(cancel) PLEDGED(logging) PLEDGED(processors) PLEDGED(everything)

static void *idle(void *none)
{
	for (;;)
		sched_yield();
	return none;
}

/* With a thread, and then in a child of that. */
static void p_with_threads(void)
{
	pthread_t t;

	ct_true(pthread_create(&t, NULL, idle, NULL) == 0);
	ct_ok(pledge("stdio", NULL));
	everything();
	_exit(0);
}

static void p_in_child(void)
{
	pthread_t t;
	pid_t child;
	int end;

	ct_true(pthread_create(&t, NULL, idle, NULL) == 0);
	child = fork();
	if (child == 0) {
		ct_ok(pledge("stdio", NULL));
		output();
		memory();
		times();
		locales();
		users();
		logging();
		_exit(0);
	}
	end = ct_wait(child);
	if (end != 0)
		ct_fail("the child ended with %#x", (unsigned)end);
	_exit(0);
}

#define BOTH(name, act) ct_case(name " (control)", 0, act); ct_case(name, 0, p_##act)

static void cases(void)
{
	BOTH("localtime", times);
	BOTH("setlocale", locales);
	BOTH("printf", output);
	BOTH("malloc", memory);
	BOTH("getaddrinfo", names);
	BOTH("getpwuid", users);
	BOTH("pthread_exit", threads);
#ifdef __GLIBC__
	BOTH("pthread_cancel", cancel);
#else
	/* musl signals the thread by tkill(2), which names no process: not stdio's. */
	ct_case("pthread_cancel (control)", 0, cancel);
	ct_case("pthread_cancel", CT_SIGNAL(SIGSYS), p_cancel);
#endif
	BOTH("syslog", logging);
	BOTH("sysconf", processors);
	BOTH("one after the other", everything);
	ct_case("with a thread", 0, p_with_threads);
	ct_case("in the child of one with a thread", 0, p_in_child);
	ct_case("syslog arrives (control)", 0, log_control);
	ct_case("syslog arrives", 0, log_arrives);
	ct_case("syslog arrives from a child", 0, log_in_child);
	ct_case("syslog keeps its name", 0, log_keeps_name);
}

int main(int argc, char **argv)
{
	return ct_main(argc, argv, cases);
}
