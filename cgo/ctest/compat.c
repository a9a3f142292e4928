/*
 * libunveil-compat.so beside the library: what is hidden is ENOENT, what lacks
 * a letter EACCES, and what else fails as it did. And unveil_hides(), which it
 * asks.
 */
#include "tree.h"

#include <pthread.h>
#include <spawn.h>
#include <sys/un.h>

#ifdef __GLIBC__	/* what open(2) is with _FORTIFY_SOURCE */
int __open_2(const char *, int);
int __openat64_2(int, const char *, int);
#endif

static void script(const char *path)
{
	file_of(path, "#!/bin/sh\n", 0755);
}

/* all: every letter but x. some: r, and below it none: "". out: hidden. */
static void letters_tree(void)
{
	umask(0);
	bare_tree();
	ct_ok(mkdir("all", 0755));
	ct_ok(mkdir("some", 0755));
	ct_ok(mkdir("some/none", 0755));
	ct_ok(mkdir("out", 0755));
	ct_ok(mkdir("out/sub", 0755));
	script("all/in");
	script("some/in");
	script("some/none/in");
	script("out/in");
	script("out/in2");
	script("named");
	script("blank");
	ct_ok(symlink("../out/in", "all/to-out"));
	ct_ok(symlink("../all/in", "out/to-all"));
}

static void veil_letters(void)
{
	veil("all", "rwc");
	veil("some", "r");
	veil("some/none", "");
	veil("named", "r");
	veil("blank", "");
	end();
}

/* What is hidden, and what lacks a letter. */
#define gone(call) refused(call, ENOENT)
#define barred(call) refused(call, EACCES)

static int file_closed(FILE *f)
{
	return f == NULL ? -1 : fclose(f);
}

static void opens(void)
{
	int dir, out;
	FILE *f;

	letters_tree();
	out = open("out", O_RDONLY | O_DIRECTORY);
	veil_letters();
	dir = open("all", O_RDONLY | O_DIRECTORY);
	ct_true(dir >= 0);
	can(closed(open("all/in", O_RDWR)));
	can(closed(open("named", O_RDONLY)));
	gone(closed(open("out/in", O_RDONLY)));
	gone(closed(open("out", O_RDONLY)));
	gone(closed(open("/usr", O_RDONLY)));
	gone(closed(open("/", O_RDONLY)));
	gone(closed(open("out/new", O_RDWR | O_CREAT, 0644)));
	gone(closed(open("out/new2", O_RDWR | O_CREAT | O_EXCL, 0644)));
	gone(closed(open("out", O_RDWR | O_TMPFILE, 0644)));
	gone(closed(open("some/none/in", O_RDONLY)));
	gone(closed(open("some/none", O_RDONLY)));
	gone(closed(open("all/to-out", O_RDONLY)));
	can(closed(open("out/to-all", O_RDONLY)));
	can(closed(open("out/../all/in", O_RDONLY)));
	gone(closed(openat(dir, "../out/in", O_RDONLY)));
	gone(closed(openat(out, "in", O_RDONLY)));
	can(closed(openat(out, "../all/in", O_RDONLY)));
#ifdef __GLIBC__
	gone(closed(__open_2("out/in", O_RDONLY)));
	gone(closed(__openat64_2(out, "in", O_RDONLY)));
	gone(closed(open64("out/in", O_RDONLY)));
	gone(file_closed(fopen64("out/in", "r")));
	barred(closed(__open_2("some/in", O_RDWR)));
#endif
	gone(closed(creat("out/new3", 0644)));
	gone(file_closed(fopen("out/in", "r")));
	gone(file_closed(fopen("out/in", "w")));
	f = fopen("all/in", "r");
	ct_true(f != NULL);
	gone(file_closed(freopen("out/in", "r", f)));
	gone(lists("out"));
	gone(truncate("out/in", 1));
	barred(closed(open("some/in", O_RDWR)));
	barred(closed(open("named", O_WRONLY)));
	barred(closed(open("blank", O_RDONLY)));
	barred(closed(open("some/new", O_RDWR | O_CREAT, 0644)));
	barred(file_closed(fopen("some/in", "a")));
	barred(truncate("some/in", 1));
	ct_errno(closed(open("all/missing", O_RDONLY)), ENOENT);
	ct_errno(closed(open("all/in/x", O_RDONLY)), ENOTDIR);
}

