/*
 * Binds a filter to this image for real, tries the ways out of it, and runs a
 * next image. Prints one line a trial, "NAME: what came of it"; a test of
 * package pledge knows what must come. Violations are errnos here.
 *
 *	image maps		the ranges, held against /proc/self/maps
 *	image unbound WHAT	what image_maps() or image_ranges() say after WHAT
 *	image control		trials without a filter
 *	image bound		the same from inside, then this program again, which is free
 *	image next PROMISES	the same, and the next image is bound by PROMISES
 *	image trials		what the next image does
 */
#include "../core.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static struct range ranges[RANGES_MAX];
static struct sock_filter program[FILTER_MAX];

static int find(void)
{
	int maps = image_maps(-1), n;

	if (maps < 0)
		return maps;
	n = image_ranges(maps, ranges);
	close(maps);
	return n;
}

static int compare(void)
{
	/* So many that they do not come in one read, two of each touching. */
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int self = open("/proc/self/exe", O_RDONLY), many = 150;

	for (int i = 0; i < many; i++) {
		char *at = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		mmap(at + page, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, self, 0);
		mmap(at + 2 * page, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, self, 0);
	}

	FILE *maps = fopen("/proc/self/maps", "r");
	int n = find(), in = 0, ends = 0;
	unsigned long first, last;
	char line[512], perms[8];

	if (maps == NULL || n < 0) {
		printf("maps: %d\n", n);
		return 1;
	}
	while (fgets(line, sizeof line, maps) != NULL) {
		bool found = false;

		if (sscanf(line, "%lx-%lx %7s", &first, &last, perms) != 3 || perms[2] != 'x')
			continue;
		for (int i = 0; i < n; i++) {
			found |= ranges[i].first <= first && last <= ranges[i].last;
			ends += ranges[i].last == last;
		}
		if (!found) {
			printf("maps: lacks %s", line);
			return 1;
		}
		in++;
	}
	printf("maps: %s\n", in >= 2 * many + 4 && ends == n && n >= many + 4 && n < 2 * many ? "all" : "more than there is");
	return 0;
}

static int unbound(const char *what)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int n;

	if (strcmp(what, "writable") == 0)
		mmap(NULL, page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, open("/proc/self/exe", O_RDONLY), 0);
	else if (strcmp(what, "anonymous") == 0)
		mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else if (strcmp(what, "growing") == 0)
		mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
	else if (strcmp(what, "implied") == 0)
		personality(READ_IMPLIES_EXEC);
	else if (strcmp(what, "norandom") == 0)
		personality(ADDR_NO_RANDOMIZE);
	else if (strcmp(what, "stack") == 0) {
		char here;

		mprotect((void *)((unsigned long)&here & ~(page - 1)), page, PROT_READ | PROT_WRITE | PROT_EXEC);
	} else if (strcmp(what, "nothing") != 0)
		return 2;
	n = find();
	printf("%s: %s\n", what, n > 0 ? "bound" : n == -EOPNOTSUPP ? "EOPNOTSUPP" : "?");
	return 0;
}

static void say(const char *what, long ret)
{
	char text[32];

	snprintf(text, sizeof text, "%s", ret >= 0 ? "works" : strerrorname_np(-(int)ret));
	printf("%s: %s\n", what, text);
	fflush(stdout);
}

static long make_socket(void)
{
	return sys(NR_socket, AF_INET, SOCK_STREAM, 0);
}

/* What an image that is free can do, and one that is not, cannot. */
static int trials(void)
{
	void *p;

	say("next socket", make_socket());
	say("next open", sys(NR_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0));
	say("next create", sys(NR_openat, AT_FDCWD, "/nonexistent/file", O_WRONLY | O_CREAT, 0600));
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("next anonymous code", p == MAP_FAILED ? -errno : 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open("/proc/self/exe", O_RDONLY), 0);
	say("next code of a file", p == MAP_FAILED ? -errno : 0);
	say("next kill itself", sys(NR_kill, getpid(), 0));
	say("next kill its group", sys(NR_kill, -getpid(), 0));
	return 0;
}

