/*
 * Privilege separation: counts the lines of files in three processes, each of
 * which can do no more than its part is.
 *
 *	opener		opens the files and passes them on; reads no byte of them
 *	parser		reads what it is passed, and can open nothing
 *	reporter	prints; has neither the files nor their bytes
 *
 * A fault in the parser, which is where the foreign bytes go, gives an
 * intruder a process with a pipe.
 *
 *	cc -o privsep privsep.c $(pkg-config --cflags --libs unveil)
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <unveil.h>

#ifndef INTRUDER	/* the tests have one in each part */
#define INTRUDER(part)
#endif

/* What the parser tells the reporter. */
struct count {
	long file, lines;
};

union control {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void send_file(int to, long file, int fd)
{
	union control control = { { 0 } };
	struct iovec part = { &file, sizeof file };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	if (sendmsg(to, &message, 0) != (ssize_t)sizeof file)
		err(1, "sendmsg");
}

/* The next file, or -1 behind the last. */
static int receive_file(int from, long *file)
{
	union control control = { { 0 } };
	struct iovec part = { file, sizeof *file };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space };
	ssize_t n = recvmsg(from, &message, 0);
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int fd;

	if (n == 0)
		return -1;
	if (n != (ssize_t)sizeof *file || head == NULL || head->cmsg_type != SCM_RIGHTS)
		errx(1, "not a file");
	memcpy(&fd, CMSG_DATA(head), sizeof fd);
	return fd;
}

static void opener(int to, char **names)
{
	if (pledge("stdio rpath sendfd", NULL) == -1)
		err(1, "pledge");
	INTRUDER("opener");
	for (long i = 0; names[i] != NULL; i++) {
		int fd = open(names[i], O_RDONLY);

		if (fd == -1)
			err(1, "%s", names[i]);
		send_file(to, i, fd);
		close(fd);
	}
}

static void parser(int from, int to)
{
	char bytes[1 << 16];
	struct count count;
	ssize_t n;
	int fd;

	if (pledge("stdio recvfd", NULL) == -1)
		err(1, "pledge");
	INTRUDER("parser");
	while ((fd = receive_file(from, &count.file)) != -1) {
		count.lines = 0;
		while ((n = read(fd, bytes, sizeof bytes)) > 0)
			for (ssize_t i = 0; i < n; i++)
				count.lines += bytes[i] == '\n';
		if (n == -1)
			err(1, "read");
		close(fd);
		if (write(to, &count, sizeof count) != (ssize_t)sizeof count)
			err(1, "write");
	}
}

static void reporter(int from, char **names, long n)
{
	struct count count;

	if (pledge("stdio", NULL) == -1)
		err(1, "pledge");
	INTRUDER("reporter");
	while (read(from, &count, sizeof count) == (ssize_t)sizeof count) {
		/* It is the parser that says so, and it may be an intruder. */
		if (count.file < 0 || count.file >= n)
			errx(1, "no such file");
		printf("%ld %s\n", count.lines, names[count.file]);
	}
}

int main(int argc, char **argv)
{
	int files[2], counts[2], status, failed = 0;

	if (argc < 2)
		errx(2, "usage: privsep file ...");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, files) == -1 || pipe(counts) == -1)
		err(1, "pipe");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		close(files[0]);
		close(counts[0]);
		parser(files[1], counts[1]);
		exit(0);
	}
	close(files[1]);
	close(counts[1]);
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		close(files[0]);
		reporter(counts[0], argv + 1, argc - 1);
		exit(0);
	}
	close(counts[0]);
	opener(files[0], argv + 1);
	close(files[0]);
	while (wait(&status) != -1)
		failed |= status != 0;
	return failed;
}
