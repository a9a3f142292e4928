/*
 * Execpromises as a filter of their own, which the exec functions put on
 * before they make the call.
 *
 * The filter of pledge(2) tells the images to come from this one by where the
 * code lies that makes a call, and a hostile one may map code where this one's
 * is. Against two filters that is of no use: the second asks nobody where he
 * is. It is not put on where the system call is made by the program itself, or
 * by a function of libc: posix_spawn(3), system(3), popen(3). Of what a child
 * of vfork(2) has pledged itself nothing is kept.
 *
 * It lets exec through, which is still to come. Where that fails it stays, on
 * the calling thread alone. Whom the next program may send a signal, itself, is
 * not known when it is made: that is a third one's, which waits for the number.
 */
#include "core.h"
#include "table_gen.h"

#include <errno.h>

#define X_OK_		1
#define AT_EACCESS_	0x200

#define SIGNALS_MAX	32
#define ANY_PID		0x7fffffffu	/* stands for the process that execs; no number of one is so high */

/* Written and read between threads_enter() and threads_leave(). */
static struct {
	struct sock_filter program[FILTER_MAX];
	int length;	/* 0: images to come are not pledged; negative: an errno */
	struct sock_filter signals[SIGNALS_MAX];
	int signals_length;	/* 0: they may be sent to others too */
} kept;

void next_keep(const struct filter_options *of)
{
	struct filter_options o = *of;

	o.only_next = true;
	o.n = 0;
	o.behind = NULL;
	o.next |= PROMISE_BIT(PROMISE_EXEC);
	o.only_pid = true;
	o.pid = ANY_PID;
	kept.signals_length = o.next & PROMISE_BIT(PROMISE_PROC) ? 0 : filter_build(kept.program, &o);
	if (kept.signals_length > SIGNALS_MAX)
		kept.signals_length = -E2BIG;
	for (int i = 0; i < kept.signals_length; i++)
		kept.signals[i] = kept.program[i];
	o.only_pid = false;
	kept.length = kept.signals_length < 0 ? kept.signals_length : filter_build(kept.program, &o);
}

void next_forget(void)
{
	kept.length = 0;
}

/* What cannot be executed by its name is not worth a filter that stays. */
static int look_for(int dir, const char *path, int flags)
{
	int err = (int)sys(NR_faccessat2, dir, path, X_OK_, AT_EACCESS_ | flags);

	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -EACCES:
	case -ELOOP:
	case -ENAMETOOLONG:
	case -EBADF:
		return err;
	default:	/* also where rpath is not promised: exec tells */
		return 0;
	}
}

static int put_on(void)
{
	struct sock_fprog program = { (unsigned short)kept.length, kept.program };
	struct sock_filter signals[SIGNALS_MAX];
	int err = threads_apply_one(&program);

	if (err < 0 || kept.signals_length == 0)
		return err;
	for (int i = 0; i < kept.signals_length; i++) {
		signals[i] = kept.signals[i];
		if (signals[i].code == BPF_JMP_JEQ_K && signals[i].k == ANY_PID)
			signals[i].k = (uint32_t)sys(NR_getpid);
	}
	program.len = (unsigned short)kept.signals_length;
	program.filter = signals;
	return threads_apply_one(&program);
}

int next_put_on(int dir, const char *path, int flags)
{
	uint64_t mask;
	int err;

	if (kept.length == 0)
		return 0;
	err = look_for(dir, path, flags);
	if (err < 0)
		return err;
	err = threads_enter(&mask);
	if (err < 0)
		return err;
	err = kept.length > 0 ? put_on() : kept.length;
	threads_leave(mask);
	return err;
}
