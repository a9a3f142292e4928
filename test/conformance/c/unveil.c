/*
 * What OpenBSD's tests of unveil(2) hold, in our words: syscalls and access.
 *
 * Few of them end the list, since there the first call is in force. So the
 * others are run as they are, and with the list ended.
 */
#include "conformance.h"

#include <dirent.h>
#include <limits.h>
#include <sys/vfs.h>

/* Most promise so after they have unveiled, and go on unveiling. */
#define PROMISES "stdio rpath wpath cpath fattr unveil"

static long creates(const char *path)
{
	return open(path, O_CREAT | O_RDWR, 0644);
}

static long reads(const char *path)
{
	return open(path, O_RDONLY);
}

/* What most unveil: one directory and one file. */
static void usual(void)
{
	veil(at("dir1"), "rwxc");
	veil(at("file1"), "rwxc");
}

static void usual_promised(void)
{
	usual();
	promise(PROMISES, NULL);
	veiled();
}

static void opens(void)
{
	char name[64];

	for (char c = 'a'; c <= 'z'; c++) {
		snprintf(name, sizeof name, "missing-%c", c);
		veil(at(name), "rwxc");
	}
	usual_promised();
	works("open file1", reads(at("file1")));
	refused("open file2", reads(at("file2")), ENOENT);
	works("create dir1/new", creates(at("dir1/new")));
	refused("create dir2/new", creates(at("dir2/new")), ENOENT);
	refused("open dir2", reads(at("dir2")), ENOENT);
	works("open dir1", reads(at("dir1")));
	if (mode == BOUND) {
		works("unveil again, x", unveil(at("file1"), "x"));
		works("unveil again, rx", unveil(at("file1"), "rx"));
	}
}

static void opens_at(void)
{
	int before1 = (int)works("open dir1", open(at("dir1"), O_RDONLY | O_DIRECTORY));
	int before2 = (int)works("open dir2", open(at("dir2"), O_RDONLY | O_DIRECTORY));
	int after1;

	usual_promised();
	after1 = (int)works("open dir1", open(at("dir1"), O_RDONLY | O_DIRECTORY));
	refused("open dir2", open(at("dir2"), O_RDONLY | O_DIRECTORY), ENOENT);
	works("dir1 before, in", openat(before1, "in", O_RDWR));
	works("dir1 after, in", openat(after1, "in", O_RDWR));
	works("dir1 after, new", openat(after1, "new", O_RDWR | O_CREAT, 0644));
	refused("dir2 before, in", openat(before2, "in", O_RDWR), ENOENT);
	refused("dir2 before, new", openat(before2, "new", O_RDWR | O_CREAT, 0644), ENOENT);
	refused("dir1 before, ../file2", openat(before1, "../file2", O_RDONLY), ENOENT);
	refused("dir1 after, ../dir2/in", openat(after1, "../dir2/in", O_RDONLY), ENOENT);
	works("dir2 before, absolute", openat(before2, at("file1"), O_RDONLY));
	refused("dir1 before, absolute", openat(before1, at("file2"), O_RDONLY), ENOENT);
}

static long lists(const char *path)
{
	DIR *d = opendir(path);

	return d == NULL ? -1 : closedir(d);
}

static void lists_directories(void)
{
	usual_promised();
	works("chdir dir1", chdir(at("dir1")));
	works("list .", lists("."));
	works("list sub", lists("sub"));
	works("list sub/../sub", lists("sub/../sub"));
	refused("list ..", lists(".."), ENOENT);
	refused("list ../dir2", lists("../dir2"), ENOENT);
	refused("list dir2", lists(at("dir2")), ENOENT);
}

static void no_letters(void)
{
	usual();
	promise(PROMISES, NULL);
	veil(at("dir1"), "");
	veiled();
	refused("create dir1/new", creates(at("dir1/new")), ENOENT);
	works("open file1", reads(at("file1")));
}

