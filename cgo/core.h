/*
 * What the files of libunveil share. None of it is seen outside: the library
 * is compiled with -fvisibility=hidden, and unveil.h is its interface.
 *
 * Every file may make raw system calls (sys.h) and use the stack and static
 * memory. None may allocate, call libc, take a lock that fork(2) can leave
 * held, print, or end the process; with exceptions: handler.c speaks and
 * aborts over a violation, preload.c ends a process that a launcher cannot
 * confine, and exec.c calls the exec functions that it stands in for.
 *
 * Functions return 0 or more when they succeed, and a negative errno.
 */
#ifndef UNVEIL_CORE_H
#define UNVEIL_CORE_H

#include "sys.h"	/* first: it says what the headers of libc declare */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function that stays one: the library is smaller by it. */
#define ALONE __attribute__((noinline))

/* A set of promises: bit N is the promise of place N in the table. */
typedef uint64_t promise_set;

/* words.c: the words of pledge(2) */
#define WORDS_MAX 1024	/* bytes of a promise string, its NUL included */
int words_parse(const char *words, promise_set *set);	/* -EFAULT -EINVAL -ENAMETOOLONG */
const char *words_name(unsigned place);			/* NULL: no such promise */
promise_set words_expand(promise_set set);		/* the flags that fattr and chown share, semantics of 1.1 */
const char *call_name(unsigned nr);			/* NULL: no such system call */

/* Executable memory: last is the address behind its last byte, which is where
 * the pointer of a system call that ends there is. Ranges rise and do not
 * overlap. */
struct range {
	uint64_t first, last;
};

/* filter.c: the seccomp program, the same that package pledge compiles */
enum violations {
	LAUNCH_VIOLATIONS,	/* calls on paths are EACCES, all others the end: suits a program that was not written for pledge */
	END_VIOLATIONS,		/* all are the end, as on OpenBSD */
	ERRNO_VIOLATIONS,	/* none is: EACCES and EPERM */
	LOG_VIOLATIONS,		/* the same, by way of the handler, which prints a line; without it the end */
};
#define TRAP_PLACE(data)	((data) & 0xff)	/* of a trap: the place of the promise that was lacking, from 1; 0: none grants the call */
#define TRAP_ERRNO(data)	((data) >> 8)	/* what the call returns; 0: it is the end */
struct filter_options {
	promise_set set;
	uint32_t pid, uid, gid;
	enum violations on_violation;
	bool no_truncate;	/* Landlock below ABI 3 */
	bool no_layer;		/* no Landlock layer holds paths */
	bool keep_handler;	/* handler_install() has been; of this image only */
	/* Image-bound: what is not granted is a violation only from these
	 * ranges, and allowed from elsewhere. n is 0 when the program is for
	 * every image. next are what an exec'd image may do (execpromises),
	 * when it is not everything. */
	const struct range *ranges;
	unsigned n;
	bool next_bound;
	promise_set next;
	bool next_no_layer;
	bool only_next;		/* for those alone, wherever their code is; n is 0 */
	bool only_pid;		/* beside it: hold no call but of signals, of which the other does not know who is meant */
	bool foreign;		/* image-bound, next is free: 32-bit calls too; image_foreign() says when */
	/* A program that is on already, whatever else is: what it answers alike
	 * is left to it. NULL is none. */
	const struct filter_options *behind;
};
#define FILTER_MAX 4096	/* BPF_MAXINSNS */
int filter_build(struct sock_filter program[FILTER_MAX], const struct filter_options *);	/* length; -E2BIG -EINVAL */
bool filter_may_be_behind(const struct filter_options *, const struct filter_options *on);
bool ranges_alike(const struct range *, unsigned n, const struct range *, unsigned m);	/* ranges.c */

/* image.c: the executable mappings of this image, for a filter bound to it */
#define RANGES_MAX 512
int image_maps(int kept);	/* /proc/self/maps, a descriptor, or what it gave before; -EOPNOTSUPP; -EMFILE -ENFILE -ENOMEM: it may be there later */
int image_ranges(int maps, struct range ranges[RANGES_MAX]);	/* how many; -EOPNOTSUPP: cannot be bound, inherit instead */
	/* may be asked again: it reads maps from the start */
bool image_foreign(void);			/* no segment hides where 32-bit code is */

/* threads.c: every thread, all or nothing */
bool threads_single(void);
int threads_apply(int ruleset, const struct sock_fprog *);	/* ruleset -1: none; program NULL: none */
	/* -EAGAIN -EOPNOTSUPP -ESRCH -E2BIG -ENOMEM -EMFILE */
