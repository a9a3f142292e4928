/* unveil(2): its contract: arguments, errors, limits, and the descriptors that hold the list. */
#include "tree.h"

#include <sys/resource.h>

#define NOBODY 65534

static void words(void)
{
	static char longest[PATH_MAX], one_more[PATH_MAX + 1], name[NAME_MAX + 2];

	tree();
	memset(longest, '/', PATH_MAX - 1);
	memset(one_more, '/', PATH_MAX);
	memset(name, 'n', NAME_MAX + 1);
	/* The permissions come first, and are only looked at last. */
	ct_errno(unveil("nowhere/x", NULL), EFAULT);
	ct_errno(unveil("nowhere/x", (const char *)8), EFAULT);
	ct_errno(unveil(NULL, "rwxcr"), ENAMETOOLONG);
	ct_errno(unveil(NULL, "r"), EFAULT);
	ct_errno(unveil((const char *)8, "r"), EFAULT);
	ct_errno(unveil(one_more, "r"), ENAMETOOLONG);
	ct_errno(unveil(name, "r"), ENAMETOOLONG);
	ct_errno(unveil("", "q"), EINVAL);
	ct_errno(unveil("nowhere/x", "q"), ENOENT);
	ct_errno(unveil("file1/x", "q"), ENOTDIR);
	ct_errno(unveil("file1", "q"), EINVAL);
	ct_errno(unveil("file1", "R"), EINVAL);
	ct_errno(unveil("file1", "r "), EINVAL);
	ct_errno(unveil("missing/", "r"), ENOENT);
	ct_errno(unveil("file1/", "r"), ENOTDIR);
	ct_errno(unveil("missing/.", "r"), ENOENT);
	ct_errno(unveil("missing/..", "r"), ENOENT);
	/* None of them hides anything. */
	ct_ok(unveil(NULL, NULL));
	can(reads("file1"));
	can(reads("/etc/passwd"));
}

static void words_taken(void)
{
	static char longest[PATH_MAX];

	tree();
	memset(longest, '/', PATH_MAX - 1);
	ct_ok(unveil(longest, "r"));
	ct_ok(unveil("file1", "cxwr"));
	ct_ok(unveil("file1", "rrrr"));
	ct_ok(unveil("file1", ""));
	ct_ok(unveil("missing", "rwxc"));
	ct_ok(unveil("dir1/", "r"));
	ct_ok(unveil("dir1/.", "r"));
	ct_ok(unveil("dir1/..", "r"));
	ct_ok(unveil(".", "r"));
}

/* Strings that end where memory does. */
static void strings_at_the_end(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tree();
	ct_true(map != MAP_FAILED);
	ct_ok(mprotect(map + page, (size_t)page, PROT_NONE));
	strcpy(map + page - 6, "file1");
	ct_ok(unveil(map + page - 6, "r"));
	strcpy(map + page - 2, "r");
	ct_ok(unveil("file1", map + page - 2));
	map[page - 1] = 'r';
	ct_errno(unveil("file1", map + page - 2), EFAULT);
	ct_errno(unveil(map + page - 2, "r"), EFAULT);
	ct_errno(unveil("file1", map + page), EFAULT);
}

static void links(void)
{
	tree();
	ct_ok(symlink("loop", "loop"));
	ct_ok(symlink("dir1/inner", "link"));
	ct_ok(symlink("../dir2/later", "dir1/dangling"));
	ct_ok(symlink("nowhere/later", "broken"));
	ct_errno(unveil("loop", "r"), ELOOP);
	ct_errno(unveil("loop/x", "r"), ELOOP);
	ct_errno(unveil("broken", "r"), ENOENT);
	ct_ok(unveil("link", "r"));
	ct_ok(unveil("dir1/dangling", "r"));
	file("dir2/later");
	ct_ok(unveil(NULL, NULL));
	can(reads("link"));
	can(reads("dir1/inner"));
	can(reads("dir2/later"));
	ct_errno(reads("dir2/inner"), EACCES);
	ct_errno(writes("dir1/inner"), EACCES);
}

static void no_access(void)
{
	ct_need_root();
	tree();
	ct_ok(mkdir("closed", 0));
	ct_ok(mkdir("private", 0700));
	ct_ok(mkdir("private/in", 0755));
	ct_ok(setgid(NOBODY));
	ct_ok(setuid(NOBODY));
	ct_errno(unveil("private/in", "r"), ENOENT);
	ct_errno(unveil("private/missing", "r"), ENOENT);
	ct_ok(unveil("closed", "r"));	/* its parent is open */
	ct_ok(unveil("file1", "r"));
}

static void no_access_dot(void)
{
	ct_need_root();
	tree();
	ct_ok(mkdir("closed", 0));
	ct_ok(chdir("closed"));
	ct_ok(setgid(NOBODY));
	ct_ok(setuid(NOBODY));
	ct_errno(unveil(".", "r"), ENOENT);	/* it cannot be searched */
	ct_errno(unveil("..", "r"), ENOENT);
}

static void in_chroot(void)
{
	ct_need_root();
	tree();
	ct_ok(mkdir("dir1/deep", 0755));
	file("dir1/deep/file");
	ct_ok(chroot("."));
	ct_ok(chdir("/dir1"));
	ct_true(access("/proc/self", F_OK) != 0);
	veil(".", "r");
	veil("deep", "");
	veil("/file1", "rw");
	end();
	can(reads("/dir1/inner"));
	can(both("/file1"));
	refused(reads("/file2"), EACCES);
	refused(reads("/dir1/deep/file"), EACCES);
	refused(lists("/"), EACCES);
}

