/*
 * Prints what filter.c and words.c make of what is asked, one line a question,
 * for a test of package pledge that asks its own code the same:
 *
 *	f SET PID UID GID ON_VIOLATION NO_TRUNCATE NO_LAYER KEEP_HANDLER ONLY_NEXT FOREIGN NEXT_BOUND NEXT NEXT_NO_LAYER N FIRST LAST ...
 *		the program in hexadecimal digits, or a negative errno
 *	w DIGITS	the set of the words that the digits are the bytes of
 *	e		errors of words in memory that is there in part, one each
 *	c NUMBER	the name of a system call
 *	t COUNT ...	like f, built so many times: nanoseconds for one
 *
 * Numbers are hexadecimal.
 */
#include "../core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static struct sock_filter program[FILTER_MAX];
static struct range ranges[4096];

static uint64_t number(char **at)
{
	return strtoull(*at, at, 16);
}

/* What concerns every program. */
static struct filter_options common(char **line)
{
	struct filter_options o = { .set = number(line) };

	o.pid = (uint32_t)number(line);
	o.uid = (uint32_t)number(line);
	o.gid = (uint32_t)number(line);
	o.on_violation = (enum violations)number(line);
	o.no_truncate = number(line);
	o.no_layer = number(line);
	o.keep_handler = number(line);
	return o;
}

/* Options, and after them those of a program to be behind. */
static struct filter_options options(char *line)
{
	static struct filter_options behind;
	struct filter_options o = common(&line);

	o.only_next = number(&line);
	o.foreign = number(&line);
	o.next_bound = number(&line);
	o.next = number(&line);
	o.next_no_layer = number(&line);
	o.n = (unsigned)number(&line);
	for (unsigned i = 0; i < o.n; i++) {
		ranges[i].first = number(&line);
		ranges[i].last = number(&line);
	}
	o.ranges = ranges;
	if (*line != '\0') {
		behind = common(&line);
		if (number(&line)) {	/* of the same image */
			behind.n = o.n;
			behind.ranges = o.ranges;
			behind.foreign = o.foreign;
			behind.next_bound = o.next_bound;
		}
		o.behind = &behind;
	}
	return o;
}

static void filter(char *line)
{
	struct filter_options o = options(line);
	int n = filter_build(program, &o);

	if (n < 0)
		printf("%d", n);
	for (int i = 0; i < n; i++)
		printf("%04x%02x%02x%08" PRIx32, program[i].code, program[i].jt, program[i].jf, program[i].k);
	putchar('\n');
}

static void words(const char *digits)
{
	char text[8192] = "";
	promise_set set = 0x5eed;
	unsigned byte;
	size_t n = 0;
	int err;

	for (; sscanf(digits, "%2x", &byte) == 1 && n < sizeof text - 1; digits += 2)
		text[n++] = (char)byte;
	text[n] = '\0';
	err = words_parse(text, &set);
	if (err != 0 && set != 0x5eed)
		printf("an error, and a set\n");
	else if (err != 0)
		printf("%d\n", err);
	else
		printf("%" PRIx64 "\n", set);
}

/* One page that can be read, between two that cannot. */
static void pages(void)
{
	const size_t page = 4096;
	char *three = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = three + 2 * page;
	promise_set set = 0;

	if (three == MAP_FAILED || mprotect(three + page, page, PROT_READ | PROT_WRITE) != 0)
		abort();
	printf("%d ", words_parse(NULL, &set));
	printf("%d ", words_parse((const char *)1, &set));
	printf("%d ", words_parse((const char *)(1ul << 63), &set));
	printf("%d ", words_parse((const char *)UINTPTR_MAX, &set));
	printf("%d ", words_parse(three, &set));
	printf("%d ", words_parse(end, &set));
	/* The NUL is the last byte that can be read, then the text has none. */
	memcpy(end - 6, "stdio", 6);
	printf("%d ", words_parse(end - 6, &set));
	printf("%d ", words_parse(end - 1, &set));
	memcpy(end - 5, "stdio", 5);
	printf("%d ", words_parse(end - 5, &set));
	memset(end - 1023, 'x', 1023);
	printf("%d ", words_parse(end - 1023, &set));
	memset(end - 1024, 'x', 1024);
	printf("%d ", words_parse(end - 1024, &set));
	/* It goes on in the next page. */
	if (mprotect(end, page, PROT_READ | PROT_WRITE) != 0)
		abort();
	memcpy(end - 3, "stdio rpath", 12);
	printf("%d ", words_parse(end - 3, &set));
	printf("%" PRIx64 "\n", set);
	munmap(three, 3 * page);
}

static void times(char *line)
{
	uint64_t count = number(&line);
	struct filter_options o = options(line);
	struct timespec begin, end;
	long best = -1;

	for (uint64_t i = 0; i < count; i++) {
		clock_gettime(CLOCK_MONOTONIC, &begin);
		if (filter_build(program, &o) < 0)
			abort();
		clock_gettime(CLOCK_MONOTONIC, &end);
		long took = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
		if (best < 0 || took < best)
			best = took;
	}
	printf("%ld\n", best);
}

int main(void)
{
	static char line[1 << 18];

	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'f')
			filter(line + 1);
		else if (line[0] == 't')
			times(line + 1);
		else if (line[0] == 'w')
			words(line + 2);
		else if (line[0] == 'e')
			pages();
		else if (line[0] == 'c') {
			const char *name = call_name((unsigned)strtoul(line + 1, NULL, 16));

			printf("%s\n", name != NULL ? name : "-");
		}
		fflush(stdout);
	}
	return 0;
}
