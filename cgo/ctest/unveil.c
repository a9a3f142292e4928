/*
 * unveil(2): its contract, and what is refused once the list is closed.
 *
 * Most cases run twice: without a call of unveil(), where every act must
 * succeed, and with. OpenBSD refuses at once and hides a path by ENOENT;
 * Landlock refuses when the list is closed, by EACCES.
 */
#include "ctest.h"

#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>

#define NOBODY 65534

int execveat(int, const char *, char *const[], char *const[], int);	/* musl does not declare it */

extern char _DYNAMIC[] __attribute__((weak));	/* not there in a static program */

static char base[] = "/tmp/unveil-ctest.XXXXXX";
static char here[64];	/* the tree of the case */
static bool fenced;

static void file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	ct_true(fd >= 0 && write(fd, path, strlen(path)) > 0 && close(fd) == 0);
}

/* A tree of its own for each case, which is then the working directory. */
static void tree(void)
{
	snprintf(here, sizeof here, "%s/%d", base, (int)getpid());
	ct_ok(mkdir(here, 0755));
	ct_ok(chdir(here));
	ct_ok(mkdir("dir1", 0755));
	ct_ok(mkdir("dir1/sub", 0755));
	ct_ok(mkdir("dir2", 0755));
	file("file1");
	file("file2");
	file("dir1/inner");
	file("dir2/inner");
}

static const char *at(const char *name)
{
	static char paths[8][PATH_MAX];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_MAX, "%s/%s", here, name);
	return path;
}

static void need_root(void)
{
	if (getuid() != 0) {
		fprintf(stderr, "needs root");
		_exit(CT_SKIP);
	}
}

static void veil(const char *path, const char *permissions)
{
	if (fenced && unveil(path, permissions) != 0)
		ct_fail("unveil(\"%s\", \"%s\"): errno %d", path, permissions, errno);
}

static void end(void)
{
	if (fenced)
		ct_ok(unveil(NULL, NULL));
}

/* What is granted, and what is refused but in the control. */
#define can(call) \
	do { errno = 0; long can_ret = (long)(call); \
		if (can_ret < 0) ct_fail("line %d: %s = %ld, errno %d", __LINE__, #call, can_ret, errno); } while (0)
#define refused(call, want) \
	do { if (fenced) ct_errno(call, want); else can(call); } while (0)

static int reads(const char *path)
{
	int fd = open(path, O_RDONLY);

	return fd < 0 ? -1 : close(fd);
}

static int writes(const char *path)
{
	int fd = open(path, O_WRONLY);

	return fd < 0 ? -1 : close(fd);
}

static int both(const char *path)
{
	int fd = open(path, O_RDWR);

	return fd < 0 ? -1 : close(fd);
}

static int creates(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR, 0644);

	return fd < 0 ? -1 : close(fd);
}

static int lists(const char *path)
{
	DIR *d = opendir(path);

	return d == NULL ? -1 : closedir(d);
}

static int runs(const char *path)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execl(path, path, (char *)NULL);
		_exit(errno);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
	return status == 0 ? 0 : -1;
}

/* ---- the contract */

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
	need_root();
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
	need_root();
	tree();
	ct_ok(mkdir("closed", 0));
	ct_ok(chdir("closed"));
	ct_ok(setgid(NOBODY));
	ct_ok(setuid(NOBODY));
	ct_errno(unveil(".", "r"), ENOENT);	/* it cannot be searched */
	ct_errno(unveil("..", "r"), ENOENT);
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

static void unpromised(void)
{
	tree();
	ct_ok(pledge("stdio rpath", NULL));
	unveil("file1", "r");
}

static void unpromised_error(void)
{
	tree();
	ct_ok(pledge("stdio rpath error", NULL));
	ct_errno(unveil("file1", "r"), ENOSYS);
	ct_errno(unveil(NULL, NULL), ENOSYS);
}

static void promised(void)
{
	tree();
	ct_ok(pledge("stdio rpath wpath unveil", NULL));
	ct_ok(unveil("dir1", "r"));
	ct_ok(unveil("file1", "rw"));
	can(reads("file2"));	/* OpenBSD: ENOENT from the first call on */
	ct_ok(pledge("stdio rpath wpath", NULL));
	can(reads("dir1/inner"));
	can(both("file1"));
	ct_errno(writes("dir1/inner"), EACCES);
	ct_errno(reads("file2"), EACCES);
}