static void closing(void)
{
	tree();
	ct_ok(unveil(NULL, NULL));
	ct_ok(unveil(NULL, NULL));
	ct_errno(unveil("file1", "r"), EPERM);
	ct_errno(unveil("", NULL), EPERM);
	ct_errno(unveil(NULL, "rwxcr"), EPERM);
	can(reads("/etc/passwd"));
}

static void closing_used(void)
{
	tree();
	ct_ok(unveil("file1", "r"));
	ct_ok(unveil(NULL, NULL));
	ct_ok(unveil(NULL, NULL));
	ct_errno(unveil("file1", "r"), EPERM);
	can(reads("file1"));
	ct_errno(reads("file2"), EACCES);
}

static void many_directories(void)
{
	char name[32];

	tree();
	for (int i = 0; i < 128; i++) {
		snprintf(name, sizeof name, "dir1/%d", i);
		ct_ok(mkdir(name, 0755));
		ct_ok(unveil(name, "r"));
	}
	ct_errno(unveil("dir2", "r"), E2BIG);
	ct_errno(unveil("file1", "r"), E2BIG);
	ct_errno(unveil("dir1/0", "rw"), E2BIG);	/* an update too */
	ct_errno(unveil("dir1/0", "q"), EINVAL);
	ct_ok(unveil(NULL, NULL));
	can(lists("dir1/127"));
	ct_errno(lists("dir2"), EACCES);
}

static void many_names(void)
{
	char name[32];

	tree();
	for (int i = 0; i < 128; i++) {
		snprintf(name, sizeof name, "dir1/%d", i);
		file(name);
		ct_ok(unveil(name, "r"));
	}
	ct_errno(unveil("dir2", "r"), E2BIG);
	ct_errno(unveil("dir1/0", "rw"), E2BIG);
	ct_ok(unveil(NULL, NULL));
	can(reads("dir1/127"));
	ct_errno(writes("dir1/0"), EACCES);
	ct_errno(reads("file1"), EACCES);
}

/* ---- descriptors */

static void descriptors_high(void)
{
	int lowest, before;

	tree();
	before = ct_entries("/proc/self/fd");
	lowest = dup(0);
	ct_ok(close(lowest));
	ct_ok(unveil("dir1", "r"));
	ct_ok(unveil("dir1/inner", "rw"));
	ct_ok(unveil("file1", "r"));
	ct_ok(unveil("missing", "r"));
	ct_errno(unveil("file2", "q"), EINVAL);
	ct_errno(unveil("nowhere/x", "r"), ENOENT);
	ct_true(ct_entries("/proc/self/fd") == before + 2);
	ct_true(dup(0) == lowest);
	ct_ok(close(lowest));
	ct_ok(unveil(NULL, NULL));
	ct_true(dup(0) == lowest);
}

static void descriptors_closed(void)
{
	tree();
	veil("dir1", "r");
	veil("file1", "r");
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	end();
	can(reads("dir1/inner"));
	can(reads("file1"));
	refused(reads("dir2/inner"), EACCES);
	refused(reads("file2"), EACCES);
}

static void descriptors_replaced(void)
{
	int other;

	tree();
	other = open("/etc", O_PATH);
	ct_true(other >= 0);
	veil("dir1", "r");
	for (int fd = 200; fd < 210; fd++)
		ct_true(dup2(other, fd) == fd);
	end();
	can(reads("dir1/inner"));
	refused(reads("/etc/ld.so.conf"), EACCES);
	can(fcntl(200, F_GETFD));	/* not ours to close */
}

static void descriptors_lost(void)
{
	tree();
	ct_ok(unveil("dir1", "r"));
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	ct_ok(rename("dir1", "moved"));
	ct_ok(mkdir("dir1", 0755));
	ct_errno(unveil(NULL, NULL), EBADF);
	can(reads("file2"));
}

static void descriptors_few(void)
{
	struct rlimit few = { 20, 20 };

	tree();
	ct_ok(setrlimit(RLIMIT_NOFILE, &few));
	veil("dir1", "r");
	end();
	can(reads("dir1/inner"));
	refused(reads("file2"), EACCES);
}

static void descriptors_none(void)
{
	struct rlimit none = { 3, 3 };

	tree();
	ct_ok(unveil("file1", "r"));
	for (int fd = 3; fd < 32; fd++)
		close(fd);
	ct_ok(setrlimit(RLIMIT_NOFILE, &none));
	ct_errno(unveil("dir1", "r"), EMFILE);
	ct_errno(unveil(NULL, NULL), EMFILE);
}

static void cases(void)
{
	fenced = true;
	ct_case("unveil: words", 0, words);
	ct_case("unveil: words that are taken", 0, words_taken);
	ct_case("unveil: strings at the end of memory", 0, strings_at_the_end);
	ct_case("unveil: links", 0, links);
	ct_case("unveil: no access", 0, no_access);
	ct_case("unveil: no access to .", 0, no_access_dot);
	twice("unveil: in a chroot", in_chroot);
	ct_case("unveil: closing", 0, closing);
	ct_case("unveil: closing what was used", 0, closing_used);
	ct_case("unveil: 128 directories", 0, many_directories);
	ct_case("unveil: 128 names", 0, many_names);
	ct_case("unveil: descriptors are high", 0, descriptors_high);
	twice("unveil: descriptors closed", descriptors_closed);
	twice("unveil: descriptors replaced", descriptors_replaced);
	ct_case("unveil: descriptors lost", 0, descriptors_lost);
	twice("unveil: few descriptors", descriptors_few);
	ct_case("unveil: no descriptors", 0, descriptors_none);
}

int main(int argc, char **argv)
{
	return tree_main(argc, argv, cases);
}