static void names(void)
{
	int out;

	letters_tree();
	out = open("out", O_RDONLY | O_DIRECTORY);
	ct_ok(mkdir("some/dir", 0755));
	veil_letters();
	can(mkdir("all/dir", 0755));
	gone(mkdir("out/dir", 0755));
	gone(mkdir("out/slash/", 0755));
	barred(mkdir("some/dir2", 0755));
	gone(mkdirat(out, "dir2", 0755));
	gone(mkfifo("out/fifo", 0644));
	gone(mkfifoat(out, "fifo2", 0644));
	gone(mknod("out/node", S_IFREG | 0644, 0));
	gone(mknodat(out, "node2", S_IFREG | 0644, 0));
	barred(mknod("some/node", S_IFREG | 0644, 0));
	gone(symlink("x", "out/link"));
	gone(symlinkat("x", out, "link2"));
	barred(symlink("x", "some/link"));
	can(link("all/in", "all/again"));
	gone(link("out/in", "all/from-out"));
	gone(link("all/in", "out/from-all"));
	gone(linkat(out, "in", AT_FDCWD, "all/from-out2", 0));
	gone(rename("out/in2", "all/moved"));
	gone(rename("all/again", "out/moved"));
	gone(renameat(out, "in", out, "moved2"));
	gone(unlink("out/to-all"));
	gone(unlinkat(out, fenced ? "in" : "moved2", 0));
	gone(rmdir("out/sub"));
	barred(unlink("some/in"));
	barred(rmdir("some/dir"));
	can(unlink("all/to-out"));
}

static void sockets(void)
{
	struct sockaddr_un out = { .sun_family = AF_UNIX, .sun_path = "out/socket" }, some = { .sun_family = AF_UNIX, .sun_path = "some/socket" };

	letters_tree();
	veil_letters();
	gone(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&out, sizeof out));
	barred(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&some, sizeof some));
}

/* In a child of vfork, which must not hurt its parent. */
static int after_exec(int way)
{
	static char *const argv[] = { "x", NULL }, *const envp[] = { NULL };
	static volatile int err;
	pid_t pid;

	err = 0;
	pid = vfork();
	if (pid == 0) {
		switch (way) {
		case 0: execve("out/in", argv, envp); break;
		case 1: execv("out/in", argv); break;
		case 2: execl("out/in", "x", (char *)NULL); break;
		case 3: execle("out/in", "x", (char *)NULL, envp); break;
		case 4: execveat(AT_FDCWD, "out/in", argv, envp, 0); break;
		case 5: execv("all/in", argv); break;
		}
		err = errno;
		_exit(0);
	}
	ct_true(ct_wait(pid) == 0);
	errno = err;
	return err != 0 ? -1 : 0;
}

static void programs(void)
{
	static char *const argv[] = { "x", NULL };
	pid_t pid;
	int err;

	letters_tree();
	veil_letters();
	for (int way = 0; way < 5; way++)
		gone(after_exec(way));
	barred(after_exec(5));
	err = posix_spawn(&pid, "out/in", NULL, NULL, argv, argv + 1);
	if (err != (fenced ? ENOENT : 0))
		ct_fail("posix_spawn of what is hidden: %d", err);
	err = posix_spawn(&pid, "all/in", NULL, NULL, argv, argv + 1);
	if (err != (fenced ? EACCES : 0))
		ct_fail("posix_spawn without x: %d", err);
}

/* The modes of directories on the way come first, and say EACCES as ever; so
 * does that of a file that is covered. */
static void modes(void)
{
	letters_tree();
	ct_ok(mkdir("out/shut", 0));
	ct_ok(chmod("all/in", 0));
	ct_ok(chmod("out/in", 0));
	if (getuid() != 0) {
		ct_errno(closed(open("all/in", O_RDONLY)), EACCES);
		ct_errno(closed(open("out/shut/x", O_RDONLY)), EACCES);
		ct_errno(closed(open("out/shut", O_RDONLY)), EACCES);
	}
	ct_ok(unveil("all", "rwc"));
	ct_true(unveil_hides(AT_FDCWD, "out/in", 0) == 0);
	if (getuid() != 0)
		ct_errno(closed(open("out/shut", O_RDONLY)), EACCES);	/* not in force yet */
	ct_ok(unveil(NULL, NULL));
	ct_errno(closed(open("out/in", O_RDONLY)), ENOENT);	/* its own mode comes after */
	if (getuid() != 0) {
		/* What is above a directory that cannot be searched is not found. */
		ct_errno(closed(open("out/shut", O_RDONLY)), EACCES);
		ct_errno(closed(open("all/in", O_RDONLY)), EACCES);
		ct_errno(closed(open("out/shut/x", O_RDONLY)), EACCES);
	}
}

static void nothing_unveiled(void)
{
	letters_tree();
	ct_ok(unveil(NULL, NULL));
	ct_true(unveil_hides(AT_FDCWD, "out/in", 0) == 0);
	ct_ok(closed(open("out/in", O_RDONLY)));
}

