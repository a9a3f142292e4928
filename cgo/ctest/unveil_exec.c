/* unveil(2): what becomes of the list at exec, and what the next program is held to. */
#include "tree.h"

#include <pthread.h>
#include <spawn.h>

extern char _DYNAMIC[] __attribute__((weak));	/* not there in a static program */

/* What programs are, and need. */
static void veil_system(void)
{
	veil("/usr", "rx");
	veil("/bin", "rx");
	veil("/lib", "rx");
	veil("/lib64", "rx");
}

static void at_exec(void)
{
	pid_t child;

	tree();
	veil_system();
	veil("/etc/ld.so.cache", "r");
	/* never closed */
	can(runs("/bin/true"));
	child = fork();
	if (child == 0) {
		char *argv[] = { (char *)"cat", (char *)at("file1"), NULL };

		dup2(open("/dev/null", O_RDWR), 1);
		dup2(1, 2);
		execvp("cat", argv);
		_exit(99);
	}
	ct_true(ct_wait(child) == (fenced ? 1 : 0));
	/* The parent has not exec'd, and may go on. */
	veil("file2", "r");
	can(reads("file1"));
}

/* What a shell says of a command that it runs. */
static int shell(const char *command)
{
	pid_t child = fork();

	if (child == 0) {
		dup2(open("/dev/null", O_RDWR), 2);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(99);
	}
	return ct_wait(child);
}

/* A program that may open nothing leaves to the next one all that is not of
 * executing, as on OpenBSD, where the list is gone. */
static void exec_free(void)
{
	tree();
	veil("/bin/sh", "x");
	promise("stdio proc exec");
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
	promise("stdio rpath proc exec");
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
	promise("stdio proc exec");
	if (fenced)
		ct_errno(pledge(NULL, "stdio rpath wpath cpath"), EACCES);
	ct_true(shell("echo y >file2") == 0);
}

/* Nor is one without stdio, which looking takes. */
static void exec_late_without_stdio(void)
{
	tree();
	veil("/bin/sh", "x");
	promise("stdio rpath proc exec");
	promise("rpath proc exec");
	if (fenced)
		ct_errno(pledge(NULL, "stdio rpath wpath cpath"), EACCES);
	execl("/bin/sh", "sh", "-c", "echo y >file2", (char *)NULL);
	_exit(98);
}

/* tmppath beside exec: files are made in /tmp alone, here and by the next one.
 * The next one is free of the rest. */
static void exec_tmppath(void)
{
	char name[] = "/tmp/unveil-ctest-XXXXXX", command[64];
	int fd;

	tree();
	ct_ok(chdir("/"));
	promise("stdio rpath tmppath proc exec");
	fd = mkstemp(name);
	ct_true(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	can(writes(name));
	can(unlink(name));
	can(reads("/etc/passwd"));
	can(both("/dev/null"));
	snprintf(command, sizeof command, ": >%s", name);
	ct_true(shell(command) == 0);
	can(unlink(name));
	ct_need_root();
	snprintf(command, sizeof command, ": >/run/%s", name + 5);
	ct_true(shell(command) == (fenced ? 2 : 0));
	if (!fenced)
		can(unlink(command + 3));
	refused(writes("/etc/passwd"), EACCES);
	promise("stdio rpath tmppath");
	can(close(open(at("new"), O_CREAT | O_WRONLY, 0600)));
	promise("stdio rpath");
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
	promise("stdio rpath tmppath proc exec");
	can(writes("file1"));
	promise("stdio rpath proc exec");
	refused(writes("file1"), EACCES);
	can(reads("file1"));
}

static void at_spawn(void)
{
	char *argv[] = { (char *)"true", NULL }, *none[] = { NULL };
	pid_t child;

	tree();
	veil_system();
	ct_ok(posix_spawn(&child, "/bin/true", NULL, NULL, argv, none));
	ct_true(ct_wait(child) == 0);
	if (_DYNAMIC == NULL) {
		can(reads("file1"));	/* libunveil.a stands not before it */
		return;
	}
	refused(reads("file1"), EACCES);
	if (fenced)
		ct_errno(unveil("file1", "r"), EPERM);	/* OpenBSD: 0 */
}

/*
 * Processes that libc makes for itself. Before its functions stands
 * libunveil.so. What a static program of musl makes holds the list by execve,
 * and its parent goes on; that of glibc makes the system call.
 */
#ifdef __GLIBC__
#define OWN_EXECVE false
#else
#define OWN_EXECVE true
#endif

static void made_by_libc(bool refused_there)
{
	ct_true(refused_there == (fenced && (_DYNAMIC != NULL || OWN_EXECVE)));
	if (!fenced)
		return;
	if (_DYNAMIC != NULL)
		ct_errno(unveil("file1", "r"), EPERM);	/* OpenBSD: 0 */
	else
		ct_ok(unveil("file1", "r"));
}

static void at_system(void)
{
	int status;

	tree();
	veil_system();
	veil("/etc/ld.so.cache", "r");
	veil("/dev/null", "rw");
	status = system("cat file1 >/dev/null 2>&1");
	ct_true(WIFEXITED(status));
	made_by_libc(WEXITSTATUS(status) == 1);
}

static void at_popen(void)
{
	char line[PATH_MAX];
	bool nothing;
	FILE *f;

	tree();
	veil_system();
	veil("/etc/ld.so.cache", "r");
	veil("/dev/null", "rw");
	f = popen("cat file1 2>/dev/null; echo end", "r");
	ct_true(f != NULL && fgets(line, sizeof line, f) != NULL);
	nothing = strcmp(line, "end\n") == 0;
	ct_true(pclose(f) == 0);
	made_by_libc(nothing);
}

static void at_vfork(void)
{
	pid_t child;

	tree();
	veil_system();
	child = vfork();
	if (child == 0) {
		execl("/bin/cat", "cat", here, (char *)NULL);
		_exit(99);
	}
	ct_true(ct_wait(child) == 1);	/* it is a directory, or closed */
	veil("file1", "r");
	can(reads("file2"));
	end();
	can(reads("file1"));
	refused(reads("file2"), EACCES);
}

/* What lies in no directory has no letters, and lacks none. */
static void exec_memory(void)
{
	int fd = (int)syscall(SYS_memfd_create, "true", 0), of = open("/bin/true", O_RDONLY);
	char bytes[4096], name[32];
	ssize_t n;

	ct_true(fd >= 0 && of >= 0);
	tree();
	veil("/bin/sh", "x");
	promise("stdio rpath proc exec");
	while ((n = read(of, bytes, sizeof bytes)) > 0)
		ct_true(write(fd, bytes, (size_t)n) == n);
	refused(runs("/bin/true"), EACCES);
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	can(runs(name));
}

static void exec_functions(void)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"test \"$A\" = b", NULL };
	char *envp[] = { (char *)"A=b", (char *)"PATH=/usr/bin:/bin", NULL };
	int end, fd = open("/bin/sh", O_RDONLY);

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
		end = ct_wait(child);
		if (end != 0)
			ct_fail("function %d: ended with %#x", i, (unsigned)end);
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