/* The calls that the library makes are those of the promise unveil. */
static void promised_alone(void)
{
	tree();
	ct_ok(pledge("stdio wpath cpath unveil", NULL));
	ct_ok(unveil("dir1", "rwc"));
	ct_ok(unveil("file1", "rw"));
	ct_ok(unveil("dir1/sub", ""));
	ct_ok(unveil("missing", "r"));
	ct_errno(unveil("nowhere/x", "r"), ENOENT);
	ct_ok(unveil(NULL, NULL));
	ct_ok(pledge("stdio wpath cpath", NULL));
	can(writes("file1"));
	ct_errno(writes("file2"), EACCES);
	ct_ok(pledge("stdio wpath", NULL));
	ct_ok(pledge("stdio", NULL));
	can(both("/dev/null"));
}

/* ---- what is granted and refused; semantics of OpenBSD's regress */

static void opens(void)
{
	char name[8] = "new-a";

	tree();
	for (; name[4] <= 'z'; name[4]++)
		veil(name, "rwxc");
	veil("dir1", "rwxc");
	veil("file1", "rwxc");
	end();
	can(both("file1"));
	can(creates("dir1/new"));
	can(unlink("dir1/new"));
	can(creates("new-q"));
	refused(lists("/etc"), EACCES);
	refused(reads("/etc/ld.so.conf"), EACCES);
}

static void opens_hidden(void)
{
	tree();
	veil("dir1", "rwxc");
	veil("file1", "rw");
	end();
	can(both("file1"));
	can(creates("dir1/new"));
	refused(reads("file2"), EACCES);
	refused(creates("new"), EACCES);
	refused(lists("dir2"), EACCES);
	refused(creates("dir2/new"), EACCES);
}

static void opens_at(void)
{
	int dot, one, two, late;

	tree();
	dot = open(".", O_RDONLY | O_DIRECTORY);
	one = open("dir1", O_RDONLY | O_DIRECTORY);
	two = open("dir2", O_RDONLY | O_DIRECTORY);
	ct_true(dot >= 0 && one >= 0 && two >= 0);
	veil("dir1", "rwxc");
	end();
	can(openat(one, "inner", O_RDWR));
	can(openat(dot, "dir1/inner", O_RDONLY));
	can(openat(two, "../dir1/inner", O_RDONLY));
	late = open("dir1", O_RDONLY | O_DIRECTORY);
	can(openat(late, "new", O_CREAT | O_RDWR, 0644));
	can(openat(late, "sub", O_RDONLY));
	refused(openat(two, "inner", O_RDONLY), EACCES);
	refused(openat(late, "../file1", O_RDONLY), EACCES);
	refused(openat(dot, "file1", O_RDONLY), EACCES);
	refused(openat(one, at("file1"), O_RDONLY), EACCES);
}

static void lists_directories(void)
{
	tree();
	veil("dir1", "r");
	end();
	can(lists("dir1"));
	can(lists("dir1/sub/../sub"));
	can(chdir("dir1"));
	can(lists("."));
	refused(lists(".."), EACCES);
	refused(lists("../dir2"), EACCES);
}

static void no_letters(void)
{
	tree();
	veil(".", "rwc");
	veil("dir1", "");
	veil("dir2/inner", "");
	end();
	can(both("file1"));
	can(reads("file2"));
	refused(creates("dir1/new"), EACCES);
	refused(reads("dir1/inner"), EACCES);
	refused(lists("dir1"), EACCES);
	refused(reads("dir2/inner"), EACCES);
}

static void the_last_counts(void)
{
	tree();
	veil("dir1", "rwc");
	veil("dir1", "r");
	veil("file1", "r");
	veil("file1", "rw");
	veil("file2", "rw");
	veil("file2", "");
	end();
	can(reads("dir1/inner"));
	can(both("file1"));
	refused(creates("dir1/new"), EACCES);
	refused(reads("file2"), EACCES);
}

static void read_only(void)
{
	tree();
	veil("/", "");
	veil("file1", "r");
	end();
	can(reads("file1"));
	refused(both("file1"), EACCES);
	refused(writes("file1"), EACCES);
	refused(reads("file2"), EACCES);
}

