/*
 * What a program of the library can do, after pledge() and unveil() and, as a
 * control, without:
 *
 *	confined free|bound read|socket
 *
 * Built by `cc confined.c $(pkg-config --cflags --libs unveil)`.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <unveil.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: confined free|bound read|socket");
	if (strcmp(argv[1], "bound") == 0) {
		if (unveil("/usr", "r") != 0 || unveil(NULL, NULL) != 0)
			err(2, "unveil");
		if (pledge("stdio rpath", NULL) != 0)
			err(2, "pledge");
		if (open("/usr", O_RDONLY) < 0)
			err(3, "/usr");
	}
	if (strcmp(argv[2], "read") == 0) {
		if (open("/etc/debian_version", O_RDONLY) < 0)
			err(1, "/etc/debian_version");
	} else if (socket(AF_INET, SOCK_STREAM, 0) < 0)
		err(1, "socket");
	puts("done");
	return 0;
}
