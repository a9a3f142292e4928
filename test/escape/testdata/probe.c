/*
 * probe [-f] ACT...
 *
 * Does each act by raw system calls, an argument each with its words between
 * blanks ("read /etc/shadow"), and says on a line how it went: "ok", the name
 * of the errno, or "SIGSYS" where a seccomp filter has trapped it. What is
 * executed says "ran". With -f each act has a process of its own, so that one
 * that goes through does not change what the next finds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

/* younger than the headers of some systems; on every architecture the same */
#define NR_io_uring_setup 425
#define NR_io_uring_enter 426
#define NR_io_uring_register 427
#define NR_open_tree 428
#define NR_move_mount 429
#define NR_fsopen 430
#define NR_fspick 433
#define NR_pidfd_open 434
#define NR_clone3 435
#define NR_openat2 437
#define NR_pidfd_getfd 438
#define NR_mount_setattr 442

enum { TRAPPED = 99 };

static sigjmp_buf next;
static volatile int thread_trapped;
static volatile int child;	/* a process or thread beside the one that speaks */

static void
trapped(int sig)
{
	(void)sig;
	if (child)
		_exit(TRAPPED);
	if (syscall(SYS_gettid) != getpid()) {
		/* The way back is the first thread's: it is told when it joins. */
		thread_trapped = 1;
		syscall(SYS_exit, 0);
	}
	siglongjmp(next, 1);
}

static void
say(const char *text)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	if (write(1, line, n) != n)
		_exit(3);
}

static char *word[8];	/* of the act; missing ones are "" */

static long
num(int i)
{
	return strtol(word[i], NULL, 0);
}

static long
fail(int e)
{
	errno = e;
	return -1;
}

/* ---- paths ---- */

static long
first_byte(int fd)
{
	char c;

	return fd < 0 ? -1 : read(fd, &c, 1);
}

static long a_read(void) { return first_byte(open(word[1], O_RDONLY)); }
static long a_write(void) { return open(word[1], O_WRONLY); }
static long a_rdwr(void) { return open(word[1], O_RDWR); }
static long a_append(void) { return open(word[1], O_WRONLY | O_APPEND); }
static long a_creat(void) { return open(word[1], O_WRONLY | O_CREAT | O_EXCL, 0600); }
static long a_trunc(void) { return open(word[1], O_WRONLY | O_TRUNC); }
static long a_rtrunc(void) { return open(word[1], O_RDONLY | O_TRUNC); }
static long a_truncate(void) { return truncate(word[1], 0); }
static long a_tmpfile(void) { return open(word[1], O_TMPFILE | O_WRONLY, 0600); }
static long a_mkdir(void) { return mkdir(word[1], 0700); }
static long a_rmdir(void) { return rmdir(word[1]); }
static long a_unlink(void) { return unlink(word[1]); }
static long a_symlink(void) { return symlink(word[1], word[2]); }
static long a_link(void) { return link(word[1], word[2]); }
static long a_rename(void) { return rename(word[1], word[2]); }
static long a_exchange(void) { return syscall(SYS_renameat2, AT_FDCWD, word[1], AT_FDCWD, word[2], 2); }
static long a_whiteout(void) { return syscall(SYS_renameat2, AT_FDCWD, word[1], AT_FDCWD, word[2], 4); }
static long a_mknod(void) { return mknod(word[1], S_IFREG | 0600, 0); }
static long a_mkchr(void) { return mknod(word[1], S_IFCHR | 0600, 0x103); }
static long a_mkfifo(void) { return mknod(word[1], S_IFIFO | 0600, 0); }

/* What Linux lets everybody do to a path. */
static long a_stat(void) { struct stat st; return stat(word[1], &st); }
static long a_chmod(void) { return chmod(word[1], num(2)); }
static long a_chown(void) { return chown(word[1], num(2), -1); }
static long a_utime(void) { return utimensat(AT_FDCWD, word[1], NULL, 0); }
static long a_inotify(void) { return inotify_add_watch(inotify_init(), word[1], IN_CREATE); }

static long
a_readdir(void)
{
	char buf[512];
	int fd = open(word[1], O_RDONLY | O_DIRECTORY);

	return fd < 0 ? -1 : syscall(SYS_getdents64, fd, buf, sizeof(buf));
}

/* An open for neither reading nor writing, and what it could be good for. */
static long
a_mode3(void)
{
	return open(word[1], 3);
}

static long
a_mode3ioctl(void)
{
	int fd = open(word[1], 3);
	unsigned n;

	return fd < 0 ? -1 : ioctl(fd, num(2), &n);
}

static long
a_openat2(void)
{
	struct open_how how = { .flags = num(2) };

	return first_byte(syscall(NR_openat2, AT_FDCWD, word[1], &how, sizeof(how)));
}

/* An O_PATH descriptor, which Landlock does not judge, opened again. */
static long
a_reopen(void)
{
	char path[64];
	int fd = open(word[1], O_PATH);

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%d", word[2], fd);
	return first_byte(open(path, O_RDONLY));
}