static void ended_by_pledge(void)
{
	letters_tree();
	ct_ok(unveil("all", "rw"));
	ct_ok(pledge("stdio rpath wpath", NULL));
	ct_errno(closed(open("out/in", O_RDONLY)), ENOENT);
	ct_ok(closed(open("all/in", O_RDWR)));
	ct_ok(pledge("stdio wpath", NULL));
	/* What may not look at paths cannot tell. */
	ct_errno(closed(open("out/in", O_WRONLY)), EACCES);
	ct_ok(pledge("stdio", NULL));
	ct_errno(closed(open("out/in", O_RDONLY)), EACCES);
}

static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void asks(void)
{
	char deep[5000];
	int n;

	fenced = true;
	letters_tree();
	veil_letters();
	n = descriptors();
	errno = 7;
	for (int i = 0; i < 3000; i++) {
		ct_true(unveil_hides(AT_FDCWD, "out/in", 0) == 1);
		ct_true(unveil_hides(AT_FDCWD, "out/sub/", AT_SYMLINK_NOFOLLOW) == 1);
		ct_true(unveil_hides(AT_FDCWD, "all/in", 0) == 0);
	}
	ct_true(unveil_hides(AT_FDCWD, "all/to-out", 0) == 1);
	ct_true(unveil_hides(AT_FDCWD, "all/to-out", AT_SYMLINK_NOFOLLOW) == 0);
	ct_true(unveil_hides(AT_FDCWD, "out/to-all", 0) == 0);
	ct_true(unveil_hides(AT_FDCWD, "out/to-all", AT_SYMLINK_NOFOLLOW) == 1);
	ct_true(unveil_hides(AT_FDCWD, "all/missing", 0) == 0);
	ct_true(unveil_hides(AT_FDCWD, "all/..", AT_SYMLINK_NOFOLLOW) == 1);
	ct_true(unveil_hides(AT_FDCWD, "named", 0) == 0);
	ct_true(unveil_hides(AT_FDCWD, "blank", 0) == 0);
	ct_true(unveil_hides(AT_FDCWD, "some", 0) == 0);
	ct_true(unveil_hides(AT_FDCWD, "some/none", 0) == 1);
	ct_true(unveil_hides(AT_FDCWD, "some/none/in", 0) == 1);
	ct_true(unveil_hides(AT_FDCWD, "/", 0) == 1);
	ct_true(unveil_hides(AT_FDCWD, "/", AT_SYMLINK_NOFOLLOW) == 1);
	ct_true(unveil_hides(AT_FDCWD, "", 0) == 0);
	ct_true(unveil_hides(AT_FDCWD, NULL, 0) == 0);
	ct_true(unveil_hides(AT_FDCWD, "out/missing/x", 0) == 0);
	ct_true(unveil_hides(1000, "in", 0) == 0);
	memset(deep, '/', sizeof deep);
	deep[sizeof deep - 1] = '\0';
	ct_true(unveil_hides(AT_FDCWD, deep, 0) == 0);
	ct_true(errno == 7);
	ct_true(descriptors() == n);
}

static void *opens_for_long(void *unused)
{
	for (int i = 0; i < 3000; i++) {
		ct_errno(closed(open("out/in", O_RDONLY)), ENOENT);
		ct_errno(closed(open("some/in", O_RDWR)), EACCES);
	}
	return unused;
}

static volatile int interrupted;

static void on_signal(int signal)
{
	int err = errno;

	(void)signal;
	ct_errno(closed(open("out/in", O_RDONLY)), ENOENT);
	interrupted++;
	errno = err;
}

/* Threads, and a handler that comes in between, and children. */
static void at_once(void)
{
	pthread_t threads[4];

	fenced = true;
	letters_tree();
	veil_letters();
	signal(SIGUSR1, on_signal);
	for (int i = 0; i < 4; i++)
		ct_ok(pthread_create(&threads[i], NULL, opens_for_long, NULL));
	for (int i = 0; i < 200; i++) {
		pid_t pid;

		pthread_kill(threads[i % 4], SIGUSR1);
		if (i % 20 != 0)
			continue;
		pid = fork();
		if (pid == 0) {
			ct_errno(closed(open("out/in", O_RDONLY)), ENOENT);
			_exit(0);
		}
		ct_true(ct_wait(pid) == 0);
	}
	for (int i = 0; i < 4; i++)
		ct_ok(pthread_join(threads[i], NULL));
	ct_true(interrupted > 0);
}

static void cases(void)
{
	twice("compat: opening", opens);
	twice("compat: names", names);
	twice("compat: sockets", sockets);
	twice("compat: programs", programs);
	ct_case("compat: modes of files", 0, modes);
	ct_case("compat: nothing unveiled", 0, nothing_unveiled);
	ct_case("compat: ended by pledge", 0, ended_by_pledge);
	ct_case("compat: unveil_hides", 0, asks);
	ct_case("compat: threads, signals, children", 0, at_once);
}

int main(int argc, char **argv)
{
	return tree_main(argc, argv, cases);
}