#ifdef __x86_64__
static long last_rax;

/* The instruction behind the last of a text is nowhere: look what the call gave. */
static void behind(int signal, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)signal;
	(void)info;
	last_rax = c->uc_mcontext.gregs[REG_RAX];
	c->uc_mcontext.gregs[REG_RIP] = c->uc_mcontext.gregs[REG_RBX];
}

/* Calls socket(2) by an instruction in the last two bytes of a mapping. */
static long at_the_end(const unsigned char *end)
{
	register long r10 __asm__("r10") = 0;

	last_rax = 1000;
	__asm__ volatile("lea 1f(%%rip), %%rbx\n\tjmp *%[to]\n1:"
			 :
			 : "a"((long)NR_socket), "D"((long)AF_INET), "S"((long)SOCK_STREAM), "d"(0l), "r"(r10), [to] "r"(end - 2)
			 : "rbx", "rcx", "r11", "memory");
	return last_rax;
}

static long compat(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		long ret;

		__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20l) : "memory");
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? -EPERM : 0;
}
#endif

#ifdef __x86_64__
/* A 32-bit program, getpid() and exit(7), in a file of its own. */
static int small_program(void)
{
	static const unsigned char elf[] = {
		0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0x80, 0x04, 0x08, 52, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
		1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x04, 0x08, 0, 0x80, 0x04, 0x08,
		0x66, 0, 0, 0, 0x66, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
		0xb8, 20, 0, 0, 0, 0xcd, 0x80,
		0x31, 0xdb, 0xb3, 7, 0x31, 0xc0, 0x40, 0xcd, 0x80, 0x90, 0x90,
	};
	int fd = memfd_create("small", MFD_CLOEXEC);

	if (write(fd, elf, sizeof elf) != sizeof elf)
		exit(2);
	return fd;
}

static void run_small(int fd)
{
	char *none[] = { "small", NULL };
	int status;
	pid_t child = fork();

	if (child == 0) {
		fexecve(fd, none, none + 1);
		_exit(1);
	}
	waitpid(child, &status, 0);
	printf("a 32-bit image: %s\n", WIFEXITED(status) && WEXITSTATUS(status) == 7 ? "works" :
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "killed" : "no exec");
	fflush(stdout);
}
#endif