static long
a_beneath(void)
{
	int fd = open(word[1], O_PATH | O_DIRECTORY);

	return fd < 0 ? -1 : first_byte(openat(fd, word[2], O_RDONLY));
}

static long
a_chdir(void)
{
	return chdir(word[1]) < 0 ? -1 : first_byte(open(word[2], O_RDONLY));
}

static long
a_fchdir(void)
{
	int fd = open(word[1], O_PATH | O_DIRECTORY);

	return fd < 0 || fchdir(fd) < 0 ? -1 : first_byte(open(word[2], O_RDONLY));
}

static long
a_chroot(void)
{
	return chroot(word[1]) < 0 ? -1 : first_byte(open(word[2], O_RDONLY));
}

/* A second name for what an O_PATH descriptor is. */
static long
a_linkfd(void)
{
	char path[64];
	int fd = open(word[1], O_PATH);

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, word[2], AT_SYMLINK_FOLLOW);
}

/* A name that is a file of ours one moment and the hidden one the next. */
static volatile int swapping;

static void *
swap(void *arg)
{
	(void)arg;
	while (swapping) {
		unlink(word[1]);
		(void)!symlink(word[2], word[1]);
		unlink(word[1]);
		(void)!symlink(word[3], word[1]);
	}
	return NULL;
}

static long
a_swap(void)	/* NAME OWN HIDDEN: the first byte of HIDDEN is S */
{
	pthread_t t;
	int fd, i, denied = 0;
	char c = 0;

	swapping = 1;
	if ((errno = pthread_create(&t, NULL, swap, NULL)))
		return -1;
	/* Until the hidden one was met, here read or there refused. */
	for (i = 0; i < 10000000 && denied < 50; i++) {
		c = 0;
		if ((fd = open(word[1], O_RDONLY)) < 0) {
			denied += errno == EACCES;
			continue;
		}
		(void)!read(fd, &c, 1);
		close(fd);
		if (c == 'S')
			break;
	}
	swapping = 0;
	pthread_join(t, NULL);
	return c == 'S' ? 0 : fail(denied ? EACCES : EAGAIN);
}

/* The name itself is changed while the call is on its way: whoever looks at it
 * before the kernel does must not decide by what he saw. */
static char flipped[256];

static void *
flip(void *unused)
{
	while (swapping) {
		memcpy(flipped, word[1], strlen(word[1]) + 1);
		memcpy(flipped, word[2], strlen(word[2]) + 1);
	}
	return unused;
}

static long
a_flip(void)	/* OWN HIDDEN: the first byte of HIDDEN is S */
{
	pthread_t t;
	int fd, i, denied = 0, read_own = 0;
	char c = 0;

	memcpy(flipped, word[1], strlen(word[1]) + 1);
	swapping = 1;
	if ((errno = pthread_create(&t, NULL, flip, NULL)))
		return -1;
	/* Until both were met often. */
	for (i = 0; i < 200000 && (denied < 300 || read_own < 300); i++) {
		c = 0;
		if ((fd = open(flipped, O_RDONLY)) < 0) {
			denied += errno == EACCES;
			continue;
		}
		(void)!read(fd, &c, 1);
		close(fd);
		if (c == 'S')
			break;
		read_own++;
	}
	swapping = 0;
	pthread_join(t, NULL);
	return c == 'S' ? 0 : fail(denied && read_own ? EACCES : EAGAIN);
}

static long
a_handle(void)
{
	struct {
		struct file_handle h;
		char room[128];
	} handle = { .h.handle_bytes = 128 };
	int id, dir = open("/", O_RDONLY | O_DIRECTORY);

	if (dir < 0)
		dir = open(word[2], O_RDONLY | O_DIRECTORY);
	if (dir < 0 || syscall(SYS_name_to_handle_at, AT_FDCWD, word[1], &handle, &id, 0) < 0)
		return -1;
	return first_byte(syscall(SYS_open_by_handle_at, dir, &handle, O_RDONLY));
}

/* The number alone: what a filter does with it whatever came before. */
static long
a_byhandle(void)
{
	return syscall(SYS_open_by_handle_at, -1, NULL, O_RDONLY);
}

/* ---- descriptors ---- */

static long a_fd(void) { return fcntl(num(1), F_GETFD); }
static long a_at(void) { return first_byte(openat(num(1), word[2], O_RDONLY)); }

static long
a_fdread(void)
{
	return first_byte(num(1));
}

static long
a_fds(void)	/* is any but those of the words open? */
{
	int fd, i, known;

	for (fd = 0; fd < 1024; fd++) {
		for (known = fd <= 2, i = 1; i < 8; i++)
			known |= word[i][0] && num(i) == fd;
		if (!known && fcntl(fd, F_GETFD) >= 0)
			return 0;
	}
	return fail(EBADF);
}

