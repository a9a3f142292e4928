/*
 * Executes itself many times under a pledge that leaves the next image free,
 * and says where the code of each image lies: a line of ranges, the first of
 * them its own. An image that falls into those makes a call here that the
 * parent has not promised, and does not come to its line.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unveil.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* In one write, or the lines of many processes would mix. */
static void tell(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4400], text[2048];
	size_t used = 0;

	if (maps == NULL)
		fail("/proc/self/maps");
	while (fgets(line, sizeof line, maps) != NULL) {
		unsigned long first, last;
		char perms[5];

		if (sscanf(line, "%lx-%lx %4s", &first, &last, perms) != 3)
			fail("maps");
		/* Every image has that page, and no code of its own there. */
		if (perms[2] != 'x' || strstr(line, "[vsyscall]") != NULL)
			continue;
		used += (size_t)snprintf(text + used, sizeof text - used, "%lx-%lx ", first, last);
		if (used >= sizeof text - 1)
			fail("text");
	}
	fclose(maps);
	text[used++] = '\n';
	if (write(1, text, used) != (ssize_t)used)
		fail("write");
}

int main(int argc, char **argv)
{
	int times = argc == 2 ? atoi(argv[1]) : 0, fell = 0;

	if (argc == 1) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		/* A bound image does not come here; a machine without a network does. */
		if (fd >= 0)
			close(fd);
		else if (errno != EAFNOSUPPORT)
			fail("socket");
		tell();
		return 0;
	}
	tell();
	if (pledge("stdio rpath proc exec", NULL) != 0)
		fail("pledge");
	for (int i = 0; i < times; i++) {
		char *const none[] = { argv[0], NULL };
		int status;
		pid_t child = fork();

		if (child == 0) {
			execv(argv[0], none);
			_exit(1);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			fail("fork");
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			fell++;
		else if (status != 0) {
			fprintf(stderr, "execs: a child ended with %#x\n", status);
			return 1;
		}
	}
	printf("fell %d\n", fell);
	return 0;
}
