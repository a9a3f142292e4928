/*
 * unveil(2): what is granted and refused once the list is closed, by letters
 * and by the shape of the list; semantics of OpenBSD's regress.
 */
#include "tree.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>

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
	if (ct_abi() >= 3)	/* below, a filter alone holds it */
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
	promise("stdio proc exec unveil");
	end();
	refused(runs("./script"), EACCES);
}

static void forks(void)
{
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
	ct_true(ct_wait(child) == 0);
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
	ct_true(ct_wait(child) == 0);
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
	ct_need_root();
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

static void cases(void)
{
	fenced = true;
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
}

int main(int argc, char **argv)
{
	return tree_main(argc, argv, cases);
}