/* A descriptor that a friend outside has sent, and what lies beneath. */
static long
a_recvat(void)
{
	char c, room[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	int fd;

	if (recvmsg(num(1), &m, 0) <= 0 || CMSG_FIRSTHDR(&m) == NULL)
		return fail(ENOMSG);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return first_byte(openat(fd, word[2], O_RDONLY));
}

/* ---- programs ---- */

static char *const saying[] = { "probe", "say", NULL };

static int
memory(const char *file)
{
	int from = open(file, O_RDONLY | O_CLOEXEC), to = syscall(SYS_memfd_create, "probe", 0);
	char buf[65536];
	ssize_t n;

	if (from < 0 || to < 0)
		return -1;
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			return -1;
	return n < 0 ? -1 : to;
}

static long
exec(const char *file)
{
	return syscall(SYS_execve, file, saying, environ);
}

static long a_exec(void) { return exec(word[1]); }
static long a_self(void) { return exec("/proc/self/exe"); }

static long
a_execveat(void)
{
	int fd = open(word[1], O_PATH);

	return fd < 0 ? -1 : syscall(SYS_execveat, fd, "", saying, environ, AT_EMPTY_PATH);
}

static long
a_execfd(void)
{
	char path[64];
	int fd = open(word[1], O_PATH);

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return exec(path);
}

static long
a_memfd(void)
{
	int fd = memory(word[1]);

	return fd < 0 ? -1 : syscall(SYS_execveat, fd, "", saying, environ, AT_EMPTY_PATH);
}

static long
a_memfdpath(void)
{
	char path[64];
	int fd = memory(word[1]);

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return exec(path);
}

static long
a_ldso(void)
{
	char *const argv[] = { word[1], word[2], "say", NULL };

	return syscall(SYS_execve, word[1], argv, environ);
}

/* How a child went; "ran" is said by itself. */
static long
reap(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		siglongjmp(next, 1);
	if (WIFEXITED(status) && WEXITSTATUS(status) == TRAPPED)
		siglongjmp(next, 1);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return fail(WIFEXITED(status) ? WEXITSTATUS(status) : EINTR);
}

static long
a_forkexec(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		child = 1;
		exec(word[1]);
		_exit(errno);
	}
	return reap(pid);
}

static long
a_vforkexec(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		child = 1;
		exec(word[1]);
		_exit(errno);
	}
	child = 0;	/* of the memory that was shared */
	return reap(pid);
}

static long
a_spawn(void)
{
	pid_t pid;
	int e = posix_spawn(&pid, word[1], NULL, NULL, saying, environ);

	return e ? fail(e) : reap(pid);
}

static void *
exec_thread(void *arg)
{
	(void)arg;
	exec(word[1]);
	return (void *)(long)errno;
}

static void *
read_thread(void *arg)
{
	(void)arg;
	return a_read() < 0 ? (void *)(long)errno : NULL;
}

static long
in_thread(void *(*f)(void *))
{
	pthread_t t;
	void *e = NULL;

	thread_trapped = 0;
	if ((errno = pthread_create(&t, NULL, f, NULL)))
		return -1;
	pthread_join(t, &e);
	if (thread_trapped)
		siglongjmp(next, 1);
	return e ? fail((long)e) : 0;
}

static long a_threadexec(void) { return in_thread(exec_thread); }
static long a_threadread(void) { return in_thread(read_thread); }

static long
a_forkread(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		child = 1;
		_exit(a_read() < 0 ? errno : 0);
	}
	return reap(pid);
}

static long
a_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return reap(pid);
}

/* A grandchild whose parents are gone reads, and tells by a pipe. */
static long
a_orphan(void)
{
	int p[2];
	char c = 0;
	pid_t pid;

	if (pipe(p) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		child = 1;
		setsid();
		while (getppid() == pid)
			sched_yield();
		c = a_read() < 0 ? errno : 0;
		_exit(write(p[1], &c, 1) != 1);
	}
	close(p[1]);
	if (waitpid(pid, NULL, 0) < 0 || read(p[0], &c, 1) != 1)
		return fail(EPIPE);
	return c ? fail(c) : 0;
}

/* ---- executable memory ---- */

#if defined(__x86_64__)
static const unsigned char ret[] = { 0xc3 };
#else
static const unsigned char ret[] = { 0xc0, 0x03, 0x5f, 0xd6 };
#endif

static void
fault(int sig)
{
	(void)sig;
	siglongjmp(next, 2);
}

/* Calls what was written to the page: ok is that it ran. */
static long
call(void *page)
{
	signal(SIGSEGV, fault);
	__builtin___clear_cache((char *)page, (char *)page + sizeof(ret));
	((void (*)(void))page)();
	return 0;
}

static long
a_rwx(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -1;
	memcpy(page, ret, sizeof(ret));
	return call(page);
}

static long
a_mprotect(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -1;
	memcpy(page, ret, sizeof(ret));
	return mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0 ? -1 : call(page);
}

static long
a_pkey(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -1;
	memcpy(page, ret, sizeof(ret));
	return syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1) < 0 ? -1 : call(page);
}

