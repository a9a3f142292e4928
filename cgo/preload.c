/*
 * Stage two of a launcher: what a command needs to start, and not to run.
 *
 * The launcher hands this library to the loader of the command (LD_PRELOAD)
 * in a sealed memfd, and a plan in another, under a filter that lets the
 * loader do its work. The constructor here runs when that is done: it takes
 * SIGSYS for the line that a violation prints, and puts the filter of the plan
 * on all threads, which lets no more code be mapped. It only narrows: where it
 * does not run, the command stays under what the launcher has set.
 *
 * The variable UNVEIL_RUN_PLAN names the plan: its descriptor, a colon, and
 * the nonce that stands in it too. Without it, and in a program that has more
 * rights than who started it, nothing is done: a program that is linked with
 * the library has no plan. Where the variable is there, everything must be as
 * the launcher left it, or the process ends with status 125 before main. Who
 * sets it has the environment of the process in his hands, and could make
 * it only narrower.
 *
 * Constructors of libraries that the program links run before this one with
 * glibc, and after it with musl.
 *
 * Not part of libunveil.a: it is for loaders.
 */
#include "core.h"

#include <signal.h>

/* What package preload writes, in this order; the instructions of the filter follow. */
struct plan {
	char magic[8];
	uint8_t nonce[16];
	uint32_t pid;
	int32_t library, maps;	/* descriptors; maps is -1 for a filter that is not bound to the image */
	uint32_t library_size;
	uint32_t length;	/* of the filter that follows: 0 where it is bound, or there is none */
	uint32_t on_violation, uid, gid;
	uint32_t flags;
	uint32_t zero;
	uint64_t set, next;	/* of a bound one */
};

enum {
	TAKES_SIGSYS = 1,
	NEXT_BOUND = 2,
	NO_LAYER = 4,
	NO_TRUNCATE = 8,
	KEEP_HANDLER = 16,
	NEXT_NO_LAYER = 32,
	FORKS_END = 64,
	FORKS_LOG = 128,
	FLAGS = 255,
};

static const char magic[8] = "unveil\0\1";

#define VARIABLE	"UNVEIL_RUN_PLAN="
#define PRELOAD		"LD_PRELOAD="
#define PRELOADED	"LD_PRELOAD=/proc/self/fd/"

#define F_GET_SEALS_	1034
#define SEALED		15	/* F_SEAL_SEAL, _SHRINK, _GROW and _WRITE */
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define STATUS_FAILED	125	/* a launcher's own failure */

extern char **environ __attribute__((weak));

static size_t length(const char *text)
{
	size_t n = 0;

	while (text[n] != '\0')
		n++;
	return n;
}

static _Noreturn void fail(const char *why)
{
	static const char *const parts[] = { "unveil-run: error: stage two: ", NULL, "\n" };

	for (int i = 0; i < 3; i++) {
		const char *part = parts[i] != NULL ? parts[i] : why;

		sys(NR_write, 2, part, length(part));
	}
	for (;;)
		sys(NR_exit_group, STATUS_FAILED);
}

/* What follows the prefix, or NULL. */
static char *behind(char *text, const char *prefix)
{
	while (*prefix != '\0')
		if (*text++ != *prefix++)
			return NULL;
	return text;
}

/* The entry of the environment that begins so. */
static char **find(const char *prefix)
{
	for (char **e = environ; *e != NULL; e++)
		if (behind(*e, prefix) != NULL)
			return e;
	return NULL;
}

/* A number of at most 9 digits, and what follows it; negative: none. */
static int number(const char **text)
{
	int value = -1, digits = 0;

	for (; **text >= '0' && **text <= '9' && digits < 9; (*text)++, digits++)
		value = (value < 0 ? 0 : value) * 10 + (**text - '0');
	return value;
}

static bool is_hex(const char *text, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++, text += 2)
		if (text[0] != digits[bytes[i] >> 4] || text[1] != digits[bytes[i] & 15])
			return false;
	return *text == '\0';
}

/* A memfd of this size that nobody can change. */
static bool sealed(int fd, uint64_t size)
{
	struct kernel_stat status;
	long seals = sys(NR_fcntl, fd, F_GET_SEALS_, 0);

	return seals >= 0 && (seals & SEALED) == SEALED &&
	       sys(NR_fstat, fd, &status) == 0 && status.size == (int64_t)size;
}

static void wipe(char *text)
{
	for (; *text != '\0'; text++)
		*(volatile char *)text = '\0';	/* or it would be a call of memset */
}

/*
 * Takes both variables out of the environment, and leaves what LD_PRELOAD had
 * before. The strings are overwritten where they are, as /proc/PID/environ
 * shows them. The array on the first stack keeps its length: behind it lies
 * what runtimes such as Go's look for there; libc gets a shorter one.
 */