static void drops_promise(void)
{
	usual();
	promise(PROMISES, NULL);
	veil(at("dir1"), "rwxc");
	promise("stdio rpath wpath cpath fattr", NULL);
	works("open file1", reads(at("file1")));
	refused("open file2", reads(at("file2")), ENOENT);
	refused("create dir2/new", creates(at("dir2/new")), ENOENT);
	if (mode != FREE)
		fatal("unveil", unveil(at("file2"), "r"));
}

static void only_r(void)
{
	veil(at("file1"), "r");
	veil("/", "");
	promise(PROMISES, NULL);
	veiled();
	works("open file1", reads(at("file1")));
	refused("open file1 to write", open(at("file1"), O_RDWR), EACCES);
}

static void only_rw(void)
{
	veil(at("file1"), "rw");
	promise(PROMISES, NULL);
	veiled();
	works("open file1 to write", open(at("file1"), O_RDWR));
}

static void only_x(void)
{
	struct stat st;

	veil(at("file1"), "x");
	promise(PROMISES, NULL);
	veiled();
	refused("lstat file1", lstat(at("file1"), &st), EACCES);
	refused("open file1", reads(at("file1")), EACCES);
	refused("open file2", reads(at("file2")), ENOENT);
}

static void unlinks(void)
{
	make_file("dir1/gone");
	make_file("apart");
	usual();
	veil(at("apart"), "rw");
	promise(PROMISES, NULL);
	veiled();
	works("unlink dir1/gone", unlink(at("dir1/gone")));
	refused("unlink dir2/in", unlink(at("dir2/in")), ENOENT);
	refused("unlink a file of rw", unlink(at("apart")), EACCES);
}

static void links(void)
{
	usual();
	veil(at("dir1/narrow"), "rw");
	promise(PROMISES, NULL);
	veiled();
	works("from file1 into dir1", link(at("file1"), at("dir1/link")));
	refused("from file2", link(at("file2"), at("dir1/link2")), ENOENT);
	refused("into dir2", link(at("file1"), at("dir2/link")), ENOENT);
	refused("to a name of rw", link(at("file1"), at("dir1/narrow")), EACCES);
}

static void changes_directory(void)
{
	usual_promised();
	refused("chdir dir2", chdir(at("dir2")), ENOENT);
	works("chdir dir1", chdir(at("dir1")));
}

static void parents(void)
{
	usual_promised();
	works("chdir dir1", chdir(at("dir1")));
	works("access in", access("in", R_OK));
	works("access ./in", access("./in", R_OK));
	works("access sub/../in", access("sub/../in", R_OK));
	works("chdir sub", chdir("sub"));
	works("access ../in", access("../in", R_OK));
	works("chdir ..", chdir(".."));
	refused("access ../dir2", access("../dir2", R_OK), ENOENT);
	refused("chdir ../../..", chdir("../../.."), ENOENT);
}

static void renames(void)
{
	int dir1, dir2;

	for (int i = 0; i < 8; i++) {
		char name[32];

		snprintf(name, sizeof name, "dir%d/from%d", i % 2 + 1, i / 2);
		make_file(name);
	}
	dir1 = (int)works("open dir1", open(at("dir1"), O_RDONLY | O_DIRECTORY));
	dir2 = (int)works("open dir2", open(at("dir2"), O_RDONLY | O_DIRECTORY));
	usual_promised();
	works("in dir1", rename(at("dir1/from0"), at("dir1/to0")));
	refused("out of dir1", rename(at("dir1/from1"), at("dir2/to1")), ENOENT);
	refused("into dir1", rename(at("dir2/from0"), at("dir1/to2")), ENOENT);
	refused("in dir2", rename(at("dir2/from1"), at("dir2/to3")), ENOENT);
	refused("file2 into dir1", rename(at("file2"), at("dir1/to4")), ENOENT);
	works("renameat in dir1", renameat(dir1, "from2", dir1, "to5"));
	refused("renameat out of dir1", renameat(dir1, "from3", dir2, "to6"), ENOENT);
	refused("renameat into dir1", renameat(dir2, "from2", dir1, "to7"), ENOENT);
}

