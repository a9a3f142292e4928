/*
 * calls bare|libunveil measure DIR prints what system calls cost in DIR, in
 * nanoseconds, as lines of a name and a figure: in a box of libunveil, or in none
 * of its own. Instead of measure, write and fifo each try what the box refuses.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "unveil.h"

#define SLICES 20
#define TIMES 100

static const char *file = "file";
static int fd;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int must(int ret)
{
	if (ret < 0) {
		perror("calls");
		exit(1);
	}
	return ret;
}

static void do_getpid(void)
{
	syscall(SYS_getpid);
}

static void do_open(void)
{
	close(must(open(file, O_RDONLY)));
}

static void do_stat(void)
{
	struct stat st;

	must(stat(file, &st));
}

static void do_read(void)
{
	char buffer[64];

	must((int)pread(fd, buffer, sizeof buffer, 0));
}

static void do_write(void)
{
	must((int)pwrite(fd, "text", 4, 0));
}

static void do_socket(void)
{
	close(must(socket(AF_INET, SOCK_STREAM, 0)));
}

static void do_mmap(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p == MAP_FAILED ? -1 : munmap(p, 4096));
}

static const struct {
	const char *name;
	void (*call)(void);
} acts[] = {
	{ "getpid", do_getpid },
	{ "open, close", do_open },
	{ "stat", do_stat },
	{ "read", do_read },
	{ "write", do_write },
	{ "socket, close", do_socket },
	{ "mmap, munmap", do_mmap },
};

/* The least of short slices: what interrupts the others is left out. */
static void measure(void)
{
	for (size_t a = 0; a < sizeof acts / sizeof *acts; a++) {
		double least = 0;

		for (int s = 0; s < SLICES; s++) {
			double start = now_ns(), took;

			for (int i = 0; i < TIMES; i++)
				acts[a].call();
			took = (now_ns() - start) / TIMES;
			if (s == 0 || took < least)
				least = took;
		}
		printf("%s\t%f\n", acts[a].name, least);
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	must(chdir(argv[3]));
	fd = must(open(file, O_RDWR | O_CREAT, 0644));
	if (strcmp(argv[1], "libunveil") == 0) {
		must(unveil("/usr", "rx"));
		must(unveil(".", "rwc"));
		must(unveil(NULL, NULL));
		must(pledge("stdio rpath wpath cpath inet", NULL));
	}
	if (strcmp(argv[2], "measure") == 0) {
		measure();
	} else if (strcmp(argv[2], "write") == 0) {
		must(open("../outside", O_WRONLY));
	} else if (strcmp(argv[2], "fifo") == 0) {
		must(mkfifo("fifo", 0600));
		must(unlink("fifo"));
	} else {
		return 2;
	}
	return 0;
}
