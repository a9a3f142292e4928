/*
 * Limits for every thread of the process, or for none.
 *
 * A process of one thread applies them to itself, and that is all: every
 * child of fork(2) is one. With more threads, seccomp binds all at once
 * (TSYNC), and so does Landlock from ABI 8 on. Below it each thread must
 * restrict itself, so that they are brought together first: a signal parks
 * each in a handler, the parked are counted against the kernel's own count,
 * and only when no thread is missing is anything applied. Up to there all is
 * undone by letting them go.
 *
 * Everything here may run in a signal handler, in a thread that blocks
 * signals, in a child of fork or vfork, after chroot(2) and setuid(2), and
 * without /proc. Parked threads may hold any lock of libc or of the program:
 * nothing here takes one, or allocates, or calls libc.
 *
 * What is left to know: system calls that a signal ends, such as poll(2) and
 * nanosleep(2), return EINTR in the other threads (not from ABI 8 on). A
 * child that a thread forks before it is parked came first, and is free.
 */
#include "core.h"

#include <signal.h>

/*
 * The signal by which threads are parked. The C libraries keep 32 to 34 from
 * programs, so that no sigfillset(3) blocks it. glibc has setuid(2) of all
 * threads on it, and musl pthread_cancel(3): what is not ours is handed on.
 */
#define PARK_SIGNAL 33
/*
 * musl parks threads too, in a handler of this one, when setuid(2) is called:
 * so it is let in, or the two would wait for each other. With glibc it is the
 * program's, whose handler may leave by longjmp(3), and is kept out.
 */
#define MUSL_SIGNAL 34

#define ANSWER_MS 2000	/* until a thread that does not answer is EAGAIN */
#define STUCK_MS 50	/* without progress, until the threads are let go and asked again; then twice as long */

#define CLONE_VM_ 0x100
#define CLONE_THREAD_ 0x10000
#define MADV_DONTFORK_ 10
#define MADV_WIPEONFORK_ 18
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define CLOCK_MONOTONIC_ 1

#define PF_IO_WORKER	0x00000010	/* flags of /proc/PID/stat: a thread of the kernel, */
#define PF_USER_WORKER	0x00004000	/* in the service of io_uring */

enum phase { IDLE, PARK, COMMIT, LET_GO };
enum state {
	EMPTY,
	UNASKED,
	ASKED,		/* the signal is on its way */
	PARKED,
	DONE,		/* has left, with error */
	GONE,		/* has ended, or is the first thread and a zombie */
};

struct thread {
	int32_t tid;
	uint32_t state;
	int32_t error;
	bool zombie;
};

/*
 * What threads share while they are brought together. It lies in a page that
 * fork wipes in the child, where no thread is left to let the lock go. A
 * vfork child shares it with its parent.
 */
struct meeting {
	uint32_t pid;		/* the process that calls; 0: none has */
	uint32_t lock;		/* the thread that is inside, and WAITED */
	uint32_t phase;		/* parked threads sleep on it */
	uint32_t events;	/* the leader sleeps on it */
	uint32_t inside;	/* handlers that may still look at the table */
	uint32_t room;		/* of the table, a power of 2; at most half is used */
	uint32_t used;
	bool silent_first;	/* only who has not answered is asked now */
	int32_t ruleset;
	struct thread *table;	/* by tid, open addressing */
};

#define WAITED 0x80000000u

static struct meeting *the_meeting;
static struct kernel_sigaction handed_on;	/* what had the signal before */
static bool filtered;		/* a filter of ours is on, and io_uring with it off */
static bool filtered_at_first;
static int32_t highest_tid;	/* pid_max, learnt while /proc could be read */

#define load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)

