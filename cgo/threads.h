/*
 * What the files that bring limits to every thread share:
 *
 *	threads.c	applies them: to one thread, or to all at once
 *	park.c		brings threads together, below Landlock ABI 8
 *	tasks.c		what /proc says of the threads
 *	enter.c		one thread at a time in the library
 *
 * All of it may run in a signal handler, in a thread that blocks signals, in
 * a child of fork or vfork, after chroot(2) and setuid(2), and without /proc.
 * Parked threads may hold any lock of libc or of the program: nothing here
 * takes one, or allocates, or calls libc.
 */
#ifndef UNVEIL_THREADS_H
#define UNVEIL_THREADS_H

#include "core.h"

#include <signal.h>

/*
 * The signal by which threads are parked. The C libraries keep 32 to 34 from
 * programs, so that no sigfillset(3) blocks it. glibc has setuid(2) of all
 * threads on it, and musl pthread_cancel(3): what is not ours is handed on.
 */
#define PARK_SIGNAL 33

#define CLONE_VM_ 0x100
#define CLONE_THREAD_ 0x10000
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22

struct thread;	/* park.c */

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
	int32_t ruleset;	/* for all; -1: none */
	struct thread *table;	/* by tid, open addressing */
};

#define load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)

static inline bool replace(uint32_t *word, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* enter.c */
struct meeting *meeting(void);		/* NULL: no memory */
struct meeting *meeting_held(void);	/* NULL: there has been none */
uint64_t musl_signal(void);		/* a signal that has to be let in, as a set; or none */
void sleep_on(uint32_t *word, uint32_t value, long ms);	/* while *word is value, ms at most; ms < 0: no limit */
void wake(uint32_t *word);

/* tasks.c. tasks is a directory of the threads of this process; negative
 * where /proc is not there, or not ours to read. */
enum kind { WAITING, RUNNING, ZOMBIE, WORKER, ENDED, UNTOLD };

int tasks_open(void);
long tasks_count(int tasks);	/* the kernel's count of the threads, a zombie among them; negative errno */
enum kind tasks_kind(int tasks, int32_t tid);
/* Calls visit for every thread but this one, as far as /proc shows them.
 * Negative: what visit or the kernel returned. */
int tasks_each(int tasks, int (*visit)(struct meeting *, int tasks, int32_t tid), struct meeting *);
int32_t tasks_highest(void);	/* the highest number that a thread can have: learnt while /proc could be read */

/* park.c. 0: no thread but this one runs, until park_end(). -EAGAIN: one does
 * not answer; -EOPNOTSUPP: one is the kernel's; -ENOMEM. */
int park(struct meeting *, int tasks);
int park_end(struct meeting *, int ruleset);	/* each restricts itself by it, -1: none does. The first error */

/* threads.c. The kernel restricts one thread: no_new_privs, without which it
 * may not, and the layer, if any. */
int restrict_self(int ruleset, unsigned flags);
void filtered_remember(void);	/* enter.c: as pledge_remember() */
void filtered_recall(void);

#endif
