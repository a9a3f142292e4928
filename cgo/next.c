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

/* Written between threads_enter() and threads_leave(), and read there, but for
 * children of vfork(2), which hold no lock: one of two is left as it is, and
 * a third is not made of what is asked for again. */
static struct next {
	struct filter_options of;
	struct sock_filter program[FILTER_MAX];
	int length;		/* negative: an errno */
	struct sock_filter signals[SIGNALS_MAX];
	int signals_length;	/* 0: they may be sent to others too */
} filters[2];
static struct next *kept;	/* NULL: images to come are not pledged */

static struct next *now_kept(void)
{
	return __atomic_load_n(&kept, __ATOMIC_ACQUIRE);
}

/* Whether what is asked for is what a filter was made of; the rest stays as it is in a process. */
static bool alike(const struct filter_options *a, const struct filter_options *b)
{
	return a->next == (b->next | PROMISE_BIT(PROMISE_EXEC)) && a->next_no_layer == b->next_no_layer &&
		a->uid == b->uid && a->gid == b->gid;
}

void next_keep(const struct filter_options *of)
{
	struct next *n = now_kept();
	struct filter_options *o;

	if (n != NULL && alike(&n->of, of))
		return;
	n = &filters[n == filters];
	o = &n->of;
	*o = *of;
	o->only_next = o->only_pid = true;
	o->n = 0;
	o->behind = NULL;
	o->next |= PROMISE_BIT(PROMISE_EXEC);
	o->pid = ANY_PID;
	n->signals_length = o->next & PROMISE_BIT(PROMISE_PROC) ? 0 : filter_build(n->program, o);
	if (n->signals_length > SIGNALS_MAX)
		n->signals_length = -E2BIG;
	for (int i = 0; i < n->signals_length; i++)
		n->signals[i] = n->program[i];
	o->only_pid = false;
	n->length = n->signals_length < 0 ? n->signals_length : filter_build(n->program, o);
	__atomic_store_n(&kept, n, __ATOMIC_RELEASE);
}

void next_forget(void)
{
	__atomic_store_n(&kept, NULL, __ATOMIC_RELEASE);
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

static int put_on(const struct next *n)
{
	struct sock_filter signals[SIGNALS_MAX];
	struct sock_fprog program = { (unsigned short)n->length, (struct sock_filter *)n->program };
	int err = n->length < 0 ? n->length : threads_apply_one(&program);

	if (err < 0 || n->signals_length == 0)
		return err;
	for (int i = 0; i < n->signals_length; i++) {
		signals[i] = n->signals[i];
		if (signals[i].code == BPF_JMP_JEQ_K && signals[i].k == ANY_PID)
			signals[i].k = (uint32_t)sys(NR_getpid);
	}
	program.len = (unsigned short)n->signals_length;
	program.filter = signals;
	return threads_apply_one(&program);
}

int next_put_on(int dir, const char *path, int flags)
{
	const struct next *n = now_kept();
	uint64_t mask;
	int err;

	if (n == NULL)
		return 0;
	err = look_for(dir, path, flags);
	if (err < 0)
		return err;
	err = threads_enter(&mask);
	if (err < 0)
		return err;
	n = now_kept();
	err = n != NULL ? put_on(n) : 0;
	threads_leave(mask);
	return err;
}
