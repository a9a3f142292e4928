/*
 * probe ACT [ARG...]
 *
 * Does one act by a raw system call and says how it went: "ok" with status 0,
 * or the text of the errno with status 1. What is executed says "ran".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../cgo/ctest/code.h"

extern char **environ;

static int
said(long r)
{
	puts(r >= 0 ? "ok" : strerror(errno));
	return r >= 0 ? 0 : 1;
}

/* a copy of a file in memory */
static int
memory(const char *file, unsigned flags)
{
	int from = open(file, O_RDONLY | O_CLOEXEC), to = syscall(SYS_memfd_create, "probe", flags);
	char buf[65536];
	ssize_t n;

	if (from < 0 || to < 0)
		return -1;
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			return -1;
	return n < 0 ? -1 : to;
}

static long
run(const char *file, char *const argv[])
{
	return syscall(SYS_execve, file, argv, environ);
}

int
main(int argc, char **argv)
{
	const char *act = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
	char *const say[] = { "probe", "say", NULL };
	char path[64];
	int fd;

	if (strcmp(act, "say") == 0) {
		puts("ran");
		return 0;
	}
	if (strcmp(act, "execve") == 0)
		return said(run(arg, (char *const[]){ (char *)arg, "say", NULL }));
	if (strcmp(act, "self") == 0)
		return said(run("/proc/self/exe", say));
	if (strcmp(act, "execveat") == 0) {
		if ((fd = open(arg, O_PATH)) < 0)
			return said(-1);
		return said(syscall(SYS_execveat, fd, "", say, environ, AT_EMPTY_PATH));
	}
	if (strcmp(act, "memfd") == 0) {
		if ((fd = memory("/proc/self/exe", MFD_CLOEXEC)) < 0)
			return said(-1);
		return said(syscall(SYS_execveat, fd, "", say, environ, AT_EMPTY_PATH));
	}
	if (strcmp(act, "procfd") == 0) {
		if ((fd = memory("/proc/self/exe", 0)) < 0)
			return said(-1);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		return said(run(path, say));
	}
	if (strcmp(act, "ldso") == 0)	/* LDSO FILE */
		return said(run(arg, (char *const[]){ (char *)arg, argc > 3 ? argv[3] : "", "say", NULL }));
	if (strcmp(act, "mmap-exec") == 0)
		return said((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1 ? -1 : 0);
	if (strcmp(act, "mprotect-exec") == 0) {
		void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		return said(mprotect(p, 4096, PROT_READ | PROT_EXEC));
	}
	if (strcmp(act, "map-library") == 0) {	/* FILE, as dlopen(3) does */
		if ((fd = open(arg, O_RDONLY)) < 0)
			return said(-1);
		return said((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == -1 ? -1 : 0);
	}
	if (strcmp(act, "take-sigsys") == 0) {	/* and go on after a violation */
		signal(SIGSYS, SIG_IGN);
		signal(SIGABRT, SIG_IGN);
		return said(socket(AF_INET, SOCK_STREAM, 0));
	}
	if (strcmp(act, "raw-sigsys") == 0) {	/* the same past libc: SIG_IGN is 1 */
		unsigned long ignore[4] = { 1, 0, 0, 0 }, none[4] = { 0, 0, 0, 0 };

		syscall(SYS_rt_sigaction, SIGSYS, ignore, NULL, 8);
		syscall(SYS_rt_sigaction, SIGABRT, ignore, none, 8);
		return said(socket(AF_INET, SOCK_STREAM, 0));
	}
	if (strcmp(act, "block-sigsys") == 0) {
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		return said(socket(AF_INET, SOCK_STREAM, 0));
	}
	if (strcmp(act, "implied-exec") == 0)	/* READ_IMPLIES_EXEC */
		return said(syscall(SYS_personality, 0x0400000));
	if (strcmp(act, "pkey-exec") == 0) {
		void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		return said(syscall(SYS_pkey_mprotect, p, 4096, PROT_READ | PROT_EXEC, -1));
	}
	if (strcmp(act, "memfd-exec") == 0) {	/* as a loader of one's own would */
		if ((fd = memory("/proc/self/exe", MFD_CLOEXEC)) < 0)
			return said(-1);
		return said((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0) == -1 ? -1 : 0);
	}
	if (strcmp(act, "proc-mem") == 0) {	/* code, written past its protection */
		const char *code = (const char *)main, byte = *code;

		if ((fd = open("/proc/self/mem", O_RDWR)) < 0)
			return said(-1);
		return said(pwrite(fd, &byte, 1, (off_t)code));
	}
	if (strcmp(act, "twice") == 0) {
		socket(AF_INET, SOCK_STREAM, 0);
		socket(AF_INET6, SOCK_STREAM, 0);
		return said(mkdir(arg, 0777));
	}
	if (strcmp(act, "clear-execve") == 0) {
		environ = (char *[]){ NULL };
		return said(run(arg, argv + 2));
	}
	if (strcmp(act, "beside") == 0 || strcmp(act, "beside-execve") == 0) {	/* FILE, which is to make its calls from where this lies */
		char at[32], *args[] = { argv[2], "socket-at", at, NULL };

		snprintf(at, sizeof(at), "%lx", (unsigned long)main & ~0xffful);
		if (strcmp(act, "beside") == 0)
			return said(execv(arg, args));
		return said(run(arg, args));
	}
	if (strcmp(act, "socket-at") == 0) {	/* ADDRESS */
		long (*code)(void) = code_map((void *)strtoul(arg, NULL, 16));
		long r;

		if (code == NULL)
			return said(-1);
		r = code();
		errno = r < 0 ? -r : 0;
		return said(r);
	}
	if (strcmp(act, "auxv") == 0)	/* is found where the environment ends */
		return said(getauxval(AT_PAGESZ) == 4096 || getauxval(AT_PAGESZ) == 65536 ? 0 : -1);
	if (strcmp(act, "fork") == 0) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		return said(pid > 0 ? waitpid(pid, NULL, 0) : -1);
	}
	if (strcmp(act, "raw-fork") == 0) {
		long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

		if (pid == 0)
			_exit(0);
		return said(pid > 0 ? waitpid((pid_t)pid, NULL, 0) : -1);
	}
	if (strcmp(act, "spawn") == 0) {
		pid_t pid;

		errno = posix_spawn(&pid, arg, NULL, NULL, say, environ);
		return said(errno == 0 ? waitpid(pid, NULL, 0) : -1);
	}
	if (strcmp(act, "system") == 0)
		return said(system(arg) == 0 ? 0 : -1);
	if (strcmp(act, "popen") == 0) {
		FILE *f = popen(arg, "r");

		return said(f != NULL ? pclose(f) : -1);
	}
	if (strcmp(act, "vfork-execve") == 0) {
		pid_t pid = vfork();

		if (pid == 0) {
			run(arg, (char *const[]){ (char *)arg, "say", NULL });
			_exit(1);
		}
		return said(pid > 0 ? waitpid(pid, NULL, 0) : -1);
	}
	if (strcmp(act, "read") == 0)
		return said(open(arg, O_RDONLY));
	if (strcmp(act, "write") == 0)
		return said(open(arg, O_WRONLY));
	if (strcmp(act, "create") == 0)
		return said(open(arg, O_WRONLY | O_CREAT, 0666));
	if (strcmp(act, "socket") == 0)
		return said(socket(AF_INET, SOCK_STREAM, 0));
	if (strcmp(act, "nofile") == 0)
		return printf("%ld\n", sysconf(_SC_OPEN_MAX)) < 0;
	if (strcmp(act, "fds") == 0) {	/* which descriptors are open */
		for (fd = 0; fd < 256; fd++)
			if (fcntl(fd, F_GETFD) >= 0)
				printf("%d ", fd);
		puts("");
		return 0;
	}
	fprintf(stderr, "probe: unknown act \"%s\"\n", act);
	return 2;
}
