/*
 * Who got into a part of an example: it makes the act that the environment
 * names, in the part that it names, and says whether that came through.
 * Included in front of an example, which calls it where its own work begins.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void intrude(const char *part)
{
	const char *where = getenv("PART"), *act = getenv("ACT");
	struct sockaddr_in to = { .sin_family = AF_INET };
	int ok = 0;

	if (where == NULL || strcmp(where, part) != 0)
		return;
	if (write(2, "begins\n", 7) != 7)
		_exit(99);
	if (strcmp(act, "read") == 0) {
		ok = open(getenv("SECRET"), O_RDONLY) != -1;
	} else if (strcmp(act, "write") == 0) {
		ok = open(getenv("VICTIM"), O_WRONLY) != -1;
	} else if (strcmp(act, "create") == 0) {
		ok = open(getenv("VICTIM_NEW"), O_WRONLY | O_CREAT, 0600) != -1;
	} else if (strcmp(act, "connect") == 0) {
		to.sin_port = htons((unsigned short)atoi(getenv("PORT")));
		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		ok = connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to) == 0;
	} else if (strcmp(act, "fork") == 0) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		ok = child != -1;
	} else if (strcmp(act, "run") == 0) {
		execl("/bin/echo", "echo", "came through", (char *)NULL);
	}
	if (ok && write(2, "came through\n", 13) != 13)
		_exit(99);
}

#define INTRUDER(part) intrude(part)