static void asks_access(void)
{
	usual_promised();
	works("file1", access(at("file1"), R_OK));
	works("dir1", access(at("dir1"), R_OK));
	refused("file2", access(at("file2"), R_OK), ENOENT);
	refused("dir2", access(at("dir2"), R_OK), ENOENT);
	refused("/etc/passwd", access("/etc/passwd", R_OK), ENOENT);
	refused("/", access("/", R_OK), ENOENT);
	refused("/home", access("/home", R_OK), ENOENT);
}

static void stats(void)
{
	struct stat st;

	veil(at("missing"), "rwxc");
	usual_promised();
	works("file1", stat(at("file1"), &st));
	works("dir1", stat(at("dir1"), &st));
	works("dir1/in", stat(at("dir1/in"), &st));
	fails("missing", stat(at("missing"), &st), ENOENT);
	refused("file2", stat(at("file2"), &st), ENOENT);
	refused("dir2", stat(at("dir2"), &st), ENOENT);
	refused("the tree", stat(here, &st), ENOENT);
	refused("/tmp", stat("/tmp", &st), ENOENT);
	refused("/", stat("/", &st), ENOENT);
}

static void stats_below(void)
{
	struct stat st;

	veil("/usr/bin", "r");
	promise(PROMISES, NULL);
	veiled();
	works("/usr/bin", stat("/usr/bin", &st));
	works("/usr/bin/env", stat("/usr/bin/env", &st));
	refused("/usr", stat("/usr", &st), ENOENT);
	refused("/", stat("/", &st), ENOENT);
	refused("/usr/lib", stat("/usr/lib", &st), ENOENT);
}

static void stats_filesystem(void)
{
	struct statfs st;

	usual_promised();
	works("dir1", statfs(at("dir1"), &st));
	works("dir2", statfs(at("dir2"), &st));
	works("/", statfs("/", &st));
}

static void symlinks(void)
{
	struct stat st;
	char text[64];

	works("symlink", symlink("file1", "dir2/old"));
	usual();
	veil(at("dir1/narrow"), "rw");
	promise(PROMISES, NULL);
	veiled();
	works("in dir1", symlink("in", at("dir1/link")));
	works("lstat in dir1", lstat(at("dir1/link"), &st));
	works("readlink in dir1", readlink(at("dir1/link"), text, sizeof text));
	refused("in dir2", symlink("in", at("dir2/link")), ENOENT);
	refused("lstat in dir2", lstat(at("dir2/old"), &st), ENOENT);
	refused("readlink in dir2", readlink(at("dir2/old"), text, sizeof text), ENOENT);
	refused("at a name of rw", symlink("in", at("dir1/narrow")), EACCES);
}

static void modes(void)
{
	usual();
	veil(at("dir1/in"), "r");
	promise(PROMISES, NULL);
	veiled();
	works("file1", chmod(at("file1"), 0600));
	refused("a file of r", chmod(at("dir1/in"), 0600), EACCES);
	refused("file2", chmod(at("file2"), 0600), ENOENT);
	refused("dir2", chmod(at("dir2"), 0700), ENOENT);
}

static void executes(void)
{
	veil("/usr/bin/true", "x");
	veil("/usr/lib", "r");
	promise("unveil stdio fattr exec", NULL);
	veiled();
	works("exec", execl("/usr/bin/true", "true", (char *)NULL));
}

static void executes_rw(void)
{
	veil("/usr/bin/true", "rw");
	veil("/usr/lib", "r");
	promise("unveil stdio fattr exec", NULL);
	veiled();
	refused("exec", execl("/usr/bin/true", "true", (char *)NULL), EACCES);
}

static void real_paths(void)
{
	char path[PATH_MAX];

	usual_promised();
	works("dir1", realpath(at("dir1"), path) == NULL ? -1 : 0);
	works("file1", realpath(at("file1"), path) == NULL ? -1 : 0);
	refused("dir2", realpath(at("dir2"), path) == NULL ? -1 : 0, ENOENT);
}

static void slashes(void)
{
	char path[256];

	snprintf(path, sizeof path, "%s/", at("dir1"));
	veil(path, "rwxc");
	veil("/", "rwxc");
	promise(PROMISES, NULL);
	veiled();
	works("open dir1/", reads(path));
	works("open /", reads("/"));
}

