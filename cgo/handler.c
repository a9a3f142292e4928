/*
 * What follows a violation: the line, and SIGABRT; or the line and an errno,
 * where a launcher was told to log.
 *
 * The filter answers a violation with SECCOMP_RET_TRAP: the kernel does not
 * make the call, and sends SIGSYS to the thread that asked for it, also when
 * it is blocked or ignored (the process then ends by SIGSYS, status 159).
 * The handler here says what was asked for and ends the process by SIGABRT,
 * set back to its default and unblocked: a core, status 134, and no handler
 * of the program in between.
 *
 * The handler makes only calls that every filter of this library lets
 * through, with write(2) the exception, which stdio grants: without that
 * promise there is no line. It uses the stack and nothing else.
 *
 * The filter keeps the handler: rt_sigaction(2) changes nothing for SIGSYS from
 * then on. Not where the promise error or UNVEIL_VIOLATION make errnos of
 * violations, and not where programs that are exec'd inherit the filter, which
 * have handlers of their own to install: who takes the signal there decides
 * himself how he ends, and the call that was refused stays refused.
 */
#include "core.h"
#include "table_gen.h"

#include <signal.h>
#include <ucontext.h>

#define PR_GET_NAME_	16
#define SYS_SECCOMP_	1	/* si_code: by a filter */
#define COMM_MAX	16

/* The end of a handler; libc's own is not for us to name. */
#ifdef __x86_64__
__asm__(".text\n"
	".hidden unveil_sigreturn\n"
	".globl unveil_sigreturn\n"
	".type unveil_sigreturn, @function\n"
	"unveil_sigreturn:\n"
	"	mov $15, %eax\n"	/* rt_sigreturn */
	"	syscall\n"
	".size unveil_sigreturn, . - unveil_sigreturn\n");
void unveil_sigreturn(void);
#endif

int handler_action(int signal, const struct kernel_sigaction *action, struct kernel_sigaction *old)
{
	struct kernel_sigaction with;

	if (action != NULL) {
		with = *action;
#ifdef __x86_64__	/* arm64 returns by the vdso */
		if ((with.flags & KERNEL_SA_RESTORER) == 0) {
			with.flags |= KERNEL_SA_RESTORER;
			with.restorer = (void *)unveil_sigreturn;
		}
#endif
		action = &with;
	}
	return (int)sys(NR_rt_sigaction, signal, action, old, sizeof old->mask);
}

/* A line that is written at once. What does not fit is cut. */
struct line {
	char text[128];
	size_t used;
};

static void add(struct line *l, const char *text)
{
	while (*text != '\0' && l->used < sizeof l->text - 1)	/* the newline has its place */
		l->text[l->used++] = *text++;
}

static void add_number(struct line *l, unsigned long value)
{
	char digits[24], *first = digits + sizeof digits - 1;

	*first = '\0';
	do
		*--first = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	add(l, first);
}

/* comm[pid]: pledge "promise", syscall name */
static void speak(const char *promise, const char *call, long nr)
{
	struct line l = { .used = 0 };
	char comm[COMM_MAX + 1] = "?";

	sys(NR_prctl, PR_GET_NAME_, comm, 0, 0, 0);
	comm[COMM_MAX] = '\0';
	add(&l, comm);
	add(&l, "[");
	add_number(&l, (unsigned long)sys(NR_getpid));
	add(&l, "]: pledge \"");
	add(&l, promise);
	add(&l, "\", syscall ");
	if (call != NULL)
		add(&l, call);
	else
		add_number(&l, (unsigned long)nr);
	l.text[l.used++] = '\n';
	sys(NR_write, 2, l.text, l.used);
}

static _Noreturn void end(void)
{
	struct kernel_sigaction standard = { (void *)SIG_DFL, 0, NULL, 0 };
	uint64_t abort_only = 1ull << (SIGABRT - 1);

	handler_action(SIGABRT, &standard, NULL);
	sys(NR_rt_sigprocmask, SIG_UNBLOCK, &abort_only, NULL, sizeof abort_only);
	sys(NR_tgkill, sys(NR_getpid), sys(NR_gettid), SIGABRT);
	/* Another filter kept the signal from us. */
	for (;;)
		sys(NR_exit_group, 128 + SIGABRT);
}