static bool replace(uint32_t *word, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Sleeps while *word is value, for ms milliseconds at most; ms < 0: no limit. */
static void sleep_on(uint32_t *word, uint32_t value, long ms)
{
	struct kernel_timespec limit = { ms / 1000, ms % 1000 * 1000000 };

	sys(NR_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, ms < 0 ? NULL : &limit);
}

static void wake(uint32_t *word)
{
	sys(NR_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX);
}

static long now_ms(void)
{
	struct kernel_timespec t = { 0, 0 };

	sys(NR_clock_gettime, CLOCK_MONOTONIC_, &t);
	return t.sec * 1000 + t.nsec / 1000000;
}

static struct meeting *meeting(void)
{
	struct meeting *m = load(&the_meeting), *other = NULL;
	long page;

	if (m != NULL)
		return m;
	page = sys(NR_mmap, NULL, sizeof *m, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
	if (page < 0 && page > -4096)
		return NULL;
	sys(NR_madvise, page, sizeof *m, MADV_WIPEONFORK_);
	m = (struct meeting *)page;
	if (__atomic_compare_exchange_n(&the_meeting, &other, m, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return m;
	sys(NR_munmap, page, sizeof *m);
	return other;
}

/* Whether this process of one thread shares its memory with another, which
 * only a vfork child does. False too where a container refuses unshare(2). */
static bool memory_shared(void)
{
	return sys(NR_unshare, CLONE_THREAD_) == 0 && sys(NR_unshare, CLONE_VM_) == -EINVAL;
}

/*
 * The pid in the page tells who shares it. 0: the first call, or fork has
 * wiped it. Our parent's: we are its vfork child. Any other: a vfork child of
 * ours called before we did, took itself for us, and has written its state.
 */
bool threads_vforked(void)
{
	struct meeting *m = meeting();
	uint32_t pid = (uint32_t)sys(NR_getpid), caller;

	if (m == NULL)
		return false;
	caller = load(&m->pid);
	if (caller == pid)
		return false;
	if (caller == 0) {
		if (memory_shared())
			return true;
		if (replace(&m->pid, 0, pid)) {
			filtered_at_first = filtered;
			pledge_remember();
			unveil_remember();
		}
		return false;
	}
	if (caller == (uint32_t)sys(NR_getppid))
		return true;
	if (replace(&m->pid, caller, pid)) {
		filtered = filtered_at_first;
		pledge_recall();
		unveil_recall();
	}
	return false;
}

/*
 * The signals that are kept out while the state is written: all but those
 * that the processor sends, and the one that threads are parked by, for
 * another thread may be about to. One lock is enough for a process, and it is
 * only taken with the signals out, so that no handler finds it taken by the
 * thread that it interrupts.
 */
static uint64_t bit(int signal)
{
	return 1ull << (signal - 1);
}

static uint64_t musl_signal(void)
{
	return libc_is_glibc() ? 0 : bit(MUSL_SIGNAL);
}

static void set_mask(uint64_t mask, uint64_t *old)
{
	sys(NR_rt_sigprocmask, SIG_SETMASK, &mask, old, sizeof mask);
}

int threads_enter(uint64_t *mask)
{
	uint64_t open = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP) | bit(SIGSYS) | bit(PARK_SIGNAL) | musl_signal();
	struct meeting *m = meeting();
	uint32_t self = (uint32_t)sys(NR_gettid), holder;

	if (m == NULL)
		return -ENOMEM;
	for (;;) {
		set_mask(~open, mask);
		if (threads_vforked())
			return 0;	/* one thread, and the lock is the parent's */
		if (replace(&m->lock, 0, self))
			return 0;
		holder = load(&m->lock);
		/* With its signals as they were: who waits must not keep others waiting. */
		set_mask(*mask, NULL);
		if ((holder & ~WAITED) == self)
			return -EAGAIN;
		if (holder != 0 && ((holder & WAITED) || replace(&m->lock, holder, holder | WAITED)))
			sleep_on(&m->lock, holder | WAITED, -1);
	}
}

void threads_leave(uint64_t mask)
{
	struct meeting *m = meeting();

	if (!threads_vforked() && (__atomic_exchange_n(&m->lock, 0, __ATOMIC_SEQ_CST) & WAITED))
		wake(&m->lock);
	set_mask(mask, NULL);
}

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

/*
 * A directory of the threads of this process; negative where /proc is not
 * there, or not ours to read. One that does not list this thread is not the
 * kernel's, whatever it is called.
 */
static int open_tasks(void)
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

/* The kernel's count of the threads, a zombie among them; negative errno. */
static long count_tasks(int tasks)
{
	struct kernel_stat status;
	long ret = sys(NR_fstat, tasks, &status);

	return ret < 0 ? ret : (long)status.nlink - 2;
}

bool threads_single(void)
{
	long ret = sys(NR_unshare, CLONE_THREAD_);	/* 0 for one thread, and changes nothing */
	int tasks;

	if (ret == 0 || ret == -EINVAL)
		return ret == 0;
	/* The filters of containers refuse every unshare(2). */
	tasks = open_tasks();
	if (tasks < 0)
		return false;
	ret = count_tasks(tasks);
	sys(NR_close, tasks);
	return ret == 1;
}

enum kind { WAITING, RUNNING, ZOMBIE, WORKER, ENDED, UNTOLD };

/* What kind of thread tid is, by /proc/self/task/TID/stat. */
static enum kind kind_of(int tasks, int32_t tid)
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

/*
 * Calls visit for every thread but this one, as far as /proc shows them.
 * Negative: what visit or the kernel returned.
 */
static int each_task(int tasks, int (*visit)(struct meeting *, int, int32_t), struct meeting *m)
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

static int refuse_worker(struct meeting *m, int tasks, int32_t tid)
{
	(void)m;
	return kind_of(tasks, tid) == WORKER ? -EOPNOTSUPP : 0;
}

/* The kernel restricts one thread: no_new_privs, without which it may not, and
 * the layer, if any. ABI 11 sets the first with the second, or neither. */
static int restrict_self(int ruleset, unsigned flags)
{
	long ret;

	if (ruleset >= 0 && kernel_abi() >= 11)
		return (int)sys(NR_landlock_restrict_self, ruleset, flags | LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS);
	ret = sys(NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (ret == 0 && ruleset >= 0)
		ret = sys(NR_landlock_restrict_self, ruleset, flags);
	return (int)ret;
}

static ALONE int filter(const struct sock_fprog *program, bool all)
{
	unsigned flags = all ? SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH : 0;

	return program == NULL ? 0 : (int)sys(NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

int threads_apply_one(const struct sock_fprog *program)
{
	int err = restrict_self(-1, 0);

	return err == 0 ? filter(program, false) : err;
}

/*
 * Whether all threads can take a filter: one that lets everything through
 * finds out, before anything is applied that could not be taken back. A
 * thread with filters of its own is ESRCH.
 */
static int can_filter_all(void)
{
	struct sock_filter allow = { BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW };
	struct sock_fprog program = { 1, &allow };

	return filter(&program, true);
}

static struct thread *find(struct meeting *m, int32_t tid)
{
	for (uint32_t i = (uint32_t)tid * 2654435761u;; i++) {
		struct thread *t = &m->table[i & (m->room - 1)];
		int32_t here = load(&t->tid);

		if (here == tid || here == 0)
			return t;
	}
}

static void tell_leader(struct meeting *m)
{
	__atomic_add_fetch(&m->events, 1, __ATOMIC_SEQ_CST);
	wake(&m->events);
}

static void attend(struct meeting *m)
{
	struct thread *self = find(m, (int32_t)sys(NR_gettid));
	uint32_t phase;

	if (load(&self->tid) == 0 || !replace(&self->state, ASKED, PARKED))
		return;
	tell_leader(m);
	while ((phase = load(&m->phase)) == PARK)
		sleep_on(&m->phase, PARK, -1);
	self->error = phase == COMMIT ? restrict_self(m->ruleset, 0) : 0;
	store(&self->state, DONE);
	tell_leader(m);
}

/* The handler of PARK_SIGNAL. No handler of the program runs in it, which
 * could leave by longjmp(3) while its thread is parked. */
static void on_park(int signal, siginfo_t *info, void *context)
{
	struct meeting *m = load(&the_meeting);
	uint32_t phase;

	if (m == NULL || info->si_code != SI_QUEUE || info->si_value.sival_ptr != (void *)m) {
		void (*other)(int, siginfo_t *, void *);

		__builtin_memcpy(&other, &handed_on.handler, sizeof other);
		if (handed_on.handler != (void *)SIG_DFL && handed_on.handler != (void *)SIG_IGN)
			other(signal, info, context);
		return;
	}
	/* Before the phase is looked at: the table stays while anyone is inside. */
	__atomic_add_fetch(&m->inside, 1, __ATOMIC_SEQ_CST);
	phase = load(&m->phase);
	if (phase == PARK)
		attend(m);
	else if (phase == LET_GO)	/* too late for this attempt; the next has to ask again */
		replace(&find(m, (int32_t)sys(NR_gettid))->state, ASKED, UNASKED);
	__atomic_sub_fetch(&m->inside, 1, __ATOMIC_SEQ_CST);
}

static void take_signal(void)
{
	struct kernel_sigaction ours = { (void *)on_park, SA_SIGINFO | SA_ONSTACK | SA_RESTART, NULL, ~musl_signal() };
	struct kernel_sigaction was;

	handler_action(PARK_SIGNAL, NULL, &was);
	if (was.handler != (void *)on_park) {
		handed_on = was;
		handler_action(PARK_SIGNAL, &ours, NULL);
	}
}

static void give_signal_back(void)
{
	struct kernel_sigaction now;

	handler_action(PARK_SIGNAL, NULL, &now);
	if (now.handler == (void *)on_park)
		handler_action(PARK_SIGNAL, &handed_on, NULL);
}

static int ask(struct meeting *m, struct thread *t)
{
	siginfo_t info;
	long ret;

	__builtin_memset(&info, 0, sizeof info);
	info.si_signo = PARK_SIGNAL;
	info.si_code = SI_QUEUE;	/* libc's own are SI_TKILL */
	info.si_pid = (pid_t)sys(NR_getpid);
	info.si_value.sival_ptr = m;
	store(&t->state, ASKED);
	ret = sys(NR_rt_tgsigqueueinfo, info.si_pid, t->tid, PARK_SIGNAL, &info);
	if (ret == -ESRCH)
		store(&t->state, GONE);
	else if (ret < 0) {
		store(&t->state, UNASKED);
		return -EAGAIN;		/* no room for a signal (RLIMIT_SIGPENDING) */
	}
	return 0;
}

/* Asks a thread that is seen, unless it has been. */
static int see(struct meeting *m, int tasks, int32_t tid)
{
	struct thread *t = find(m, tid);

	(void)tasks;
	if (t->tid == 0) {
		if (m->silent_first)
			return 0;
		if (m->used * 2 >= m->room)
			return -EAGAIN;	/* threads are born faster than they can be parked */
		m->used++;
		store(&t->state, UNASKED);
		store(&t->tid, tid);
	}
	if (t->state == GONE && !t->zombie)
		store(&t->state, UNASKED);	/* the number again, for a new thread */
	return t->state == UNASKED ? ask(m, t) : 0;
}

static uint32_t how_many(struct meeting *m, enum state state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->room; i++)
		n += m->table[i].tid != 0 && load(&m->table[i].state) == (uint32_t)state;
	return n;
}

/*
 * Asks the threads that have not been. Without /proc, every number is tried:
 * one that is nothing, or a thread of others, is ESRCH. 4,194,304 numbers
 * take 0.4 s, so that it is done only when all that are known are parked.
 */
static int see_all(struct meeting *m, int tasks)
{
	int32_t self, pid;

	if (tasks >= 0)
		return each_task(tasks, see, m);
	for (uint32_t i = 0; i < m->room; i++) {
		int ret = m->table[i].tid != 0 ? see(m, tasks, m->table[i].tid) : 0;

		if (ret < 0)
			return ret;
	}
	if (how_many(m, ASKED) != 0)
		return 0;
	self = (int32_t)sys(NR_gettid);
	pid = (int32_t)sys(NR_getpid);
	for (int32_t tid = 1; tid <= highest_tid; tid++) {
		int ret;

		if (tid == self || sys(NR_tgkill, pid, tid, 0) != 0)
			continue;
		ret = see(m, tasks, tid);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Threads that have not answered: those that never will are told apart.
 * 1 when all of them have yet to get a processor. */
static int examine_silent(struct meeting *m, int tasks)
{
	int32_t pid = (int32_t)sys(NR_getpid);
	int all_run = tasks >= 0;

	for (uint32_t i = 0; i < m->room; i++) {
		struct thread *t = &m->table[i];

		if (t->tid == 0 || load(&t->state) != ASKED)
			continue;
		if (sys(NR_tgkill, pid, t->tid, 0) == -ESRCH) {
			replace(&t->state, ASKED, GONE);
			continue;
		}
		if (tasks < 0)
			continue;
		switch (kind_of(tasks, t->tid)) {
		case WORKER:
			return -EOPNOTSUPP;
		case ZOMBIE:
			t->zombie = t->tid == pid;	/* the first thread stays until the last ends */
			replace(&t->state, ASKED, GONE);
			break;
		case ENDED:
			replace(&t->state, ASKED, GONE);
			break;
		case RUNNING:
			break;
		default:
			all_run = 0;
			break;
		}
	}
	return all_run;
}

/* Lets the parked go, with phase, and waits until they have left. The first error of them. */
static int let_go(struct meeting *m, enum phase phase)
{
	int error = 0;

	store(&m->phase, phase);
	wake(&m->phase);
	for (;;) {
		uint32_t events = load(&m->events);

		if (how_many(m, PARKED) == 0 && load(&m->inside) == 0)
			break;
		sleep_on(&m->events, events, 1);
	}
	for (uint32_t i = 0; i < m->room; i++)
		if (m->table[i].tid != 0 && m->table[i].state == DONE && m->table[i].error != 0 && error == 0)
			error = m->table[i].error;
	return error;
}

/*
 * Nothing moves: a thread may wait, with all signals blocked, for what a
 * parked one holds, such as a lock of libc in pthread_exit(3). All are let
 * go, and who was silent is waited for before the others are asked again.
 */
static void silent_ones_first(struct meeting *m)
{
	let_go(m, LET_GO);
	m->silent_first = true;
	store(&m->phase, PARK);
}

static void then_the_others(struct meeting *m)
{
	m->silent_first = false;
	for (uint32_t i = 0; i < m->room; i++)
		if (m->table[i].tid != 0 && m->table[i].state == DONE)
			store(&m->table[i].state, UNASKED);
}

/* Whether no thread but this one runs. */
static bool all_parked(struct meeting *m, int tasks, uint32_t known_before)
{
	uint32_t zombies = 0;

	if (m->silent_first || how_many(m, ASKED) != 0 || how_many(m, UNASKED) != 0)
		return false;
	if (tasks < 0)
		return m->used == known_before;	/* a whole pass has found no new one */
	for (uint32_t i = 0; i < m->room; i++)
		zombies += m->table[i].tid != 0 && m->table[i].state == GONE && m->table[i].zombie;
	/* Threads can only be made by threads that run: when the counts are
	 * equal, there is none, and there will be none. */
	return count_tasks(tasks) == (long)how_many(m, PARKED) + zombies + 1;
}

static int park_all(struct meeting *m, int tasks)
{
	long start = now_ms(), moved = start, looked = start, patience = STUCK_MS;
	uint32_t parked = 0;

	m->silent_first = false;
	store(&m->phase, PARK);
	for (;;) {
		uint32_t known = m->used, events;
		int ret = see_all(m, tasks);
		long now;

		if (ret < 0)
			return ret;
		if (all_parked(m, tasks, known))
			return 0;
		now = now_ms();
		if (m->silent_first && how_many(m, ASKED) == 0 && how_many(m, UNASKED) == 0) {
			then_the_others(m);
			moved = now;
			continue;
		}
		if (tasks < 0 && m->used != known)
			start = moved = now;	/* a pass takes its time */
		if (how_many(m, PARKED) != parked) {
			parked = how_many(m, PARKED);
			moved = now;
		}
		if (now - looked >= 10) {
			looked = now;
			ret = examine_silent(m, tasks);
			if (ret < 0)
				return ret;
			if (ret > 0)
				moved = now;
		}
		if (now - start >= ANSWER_MS)
			return -EAGAIN;
		if (now - moved >= patience) {
			silent_ones_first(m);
			patience *= 2;	/* a busy machine may be all that it is */
			parked = 0;
			moved = now_ms();
		}
		do {
			events = load(&m->events);
			if (how_many(m, ASKED) == 0)
				break;
			sleep_on(&m->events, events, 1);
		} while (now_ms() - now < 10);
	}
}

static void learn_highest_tid(void)
{
	char text[16];
	int fd = (int)sys(NR_openat, AT_FDCWD, "/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC, 0);
	long n = fd < 0 ? fd : sys(NR_read, fd, text, sizeof text - 1);

	if (fd >= 0)
		sys(NR_close, fd);
	if (n > 0) {
		text[n] = '\0';
		highest_tid = (int32_t)number(text);
	}
	if (highest_tid <= 0)
		highest_tid = 1 << 22;	/* PID_MAX_LIMIT */
}

/* Landlock in each thread, below ABI 8. */
static int apply_parked(struct meeting *m, int tasks, int ruleset, const struct sock_fprog *program)
{
	long count = tasks < 0 ? 1024 : count_tasks(tasks), memory;
	size_t size;
	int ret, error;

	if (count < 0)
		return (int)count;
	for (m->room = 256; m->room < 8 * (uint64_t)count;)
		m->room *= 2;
	size = m->room * sizeof *m->table;
	memory = sys(NR_mmap, NULL, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
	if (memory < 0 && memory > -4096)
		return (int)memory;
	sys(NR_madvise, memory, size, MADV_DONTFORK_);
	m->table = (struct thread *)memory;
	m->used = 0;
	m->ruleset = ruleset;

	take_signal();
	ret = park_all(m, tasks);
	if (ret == 0)
		ret = restrict_self(-1, 0);
	if (ret == 0 && program != NULL)
		ret = can_filter_all();
	if (ret == 0)
		ret = restrict_self(ruleset, 0);
	if (ret == 0)
		ret = filter(program, true);
	error = let_go(m, ret == 0 ? COMMIT : LET_GO);
	/* Where the signal still waits to be delivered, it must not meet its
	 * default, which ends the process. */
	if (how_many(m, ASKED) == 0)
		give_signal_back();
	store(&m->phase, IDLE);
	while (load(&m->inside) != 0)
		sleep_on(&m->inside, 1, 1);
	m->table = NULL;
	sys(NR_munmap, memory, size);
	return ret != 0 ? ret : error;
}

/* The kernel binds all threads. */
static ALONE int apply_at_once(int ruleset, const struct sock_fprog *program)
{
	int ret = 0;

	if (ruleset >= 0 && program != NULL) {
		ret = restrict_self(-1, 0);
		if (ret == 0)
			ret = can_filter_all();
	}
	if (ret == 0)
		ret = restrict_self(ruleset, LANDLOCK_RESTRICT_SELF_TSYNC);
	if (ret == 0)
		ret = filter(program, true);
	return ret;
}

/*
 * Kernel threads of io_uring keep the limits that they were made with, and
 * serve their ring without any system call: none may be there. What a filter
 * of ours is on has not made one since.
 *
 * Left open: without /proc they are not seen where nothing is parked, and a
 * ring that another thread makes between this look and a filter alone.
 */
static int apply_to_all(int ruleset, const struct sock_fprog *program)
{
	struct meeting *m = meeting();
	int tasks = -1, ret = 0;

	if (m == NULL)
		return -ENOMEM;
	if (ruleset >= 0 || !filtered) {
		tasks = open_tasks();
		if (highest_tid == 0)
			learn_highest_tid();
	}
	if (tasks >= 0 && !filtered)
		ret = each_task(tasks, refuse_worker, m);
	if (ret == 0) {
		if (ruleset >= 0 && kernel_abi() < 8)
			ret = apply_parked(m, tasks, ruleset, program);
		else
			ret = apply_at_once(ruleset, program);
	}
	if (tasks >= 0)
		sys(NR_close, tasks);
	return ret;
}

/*
 * Applies a ruleset, a filter, or both, to every thread; between
 * threads_enter() and threads_leave(). On failure nothing holds, with two
 * exceptions, both stricter than what was asked: memory that runs out after
 * the layer of Landlock is on, and a thread that had 16 layers of its own.
 */
int threads_apply(int ruleset, const struct sock_fprog *program)
{
	int ret;

	if (threads_single()) {
		ret = restrict_self(ruleset, 0);
		if (ret == 0)
			ret = filter(program, false);
	} else {
		ret = apply_to_all(ruleset, program);
	}
	if (ret == 0 && program != NULL && !threads_vforked())
		filtered = true;
	return ret;
}