/* Readable memory alone: with READ_IMPLIES_EXEC it runs. */
static long
a_readexec(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -1;
	memcpy(page, ret, sizeof(ret));
	return call(page);
}

static long
a_mapfile(void)
{
	int fd = open(word[1], O_RDONLY);

	if (fd < 0)
		return -1;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static long
a_shmexec(void)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
	void *page;

	if (id < 0)
		return -1;
	page = shmat(id, NULL, SHM_EXEC);
	shmctl(id, IPC_RMID, NULL);
	if (page == (void *)-1)
		return -1;
	memcpy(page, ret, sizeof(ret));
	return call(page);
}

static long
a_personality(void)
{
	return syscall(SYS_personality, READ_IMPLIES_EXEC) < 0 ? -1 : a_readexec();
}

/* ---- ways into the kernel ---- */

#if defined(__x86_64__)
static long
a_int80(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "r8", "r9", "r10", "r11", "memory");
	return r < 0 ? fail(-r) : 0;
}
static long a_x32(void) { return syscall(SYS_getpid | 0x40000000); }
#endif

static long
a_clone3(void)
{
	struct { unsigned long v[8]; } args = { .v = { [0] = num(1), [4] = SIGCHLD } };
	long pid = syscall(NR_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : reap(pid);
}

static long
a_clone(void)
{
	long pid = syscall(SYS_clone, num(1) | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : reap(pid);
}

static long a_unshare(void) { return syscall(SYS_unshare, num(1)); }
static long a_setns(void) { return syscall(SYS_setns, open(word[1], O_RDONLY), 0); }
static long a_setnsbad(void) { return syscall(SYS_setns, -1, 0); }
static long a_mount(void) { return syscall(SYS_mount, "none", word[1], "tmpfs", 0, NULL); }
static long a_umount(void) { return syscall(SYS_umount2, word[1], 0); }
static long a_pivot(void) { return syscall(SYS_pivot_root, "/nowhere", "/nowhere"); }
static long a_fsopen(void) { return syscall(NR_fsopen, "tmpfs", 0); }
static long a_fspick(void) { return syscall(NR_fspick, AT_FDCWD, "/", 0); }
static long a_opentree(void) { return syscall(NR_open_tree, AT_FDCWD, "/", 1); }
static long a_fsconfig(void) { return syscall(431, -1, -1, NULL, NULL, 0); }
static long a_fsmount(void) { return syscall(432, -1, 0, 0); }
static long a_movemount(void) { return syscall(NR_move_mount, -1, "", -1, "", 0); }
static long a_setattr(void) { return syscall(NR_mount_setattr, -1, "", 0, NULL, 0); }

static long
a_iouring(void)
{
	struct io_uring_params p = { 0 };

	return syscall(NR_io_uring_setup, 4, &p);
}
static long a_iouring_enter(void) { return syscall(NR_io_uring_enter, -1, 0, 0, 0, NULL, 0); }
static long a_iouring_register(void) { return syscall(NR_io_uring_register, -1, 0, NULL, 0); }

/* A socket, or a file, asked of the kernel's own worker. */
static long
ring(int op, int fd, const char *path, unsigned len, unsigned long off, unsigned flags)
{
	struct io_uring_params p = { 0 };
	int r = syscall(NR_io_uring_setup, 4, &p);
	unsigned char *sq, *cq;
	struct io_uring_sqe *e;
	struct io_uring_cqe *c;

	if (r < 0)
		return -1;
	sq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r, IORING_OFF_SQ_RING);
	cq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r, IORING_OFF_CQ_RING);
	e = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || e == MAP_FAILED)
		return -1;
	memset(e, 0, sizeof(*e));
	e->opcode = op;
	e->fd = fd;
	e->addr = (unsigned long)path;
	e->len = len;
	e->off = off;
	e->open_flags = flags;
	*(unsigned *)(sq + p.sq_off.tail) += 1;
	if (syscall(NR_io_uring_enter, r, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	c = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	return c->res < 0 ? fail(-c->res) : c->res;
}
static long a_ringsocket(void) { return ring(45, num(1), NULL, num(3), num(2), 0); }
static long a_ringopen(void) { return ring(IORING_OP_OPENAT, AT_FDCWD, word[1], 0, 0, O_RDONLY); }

static long a_bpf(void) { union bpf_attr a = { 0 }; return syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)); }
static long a_keyring(void) { return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1); }
static long a_addkey(void) { return syscall(SYS_add_key, "user", "escape", "x", 1, KEY_SPEC_PROCESS_KEYRING); }
static long a_requestkey(void) { return syscall(SYS_request_key, "user", "escape-none", NULL, 0); }
static long a_userfaultfd(void) { return syscall(SYS_userfaultfd, 1 /* user mode only */); }
static long a_kexec(void) { return syscall(SYS_kexec_load, 0, 17, NULL, 0); }
static long a_initmodule(void) { return syscall(SYS_init_module, NULL, 0, ""); }
static long a_finitmodule(void) { return syscall(SYS_finit_module, -1, "", 0); }
static long a_deletemodule(void) { return syscall(SYS_delete_module, "no such module", O_NONBLOCK); }
static long a_quotactl(void) { return syscall(SYS_quotactl, 0x80000100 /* Q_SYNC */, "/nowhere", 0, NULL); }
static long a_swapon(void) { return syscall(SYS_swapon, "/nowhere", 0); }
static long a_swapoff(void) { return syscall(SYS_swapoff, "/nowhere"); }
static long a_reboot(void) { return syscall(SYS_reboot, 0, 0, 0, NULL); }
static long a_syslog(void) { return syscall(SYS_syslog, 10 /* size of the buffer */, NULL, 0); }
static long a_acct(void) { return syscall(SYS_acct, "/nowhere"); }
static long a_sethostname(void) { return syscall(SYS_sethostname, "", -1); }
static long a_settime(void) { struct timespec t = { 0, -1 }; return syscall(SYS_clock_settime, CLOCK_REALTIME, &t); }
#if defined(__x86_64__)
static long a_iopl(void) { return syscall(SYS_iopl, 3); }
static long a_ioperm(void) { return syscall(SYS_ioperm, 0x80, 1, 1); }
#endif

