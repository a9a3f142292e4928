/*
 * What /proc says of the threads of this process.
 */
#include "threads.h"

#define PF_IO_WORKER	0x00000010	/* flags of /proc/PID/stat: a thread of the kernel, */
#define PF_USER_WORKER	0x00004000	/* in the service of io_uring */

/* What names its own thread in /proc: at most 10 digits. */
static unsigned decimal(char *to, uint32_t value)
{
	char digits[10];
	unsigned n = 0, i = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	while (n > 0)
		to[i++] = digits[--n];
	to[i] = '\0';
	return i;
}

static uint32_t number(const char *digits)
{
	uint32_t value = 0;

	while (*digits >= '0' && *digits <= '9')
		value = value * 10 + (uint32_t)(*digits++ - '0');
	return value;
}

/* One that does not list this thread is not the kernel's, whatever it is called. */
int tasks_open(void)
{
	int tasks = (int)sys(NR_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	char name[11];
	int self;

	if (tasks < 0)
		return tasks;
	decimal(name, (uint32_t)sys(NR_gettid));
	self = (int)sys(NR_openat, tasks, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (self >= 0) {
		sys(NR_close, self);
		return tasks;
	}
	sys(NR_close, tasks);
	return self;
}

long tasks_count(int tasks)
{
	struct kernel_stat status;
	long ret = sys(NR_fstat, tasks, &status);

	return ret < 0 ? ret : (long)status.nlink - 2;
}

/* What kind of thread tid is, by /proc/self/task/TID/stat. */
enum kind tasks_kind(int tasks, int32_t tid)
{
	char path[16], text[512];
	const char *field;
	uint32_t flags;
	bool runs;
	int fd, i;
	long n;

	i = (int)decimal(path, (uint32_t)tid);
	for (const char *rest = "/stat"; (path[i] = *rest) != '\0'; rest++)
		i++;
	fd = (int)sys(NR_openat, tasks, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd == -ENOENT ? ENDED : UNTOLD;
	n = sys(NR_read, fd, text, sizeof text - 1);
	sys(NR_close, fd);
	if (n <= 0)
		return n == -ESRCH ? ENDED : UNTOLD;
	text[n] = '\0';
	/* "TID (name) state ppid pgrp session tty tpgid flags ...", and the name may hold anything */
	field = text + n;
	while (field > text && *field != ')')
		field--;
	if (field == text || field[1] == '\0' || field[2] == '\0')
		return UNTOLD;
	field += 2;
	if (*field == 'Z' || *field == 'X')
		return ZOMBIE;
	runs = *field == 'R';
	for (i = 0; i < 6; i++) {
		while (*field != '\0' && *field != ' ')
			field++;
		while (*field == ' ')
			field++;
	}
	flags = number(field);
	return flags & (PF_IO_WORKER | PF_USER_WORKER) ? WORKER : runs ? RUNNING : WAITING;
}

int tasks_each(int tasks, int (*visit)(struct meeting *, int tasks, int32_t tid), struct meeting *m)
{
	int32_t self = (int32_t)sys(NR_gettid);
	char names[4096] __attribute__((aligned(8)));
	long n;

	n = sys(NR_lseek, tasks, 0, 0 /* SEEK_SET */);
	while (n >= 0 && (n = sys(NR_getdents64, tasks, names, sizeof names)) > 0) {
		for (long at = 0; at < n;) {
			const struct kernel_dirent64 *entry = (const void *)(names + at);
			int32_t tid = (int32_t)number(entry->name);
			int ret;

			at += entry->reclen;
			if (tid == 0 || tid == self)
				continue;
			ret = visit(m, tasks, tid);
			if (ret < 0)
				return ret;
		}
	}
	return (int)n;
}

int32_t tasks_highest(void)
{
	static int32_t highest;
	char text[16];
	long n;
	int fd;

	if (highest != 0)
		return highest;
	fd = (int)sys(NR_openat, AT_FDCWD, "/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC, 0);
	n = fd < 0 ? fd : sys(NR_read, fd, text, sizeof text - 1);
	if (fd >= 0)
		sys(NR_close, fd);
	if (n > 0) {
		text[n] = '\0';
		highest = (int32_t)number(text);
	}
	if (highest <= 0)
		highest = 1 << 22;	/* PID_MAX_LIMIT */
	return highest;
}