static void write_only(void)
{
	tree();
	veil("file1", "w");
	end();
	can(writes("file1"));
	can(truncate("file1", 0));
	refused(reads("file1"), EACCES);
	if (syscall(444, NULL, 0, 1) >= 3)	/* below, a filter alone holds it */
		refused(truncate("file2", 0), EACCES);
	else
		can(truncate("file2", 0));
}

static void unlinks(void)
{
	tree();
	file("dir1/x");
	file("dir2/x");
	veil("dir1", "rwxc");
	veil("file1", "rw");
	end();
	can(unlink("dir1/x"));
	refused(unlink("dir2/x"), EACCES);
	refused(unlink("file1"), EACCES);
}

static void makes_links(void)
{
	tree();
	veil("file1", "rwxc");	/* of which c widens to the directory, unless an entry below has less */
	veil("dir1", "rwxc");
	veil("dir2", "rwxc");
	end();
	can(link("file1", "dir1/link"));
	can(link("dir2/inner", "dir1/other"));
	can(symlink("file1", "dir1/symbolic"));
	can(rename("dir1/other", "dir2/back"));
}

static void moves(void)
{
	tree();
	ct_ok(mkdir("dir3", 0755));
	veil("dir1", "rwxc");
	veil("dir3", "rwxc");
	end();
	can(rename("dir1/inner", "dir1/renamed"));
	can(rename("dir1/renamed", "dir3/moved"));
	can(rename("dir3/moved", "dir1/inner"));
	refused(rename("dir1/inner", "dir2/stolen"), EACCES);
	if (fenced) {
		ct_errno(rename("dir2/inner", "dir1/taken"), EACCES);
		ct_errno(rename("file2", "dir1/taken"), EACCES);
		ct_errno(link("dir2/inner", "dir1/taken"), EXDEV);
		ct_errno(symlink("x", "dir2/taken"), EACCES);
		ct_errno(mkdir("dir2/taken", 0755), EACCES);
	}
}

static void not_mediated(void)
{
	struct stat st;
	char buffer[64];

	tree();
	ct_ok(symlink("x", "dir2/link"));
	veil("dir1", "r");
	end();
	/* OpenBSD: ENOENT. Landlock has no right for them. */
	can(stat("file2", &st));
	can(access("file2", R_OK));
	can(chdir("dir2"));
	can(readlink("link", buffer, sizeof buffer));
	can(chmod("inner", 0600));
	refused(reads("inner"), EACCES);
	refused(lists("."), EACCES);
}

static void asks_file_system(void)
{
	struct statfs fs;

	tree();
	veil("dir1", "r");
	end();
	can(statfs("/", &fs));
	can(statfs("file2", &fs));
}

static void x_alone(void)
{
	tree();
	veil("/bin/true", "x");
	end();
	can(runs("/bin/true"));
	refused(runs("/bin/false") == -1 && errno == 1 ? 0 : -1, EACCES);
}

static void no_x(void)
{
	tree();
	veil("/bin/true", "rw");
	end();
	refused(runs("/bin/true"), EACCES);
	can(reads("/bin/true"));
}

static void x_of_a_directory(void)
{
	tree();
	veil("/usr/bin", "x");
	end();
	can(runs("/usr/bin/true"));
	refused(lists("/usr/bin"), EACCES);
	refused(reads("/etc/ld.so.conf"), EACCES);
}

static void unveil_a_script(void)
{
	int fd;

	tree();
	fd = open("script", O_CREAT | O_WRONLY, 0755);
	ct_true(write(fd, "#! /bin/sh -e\nexit 0\n", 21) == 21 && close(fd) == 0);
	veil("script", "x");
}

static void x_of_a_script(void)
{
	unveil_a_script();
	end();
	can(runs("./script"));
	refused(runs("/bin/true"), EACCES);
}

/* The library may not look into the script by then. */
static void x_of_a_script_unread(void)
{
	unveil_a_script();
	if (fenced)
		ct_ok(pledge("stdio proc exec unveil", NULL));
	end();
	refused(runs("./script"), EACCES);
}