static long
a_perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_TASK_CLOCK,
		.exclude_kernel = 1, .exclude_hv = 1 };

	return syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
}

/* ---- other processes ---- */

static long a_kill(void) { return kill(num(1), num(2)); }
static long a_killgroup(void) { return kill(-num(1), num(2)); }
static long a_tkill(void) { return syscall(SYS_tkill, num(1), num(2)); }
static long a_tgkill(void) { return syscall(SYS_tgkill, num(1), num(1), num(2)); }

static long
a_sigqueue(void)
{
	siginfo_t i = { .si_signo = num(2), .si_code = SI_QUEUE };

	return syscall(SYS_rt_sigqueueinfo, num(1), num(2), &i);
}

static long
a_tgsigqueue(void)
{
	siginfo_t i = { .si_signo = num(2), .si_code = SI_QUEUE };

	return syscall(SYS_rt_tgsigqueueinfo, num(1), num(1), num(2), &i);
}

static long
a_pidfdkill(void)
{
	int fd = syscall(NR_pidfd_open, num(1), 0);

	return fd < 0 ? -1 : syscall(SYS_pidfd_send_signal, fd, num(2), NULL, 0);
}

/* The kernel signals the owner of a descriptor: ok is that it was asked to. */
static long
a_setown(void)
{
	int p[2];
	struct { int type, pid; } owner = { 1 /* F_OWNER_PID */, num(1) };

	if (pipe(p) < 0)
		return -1;
	if (strcmp(word[2], "ex") == 0 ? fcntl(p[0], F_SETOWN_EX, &owner) < 0 : fcntl(p[0], F_SETOWN, num(1)) < 0)
		return -1;
	return fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK) < 0 ? -1 : write(p[1], "x", 1);
}

static long
a_fiosetown(void)
{
	int s[2], pid = num(1), on = 1;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		return -1;
	if (ioctl(s[0], 0x8901 /* FIOSETOWN */, &pid) < 0 || ioctl(s[0], FIOASYNC, &on) < 0)
		return -1;
	return write(s[1], "x", 1);
}

static long
a_prlimit(void)
{
	struct rlimit l;

	if (syscall(SYS_prlimit64, num(1), RLIMIT_CORE, NULL, &l) < 0)
		return -1;
	return syscall(SYS_prlimit64, num(1), RLIMIT_CORE, &l, NULL);
}
/* to what it is, which everybody may */
static long
a_setpriority(void)
{
	int now = (errno = 0, getpriority(PRIO_PROCESS, num(1)));

	return errno ? -1 : setpriority(PRIO_PROCESS, num(1), now);
}
static long a_ioprio(void) { return syscall(SYS_ioprio_set, 1, num(1), 2 << 13 | 4); }

static long
a_affinity(void)
{
	unsigned long mask[16];
	long n = syscall(SYS_sched_getaffinity, num(1), sizeof(mask), mask);

	return n < 0 ? -1 : syscall(SYS_sched_setaffinity, num(1), n, mask);
}

static long
a_ptrace(void)
{
	int status;

	if (ptrace(num(2), num(1), NULL, NULL) < 0)
		return -1;
	if (num(2) == PTRACE_ATTACH) {
		waitpid(num(1), &status, __WALL);
		ptrace(PTRACE_DETACH, num(1), NULL, NULL);	/* or it stays stopped */
	}
	return 0;
}

static long
a_vmread(void)
{
	char c;
	struct iovec to = { &c, 1 }, from = { (void *)strtoul(word[2], NULL, 0), 1 };

	return syscall(SYS_process_vm_readv, num(1), &to, 1, &from, 1, 0);
}