static void clean_environment(char **variable, int library)
{
	char **preload = find(PRELOADED), *rest, **shorter;
	size_t n = 0, kept = 0;

	wipe(*variable);
	rest = preload != NULL ? behind(*preload, PRELOADED) : NULL;
	if (rest == NULL || number((const char **)&rest) != library) {
		preload = NULL;		/* a library before us has changed it */
	} else if (*rest == ':') {
		char *to = *preload + length(PRELOAD);

		while (*++rest != '\0')
			*to++ = *rest;
		wipe(to);
		preload = NULL;
	} else {
		wipe(*preload);
	}
	while (environ[n] != NULL)
		n++;
	shorter = (char **)sys(NR_mmap, NULL, n * sizeof *shorter, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
	if ((long)shorter < 0 && (long)shorter > -4096)
		fail("no memory for the environment");
	for (char **e = environ; *e != NULL; e++)
		if (e != variable && e != preload)
			shorter[kept++] = *e;
	environ = shorter;
}

static void put_on(const struct sock_filter *program, uint32_t n)
{
	struct sock_fprog p = { (unsigned short)n, (struct sock_filter *)program };

	if (sys(NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, &p) != 0)
		fail("the filter cannot be put on every thread");
}

/* The filter that only this image is under. Where the launcher could not know
 * that it lies at random, it has made no such plan. */
static void put_on_bound(const struct plan *p, struct sock_filter program[FILTER_MAX])
{
	struct range ranges[RANGES_MAX], again[RANGES_MAX];
	struct filter_options o = {
		.set = p->set,
		.pid = p->pid,
		.uid = p->uid,
		.gid = p->gid,
		.on_violation = (enum violations)p->on_violation,
		.no_truncate = (p->flags & NO_TRUNCATE) != 0,
		.no_layer = (p->flags & NO_LAYER) != 0,
		.keep_handler = (p->flags & KEEP_HANDLER) != 0,
		.ranges = ranges,
		.next_bound = (p->flags & NEXT_BOUND) != 0,
		.next = p->next,
		.next_no_layer = (p->flags & NEXT_NO_LAYER) != 0,
	};
	char path[] = "/proc/self/fd/\0\0\0\0\0\0\0\0\0\0";
	unsigned at = sizeof "/proc/self/fd/" - 1;
	int n, maps, divisor = 1;

	while (p->maps / divisor >= 10)
		divisor *= 10;
	for (; divisor > 0; divisor /= 10)
		path[at++] = (char)('0' + p->maps / divisor % 10);
	maps = (int)sys(NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	sys(NR_close, p->maps);
	if (maps < 0)
		fail("the map of this image cannot be read");
	n = image_ranges(maps, ranges);
	if (n <= 0)
		fail("this image has memory for code that can be written, or that belongs to no file");
	o.n = (unsigned)n;
	n = filter_build(program, &o);
	if (n <= 0)
		fail("no filter can be bound to this image");
	put_on(program, (uint32_t)n);
	/* With the filter on, no thread can map more. */
	n = image_ranges(maps, again);
	if (n < 0 || !ranges_alike(ranges, o.n, again, (unsigned)n))
		fail("code was mapped meanwhile");
	sys(NR_close, maps);
	if (o.next_bound)
		next_keep(&o);
}

static void confine(char **variable)
{
	struct {
		struct plan plan;
		struct sock_filter program[FILTER_MAX];
	} all;
	struct plan *p = &all.plan;
	const char *value = behind(*variable, VARIABLE);
	int fd = number(&value);
	long got;

	if (fd < 0 || *value++ != ':')
		fail("the variable " VARIABLE " has no descriptor");
	got = sys(NR_pread64, fd, &all, sizeof all, 0);
	if (got < (long)sizeof *p || !sealed(fd, (uint64_t)got))
		fail("the plan is not there, or not sealed");
	for (size_t i = 0; i < sizeof magic; i++)
		if (p->magic[i] != magic[i])
			fail("the plan is not one for this library");
	if (p->length > FILTER_MAX || (size_t)got != sizeof *p + p->length * sizeof all.program[0] || (p->flags & ~(uint32_t)FLAGS) != 0 ||
	    p->zero != 0 || p->on_violation > LOG_VIOLATIONS || (p->maps >= 0 && p->length != 0))
		fail("the plan is damaged");
	if (!is_hex(value, p->nonce, sizeof p->nonce))
		fail("the plan is not the one that was announced");
	if (p->pid != (uint32_t)sys(NR_getpid))
		fail("the plan is for another process");
	if (!sealed(p->library, p->library_size))
		fail("the library is not there, or not sealed");
	sys(NR_close, fd);
	sys(NR_close, p->library);
	clean_environment(variable, p->library);
	if ((p->flags & TAKES_SIGSYS) != 0 && handler_install() < 0)
		fail("the handler cannot be installed");
	if ((p->flags & (FORKS_END | FORKS_LOG)) != 0)
		fork_violates((p->flags & FORKS_END) != 0);
	if (p->maps >= 0 || p->length > 0)
		libc_fetch(false);
	if (p->maps >= 0)
		put_on_bound(p, all.program);
	else if (p->length > 0)
		put_on(all.program, p->length);
}

__attribute__((constructor)) static void preload(void)
{
	char **variable = &environ != NULL && environ != NULL ? find(VARIABLE) : NULL;

	if (variable != NULL && !libc_secure())
		confine(variable);
}
