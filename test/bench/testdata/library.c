/*
 * What pledge(2) and unveil(2) cost in this process, which is new: one kind of
 * measurement, as lines of a name and microseconds.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unveil.h"

#define COUNT(a) (sizeof (a) / sizeof *(a))

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void must(int ret)
{
	if (ret < 0) {
		perror("library");
		exit(1);
	}
}

/* The first call of a process, and the mean of those that follow it. */
static void pledges(const char *kind, const char *const words[], size_t n)
{
	double start = now_us(), first, end;

	must(pledge(words[0], NULL));
	first = now_us();
	for (size_t i = 1; i < n; i++)
		must(pledge(words[i], NULL));
	end = now_us();
	printf("pledge()%s, first call\t%f\n", kind, first - start);
	printf("pledge()%s, later call\t%f\n", kind, (end - first) / (double)(n - 1));
}

static void unveils(const char *kind, const char *const paths[10])
{
	double start = now_us(), listed, end;

	for (int i = 0; i < 10; i++)
		must(unveil(paths[i], "r"));
	listed = now_us();
	must(unveil(NULL, NULL));
	end = now_us();
	printf("unveil() of a %s\t%f\n", kind, (listed - start) / 10);
	printf("unveil() that locks 10 of a %s\t%f\n", kind, end - listed);
}

int main(int argc, char **argv)
{
	static const char *const stays[] = {
		"stdio rpath wpath cpath proc unveil", "stdio rpath wpath cpath proc", "stdio rpath wpath cpath",
		"stdio rpath wpath", "stdio rpath", "stdio",
	};
	static const char *const executes[] = {
		"stdio rpath wpath cpath proc exec unveil", "stdio rpath wpath cpath proc exec", "stdio rpath wpath proc exec",
		"stdio rpath proc exec", "stdio proc exec",
	};
	static const char *const directories[10] = {
		"/usr/bin", "/usr/lib", "/etc", "/tmp", "/var/log", "/var/lib", "/usr/share", "/home", "/run", "/usr/local",
	};
	static const char *const files[10] = {
		"/etc/passwd", "/etc/group", "/etc/hosts", "/etc/fstab", "/etc/profile",
		"/etc/shells", "/bin/cat", "/bin/ls", "/dev/null", "/dev/zero",
	};
	const char *kind = argc == 2 ? argv[1] : "";

	if (strcmp(kind, "stays") == 0)
		pledges("", stays, COUNT(stays));
	else if (strcmp(kind, "executes") == 0)
		pledges(" with exec", executes, COUNT(executes));
	else if (strcmp(kind, "directories") == 0)
		unveils("directory", directories);
	else if (strcmp(kind, "files") == 0)
		unveils("file", files);
	else
		return 2;
	return 0;
}