static long
a_vmwrite(void)
{
	char c = 0;
	struct iovec from = { &c, 1 }, to = { (void *)strtoul(word[2], NULL, 0), 1 };

	return syscall(SYS_process_vm_writev, num(1), &from, 1, &to, 1, 0);
}

static long
a_getfd(void)
{
	int fd = syscall(NR_pidfd_open, num(1), 0);

	return fd < 0 ? -1 : syscall(NR_pidfd_getfd, fd, 0, 0);
}
static long a_getfdbad(void) { return syscall(NR_pidfd_getfd, -1, 0, 0); }
static long a_kcmp(void) { return syscall(SYS_kcmp, getpid(), num(1), 1 /* KCMP_VM */, 0, 0); }

static long
a_procmem(void)
{
	int fd = open(word[1], O_RDONLY);
	char c;

	return fd < 0 ? -1 : pread(fd, &c, 1, strtoul(word[2], NULL, 0));
}

/* ---- users ---- */

static long a_setuid(void) { return setuid(num(1)); }
static long a_euid0(void) { return geteuid() == 0 ? 0 : fail(EPERM); }

/* ---- terminals ---- */

static long a_tiocsti(void) { return ioctl(0, TIOCSTI, "x"); }
static long a_tioclinux(void) { char c[] = { num(1), 0 }; return ioctl(0, TIOCLINUX, c); }
static long a_tiocsetd(void) { int d = 0; return ioctl(0, TIOCSETD, &d); }

/* ---- network ---- */

static struct sockaddr_in
local(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static long a_socket(void) { return socket(num(1), num(2), num(3)); }

static long
a_connect(void)	/* TYPE PROTOCOL PORT */
{
	struct sockaddr_in to = local(num(3));
	int s = socket(AF_INET, num(1), num(2));

	return s < 0 ? -1 : connect(s, (struct sockaddr *)&to, sizeof(to));
}

static long
a_connectfd(void)	/* a socket that was handed over: FD PORT */
{
	struct sockaddr_in to = local(num(2));

	return connect(num(1), (struct sockaddr *)&to, sizeof(to));
}

static long
a_connect6(void)	/* the same by a mapped address: PORT */
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(num(1)) };
	int s = socket(AF_INET6, SOCK_STREAM, 0);

	memcpy(&to.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	return s < 0 ? -1 : connect(s, (struct sockaddr *)&to, sizeof(to));
}

static long
a_bind(void)	/* TYPE PROTOCOL PORT */
{
	struct sockaddr_in at = local(num(3));
	int s = socket(AF_INET, num(1), num(2)), on = 1;

	if (s < 0)
		return -1;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(s, (struct sockaddr *)&at, sizeof(at));
}

/* bind(2) takes AF_UNSPEC with no address for AF_INET. */
static long
a_bindunspec(void)
{
	struct sockaddr_in at = { .sin_family = AF_UNSPEC };
	int s = socket(AF_INET, SOCK_STREAM, 0);

	return s < 0 ? -1 : bind(s, (struct sockaddr *)&at, sizeof(at));
}

static long
a_listen(void)	/* without bind: PROTOCOL */
{
	int s = socket(AF_INET, SOCK_STREAM, num(1));

	return s < 0 ? -1 : listen(s, 1);
}

/* Does somebody from the same process get in at a port nobody has bound? */
static long
a_accept(void)
{
	struct sockaddr_in at;
	socklen_t n = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0 || listen(s, 1) < 0 || fcntl(s, F_SETFL, O_NONBLOCK) < 0 || getsockname(s, (struct sockaddr *)&at, &n) < 0)
		return -1;
	return accept(s, NULL, NULL) >= 0 || errno == EAGAIN ? 0 : -1;
}

static long
a_fastopen(void)	/* sendto|sendmsg|sendmmsg|connect PORT */
{
	struct sockaddr_in to = local(num(2));
	struct iovec v = { "x", 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &v, .msg_iovlen = 1 } };
	int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (s < 0)
		return -1;
	if (strcmp(word[1], "sendto") == 0)
		return sendto(s, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to));
	if (strcmp(word[1], "sendmsg") == 0)
		return sendmsg(s, &m.msg_hdr, MSG_FASTOPEN);
	if (strcmp(word[1], "sendmmsg") == 0)
		return syscall(SYS_sendmmsg, s, &m, 1, MSG_FASTOPEN);
	if (setsockopt(s, IPPROTO_TCP, 30 /* TCP_FASTOPEN_CONNECT */, &on, sizeof(on)) < 0)
		return -1;
	if (connect(s, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	return write(s, "x", 1);
}

/* SMC is also had by turning a TCP socket into one of it. */
static long
a_ulp(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	return s < 0 ? -1 : setsockopt(s, IPPROTO_TCP, TCP_ULP, word[1], strlen(word[1]));
}

static long
a_udp(void)	/* connect|sendto|sendmsg|sendmmsg|unspec PORT */
{
	struct sockaddr_in to = local(num(2));
	struct iovec v = { "x", 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &v, .msg_iovlen = 1 } };
	int s = word[3][0] ? num(3) : socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0)
		return -1;
	if (strcmp(word[1], "unspec") == 0)
		to.sin_family = AF_UNSPEC;
	if (strcmp(word[1], "connect") == 0)
		return connect(s, (struct sockaddr *)&to, sizeof(to)) < 0 ? -1 : write(s, "x", 1);
	if (strcmp(word[1], "sendmsg") == 0)
		return sendmsg(s, &m.msg_hdr, 0);
	if (strcmp(word[1], "sendmmsg") == 0)
		return syscall(SYS_sendmmsg, s, &m, 1, 0);
	return sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
}

