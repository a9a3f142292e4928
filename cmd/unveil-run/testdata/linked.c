/*
 * linked ACT: a program of libunveil's own, which a launcher preloads too.
 *
 *	objects	how many of them are loaded
 *	more	promises more than the launcher gave, and tries it
 *	less	promises less than the launcher gave, and tries that
 *	veil	unveils less than the launcher gave, and tries that
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unveil.h>

static int count(struct dl_phdr_info *object, size_t size, void *n)
{
	(void)size;
	*(int *)n += strstr(object->dlpi_name, "libunveil") != NULL || strstr(object->dlpi_name, "/fd/") != NULL;
	return 0;
}

int main(int argc, char **argv)
{
	const char *act = argc > 1 ? argv[1] : "";
	int n = 0;

	if (strcmp(act, "objects") == 0) {
		dl_iterate_phdr(count, &n);
		return printf("%d\n", n) < 0;
	}
	if (strcmp(act, "more") == 0) {
		printf("pledge %d\n", pledge("stdio rpath inet", NULL));
		fflush(stdout);
		return printf("socket %d\n", socket(AF_INET, SOCK_STREAM, 0)) < 0;
	}
	if (strcmp(act, "less") == 0) {
		printf("open %d\n", open("/etc/passwd", O_RDONLY) >= 0);
		printf("pledge %d\n", pledge("stdio", NULL));
		fflush(stdout);
		printf("open %d\n", open("/etc/passwd", O_RDONLY) >= 0);
		fflush(stdout);
		return printf("socket %d\n", socket(AF_INET, SOCK_STREAM, 0)) < 0;
	}
	if (strcmp(act, "veil") == 0) {
		n = unveil("/etc/passwd", "r");
		printf("unveil %d %d\n", n, unveil(NULL, NULL));
		printf("open %d\n", open("/etc/passwd", O_RDONLY) >= 0);
		return printf("open %d\n", open("/etc/shells", O_RDONLY) >= 0) < 0;
	}
	return 2;
}