static void dots(void)
{
	works("chdir", chdir("dir1"));
	veil(".", "rwxc");
	promise(PROMISES, NULL);
	veiled();
	/* No confinement changes it: the answer is Linux's. */
	if (mode != FREE)
		fails("unlink .", unlink("."), EPERM);
	works("create new", creates("new"));
}

static void temporary(void)
{
	char name[] = "/tmp/unveil-conformance-XXXXXX";
	int fd;

	veil("/usr", "r");
	promise("stdio tmppath", NULL);
	fd = (int)works("mkstemp", mkstemp(name));
	works("write", write(fd, "x", 1));
	works("unlink", unlink(name));
}

/* Runs acts in a child, which is to end well. */
static void in_child(void (*acts)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		acts();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		differ("the child", "0", "a status");
}

static void child_opens(void)
{
	works("open file1", reads(at("file1")));
	works("create dir1/new", creates(at("dir1/new")));
	refused("open file2", reads(at("file2")), ENOENT);
	refused("create dir2/new", creates(at("dir2/new")), ENOENT);
}

static void forks(void)
{
	usual();
	promise(PROMISES " proc", NULL);
	veiled();
	in_child(child_opens);
}

static void above(void)
{
	works("chdir", chdir("dir1"));
	veil(".", "rwxc");
	promise(PROMISES, NULL);
	veiled();
	works("create hello", creates("hello"));
	refused("create ../hello", creates("../hello"), ENOENT);
}

static void devices(void)
{
	veil("/", "r");
	veil("/dev/null", "rw");
	promise(PROMISES, NULL);
	veiled();
	works("open /dev/null to write", open("/dev/null", O_RDWR));
	works("open /dev/zero", reads("/dev/zero"));
	refused("open /dev/zero to write", open("/dev/zero", O_RDWR), EACCES);
}

static void discovers(void)
{
	struct stat st;

	usual_promised();
	works("lstat dir1/sub/../in", lstat(at("dir1/sub/../in"), &st));
	works("lstat dir2/../file1", lstat(at("dir2/../file1"), &st));
}

static void held_directories(void)
{
	int dir2 = (int)works("open dir2", open("dir2", O_RDONLY | O_DIRECTORY));

	usual_promised();
	works("fchdir dir2", fchdir(dir2));
	refused("open in", reads("in"), ENOENT);
	refused("create new", creates("new"), ENOENT);
}

static void child_unveils(void)
{
	if (mode != FREE)
		fails("unveil", unveil(at("file2"), "r"), EPERM);
}

static void forks_ended(void)
{
	usual();
	promise(PROMISES " proc", NULL);
	if (mode != FREE)
		works("unveil(NULL, NULL)", unveil(NULL, NULL));
	works("open file1", reads(at("file1")));
	refused("open file2", reads(at("file2")), ENOENT);
	in_child(child_unveils);
}

static void between(void)
{
	struct stat st;

	veil("/", "r");
	veil("/usr/bin/id", "rx");
	if (mode != FREE)
		works("unveil(NULL, NULL)", unveil(NULL, NULL));
	works("stat /usr/bin", stat("/usr/bin", &st));
	works("list /usr/lib", lists("/usr/lib"));
}

static void between_hidden(void)
{
	struct stat st;

	veil("/", "r");
	veil("/usr/bin", "");
	veil("/usr/bin/id", "rx");
	if (mode != FREE)
		works("unveil(NULL, NULL)", unveil(NULL, NULL));
	works("open /usr/bin/id", reads("/usr/bin/id"));
	refused("open /usr/bin/env", reads("/usr/bin/env"), ENOENT);
	refused("stat /usr/bin", stat("/usr/bin", &st), ENOENT);
}

/* ---- access */