/* The address of a path, or of the abstract name behind @. */
static socklen_t
unix_address(struct sockaddr_un *to, const char *name)
{
	size_t n = strlen(name);

	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, name, n);
	if (name[0] == '@')
		to->sun_path[0] = 0;
	else
		n++;
	return offsetof(struct sockaddr_un, sun_path) + n;
}

static long
a_unix(void)	/* TYPE NAME */
{
	struct sockaddr_un to;
	socklen_t n = unix_address(&to, word[2]);
	int s = socket(AF_UNIX, num(1), 0);

	return s < 0 ? -1 : connect(s, (struct sockaddr *)&to, n);
}

static long
a_unixpair(void)	/* an end of a pair needs no socket(2), and has an address to send to: TYPE NAME */
{
	struct sockaddr_un to;
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_name = &to, .msg_namelen = unix_address(&to, word[2]), .msg_iov = &v, .msg_iovlen = 1 };
	int s[2];

	return socketpair(AF_UNIX, num(1), 0, s) < 0 ? -1 : sendmsg(s[0], &m, 0);
}

static long
a_unixsend(void)	/* on a datagram socket of our own, or on the descriptor given: NAME [FD] */
{
	struct sockaddr_un to;
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_name = &to, .msg_namelen = unix_address(&to, word[1]), .msg_iov = &v, .msg_iovlen = 1 };
	int s = word[2][0] ? num(2) : socket(AF_UNIX, SOCK_DGRAM, 0);

	return s < 0 ? -1 : sendmsg(s, &m, 0);
}

/* ---- */

static const struct {
	const char *name;
	long (*act)(void);
} acts[] = {
	{ "read", a_read }, { "write", a_write }, { "rdwr", a_rdwr }, { "append", a_append }, { "creat", a_creat },
	{ "trunc", a_trunc }, { "rtrunc", a_rtrunc }, { "truncate", a_truncate }, { "tmpfile", a_tmpfile },
	{ "mkdir", a_mkdir }, { "rmdir", a_rmdir }, { "unlink", a_unlink }, { "symlink", a_symlink }, { "link", a_link },
	{ "rename", a_rename }, { "exchange", a_exchange }, { "whiteout", a_whiteout }, { "mknod", a_mknod },
	{ "mkchr", a_mkchr }, { "mkfifo", a_mkfifo }, { "chroot", a_chroot }, { "readdir", a_readdir }, { "stat", a_stat },
	{ "chmod", a_chmod }, { "chown", a_chown }, { "utime", a_utime }, { "inotify", a_inotify },
	{ "mode3", a_mode3 }, { "mode3ioctl", a_mode3ioctl }, { "openat2", a_openat2 }, { "reopen", a_reopen },
	{ "beneath", a_beneath }, { "chdir", a_chdir }, { "fchdir", a_fchdir }, { "linkfd", a_linkfd }, { "swap", a_swap }, { "flip", a_flip },
	{ "handle", a_handle }, { "byhandle", a_byhandle },
	{ "fd", a_fd }, { "at", a_at }, { "fdread", a_fdread }, { "fds", a_fds }, { "recvat", a_recvat },
	{ "exec", a_exec }, { "self", a_self }, { "execveat", a_execveat }, { "execfd", a_execfd }, { "memfd", a_memfd },
	{ "memfdpath", a_memfdpath }, { "ldso", a_ldso }, { "forkexec", a_forkexec }, { "vforkexec", a_vforkexec },
	{ "spawn", a_spawn }, { "threadexec", a_threadexec }, { "threadread", a_threadread }, { "forkread", a_forkread },
	{ "fork", a_fork }, { "orphan", a_orphan },
	{ "rwx", a_rwx }, { "mprotect", a_mprotect }, { "pkey", a_pkey }, { "readexec", a_readexec }, { "mapfile", a_mapfile },
	{ "shmexec", a_shmexec }, { "personality", a_personality },
#if defined(__x86_64__)
	{ "int80", a_int80 }, { "x32", a_x32 }, { "iopl", a_iopl }, { "ioperm", a_ioperm },
#endif
	{ "clone3", a_clone3 }, { "clone", a_clone }, { "unshare", a_unshare }, { "setns", a_setns }, { "setnsbad", a_setnsbad },
	{ "mount", a_mount }, { "umount", a_umount }, { "pivot", a_pivot }, { "fsopen", a_fsopen }, { "fspick", a_fspick },
	{ "opentree", a_opentree }, { "fsconfig", a_fsconfig }, { "fsmount", a_fsmount }, { "movemount", a_movemount }, { "setattr", a_setattr }, { "iouring", a_iouring },
	{ "iouring_enter", a_iouring_enter }, { "iouring_register", a_iouring_register }, { "ringsocket", a_ringsocket },
	{ "ringopen", a_ringopen }, { "bpf", a_bpf }, { "keyring", a_keyring }, { "addkey", a_addkey },
	{ "requestkey", a_requestkey }, { "userfaultfd", a_userfaultfd }, { "kexec", a_kexec }, { "initmodule", a_initmodule },
	{ "finitmodule", a_finitmodule }, { "deletemodule", a_deletemodule }, { "quotactl", a_quotactl },
	{ "swapon", a_swapon }, { "swapoff", a_swapoff }, { "reboot", a_reboot }, { "syslog", a_syslog }, { "acct", a_acct },
	{ "sethostname", a_sethostname }, { "settime", a_settime }, { "perf", a_perf },
	{ "kill", a_kill }, { "killgroup", a_killgroup }, { "tkill", a_tkill }, { "tgkill", a_tgkill }, { "sigqueue", a_sigqueue },
	{ "tgsigqueue", a_tgsigqueue }, { "pidfdkill", a_pidfdkill }, { "setown", a_setown }, { "fiosetown", a_fiosetown },
	{ "prlimit", a_prlimit }, { "setpriority", a_setpriority }, { "ioprio", a_ioprio }, { "affinity", a_affinity },
	{ "ptrace", a_ptrace }, { "vmread", a_vmread }, { "vmwrite", a_vmwrite }, { "getfd", a_getfd },
	{ "getfdbad", a_getfdbad }, { "kcmp", a_kcmp }, { "procmem", a_procmem },
	{ "setuid", a_setuid }, { "euid0", a_euid0 },
	{ "tiocsti", a_tiocsti }, { "tioclinux", a_tioclinux }, { "tiocsetd", a_tiocsetd },
	{ "socket", a_socket }, { "connect", a_connect }, { "connect6", a_connect6 }, { "connectfd", a_connectfd }, { "bind", a_bind }, { "bindunspec", a_bindunspec },
	{ "listen", a_listen }, { "accept", a_accept }, { "fastopen", a_fastopen }, { "ulp", a_ulp }, { "udp", a_udp }, { "unix", a_unix },
	{ "unixpair", a_unixpair }, { "unixsend", a_unixsend },
};

