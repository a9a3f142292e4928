/*
 * image.c: the list of executable mappings. The first byte is how much of the
 * rest, which is /proc/self/maps, comes by one read.
 *
 * Built with -include ../fake.h: image.c reads what is here.
 */
#undef sys6
#include "../../core.h"

#include "fuzz.h"

static const uint8_t *maps;
static size_t maps_size, chunk;

long fake_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	size_t n;

	(void)a;
	(void)e;
	(void)f;
	if (nr != NR_pread64)
		return -ENOSYS;
	CHECK(d >= 0 && (size_t)d <= maps_size);
	n = maps_size - (size_t)d;
	if (n > (size_t)c)
		n = (size_t)c;
	if (n > chunk)
		n = chunk;
	if (n > 0)
		memcpy((void *)b, maps + d, n);
	return (long)n;
}

/* Whether sscanf(3) understands each line, every executable mapping is in the
 * ranges, and no range is of anything else. */
static void compare(const char *text, const struct range *ranges, int n)
{
	uint64_t total = 0, found = 0;

	for (int i = 0; i < n; i++)
		total += ranges[i].last - ranges[i].first;
	for (const char *line = text; *line != '\0';) {
		unsigned long long first, last;
		char perms[8];
		const char *end = strchr(line, '\n');

		CHECK(end != NULL);
		CHECK(sscanf(line, "%llx-%llx %7[^ ]", &first, &last, perms) == 3);
		if (strchr(perms, 'x') != NULL) {
			bool in = false;

			for (int i = 0; i < n; i++)
				in |= ranges[i].first <= first && last <= ranges[i].last;
			CHECK(in && strchr(perms, 'w') == NULL);
			found += last - first;
		}
		line = end + 1;
	}
	CHECK(found == total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct range ranges[RANGES_MAX], again[RANGES_MAX];
	char *text;
	int n;

	if (size == 0)
		return 0;
	maps = data + 1;
	maps_size = size - 1;
	chunk = 1 + data[0];
	n = image_ranges(3, ranges);
	CHECK(n == -EOPNOTSUPP || (n > 0 && n <= RANGES_MAX));
	chunk = maps_size + 1;
	CHECK(image_ranges(3, again) == n);
	for (int i = 0; i < n; i++) {
		CHECK(ranges[i].first < ranges[i].last);
		CHECK(i == 0 || ranges[i - 1].last < ranges[i].first);
		CHECK(ranges[i].first == again[i].first && ranges[i].last == again[i].last);
	}
	if (n > 0 && memchr(maps, '\0', maps_size) == NULL) {
		text = string_of(maps, maps_size);
		compare(text, ranges, n);
		free(text);
	}
	return 0;
}