/* Executes cat(1) of what is shown and of what is hidden, in turn. */
static void *vforks(void *unused)
{
	int null = open("/dev/null", O_RDWR);

	ct_true(null >= 0);
	for (int i = 0; i < 10; i++) {
		char *argv[] = { (char *)"cat", (char *)(i % 2 ? "dir1/inner" : "dir2/inner"), NULL };
		pid_t child = vfork();

		if (child == 0) {
			dup2(null, 1);
			dup2(null, 2);
			execv("/bin/cat", argv);
			_exit(99);
		}
		ct_true(ct_wait(child) == (fenced && i % 2 == 0));
	}
	return unused;
}

/* Each gives the list to the kernel for itself, in memory that all share. */
static void at_vforks(void)
{
	pthread_t threads[4];
	char name[] = "more00";

	tree();
	veil_system();
	veil("/etc/ld.so.cache", "r");
	veil("dir1", "r");
	veil("dir2", "");
	for (int i = 0; i < 40; i++) {	/* which takes a while */
		name[4] = (char)('0' + i / 10);
		name[5] = (char)('0' + i % 10);
		ct_ok(mkdir(name, 0755));
		veil(name, i % 2 ? "" : "rw");
	}
	for (int i = 0; i < 4; i++)
		ct_ok(pthread_create(&threads[i], NULL, vforks, NULL));
	for (int i = 0; i < 4; i++)
		ct_ok(pthread_join(threads[i], NULL));
}

static void cases(void)
{
	fenced = true;
	twice("unveil: at exec", at_exec);
	twice("unveil: at posix_spawn (differs)", at_spawn);
	twice("unveil: at system (differs)", at_system);
	twice("unveil: at popen (differs)", at_popen);
	twice("unveil: exec of a program that opens nothing", exec_free);
	twice("unveil: exec of one that reads", exec_reads);
	twice("unveil: execpromises after the end", exec_late);
	twice("unveil: execpromises after the end, without stdio", exec_late_without_stdio);
	twice("unveil: tmppath beside exec", exec_tmppath);
	twice("unveil: tmppath beside exec, given up", exec_tmppath_dropped);
	ct_case("unveil: tmppath beside exec that is not bound (differs)", 0, exec_tmppath_unbound);
	twice("unveil: at exec in vfork", at_vfork);
	twice("unveil: at exec in vfork, in many threads", at_vforks);
	twice("unveil: exec of a file in memory (differs)", exec_memory);
	twice("unveil: the exec functions", exec_functions);
	ct_case("unveil: errors of exec", 0, exec_errors);
}

int main(int argc, char **argv)
{
	return tree_main(argc, argv, cases);
}
