/*
 * A tree of files for each case, to which unveil(2) is put.
 *
 * Most cases run twice: without a call of unveil(), where every act must
 * succeed, and with. OpenBSD refuses at once and hides a path by ENOENT;
 * Landlock refuses when the list is closed, by EACCES.
 */
#ifndef CTEST_TREE_H
#define CTEST_TREE_H

#include "ctest.h"

#include <limits.h>
#include <sys/stat.h>

int execveat(int, const char *, char *const[], char *const[], int);	/* musl does not declare it */

static char base[] = "/tmp/unveil-ctest.XXXXXX";
static char here[64];	/* the directory of the case */
static bool fenced;

static inline void file_of(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);

	ct_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static inline void file(const char *path)
{
	file_of(path, path, 0644);
}

/* A directory of its own for each case, which is then the working directory. */
static inline void bare_tree(void)
{
	snprintf(here, sizeof here, "%s/%d", base, (int)getpid());
	ct_ok(mkdir(here, 0755));
	ct_ok(chdir(here));
}

static inline void tree(void)
{
	bare_tree();
	ct_ok(mkdir("dir1", 0755));
	ct_ok(mkdir("dir1/sub", 0755));
	ct_ok(mkdir("dir2", 0755));
	file("file1");
	file("file2");
	file("dir1/inner");
	file("dir2/inner");
}

static inline const char *at(const char *name)
{
	static char paths[8][PATH_MAX];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", here, name);
	return path;
}

static inline void veil(const char *path, const char *permissions)
{
	if (fenced && unveil(path, permissions) != 0)
		ct_fail("unveil(\"%s\", \"%s\"): errno %d", path, permissions, errno);
}

static inline void end(void)
{
	if (fenced)
		ct_ok(unveil(NULL, NULL));
}

static inline void promise(const char *promises)
{
	if (fenced && pledge(promises, NULL) != 0)
		ct_fail("pledge(\"%s\"): errno %d", promises, errno);
}

/* What is granted, and what is refused but in the control. */
#define can(call) \
	do { errno = 0; long can_ret = (long)(call); \
		if (can_ret < 0) ct_fail("line %d: %s = %ld, errno %d", __LINE__, #call, can_ret, errno); } while (0)
#define refused(call, want) \
	do { if (fenced) ct_errno(call, want); else can(call); } while (0)

/* What was opened, closed again: 0; -1 where it was not opened. */
static inline int closed(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

static inline int reads(const char *path)
{
	return closed(open(path, O_RDONLY));
}

static inline int writes(const char *path)
{
	return closed(open(path, O_WRONLY));
}

static inline int both(const char *path)
{
	return closed(open(path, O_RDWR));
}

static inline int creates(const char *path)
{
	return closed(open(path, O_CREAT | O_RDWR, 0644));
}

static inline int lists(const char *path)
{
	DIR *d = opendir(path);

	return d == NULL ? -1 : closedir(d);
}

static inline int runs(const char *path)
{
	pid_t child = fork();
	int end;

	if (child == 0) {
		execl(path, path, (char *)NULL);
		_exit(errno);
	}
	end = ct_wait(child);
	errno = end < CT_SIGNAL(0) ? end : 255;
	return end == 0 ? 0 : -1;
}

/* The case without a call of unveil(), and with. */
static inline void twice(const char *name, void (*body)(void))
{
	char control[200];

	snprintf(control, sizeof control, "%s (control)", name);
	fenced = false;
	ct_case(control, 0, body);
	fenced = true;
	ct_case(name, 0, body);
}

static inline int tree_main(int argc, char **argv, void (*cases)(void))
{
	char command[sizeof base + 16];
	int failed;

	if (mkdtemp(base) == NULL || chmod(base, 0755) != 0)
		return 2;
	failed = ct_main(argc, argv, cases);
	snprintf(command, sizeof command, "rm -rf %s", base);
	return system(command) != 0 ? 2 : failed;
}

#endif
