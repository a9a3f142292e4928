/* What pledge_exec.c executes, to see what holds it: the act that its argument names. */
#include "code.h"
#include "unveil.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void leave(int signal)
{
	(void)signal;
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *act = argc > 1 ? argv[1] : "";

	if (strcmp(act, "violate") == 0) {	/* what the environment says of it, to a set-id program too */
		if (pledge("stdio", NULL) != 0)
			return 2;
		return socket(AF_INET, SOCK_STREAM, 0) >= 0;
	}
	if (strcmp(act, "socket") == 0)
		return socket(AF_INET, SOCK_STREAM, 0) < 0;
	if (strcmp(act, "beside") == 0 && argc > 2) {	/* code at an address */
		long (*make_socket)(void) = code_map((void *)strtoul(argv[2], NULL, 16));

		return make_socket == NULL ? 6 : make_socket() < 0;
	}
	if (strcmp(act, "signal") == 0) {	/* to whom it is told, or else to itself and its group */
		if (argc > 2)
			return kill(atoi(argv[2]), 0) != 0;
		return kill(getpid(), 0) != 0 || kill(0, 0) != 0 || raise(SIGCONT) != 0;
	}
	if (strcmp(act, "handler") == 0) {
		struct sigaction own = { .sa_handler = leave }, was;

		if (sigaction(SIGSYS, &own, &was) != 0 || was.sa_handler != SIG_DFL)
			return 3;
		raise(SIGSYS);
		return 4;	/* leave() is not called */
	}
	return 5;
}