/* Every set of letters, of a file each below a directory that has all. */
static void letters(void)
{
	static const char *const sets[16] = {
		"", "r", "w", "rw", "x", "rx", "wx", "rwx", "c", "rc", "wc", "rwc", "xc", "rxc", "wxc", "rwxc",	/* c last, as veil() has it */
	};
	static char name[16][8], what[64];

	for (int i = 0; i < 16; i++) {
		snprintf(name[i], sizeof name[i], "f%d", i);
		make_file(name[i]);
	}
	veil("/", "rwxc");
	for (int i = 0; i < 16; i++)
		veil(at(name[i]), sets[i]);
	veiled();
	for (int i = 0; i < 16; i++) {
		bool r = i & 1, w = i & 2, x = i & 4;

		snprintf(what, sizeof what, "\"%s\" R_OK", sets[i]);
		refused(what, access(at(name[i]), R_OK), r ? 0 : EACCES);
		snprintf(what, sizeof what, "\"%s\" W_OK", sets[i]);
		refused(what, access(at(name[i]), W_OK), r && w ? 0 : EACCES);
		snprintf(what, sizeof what, "\"%s\" X_OK", sets[i]);
		refused(what, access(at(name[i]), X_OK), r && x ? 0 : EACCES);
		snprintf(what, sizeof what, "\"%s\" F_OK", sets[i]);
		refused(what, access(at(name[i]), F_OK), r ? 0 : EACCES);
	}
}

static const struct test tests[] = {
	{ .name = "syscalls: open", .body = opens, .unveils = true },
	{ .name = "syscalls: openat", .body = opens_at, .unveils = true },
	{ .name = "syscalls: opendir", .body = lists_directories, .unveils = true },
	{ .name = "syscalls: noflags", .body = no_letters, .unveils = true },
	{ .name = "syscalls: drounveil", .body = drops_promise, .end = BY_SIGNAL(SIGABRT), .unveils = true },
	{ .name = "syscalls: r", .body = only_r, .unveils = true },
	{ .name = "syscalls: rw", .body = only_rw, .unveils = true },
	{ .name = "syscalls: x", .body = only_x, .unveils = true },
	{ .name = "syscalls: unlink", .body = unlinks, .unveils = true },
	{ .name = "syscalls: link", .body = links, .unveils = true },
	{ .name = "syscalls: chdir", .body = changes_directory, .unveils = true },
	{ .name = "syscalls: parent_dir", .body = parents, .unveils = true },
	{ .name = "syscalls: rename", .body = renames, .unveils = true },
	{ .name = "syscalls: access", .body = asks_access, .unveils = true },
	{ .name = "syscalls: chflags", .cannot = "Linux has no chflags(2)" },
	{ .name = "syscalls: stat", .body = stats, .unveils = true },
	{ .name = "syscalls: stat2", .body = stats_below, .unveils = true },
	{ .name = "syscalls: statfs", .body = stats_filesystem, .unveils = true },
	{ .name = "syscalls: symlink", .body = symlinks, .unveils = true },
	{ .name = "syscalls: chmod", .body = modes, .unveils = true },
	{ .name = "syscalls: exec", .body = executes, .unveils = true },
	{ .name = "syscalls: exec2", .body = executes_rw, .unveils = true },
	{ .name = "syscalls: realpath", .body = real_paths, .unveils = true },
	{ .name = "syscalls: slash", .body = slashes, .unveils = true },
	{ .name = "syscalls: dot", .body = dots, .unveils = true },
	{ .name = "syscalls: bypassunveil", .body = temporary },
	{ .name = "syscalls: fork", .body = forks, .unveils = true },
	{ .name = "syscalls: dotdotup", .body = above, .unveils = true },
	{ .name = "syscalls: kn", .body = devices, .unveils = true },
	{ .name = "syscalls: pathdiscover", .body = discovers, .unveils = true },
	{ .name = "syscalls: fchdir", .body = held_directories, .unveils = true },
	{ .name = "syscalls: fork_locked", .body = forks_ended },
	{ .name = "syscalls: intermediate_node", .body = between },
	{ .name = "syscalls: noaccess_node", .body = between_hidden },
	{ .name = "access: 16 sets of letters", .body = letters, .unveils = true },
};

int main(void)
{
	return run_all(tests, sizeof tests / sizeof *tests);
}
