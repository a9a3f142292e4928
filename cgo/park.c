/*
 * Brings the threads together, so that each can restrict itself, which below
 * Landlock ABI 8 is the only way: a signal parks each in a handler, the parked
 * are counted against the kernel's own count, and only when no thread is
 * missing is anything applied. Up to there all is undone by letting them go.
 */
#include "threads.h"

#define ANSWER_MS 2000	/* until a thread that does not answer is EAGAIN */
#define STUCK_MS 50	/* without progress, until the threads are let go and asked again; then twice as long */

#define CLOCK_MONOTONIC_ 1
#define MADV_DONTFORK_ 10

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

static struct kernel_sigaction handed_on;	/* what had the signal before */

static long now_ms(void)
{
	struct kernel_timespec t = { 0, 0 };

	sys(NR_clock_gettime, CLOCK_MONOTONIC_, &t);
	return t.sec * 1000 + t.nsec / 1000000;
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
	struct meeting *m = meeting_held();
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
		return tasks_each(tasks, see, m);
	for (uint32_t i = 0; i < m->room; i++) {
		int ret = m->table[i].tid != 0 ? see(m, tasks, m->table[i].tid) : 0;

		if (ret < 0)
			return ret;
	}
	if (how_many(m, ASKED) != 0)
		return 0;
	self = (int32_t)sys(NR_gettid);
	pid = (int32_t)sys(NR_getpid);
	for (int32_t tid = 1; tid <= tasks_highest(); tid++) {
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
		switch (tasks_kind(tasks, t->tid)) {
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
	return tasks_count(tasks) == (long)how_many(m, PARKED) + zombies + 1;
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

static int end(struct meeting *m, enum phase phase)
{
	int error = let_go(m, phase);
	struct thread *table = m->table;

	/* Where the signal still waits to be delivered, it must not meet its
	 * default, which ends the process. */
	if (how_many(m, ASKED) == 0)
		give_signal_back();
	store(&m->phase, IDLE);
	while (load(&m->inside) != 0)
		sleep_on(&m->inside, 1, 1);
	m->table = NULL;
	sys(NR_munmap, table, m->room * sizeof *table);
	return error;
}

int park(struct meeting *m, int tasks)
{
	long count = tasks < 0 ? 1024 : tasks_count(tasks), memory;
	size_t size;
	int ret;

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

	take_signal();
	ret = park_all(m, tasks);
	if (ret != 0)
		end(m, LET_GO);
	return ret;
}

int park_end(struct meeting *m, int ruleset)
{
	m->ruleset = ruleset;
	return end(m, ruleset < 0 ? LET_GO : COMMIT);
}
