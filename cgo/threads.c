/*
 * Limits for every thread of the process, or for none.
 *
 * A process of one thread applies them to itself, and that is all: every
 * child of fork(2) is one. With more threads, seccomp binds all at once
 * (TSYNC), and so does Landlock from ABI 8 on. Below it each thread must
 * restrict itself, so that they are brought together first: park.c.
 *
 * What is left to know: system calls that a signal ends, such as poll(2) and
 * nanosleep(2), return EINTR in the other threads (not from ABI 8 on). A
 * child that a thread forks before it is parked came first, and is free.
 */
#include "threads.h"

static bool filtered;		/* a filter of ours is on, and io_uring with it off */
static bool filtered_at_first;

void filtered_remember(void)
{
	filtered_at_first = filtered;
}

void filtered_recall(void)
{
	filtered = filtered_at_first;
}

bool threads_single(void)
{
	long ret = sys(NR_unshare, CLONE_THREAD_);	/* 0 for one thread, and changes nothing */
	int tasks;

	if (ret == 0 || ret == -EINVAL)
		return ret == 0;
	/* The filters of containers refuse every unshare(2). */
	tasks = tasks_open();
	if (tasks < 0)
		return false;
	ret = tasks_count(tasks);
	sys(NR_close, tasks);
	return ret == 1;
}

static int refuse_worker(struct meeting *m, int tasks, int32_t tid)
{
	(void)m;
	return tasks_kind(tasks, tid) == WORKER ? -EOPNOTSUPP : 0;
}

/* ABI 11 sets no_new_privs with the layer, or neither. */
int restrict_self(int ruleset, unsigned flags)
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

/* Landlock in each thread, below ABI 8. */
static int apply_parked(struct meeting *m, int tasks, int ruleset, const struct sock_fprog *program)
{
	int error, ret = park(m, tasks);

	if (ret != 0)
		return ret;
	ret = restrict_self(-1, 0);
	if (ret == 0 && program != NULL)
		ret = can_filter_all();
	if (ret == 0)
		ret = restrict_self(ruleset, 0);
	if (ret == 0)
		ret = filter(program, true);
	error = park_end(m, ret == 0 ? ruleset : -1);
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
	if ((ruleset >= 0 && kernel_abi() < 8) || !filtered) {
		tasks = tasks_open();
		/* Who could be seen is not passed over: there may be a descriptor later. */
		if (tasks == -EMFILE || tasks == -ENFILE || tasks == -ENOMEM)
			return tasks;
		tasks_highest();	/* while /proc can be read */
	}
	if (tasks >= 0 && !filtered)
		ret = tasks_each(tasks, refuse_worker, m);
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
