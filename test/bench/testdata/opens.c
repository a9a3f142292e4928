/*
 * Opens and closes the same files of a folder, by different names, as often as
 * it is told.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	char name[4096];
	int i, fd;

	if (argc != 3)
		return 2;
	for (i = 0; i < atoi(argv[1]); i++) {
		snprintf(name, sizeof(name), "%s/f%d", argv[2], i % 1000);
		fd = open(name, O_RDONLY);
		if (fd < 0) {
			perror(name);
			return 1;
		}
		close(fd);
	}
	return 0;
}