static void
one(const char *text)
{
	static char line[512];
	char *save = NULL;
	size_t i;
	long r;

	snprintf(line, sizeof(line), "%s", text);
	for (i = 0; i < 8; i++)
		if ((word[i] = strtok_r(i ? NULL : line, " ", &save)) == NULL)
			word[i] = "";
	switch (sigsetjmp(next, 1)) {
	case 1:
		say("SIGSYS");
		return;
	case 2:
		say("SIGSEGV");
		return;
	}
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].name, word[0]) != 0)
			continue;
		r = acts[i].act();
		if (r >= 0)
			say("ok");
		else
			say(strerrorname_np(errno) ? strerrorname_np(errno) : "unknown errno");
		return;
	}
	say("no such act");
}

/* Someone outside: counts SIGIO, and says how many came at each line of input. */
static volatile sig_atomic_t got;
static void count(int sig) { (void)sig; got++; }

static int
partner(void)
{
	struct sigaction a = { .sa_handler = count, .sa_flags = SA_RESTART };
	char c, text[32];

	sigaction(SIGIO, &a, NULL);
	snprintf(text, sizeof(text), "%p", (void *)&got);
	say(text);
	while (read(0, &c, 1) == 1) {
		snprintf(text, sizeof(text), "%d", (int)got);
		say(text);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct sigaction a = { .sa_handler = trapped, .sa_flags = SA_NODEFER };
	int apart = 0, status, i = 1;
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "say") == 0) {
		say("ran");
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "partner") == 0)
		return partner();
	if (i < argc && strcmp(argv[i], "-f") == 0)
		apart = 1, i++;
	/* READ_IMPLIES_EXEC as the parent of a launcher would have it. */
	if (i + 1 < argc && strcmp(argv[i], "-x") == 0) {
		if (personality(READ_IMPLIES_EXEC) < 0)
			return 3;
		execv(argv[i + 1], argv + i + 1);
		return 3;
	}
	sigaction(SIGSYS, &a, NULL);
	for (; i < argc; i++) {
		if (!apart) {
			one(argv[i]);
			continue;
		}
		if ((pid = fork()) == 0) {
			one(argv[i]);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 3;
		if (WIFSIGNALED(status))
			say(WTERMSIG(status) == SIGSYS ? "SIGSYS" : "signal");
	}
	return 0;
}
