/*
 * What the tests of package preload execute. It prints a word for each thing
 * that it finds, when main is reached:
 *
 *	ran
 *	descriptors N ...	those from 3 up that are open
 *	variables NAME=VALUE	what the environment has of preloading
 *	empty N			entries of it that are empty
 *	code refused|allowed	memory that can be executed
 *	socket refused|allowed
 *	thread refused|allowed	executable memory, in the thread that ctor.c made
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;
int thread_maps_code(void) __attribute__((weak));

static const char *word(int refused)
{
	return refused ? "refused" : "allowed";
}

int main(void)
{
	int empty = 0;

	printf("ran\ndescriptors");
	for (int fd = 3; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" %d", fd);
	printf("\n");
	for (char **e = environ; *e != NULL; e++) {
		empty += **e == '\0';
		if (strncmp(*e, "LD_", 3) == 0 || strncmp(*e, "UNVEIL", 6) == 0)
			printf("variables %s\n", *e);
	}
	printf("empty %d\n", empty);
	printf("code %s\n", word(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED));
	fflush(stdout);
	if (thread_maps_code != NULL)
		printf("thread %s\n", word(!thread_maps_code()));
	fflush(stdout);
	printf("socket %s\n", word(socket(AF_INET, SOCK_STREAM, 0) < 0));
	return 0;
}