static void forks(void)
{
	int status;
	pid_t child;

	tree();
	veil("dir1", "r");
	child = fork();
	if (child == 0) {
		/* The list is inherited, and each has its own from there. */
		veil("file1", "r");
		end();
		can(reads("dir1/inner"));
		can(reads("file1"));
		refused(reads("file2"), EACCES);
		_exit(0);
	}
	ct_true(waitpid(child, &status, 0) == child && status == 0);
	end();
	can(reads("dir1/inner"));
	refused(reads("file1"), EACCES);
	child = fork();
	if (child == 0) {
		if (fenced)
			ct_errno(unveil("file1", "r"), EPERM);
		can(reads("dir1/inner"));
		refused(reads("file1"), EACCES);
		_exit(0);
	}
	ct_true(waitpid(child, &status, 0) == child && status == 0);
}

static void up(void)
{
	tree();
	ct_ok(chdir("dir1"));
	veil(".", "rwc");
	end();
	can(creates("hello"));
	can(creates("sub/../hello"));
	refused(creates("../hello"), EACCES);
}

static void the_wider_reads(void)
{
	tree();
	veil("/", "r");
	veil("file1", "rw");
	end();
	can(both("file1"));
	can(reads("file2"));
	can(reads("/etc/passwd"));
	refused(both("file2"), EACCES);
	refused(creates("dir1/new"), EACCES);
}

static void a_hidden_below(void)
{
	tree();
	veil(".", "r");
	veil("dir1/sub", "rwc");
	veil("dir2", "");
	end();
	can(creates("dir1/sub/new"));
	can(reads("dir1/inner"));
	can(reads("file1"));
	refused(reads("dir2/inner"), EACCES);
	refused(creates("dir1/new"), EACCES);
	/* OpenBSD lists it, without the hidden name. */
	refused(lists("."), EACCES);
}

static void directory_is_an_inode(void)
{
	tree();
	veil("dir1", "r");
	can(rename("dir1", "moved"));
	can(mkdir("dir1", 0755));
	file("dir1/inner");
	end();
	can(reads("moved/inner"));
	refused(reads("dir1/inner"), EACCES);
}

static void file_is_a_name(void)
{
	tree();
	veil("file1", "r");
	veil("later", "r");
	can(rename("file2", "file1"));
	file("later");
	end();
	can(reads("file1"));
	can(reads("later"));
}

static void a_directory_removed(void)
{
	tree();
	veil("dir1/sub", "r");
	veil("file1", "r");
	can(rmdir("dir1/sub"));
	can(mkdir("dir1/sub", 0755));
	end();
	can(reads("file1"));
	refused(lists("dir1/sub"), EACCES);
}

static void a_name_that_became_a_directory(void)
{
	tree();
	veil("later", "r");
	can(mkdir("later", 0755));
	file("later/in");
	end();
	refused(reads("later/in"), EACCES);
}

static void missing_with_c(void)
{
	tree();
	veil("dir1/pid", "rwc");
	end();
	can(creates("dir1/pid"));
	can(unlink("dir1/pid"));
	can(creates("dir1/inner"));	/* OpenBSD: ENOENT; the directory is widened */
	refused(creates("dir2/new"), EACCES);
}

static void missing_with_c_strict(void)
{
	tree();
	ct_ok(setenv("UNVEIL_STRICT", "1", 1));
	ct_ok(unveil("dir1/pid", "rwc"));
	ct_errno(unveil(NULL, NULL), EOPNOTSUPP);
	can(reads("file2"));	/* nothing was applied */
}

static void widened_over_less(void)
{
	tree();
	ct_ok(unveil("dir1/pid", "rwc"));
	ct_ok(unveil("dir1/sub", ""));
	ct_errno(unveil(NULL, NULL), EOPNOTSUPP);
	can(reads("file2"));
}

/* A bind mount is a second name that Landlock cannot tell from the first. */
static void bind_mount(void)
{
	need_root();
	tree();
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("dir1", "dir2", NULL, MS_BIND, NULL) != 0) {
		fprintf(stderr, "needs mount(2)");
		_exit(CT_SKIP);
	}
	veil("dir1/sub", "");
	veil("dir2", "rw");
	refused(unveil(NULL, NULL), EOPNOTSUPP);
}

static void below_proc(void)
{
	ct_ok(unveil("/", "r"));
	ct_ok(unveil("/proc/sys", ""));
	ct_errno(unveil(NULL, NULL), EOPNOTSUPP);
	can(reads("/etc/passwd"));
}

