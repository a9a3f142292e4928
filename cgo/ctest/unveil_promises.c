/* unveil(2) beside pledge(2): the promise of the call, the paths that promises imply, and those they close. */
#include "tree.h"

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

/* What was unveiled is held from then on: nothing can be added, and it could
 * not be held later. Descriptors cannot be closed. */
static void without_stdio(void)
{
	tree();
	veil("dir1", "rw");
	promise("rpath wpath cpath unveil");
	can(open("dir1/inner", O_RDWR));
	refused(open("file1", O_RDONLY), EACCES);
	refused(open("new", O_CREAT | O_WRONLY, 0600), EACCES);
	end();
	promise("rpath wpath cpath");
	can(open("dir1/inner", O_RDWR));
	refused(open("file1", O_RDWR), EACCES);
}

static void paths_pierce(void)
{
	tree();
	veil("/", "");
	promise("stdio rpath wpath dns");
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
	promise("stdio rpath wpath getpw");
	can(reads("/etc/passwd"));
	can(both("/dev/null"));
	can(reads("dir1/inner"));
	refused(reads("file1"), EACCES);
	refused(reads("/etc/hosts"), EACCES);
	promise("stdio rpath");
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
	promise("stdio rpath");
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
	promise("stdio rpath getpw dns unveil");
	veil("dir1", "r");
	promise("stdio rpath getpw");
	can(reads("/etc/passwd"));
	refused(reads("/etc/hosts"), EACCES);
	promise("stdio rpath");
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
	promise("stdio rpath exec");
	can(reads("/etc/passwd"));
	promise("stdio rpath");
	refused(reads("/etc/passwd"), EACCES);
	can(reads("dir1/inner"));
}

/* Behind the end a list may hide /proc, which tells this program from the next. */
static void exec_behind_the_end(void)
{
	bool open_before[1024];

	for (int fd = 0; fd < 1024; fd++)
		open_before[fd] = fcntl(fd, F_GETFD) >= 0;
	tree();
	ct_ok(unveil("dir1", "r"));
	ct_ok(unveil(NULL, NULL));
	ct_ok(pledge("stdio rpath proc exec error", "stdio inet"));
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
	ct_errno((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EACCES);
	ct_errno(reads("file1"), EACCES);
	can(reads("dir1/inner"));
	/* Nothing is held that the list does not show. */
	for (int fd = 0; fd < 1024; fd++)
		ct_true(open_before[fd] || pread(fd, &(char){ 0 }, 1, 0) < 0);
}

/* The same where prot_exec stood in the way at the end. */
static void exec_alone_behind_the_end(void)
{
	tree();
	ct_ok(unveil("dir1", "r"));
	ct_ok(pledge("stdio rpath proc exec prot_exec error", "stdio inet"));
	ct_true(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	ct_ok(pledge("stdio rpath proc exec error", NULL));
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
	ct_errno((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EACCES);
}

/* A child has no other than its parent's. */
static void exec_behind_the_end_in_child(void)
{
	pid_t child;

	tree();
	ct_ok(unveil("dir1", "r"));
	ct_ok(unveil(NULL, NULL));
	child = fork();
	if (child == 0) {
		ct_ok(pledge("stdio rpath proc exec error", "stdio inet"));
		_exit(socket(AF_INET, SOCK_STREAM, 0) < 0);
	}
	ct_true(ct_wait(child) == 0);
	ct_ok(pledge("stdio rpath proc exec error", "stdio inet"));
	ct_errno(socket(AF_INET, SOCK_STREAM, 0), ENOSYS);
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
	promise("stdio rpath");
	can(reads("dir1/inner"));
	refused(writes("dir1/inner"), EACCES);
	refused(reads("file1"), EACCES);
}

static void cases(void)
{
	fenced = true;
	ct_case("unveil: not promised", CT_SIGNAL(SIGABRT), unpromised);
	ct_case("unveil: not promised, error", 0, unpromised_error);
	ct_case("unveil: promised", 0, promised);
	ct_case("unveil: promised without rpath", 0, promised_alone);
	twice("unveil: promised without stdio", without_stdio);
	twice("unveil: what promises imply", paths_pierce);
	twice("unveil: promises after the end", later_promises);
	twice("unveil: promises after the end, descriptors closed", later_promises_closed);
	ct_case("unveil: promises after the end, descriptors lost", 0, later_promises_lost);
	twice("unveil: promises that are dropped", promises_dropped);
	twice("unveil: exec that is dropped", exec_dropped);
	ct_case("unveil: exec that is promised behind the end", 0, exec_behind_the_end);
	ct_case("unveil: the same, prot_exec is given up there", 0, exec_alone_behind_the_end);
	ct_case("unveil: the same, in a child (differs)", 0, exec_behind_the_end_in_child);
	ct_case("unveil: tmppath that is dropped without rpath (differs)", 0, tmppath_dropped);
	twice("unveil: kinds", kinds);
}

int main(int argc, char **argv)
{
	return tree_main(argc, argv, cases);
}