static int bound(char *self, bool control, const char *next)
{
	struct filter_options o = { .pid = (uint32_t)getpid(), .uid = getuid(), .gid = getgid(), .on_violation = ERRNO_VIOLATIONS, .ranges = ranges };
	struct sock_fprog prog = { 0, program };
	char *text[6], *room, *heap, *bigger;
	int n, shm, status, memfd = memfd_create("code", 0);
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char page[1 << 16];
	pid_t child;

	words_parse("stdio rpath proc exec", &o.set);
	if (next != NULL) {
		o.next_bound = true;
		if (words_parse(next, &o.next) != 0)
			return 2;
	}
	shm = shmget(IPC_PRIVATE, size, IPC_CREAT | 0700);
	/* A file of code, whose last two bytes are a system call. */
	memset(page, 0xcc, sizeof page);
	memcpy(page + size - 2, "\x0f\x05", 2);
	if (write(memfd, page, size) != (ssize_t)size)
		return 2;
	for (int i = 0; i < 6; i++) {
		room = mmap(NULL, 3 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		text[i] = mmap(room + size, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, memfd, 0);
	}
#ifdef __x86_64__
	struct sigaction a = { .sa_sigaction = behind, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &a, NULL);
	int small = small_program();
#endif
	n = find();
	if (n < 0) {
		say("find", n);
		return 1;
	}
	o.n = (unsigned)n;
	o.foreign = image_foreign();
	n = filter_build(program, &o);
	if (n < 0) {
		say("build", n);
		return 1;
	}
	prog.len = (unsigned short)n;
	heap = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!control && (n = (int)sys(NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog)) != 0) {
		say("seccomp", n);
		return 1;
	}
	say("socket", make_socket());
	child = fork();
	if (child == 0) {
		say("socket of a child", make_socket());
		_exit(0);
	}
	waitpid(child, &status, 0);
	say("clock of the vdso", time(NULL) > 1000 ? 0 : -EFAULT);
#ifdef __x86_64__
	say("end of a text", at_the_end((unsigned char *)text[0] + size));
	say("32-bit call", compat());
#endif
	bigger = mremap(heap, 1 << 20, 1 << 24, MREMAP_MAYMOVE);
	say("growing memory", bigger == MAP_FAILED ? -errno : 0);
	heap = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("moving memory to an address", mremap(bigger, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, heap) == MAP_FAILED ? -errno : 0);
	say("moving text", mremap(text[0], size, 2 * size, MREMAP_MAYMOVE) == MAP_FAILED ? -errno : 0);
	say("moving text to an address", mremap(text[1], size, size, MREMAP_MAYMOVE | MREMAP_FIXED, heap) == MAP_FAILED ? -errno : 0);
	say("moving text by a tagged address", sys(NR_mremap, (unsigned long)text[5] | 1ul << 60, size, 2 * size, MREMAP_MAYMOVE) < 0 ? -EACCES : 0);
	say("copying shared text", mremap(text[2], 0, size, MREMAP_MAYMOVE) == MAP_FAILED ? -errno : 0);
	say("leaving text behind", mremap(text[3], size, size, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */) == MAP_FAILED ? -errno : 0);
	say("anonymous code", mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -errno : 0);
	say("code of a file", mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, open("/proc/self/exe", O_RDONLY), 0) == MAP_FAILED ? -errno : 0);
	say("memory made code", mprotect(bigger + 4 * size, size, PROT_READ | PROT_EXEC) != 0 ? -errno : 0);
	say("memory made code by a key", syscall(SYS_pkey_mprotect, bigger + 6 * size, size, PROT_READ | PROT_EXEC, -1) != 0 ? -errno : 0);
	say("shared code", shmat(shm, NULL, SHM_EXEC) == (void *)-1 ? -errno : 0);
	say("a library", dlopen("libm.so.6", RTLD_NOW) == NULL ? -EACCES : 0);
	child = fork();
	if (child == 0) {	/* it stays what it is made here */
		say("personality", personality(READ_IMPLIES_EXEC) < 0 ? -errno : 0);
		say("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0) != 0 ? -errno : 0);
		_exit(0);
	}
	waitpid(child, &status, 0);
	say("remap_file_pages", syscall(SYS_remap_file_pages, text[4], size, 0, 0, 0) != 0 ? -errno : 0);
	say("process_vm_writev", process_vm_writev(getpid(), NULL, 0, NULL, 0, 0) != 0 ? -errno : 0);
#ifdef __x86_64__
	/* Where nothing is wrong with what is asked, it would be EEXIST and 0. */
	say("a vdso elsewhere", syscall(SYS_arch_prctl, 0x2003 /* ARCH_MAP_VDSO_64 */, 1ul << 40) != 0 && errno != EEXIST ? -errno : 0);
	say("a segment with a base", syscall(SYS_modify_ldt, 0, page, size) < 0 ? -errno : 0);
	run_small(small);
#endif
	child = fork();
	if (child == 0) {
		execl(self, self, "trials", (char *)NULL);
		say("exec", -errno);
		_exit(1);
	}
	waitpid(child, &status, 0);
	say("the next image", WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD);
	shmctl(shm, IPC_RMID, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "maps") == 0)
		return compare();
	if (strcmp(mode, "unbound") == 0 && argc > 2)
		return unbound(argv[2]);
	if (strcmp(mode, "control") == 0)
		return bound("/proc/self/exe", true, NULL);
	if (strcmp(mode, "bound") == 0)
		return bound("/proc/self/exe", false, NULL);
	if (strcmp(mode, "next") == 0 && argc > 2)
		return bound("/proc/self/exe", false, argv[2]);
	if (strcmp(mode, "trials") == 0)
		return trials();
	return 2;
}
