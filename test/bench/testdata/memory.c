/*
 * Prints the memory and the threads of this process, as lines of a name and a
 * figure, after it has confined itself where it is told to.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unveil.h"

/* Read with no memory of its own: stdio would be counted. */
static void figure(int fd, const char *field, const char *name)
{
	static char text[4096];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	const char *at;

	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, field);
	if (at == NULL)
		exit(1);
	dprintf(1, "%s\t%ld\n", name, strtol(at + strlen(field), NULL, 10));
}

int main(int argc, char **argv)
{
	int rollup = open("/proc/self/smaps_rollup", O_RDONLY), status = open("/proc/self/status", O_RDONLY);

	if (argc != 2 || rollup < 0 || status < 0)
		return 2;
	if (strcmp(argv[1], "confine") == 0 && (unveil("/usr", "r") < 0 || unveil(NULL, NULL) < 0 || pledge("stdio rpath", NULL) < 0)) {
		perror("memory");
		return 1;
	}
	figure(rollup, "Rss:", "resident (RSS)");
	figure(rollup, "Pss:", "its share of that (PSS)");
	figure(rollup, "Private_Dirty:", "private and written");
	figure(status, "Threads:", "threads");
	return 0;
}