/* ---- descriptors */

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	ct_true(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void descriptors_high(void)
{
	int lowest, before;

	tree();
	before = open_descriptors();
	lowest = dup(0);
	ct_ok(close(lowest));
	ct_ok(unveil("dir1", "r"));
	ct_ok(unveil("dir1/inner", "rw"));
	ct_ok(unveil("file1", "r"));
	ct_ok(unveil("missing", "r"));
	ct_errno(unveil("file2", "q"), EINVAL);
	ct_errno(unveil("nowhere/x", "r"), ENOENT);
	ct_true(open_descriptors() == before + 2);
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

/* ---- surroundings */

static void in_chroot(void)
{
	need_root();
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

static void at_exec(void)
{
	tree();
	veil("/usr", "rx");
	veil("/bin", "rx");
	veil("/lib", "rx");
	veil("/lib64", "rx");
	veil("/etc/ld.so.cache", "r");
	/* never closed */
	can(runs("/bin/true"));
	if (fork() == 0) {
		char *argv[] = { (char *)"cat", (char *)at("file1"), NULL };

		dup2(open("/dev/null", O_RDWR), 1);
		dup2(1, 2);
		execvp("cat", argv);
		_exit(99);
	}
	{
		int status;

		ct_true(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == (fenced ? 1 : 0));
	}
	/* The parent has not exec'd, and may go on. */
	veil("file2", "r");
	can(reads("file1"));
}

/* What a shell says of a command that it runs. */
static int shell(const char *command)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		dup2(open("/dev/null", O_RDWR), 2);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(99);
	}
	ct_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A program that may open nothing leaves to the next one all that is not of
 * executing, as on OpenBSD, where the list is gone. */
static void exec_free(void)
{
	tree();
	veil("/bin/sh", "x");
	if (fenced)
		ct_ok(pledge("stdio proc exec", NULL));
	refused(reads("file1"), EACCES);
	refused(writes("file1"), EACCES);
	ct_true(shell(": <file1 && echo y >file2 && : >new && : >dir1/new") == 0);
	ct_true(shell("/bin/true") == (fenced ? 126 : 0));
	refused(runs("/bin/true"), EACCES);
}

/* What it may do itself is held for the next one too. */
static void exec_reads(void)
{
	tree();
	veil("/bin/sh", "x");
	veil("dir1", "r");
	if (fenced)
		ct_ok(pledge("stdio rpath proc exec", NULL));
	can(reads("dir1/inner"));
	refused(reads("file1"), EACCES);
	ct_true(shell(": <dir1/inner && echo y >file2") == 0);
	ct_true(shell(": <file1") == (fenced ? 2 : 0));
	/* Execpromises are of programs that have the list, all of it. */
	if (fenced)
		ct_ok(pledge(NULL, "stdio rpath wpath cpath"));
	ct_true(shell(": <dir1/inner") == 0);
	ct_true(shell(": <file1") == (fenced ? 2 : 0));
	ct_true(shell("echo y >file2") == (fenced ? 2 : 0));
}

/* A list that is over, and whose paths cannot be looked at any more, is no
 * list for execpromises. */
static void exec_late(void)
{
	tree();
	veil("/bin/sh", "x");
	if (fenced)
		ct_ok(pledge("stdio proc exec", NULL));
	if (fenced)
		ct_errno(pledge(NULL, "stdio rpath wpath cpath"), EACCES);
	ct_true(shell("echo y >file2") == 0);
}

/* tmppath beside exec: files are made in /tmp alone, here and by the next one.
 * The next one is free of the rest. */
static void exec_tmppath(void)
{
	char name[] = "/tmp/unveil-ctest-XXXXXX", command[64];
	int fd;

	tree();
	ct_ok(chdir("/"));
	if (fenced)
		ct_ok(pledge("stdio rpath tmppath proc exec", NULL));
	fd = mkstemp(name);
	ct_true(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	can(writes(name));
	can(unlink(name));
	can(reads("/etc/passwd"));
	can(both("/dev/null"));
	snprintf(command, sizeof command, ": >%s", name);
	ct_true(shell(command) == 0);
	can(unlink(name));
	need_root();
	snprintf(command, sizeof command, ": >/run/%s", name + 5);
	ct_true(shell(command) == (fenced ? 2 : 0));
	if (!fenced)
		can(unlink(command + 3));
	refused(writes("/etc/passwd"), EACCES);
	if (fenced)
		ct_ok(pledge("stdio rpath tmppath", NULL));
	can(close(open(at("new"), O_CREAT | O_WRONLY, 0600)));
	if (fenced)
		ct_ok(pledge("stdio rpath", NULL));
	refused(writes(at("new")), EACCES);
}

static void exec_tmppath_unbound(void)
{
	tree();
	ct_ok(setenv("UNVEIL_EXEC", "inherit", 1));
	ct_ok(pledge("stdio rpath tmppath proc exec", NULL));
	ct_errno(writes("file1"), EACCES);
	can(reads("file1"));
}

/* Given up beside exec, it is worth nothing. */
static void exec_tmppath_dropped(void)
{
	tree();
	if (fenced)
		ct_ok(pledge("stdio rpath tmppath proc exec", NULL));
	can(writes("file1"));
	if (fenced)
		ct_ok(pledge("stdio rpath proc exec", NULL));
	refused(writes("file1"), EACCES);
	can(reads("file1"));
}

static void at_spawn(void)
{
	char *argv[] = { (char *)"true", NULL }, *none[] = { NULL };
	int status;
	pid_t child;

	tree();
	veil("/usr", "rx");
	veil("/bin", "rx");
	veil("/lib", "rx");
	veil("/lib64", "rx");
	ct_ok(posix_spawn(&child, "/bin/true", NULL, NULL, argv, none));
	ct_true(waitpid(child, &status, 0) == child && status == 0);
	if (_DYNAMIC == NULL) {
		can(reads("file1"));	/* libunveil.a stands not before it */
		return;
	}
	refused(reads("file1"), EACCES);
	if (fenced)
		ct_errno(unveil("file1", "r"), EPERM);	/* OpenBSD: 0 */
}

static void at_vfork(void)
{
	int status;
	pid_t child;

	tree();
	veil("/usr", "rx");
	veil("/bin", "rx");
	veil("/lib", "rx");
	veil("/lib64", "rx");
	child = vfork();
	if (child == 0) {
		execl("/bin/cat", "cat", here, (char *)NULL);
		_exit(99);
	}
	ct_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
	ct_true(WEXITSTATUS(status) == 1);	/* it is a directory, or closed */
	veil("file1", "r");
	can(reads("file2"));
	end();
	can(reads("file1"));
	refused(reads("file2"), EACCES);
}

static void exec_functions(void)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"test \"$A\" = b", NULL };
	char *envp[] = { (char *)"A=b", (char *)"PATH=/usr/bin:/bin", NULL };
	int status, fd = open("/bin/sh", O_RDONLY);

	for (int i = 0; i < 10; i++) {
		pid_t child = fork();

		if (child == 0) {
			veil("/", "rx");
			environ = envp;
			switch (i) {
			case 0: execve("/bin/sh", argv, envp); break;
			case 1: execv("/bin/sh", argv); break;
			case 2: execvp("sh", argv); break;
			case 3: execvpe("sh", argv, envp); break;
			case 4: execl("/bin/sh", "sh", "-c", argv[2], (char *)NULL); break;
			case 5: execlp("sh", "sh", "-c", argv[2], (char *)NULL); break;
			case 6: execle("/bin/sh", "sh", "-c", argv[2], (char *)NULL, envp); break;
			case 7: fexecve(fd, argv, envp); break;
			case 8: execvp("/bin/sh", argv); break;
			case 9: execveat(AT_FDCWD, "/bin/sh", argv, envp, 0); break;
			}
			_exit(99);
		}
		ct_true(waitpid(child, &status, 0) == child);
		if (status != 0)
			ct_fail("function %d: status %#x", i, status);
	}
}

static void exec_errors(void)
{
	char *argv[] = { (char *)"x", NULL };
	int fd;

	tree();
	ct_ok(setenv("PATH", at("dir1"), 1));
	ct_errno(execvp("", argv), ENOENT);
	ct_errno(execvp("nowhere", argv), ENOENT);
	ct_errno(execvp("inner", argv), EACCES);
	ct_errno(execv("nowhere", argv), ENOENT);
	ct_errno(execv("file1/x", argv), ENOTDIR);
	ct_errno(fexecve(-1, argv, argv + 1), EINVAL);
	/* What the kernel does not know is a script, for the p functions only. */
	fd = open("dir1/script", O_CREAT | O_WRONLY, 0755);
	ct_true(write(fd, "exit 0\n", 7) == 7 && close(fd) == 0);
	ct_errno(execv("dir1/script", argv), ENOEXEC);
	execvp("script", argv);
	_exit(98);
}

static void paths_pierce(void)
{
	tree();
	veil("/", "");
	if (fenced)
		ct_ok(pledge("stdio rpath wpath dns", NULL));
	can(reads("/etc/hosts"));
	can(both("/dev/null"));
	refused(reads("/etc/passwd"), EACCES);
	refused(reads("file1"), EACCES);
}

static void later_promises(void)
{
	tree();
	veil("dir1", "r");
	end();
	if (fenced)
		ct_ok(pledge("stdio rpath wpath getpw", NULL));
	can(reads("/etc/passwd"));
	can(both("/dev/null"));
	can(reads("dir1/inner"));
	refused(reads("file1"), EACCES);
	refused(reads("/etc/hosts"), EACCES);
	if (fenced)
		ct_ok(pledge("stdio rpath", NULL));
	refused(reads("/etc/passwd"), EACCES);
	can(reads("dir1/inner"));
}

/* The directory is found again without its descriptor. */
static void later_promises_closed(void)
{
	tree();
	veil("dir1", "r");
	end();
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	if (fenced)
		ct_ok(pledge("stdio rpath", NULL));
	can(reads("dir1/inner"));
	refused(reads("/etc/passwd"), EACCES);
}

/* Or it is not, and the paths stay open: that is no success. */
static void later_promises_lost(void)
{
	tree();
	ct_ok(unveil("dir1", "rwc"));
	ct_ok(unveil(".", "rwc"));
	ct_ok(unveil(NULL, NULL));
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	ct_ok(rename("dir1", "moved"));
	ct_errno(pledge("stdio rpath", NULL), EBADF);
	can(reads("/etc/passwd"));
	ct_ok(pledge("stdio rpath getpw dns tty", NULL));
	can(reads("/etc/passwd"));
}

/* The same where a pledge ended the list and promised the paths. */
static void promises_dropped(void)
{
	tree();
	if (fenced)
		ct_ok(pledge("stdio rpath getpw dns unveil", NULL));
	veil("dir1", "r");
	if (fenced)
		ct_ok(pledge("stdio rpath getpw", NULL));
	can(reads("/etc/passwd"));
	refused(reads("/etc/hosts"), EACCES);
	if (fenced)
		ct_ok(pledge("stdio rpath", NULL));
	refused(reads("/etc/passwd"), EACCES);
	refused(reads("file1"), EACCES);
	can(reads("dir1/inner"));
	can(reads("/dev/null"));
}

/* And with exec, which has no layer of promises, until it is given up. */
static void exec_dropped(void)
{
	tree();
	veil("dir1", "r");
	end();
	if (fenced)
		ct_ok(pledge("stdio rpath exec", NULL));
	can(reads("/etc/passwd"));
	if (fenced)
		ct_ok(pledge("stdio rpath", NULL));
	refused(reads("/etc/passwd"), EACCES);
	can(reads("dir1/inner"));
}

/* Without rpath the layer cannot be made again: /tmp, where the tree lies, stays. */
static void tmppath_dropped(void)
{
	tree();
	ct_ok(pledge("stdio wpath cpath tmppath unveil", NULL));
	ct_ok(unveil("/usr", "rwc"));
	ct_ok(pledge("stdio wpath cpath tmppath", NULL));
	can(writes("file2"));
	ct_ok(pledge("stdio wpath cpath", NULL));
	can(writes("file2"));
	ct_errno(reads("file2"), EACCES);
}

/* The kinds of access that are promised hold inside of what is unveiled. */
static void kinds(void)
{
	tree();
	veil("dir1", "rwc");
	if (fenced)
		ct_ok(pledge("stdio rpath", NULL));
	can(reads("dir1/inner"));
	refused(writes("dir1/inner"), EACCES);
	refused(reads("file1"), EACCES);
}

static void twice(const char *name, void (*body)(void))
{
	char control[200];

	snprintf(control, sizeof control, "%s (control)", name);
	fenced = false;
	ct_case(control, 0, body);
	fenced = true;
	ct_case(name, 0, body);
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
	ct_case("unveil: not promised", CT_SIGNAL(SIGABRT), unpromised);
	ct_case("unveil: not promised, error", 0, unpromised_error);
	ct_case("unveil: promised", 0, promised);
	ct_case("unveil: promised without rpath", 0, promised_alone);

	twice("unveil: open", opens);
	twice("unveil: open of what is hidden", opens_hidden);
	twice("unveil: openat", opens_at);
	twice("unveil: opendir", lists_directories);
	twice("unveil: no letters", no_letters);
	twice("unveil: the last counts", the_last_counts);
	twice("unveil: r", read_only);
	twice("unveil: w", write_only);
	twice("unveil: unlink", unlinks);
	twice("unveil: link", makes_links);
	twice("unveil: rename", moves);
	twice("unveil: stat, access, chdir, readlink, chmod (differs)", not_mediated);
	twice("unveil: statfs", asks_file_system);
	twice("unveil: x", x_alone);
	twice("unveil: no x", no_x);
	twice("unveil: x of a directory", x_of_a_directory);
	twice("unveil: x of a script", x_of_a_script);
	twice("unveil: x of a script that may not be read (differs)", x_of_a_script_unread);
	twice("unveil: fork", forks);
	twice("unveil: ..", up);
	twice("unveil: / r", the_wider_reads);
	twice("unveil: hidden below", a_hidden_below);
	twice("unveil: a directory is an inode", directory_is_an_inode);
	twice("unveil: a file is a name", file_is_a_name);
	twice("unveil: a directory removed", a_directory_removed);
	twice("unveil: a name that became a directory", a_name_that_became_a_directory);
	twice("unveil: missing with c (differs)", missing_with_c);
	ct_case("unveil: missing with c, strict", 0, missing_with_c_strict);
	ct_case("unveil: widened over less", 0, widened_over_less);
	ct_case("unveil: narrower below /proc", 0, below_proc);
	twice("unveil: a bind mount", bind_mount);

	ct_case("unveil: descriptors are high", 0, descriptors_high);
	twice("unveil: descriptors closed", descriptors_closed);
	twice("unveil: descriptors replaced", descriptors_replaced);
	ct_case("unveil: descriptors lost", 0, descriptors_lost);
	twice("unveil: few descriptors", descriptors_few);
	ct_case("unveil: no descriptors", 0, descriptors_none);

	twice("unveil: at exec", at_exec);
	twice("unveil: at posix_spawn (differs)", at_spawn);
	twice("unveil: exec of a program that opens nothing", exec_free);
	twice("unveil: exec of one that reads", exec_reads);
	twice("unveil: execpromises after the end", exec_late);
	twice("unveil: tmppath beside exec", exec_tmppath);
	twice("unveil: tmppath beside exec, given up", exec_tmppath_dropped);
	ct_case("unveil: tmppath beside exec that is not bound (differs)", 0, exec_tmppath_unbound);
	twice("unveil: at exec in vfork", at_vfork);
	twice("unveil: the exec functions", exec_functions);
	ct_case("unveil: errors of exec", 0, exec_errors);
	twice("unveil: what promises imply", paths_pierce);
	twice("unveil: promises after the end", later_promises);
	twice("unveil: promises after the end, descriptors closed", later_promises_closed);
	ct_case("unveil: promises after the end, descriptors lost", 0, later_promises_lost);
	twice("unveil: promises that are dropped", promises_dropped);
	twice("unveil: exec that is dropped", exec_dropped);
	ct_case("unveil: tmppath that is dropped without rpath (differs)", 0, tmppath_dropped);
	twice("unveil: kinds", kinds);
}

int main(int argc, char **argv)
{
	char command[sizeof base + 16];
	int failed;

	if (mkdtemp(base) == NULL || chmod(base, 0755) != 0)
		return 2;
	failed = ct_main(argc, argv, cases);
	snprintf(command, sizeof command, "rm -rf %s", base);
	return system(command) != 0 ? 2 : failed;
}
