/*
 * fork(3) and vfork(3), in front of those of libc: where a launcher has not
 * promised proc, they say so before the call is made. C libraries make
 * processes with all signals blocked (musl, and glibc since 2.41), and shells
 * call vfork(3) so; a violation is then the end by SIGSYS, before the handler
 * can print its line.
 *
 * The line is all that this is about: the filter refuses the call whoever
 * makes it.
 *
 * Not part of libunveil.a: a static program is not preloaded into.
 */
#include "core.h"

#define RTLD_NEXT_ ((void *)-1l)

extern void *dlsym(void *, const char *);
#pragma weak dlsym

static enum forks { ALLOWED, THE_END, LOGGED } forks;

void fork_violates(bool end)
{
	forks = end ? THE_END : LOGGED;
}

void fork_foresee(void)
{
	if (forks == THE_END)
		handler_violation("proc", "fork");
	if (forks == LOGGED)
		handler_log("proc", "fork");
}

static long not_there(void)
{
	return answer(-ENOSYS);
}

/* What the functions below go on with: libc's, which returns to their caller. */
__attribute__((used, visibility("hidden"))) void *unveil_fork_next(unsigned long which)
{
	static void *real[2];
	void *function = __atomic_load_n(&real[which], __ATOMIC_RELAXED);

	fork_foresee();
	if (function == NULL && dlsym != NULL) {
		function = dlsym(RTLD_NEXT_, which == 0 ? "fork" : "vfork");
		__atomic_store_n(&real[which], function, __ATOMIC_RELAXED);
	}
	return function != NULL ? function : (void *)not_there;
}

/* Jumps, and not calls: vfork returns twice, and nothing of ours may be on the stack then. */
#ifdef __x86_64__
#define GO_ON(name, which) \
	__asm__(".text\n.globl " name "\n.type " name ", @function\n" name ":\n" \
		"	endbr64\n	mov $" which ", %edi\n	sub $8, %rsp\n	call unveil_fork_next\n	add $8, %rsp\n" \
		"	jmp *%rax\n.size " name ", . - " name "\n")
#else
#define GO_ON(name, which) \
	__asm__(".text\n.globl " name "\n.type " name ", %function\n" name ":\n" \
		"	hint #34\n	stp x29, x30, [sp, -16]!\n	mov x0, #" which "\n	bl unveil_fork_next\n	ldp x29, x30, [sp], 16\n" \
		"	mov x16, x0\n	br x16\n.size " name ", . - " name "\n")	/* hint #34: bti c */
#endif
GO_ON("fork", "0");
GO_ON("vfork", "1");