int threads_apply_one(const struct sock_fprog *);	/* this thread alone; -ENOMEM */
bool threads_vforked(void);	/* a vfork child: nothing of its parent's may be written */
/* Around whatever reads or writes the state of the process: one thread at a
 * time, and no signal handler meanwhile. mask takes what threads_leave gives
 * back. -EAGAIN: this thread is inside already. */
int threads_enter(uint64_t *mask);
void threads_leave(uint64_t mask);

/* next.c: execpromises, for exec.c */
void next_keep(const struct filter_options *);	/* next and what goes with it counts */
void next_forget(void);
int next_put_on(int dir, const char *path, int flags);	/* on this thread, which is to execute path. 0, also where
	 * nothing is kept; -ENOENT and the like: there is nothing to execute; -EAGAIN -ENOMEM -E2BIG */

/* handler.c: SIGSYS */
int handler_install(void);
_Noreturn void handler_violation(const char *promise, const char *call);	/* the line, and SIGABRT */
void handler_log(const char *promise, const char *call);			/* the line alone, once: there is one such call */

/* fork.c */
void fork_violates(bool end);	/* else it is logged */
void fork_foresee(void);	/* before a process is made, by whatever function */
int handler_action(int signal, const struct kernel_sigaction *, struct kernel_sigaction *old);	/* sigaction(2), either may be NULL */

/* kernel.c: what this kernel can do, asked once */
int kernel_abi(void);			/* Landlock ABI, at most the newest known; 0: none */
uint64_t kernel_fs(void), kernel_net(void), kernel_scopes(void);
bool kernel_seccomp(void);

/* veil.c: the table of unveil(2); ruleset.c: the ruleset that it comes to */
#define VEIL_DIRS 128
#define VEIL_NAMES 128
struct veil_options {
	bool pledged;		/* kinds hold */
	promise_set set;	/* the kinds of access that are promised, and implied paths */
	bool layer;		/* promises make a layer even where nothing is unveiled */
	bool whole;		/* leave out what was unveiled: it is not sealed yet, or another layer has it */
	bool files;		/* hold nothing but where regular files are written, made and removed */
	bool promised;		/* hold nothing but the kinds of access that are promised: a filter holds the rest */
	bool strict;		/* UNVEIL_STRICT=1: no directory is widened for a path in it */
};
int veil_add(const char *path, const char *perms);	/* errors of unveil(2), negative */
bool veil_used(void);			/* something was unveiled */
unsigned veil_changes(void);		/* counts what was done to the table */
int veil_ruleset(const struct veil_options *);	/* a descriptor, -ENOENT: nothing to hold */
promise_set veil_implying(const struct veil_options *);	/* the promises whose paths a ruleset of these has */
void veil_end(void);			/* after it is sealed: nothing is added to it any more */
void veil_close(void);			/* no ruleset is made of it any more; its descriptors are closed */
bool veil_hides(int dir, const char *path, bool follow);	/* of the sealed table; needs no lock */

/* unveil.c */
int unveil_seal(void);	/* seals, for exec.c: a list that was sealed is closed */

/* setid.c */
bool set_id(void);	/* may this image have more rights than who started it? Then the environment is not to be listened to */

/* libc.c */
bool libc_is_glibc(void);
bool libc_secure(void);	/* this image has more rights than who started it, or it cannot be told */
/* what libc would fetch when the filter no longer lets it */
void libc_prepare(bool log);	/* log: syslog(3) too */
void libc_fetch(bool log);	/* the same, where libc may be called */

/* pledge.c: the state of the process, read and written between
 * threads_enter() and threads_leave() */
bool pledge_may_speak(void);	/* write(2) is no violation */
int pledge_unveil_asked(void);	/* may unveil(2) be called? 0; -ENOSYS under error; else does not return */
void pledge_remember(void);	/* enter.c: the first call of a process, with the state that it was made with */
void pledge_recall(void);	/* enter.c: a vfork child was first, and has written its own */
void unveil_remember(void);	/* the same, of the list */
void unveil_recall(void);
bool unveil_spoiled(void);	/* the list was changed so: it is nobody's, and can be held for nobody */
int seal(void);			/* what was unveiled goes to the kernel: for unveil(NULL, NULL), and exec.c */

/* What a function of unveil.h returns: 0, or -1 with errno. */
int answer(int ret);

#endif
