/*
 * loader.c: what an executable needs, whatever its bytes are. A path that it
 * asks for is absolute, ends in its memory, and stands in the file or in a
 * list of its own.
 *
 * Built with -include ../fake.h: every file that loader.c opens is the input.
 */
#undef sys6
#include "../../veil.h"

#include "fuzz.h"

static const uint8_t *file;
static size_t file_size;
static unsigned opened, closed, asked;

long fake_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	size_t n;

	(void)a;
	(void)e;
	(void)f;
	switch (nr) {
	case NR_openat:
		opened++;
		return 3;
	case NR_pread64:
		if (d < 0)
			return -EINVAL;
		if ((size_t)d >= file_size)
			return 0;
		n = file_size - (size_t)d < (size_t)c ? file_size - (size_t)d : (size_t)c;
		memcpy((void *)b, file + d, n);
		return (long)n;
	}
	return -ENOSYS;
}

void close_fd(int fd)
{
	CHECK(fd == 3);
	closed++;
}

int object_look(int dir, const char *name, struct object *o, uint64_t *links)
{
	(void)dir;
	(void)name;
	(void)o;
	(void)links;
	return -ENOENT;
}

int ruleset_need(struct tree *t, const char *path, uint64_t access)
{
	(void)t;
	CHECK(path[0] == '/' && strlen(path) < PATH_SIZE);
	CHECK(access == LANDLOCK_ACCESS_FS_READ_FILE || access == (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE));
	if (access & LANDLOCK_ACCESS_FS_EXECUTE)
		CHECK(memmem(file, file_size, path, strlen(path)) != NULL);
	asked++;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree t;

	memset(&t, 0, sizeof t);
	file = data;
	file_size = size;
	opened = closed = asked = 0;
	CHECK(loader_of(&t, AT_FDCWD, "input") == 0);
	CHECK(opened == closed && opened <= 2 && asked <= 10);
	return 0;
}
