/*
 * One thread at a time in the library, and no signal handler meanwhile: around
 * whatever reads or writes the state of the process. And whose state it is,
 * which a child of vfork(2) shares with its parent.
 */
#include "threads.h"

/*
 * musl parks threads too, in a handler of this one, when setuid(2) is called:
 * so it is let in, or the two would wait for each other. With glibc it is the
 * program's, whose handler may leave by longjmp(3), and is kept out.
 */
#define MUSL_SIGNAL 34

#define MADV_WIPEONFORK_ 18

#define WAITED 0x80000000u

static struct meeting *the_meeting;

void sleep_on(uint32_t *word, uint32_t value, long ms)
{
	struct kernel_timespec limit = { ms / 1000, ms % 1000 * 1000000 };

	sys(NR_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, ms < 0 ? NULL : &limit);
}

void wake(uint32_t *word)
{
	sys(NR_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX);
}

struct meeting *meeting_held(void)
{
	return load(&the_meeting);
}

struct meeting *meeting(void)
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
			filtered_remember();
			pledge_remember();
			unveil_remember();
		}
		return false;
	}
	if (caller == (uint32_t)sys(NR_getppid))
		return true;
	if (replace(&m->pid, caller, pid)) {
		filtered_recall();
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

uint64_t musl_signal(void)
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