_Noreturn void handler_violation(const char *promise, const char *call)
{
	if (pledge_may_speak())
		speak(promise, call, 0);
	end();
}

void handler_log(const char *promise, const char *call)
{
	static bool told;

	if (!__atomic_exchange_n(&told, true, __ATOMIC_RELAXED) && pledge_may_speak())
		speak(promise, call, 0);
}

/* What the signal did before, for those that no filter has sent. */
static struct kernel_sigaction before;

static void hand_on(int signal, siginfo_t *info, void *context)
{
	struct kernel_sigaction standard = { (void *)SIG_DFL, 0, NULL, 0 }, now;
	uint64_t mask = 1ull << (signal - 1);
	void (*handler)(int, siginfo_t *, void *);

	if (before.handler == (void *)SIG_IGN)
		return;
	if (before.handler != (void *)SIG_DFL) {
		__builtin_memcpy(&handler, &before.handler, sizeof handler);
		handler(signal, info, context);
		return;
	}
	handler_action(signal, &standard, NULL);
	if (handler_action(signal, NULL, &now) == 0 && now.handler == (void *)SIG_DFL) {
		sys(NR_rt_sigprocmask, SIG_UNBLOCK, &mask, NULL, sizeof mask);
		sys(NR_tgkill, sys(NR_getpid), sys(NR_gettid), signal);
		return;
	}
	/*
	 * The filter keeps the handler. What it answers to a violation is this
	 * very signal, and ends the process where the signal is blocked.
	 */
	sys(NR_rt_sigprocmask, SIG_BLOCK, &mask, NULL, sizeof mask);
	for (;;) {
		sys(NR_ptrace, -1, 0, 0, 0);	/* that no promise grants; no such request */
		sys(NR_exit_group, 128 + signal);
	}
}

#define CALLS_MAX 512	/* above every number that the table knows */

/* Whether this is the first violation of its kind in this process, for those that it survives. */
static bool first_of(unsigned place, unsigned nr)
{
	static uint32_t told[(PROMISES + 1) * CALLS_MAX / 32];
	unsigned i = place * CALLS_MAX + nr;
	uint32_t bit = 1u << (i % 32);

	if (place > PROMISES || nr >= CALLS_MAX)
		return true;
	return (__atomic_fetch_or(&told[i / 32], bit, __ATOMIC_RELAXED) & bit) == 0;
}

/* What the call returns that was not made: the kernel has put all registers back. */
static void return_errno(void *context, unsigned err)
{
	mcontext_t *registers = &((ucontext_t *)context)->uc_mcontext;

#ifdef __x86_64__
	registers->gregs[REG_RAX] = -(long long)err;
#else
	registers->regs[0] = -(unsigned long long)err;
#endif
}

/*
 * The data of a trap is the place of the promise that was lacking, from 1; 0
 * where none grants the call; and the errno, where the process goes on. A program with trapping filters of its own
 * cannot be told from ours, and ends here too: whoever could take a violation
 * for his own could go on after it.
 */
static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	const char *promise = NULL;
	unsigned data = (unsigned)info->si_errno, place = TRAP_PLACE(data), err = TRAP_ERRNO(data);

	if (info->si_code != SYS_SECCOMP_) {
		hand_on(signal, info, context);
		return;
	}
	if (place > 0)
		promise = words_name(place - 1);
	if (pledge_may_speak() && (err == 0 || first_of(place, (unsigned)info->si_syscall)))
		speak(promise != NULL ? promise : "", call_name((unsigned)info->si_syscall), info->si_syscall);
	if (err == 0)
		end();
	return_errno(context, err);
}

/*
 * Takes SIGSYS, on the alternate stack where the thread has one: a program
 * may have run out of its own. The handler of the program, if it has one, is
 * kept for signals that others send.
 */
int handler_install(void)
{
	struct kernel_sigaction ours = { (void *)on_sigsys, SA_SIGINFO | SA_ONSTACK, NULL, ~0ull }, was;
	int ret = handler_action(SIGSYS, NULL, &was);

	if (ret < 0 || was.handler == (void *)on_sigsys)
		return ret;
	before = was;
	return handler_action(SIGSYS, &ours, NULL);
}
