/*
 * pledge(2): what the process has promised, and how a call to it becomes a
 * filter and a layer.
 *
 * The state is ordinary memory, so that a child of fork has it as its kernel
 * state; it is read and written between threads_enter() and threads_leave(),
 * and recorded only after the kernel has taken what it says. A vfork child
 * records nothing: the memory is its parent's.
 *
 * Only calls that the set in force allows are made. Without stdio that is
 * little: no descriptor is closed, no memory mapped, and only a filter put on.
 */
#include "table_gen.h"
#include "unveil.h"
#include "veil.h"

#include <signal.h>

#define LAYERS_MAX 15	/* the kernel takes 16, those of a launcher among them */

struct process {
	bool pledged, exec_pledged;
	promise_set promises, exec;	/* exec: of the images to come, when exec_pledged */
	bool sealed;			/* what was unveiled is in a layer */
	bool partial;			/* of the kinds of access that were promised alone */
	bool layered;			/* a layer holds paths, made for layer_set */
	bool tmp;			/* a layer holds where files are made, made for layer_set */
	promise_set layer_set;
	promise_set implying;		/* whose paths stand open, once it is sealed */
	unsigned layers;		/* of ours */
	bool filtered;			/* filter is on; where it has ranges, they are code_ranges */
	struct filter_options filter;
};

static struct process now;

/* The code of this image, once a filter is bound to it: that lets it make no
 * more. Looked for until a filter is on, which may keep from looking again. */
static struct code {
	bool looked_for, foreign;
	int n;
} code;
static struct range code_ranges[RANGES_MAX];

/* /proc/self/maps, from before the list of unveil(2) that hides it; fd -1: none. */
static struct {
	struct object object;
	uint32_t pid;	/* whose: a child has that of its parent */
} maps_kept = { .object = { .fd = -1 } };

/* What a vfork child that takes itself for us may overwrite; it has no other
 * ranges to write than ours where there are some. */
static struct {
	struct process now;
	struct code code;
} at_first;

void pledge_remember(void)
{
	at_first.now = now;
	at_first.code = code;
}

#define BIT(name) PROMISE_BIT(PROMISE_##name)

/* Whether p may do what a promise grants: it has made it, or none yet. */
static bool held(const struct process *p, promise_set promise)
{
	return !p->pledged || (p->promises & promise) != 0;
}

bool pledge_may_speak(void)
{
	return held(&now, BIT(STDIO));
}

/* libc's errno, a weak reference: the library names no libc that it needs. */
extern int *__errno_location(void) __attribute__((weak));

int answer(int ret)
{
	if (ret >= 0)
		return 0;
	if (__errno_location != NULL)
		*__errno_location() = -ret;
	return -1;
}

/* ---- the environment */

extern char **environ __attribute__((weak));

static struct {
	bool read;
	bool inherit;	/* UNVEIL_EXEC=inherit */
	bool errnos;	/* UNVEIL_VIOLATION=errno */
	bool strict;	/* UNVEIL_STRICT=1 */
} wishes;

static bool same(const char *a, const char *b)
{
	while (*a == *b && *a != '\0')
		a++, b++;
	return *a == *b;
}

static void read_wishes(void)
{
	if (wishes.read)
		return;
	if (&environ != NULL && environ != NULL) {
		for (char **variable = environ; *variable != NULL; variable++) {
			wishes.inherit |= same(*variable, "UNVEIL_EXEC=inherit");
			wishes.errnos |= same(*variable, "UNVEIL_VIOLATION=errno");
			wishes.strict |= same(*variable, "UNVEIL_STRICT=1");
		}
	}
	if ((wishes.inherit || wishes.errnos || wishes.strict) && set_id())
		wishes.inherit = wishes.errnos = wishes.strict = false;
	wishes.read = true;
}

/* ---- the kernel */

/* More than a thread's stack may have. */
struct scratch {
	struct sock_filter program[FILTER_MAX];
	struct range ranges[RANGES_MAX], again[RANGES_MAX];
};

#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22

static struct scratch *kept;	/* what was had when stdio was given up: no more is to be had then */

static struct scratch *scratch_new(const struct process *was)
{
	long memory;

	if (!held(was, BIT(STDIO)))
		return kept;
	memory = sys(NR_mmap, NULL, sizeof(struct scratch), PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
	return memory < 0 && memory > -4096 ? NULL : (struct scratch *)memory;
}

static void scratch_done(const struct process *p, struct scratch *s)
{
	if (held(p, BIT(STDIO)))
		sys(NR_munmap, s, sizeof *s);
	else if (!threads_vforked())
		kept = s;
}

/* What an old kernel cannot hold of the promises: UNVEIL_STRICT=1 refuses it. */
static int gaps(promise_set set)
{
	static const struct {
		promise_set promise;
		int abi;
	} since[] = {
		{ BIT(UNIX), 9 },	/* sockets by path */
		{ BIT(DNS), 10 },	/* UDP to other ports */
	};

	for (size_t i = 0; i < sizeof since / sizeof *since; i++)
		if ((set & since[i].promise) != 0 && kernel_abi() < since[i].abi)
			return -EOPNOTSUPP;
	return 0;
}

/* What no rule of a ruleset depends on. */
#define IDLE (BIT(ERROR) | BIT(UNVEIL) | BIT(PROT_EXEC) | BIT(FLOCK) | BIT(FATTR) | BIT(CHOWN) | \
	BIT(SENDFD) | BIT(RECVFD) | BIT(ID) | BIT(SETTIME) | BIT(MCAST))

/* Whether the layer is of what p promises. */
static bool layer_current(const struct process *p)
{
	return (p->layered || p->tmp) && ((p->layer_set ^ p->promises) & ~IDLE) == 0;
}

/* While exec is held no layer is made of promises, which the next image could
 * not take off; but see wants_tmp(). */
static struct veil_options layer_options(const struct process *p)
{
	bool pledged = p->pledged && !held(p, BIT(EXEC));

	return (struct veil_options){
		.pledged = pledged,
		.set = p->pledged ? p->promises : 0,
		.layer = pledged,
		.strict = wishes.strict,
	};
}

/*
 * Whether a path stands open that a promise implies which p no longer makes.
 * The kinds of access that p promises are everywhere in a layer that leaves
 * out what was unveiled: it has to be of that once more. Without rpath there
 * is no need: what is implied is there to be read, but for the terminal and /tmp.
 */
static bool closes_implied(const struct process *p, const struct veil_options *options, promise_set implying)
{
	return p->sealed && veil_used() && options->pledged && held(p, BIT(RPATH)) && (p->implying & ~implying) != 0;
}

/*
 * Whether the images to come are free of this one's promises. Of what was
 * unveiled they are free too then, as far as can be: a layer holds the kinds
 * of access that are promised, and the filter, which is bound, those that are
 * not. Execpromises bind them to all of it.
 */
static bool frees_next(const struct process *p, bool bound)
{
	return bound && p->pledged && held(p, BIT(EXEC)) && !p->exec_pledged;
}

/*
 * Whether files are to be made in /tmp alone, by a program that executes
 * others. tmppath is worth nothing without a layer, and this is the least one;
 * the images to come inherit it, and neither write, make nor remove files
 * elsewhere. rpath and the filter hold the rest.
 */
static bool wants_tmp(const struct process *p, bool bound)
{
	return frees_next(p, bound) && held(p, BIT(TMPPATH)) && held(p, BIT(RPATH)) &&
		(p->promises & (BIT(WPATH) | BIT(CPATH))) != (BIT(WPATH) | BIT(CPATH));
}

/* Whether they are bound to more than was held so far. */
static bool completes(const struct process *p)
{
	return p->partial && veil_used() && held(p, BIT(EXEC)) && p->exec_pledged;
}

/* Whether a pledge to come may have a layer to make of what was unveiled. */
static bool lists_later(const struct process *p)
{
	return held(p, BIT(STDIO)) && ((held(p, BIT(RPATH)) && (p->implying & ~BIT(STDIO)) != 0) ||
		(p->partial && held(p, BIT(EXEC)) && !p->exec_pledged));
}

/*
 * The ruleset that p asks for beyond what is in force, as a descriptor, which
 * is noted in p; -ENOENT where a layer would narrow nothing. bound: the filter
 * is.
 */
static int new_layer(struct process *p, bool sealing, bool bound)
{
	struct veil_options options = layer_options(p);
	bool seals = sealing && !p->sealed && veil_used(), lists = seals || completes(p);
	promise_set implying = veil_implying(&options);
	int ruleset;

	options.promised = seals && frees_next(p, bound);
	options.files = !lists && wants_tmp(p, bound);
	options.whole = !lists && !closes_implied(p, &options, implying);
	options.pledged |= options.files;
	options.layer |= options.files;
	if (!lists && (!options.layer || layer_current(p)))
		return -ENOENT;
	if (p->layers >= LAYERS_MAX)
		return -E2BIG;
	ruleset = veil_ruleset(&options);
	if (ruleset < 0)
		return ruleset;
	p->layers++;
	p->sealed |= sealing;
	if (!options.whole)
		p->implying = implying;
	if (lists)
		p->partial = options.promised;
	if (options.layer) {
		p->layer_set = p->promises;
		p->tmp = options.files;
		p->layered |= !options.files;
	}
	return ruleset;
}

/* After a layer is on. */
static void end_veil(const struct process *p)
{
	if (!p->sealed || !veil_used() || threads_vforked())
		return;
	if (lists_later(p))
		veil_end();
	else
		veil_close();
}

/* The filter that p asks for, when it is not bound to this image. */
static struct filter_options options_of(const struct process *was, const struct process *p)
{
	struct filter_options o = {
		.set = p->promises,
		.pid = (uint32_t)sys(NR_getpid),
		.uid = UINT32_MAX,	/* chown(2) has this for "as it is" */
		.gid = UINT32_MAX,
		.on_violation = wishes.errnos ? ERRNO_VIOLATIONS : END_VIOLATIONS,
		.no_truncate = kernel_abi() < 3,
		/* A layer of more than p promises holds no path for it: without stdio none is made anew. */
		.no_layer = !p->layered || !layer_current(p),
		/* Without errnos: hand_on() relies on a call that traps. */
		.keep_handler = !wishes.errnos && !held(p, BIT(ERROR)),
	};

	if (held(was, BIT(STDIO))) {
		o.uid = (uint32_t)sys(NR_geteuid);
		o.gid = (uint32_t)sys(NR_getegid);
	}
	return o;
}

/* What the images to come may do. */
static void bind_next(struct filter_options *o, const struct process *p)
{
	o->next_bound = p->exec_pledged;
	o->next = p->exec | BIT(PROT_EXEC);	/* its loader maps code */
	o->next_no_layer = !p->layered;
}

/* Binds it to the first n ranges, and lets the images to come do what p says. */
static void bind_to(struct filter_options *o, const struct process *p, const struct range *ranges, int n, bool foreign)
{
	o->ranges = ranges;
	o->n = (unsigned)n;
	bind_next(o, p);
	o->no_layer = !p->layered && !p->tmp;
	o->foreign = foreign;
}

/* Or lets every image do what any of them may, and what a loader does. */
static void inherit(struct filter_options *o, const struct process *p)
{
	o->set |= BIT(PROT_EXEC) | BIT(RPATH) | (p->exec_pledged ? p->exec : 0);
	o->keep_handler = false;	/* an image to come has to install its own */
}

static int put_on(const struct process *was, struct filter_options *o, struct scratch *s, int ruleset)
{
	struct sock_fprog program = { 0, s->program };
	int ret;

	o->behind = was->filtered && filter_may_be_behind(o, &was->filter) ? &was->filter : NULL;
	ret = filter_build(s->program, o);
	if (ret < 0)
		return ret;
	program.len = (unsigned short)ret;
	return threads_apply(ruleset, &program);
}

static void copy(struct range *to, const struct range *from, int n)
{
	for (int i = 0; i < n; i++) {
		__asm__ volatile("");	/* or it becomes a call of memcpy(3) */
		to[i] = from[i];
	}
}

/*
 * A filter that is bound to this image, n ranges of it. What another thread
 * has mapped between the reading of maps and the filter would be left out:
 * with the filter on none can map more, and they are read again.
 */
static int put_on_bound(const struct process *was, struct filter_options *o, const struct process *p, struct scratch *s, int maps, struct code *found, int ruleset)
{
	int ret, n = found->n, again = n;

	bind_to(o, p, s->ranges, n, found->foreign);
	ret = put_on(was, o, s, ruleset);
	if (ret == 0 && maps >= 0 && !threads_single()) {
		again = image_ranges(maps, s->again);
		if (again < 0)
			return again;
		if (!ranges_alike(s->ranges, (unsigned)n, s->again, (unsigned)again)) {
			copy(s->ranges, s->again, again);
			bind_to(o, p, s->ranges, again, found->foreign);
			ret = put_on(was, o, s, -1);
		}
	}
	found->n = again;
	if (ret == 0 && !threads_vforked())
		copy(code_ranges, s->ranges, again);
	return ret;
}

/* Whether the images to come are to have another filter than this one. */
static bool wants_bound(const struct process *p)
{
	return held(p, BIT(EXEC)) && !held(p, BIT(PROT_EXEC)) && !wishes.inherit;
}

/* For the first pledge with exec and without prot_exec, which would not find where the code is behind a list. */
static int keep_maps(void)
{
	int fd;

	if (code.looked_for || !held(&now, BIT(EXEC)) || wishes.inherit || object_held(&maps_kept.object) || threads_vforked())
		return 0;
	fd = image_maps(-1);
	if (fd < 0)
		return fd == -EOPNOTSUPP ? 0 : fd;
	maps_kept.object.fd = lift(fd);
	maps_kept.pid = (uint32_t)sys(NR_getpid);
	return object_look(maps_kept.object.fd, NULL, &maps_kept.object, NULL);
}

static ALONE void forget_maps(void)
{
	if (object_held(&maps_kept.object))
		close_fd(maps_kept.object.fd);
	if (!threads_vforked())
		maps_kept.object.fd = -1;
}

/*
 * Gives to the kernel what p promises and was does not; p is mended by what
 * is learnt. Descriptors are closed before a filter without stdio is on.
 */
static ALONE int narrow(const struct process *was, struct process *p, struct scratch *s)
{
	/* Without stdio nothing can be unveiled, nor the list be held later. */
	bool stdio = held(p, BIT(STDIO)), sealing = !held(p, BIT(UNVEIL)) || !stdio;
	int kept = -1, maps = -1, n = 0, ruleset = -1, ret = 0;
	struct code found = code;
	struct filter_options o;

	if (wants_bound(p) && code.n > 0) {
		n = code.n;
		copy(s->ranges, code_ranges, n);
	} else if (wants_bound(p) && stdio && !code.looked_for) {
		found.looked_for = true;
		found.foreign = image_foreign();
		kept = object_held(&maps_kept.object) && maps_kept.pid == (uint32_t)sys(NR_getpid) ? maps_kept.object.fd : -1;
		maps = image_maps(kept);
		n = maps < 0 ? maps : image_ranges(maps, s->ranges);
		if (n == -EOPNOTSUPP)
			n = 0;
		found.n = n;
	}
	if (n >= 0 && held(was, BIT(STDIO))) {
		ruleset = new_layer(p, sealing, n > 0);
		if (ruleset < 0 && ruleset != -ENOENT)
			n = ruleset;
	}
	if (n >= 0 && p->partial && held(p, BIT(EXEC)) && p->exec_pledged)
		n = -EACCES;	/* the images to come are bound to all of the list, which cannot be looked at any more */
	if (held(was, BIT(STDIO)) && !stdio)
		forget_maps();
	if (n >= 0 && ruleset >= 0 && stdio && held(p, BIT(EXEC)) && held(p, BIT(PROT_EXEC)))
		n = keep_maps();
	p->tmp = p->tmp && wants_tmp(p, n > 0) && layer_current(p);
	if (n < 0)
		ret = n;
	else if (ruleset >= 0 && !stdio) {
		ret = threads_apply(ruleset, NULL);
		sys(NR_close, ruleset);
		ruleset = -1;
		if (ret == 0)
			end_veil(p);
	}
	if (ret == 0) {
		o = options_of(was, p);
		if (n > 0) {
			ret = put_on_bound(was, &o, p, s, maps, &found, ruleset >= 0 ? ruleset : -1);
		} else {
			if (held(p, BIT(EXEC)))
				inherit(&o, p);
			ret = put_on(was, &o, s, ruleset >= 0 ? ruleset : -1);
		}
		if (ret == 0 && !threads_vforked())
			code = found;
		p->filtered = true;
		p->filter = o;
		p->filter.behind = NULL;
		p->filter.ranges = code_ranges;
	}
	if (ruleset >= 0) {
		sys(NR_close, ruleset);
		if (ret == 0)
			end_veil(p);
	}
	if (maps >= 0 && maps != kept)
		sys(NR_close, maps);
	if (ret == 0 && stdio && (found.looked_for || !held(p, BIT(EXEC))))
		forget_maps();
	return ret;
}

int seal(void)
{
	struct process next = now;
	int ruleset, ret;

	if (kernel_abi() == 0)
		return -ENOSYS;
	if (unveil_spoiled())
		return -EOPNOTSUPP;
	if (!held(&now, BIT(STDIO)))
		return 0;	/* sealed by the pledge that gave it up */
	read_wishes();
	ruleset = new_layer(&next, true, wants_bound(&next) && code.n > 0);
	if (ruleset == -ENOENT)
		return 0;
	if (ruleset < 0)
		return ruleset;
	ret = keep_maps();
	if (ret == 0)
		ret = threads_apply(ruleset, NULL);
	sys(NR_close, ruleset);
	if (ret == 0)
		end_veil(&next);
	if (ret == 0 && !threads_vforked())
		now = next;
	return ret;
}

int pledge_unveil_asked(void)
{
	if (held(&now, BIT(UNVEIL)))
		return 0;
	if (held(&now, BIT(ERROR)))
		return -ENOSYS;
	if (wishes.errnos)
		return -EPERM;
	handler_violation("unveil", "unveil");
}

/* The exec functions bind the images to come once more, where they are pledged. */
static void keep_next(const struct process *p)
{
	struct filter_options o;

	if (!p->exec_pledged || !held(p, BIT(EXEC)))
		return next_forget();
	o = p->filtered ? p->filter : options_of(p, p);
	bind_next(&o, p);
	next_keep(&o);
}

void pledge_recall(void)
{
	now = at_first.now;
	code = at_first.code;
	keep_next(&now);
}

/* ---- the call */

/*
 * What the state becomes. Sets only shrink: a promise that was not there is
 * EPERM. With "error" in force, a request for more promises is cut down to
 * what there is, but one for more execpromises is not.
 */
static int request(struct process *p, const char *promises, const char *execpromises)
{
	promise_set set;
	int ret;

	if (promises != NULL) {
		ret = words_parse(promises, &set);
		if (ret < 0)
			return ret;
		if (p->pledged) {
			if (held(p, BIT(ERROR)))
				set &= p->promises;
			if ((words_expand(set) & ~words_expand(p->promises)) != 0)
				return -EPERM;
		}
		p->promises = set;
		p->pledged = true;
	}
	if (execpromises != NULL) {
		ret = words_parse(execpromises, &set);
		if (ret < 0)
			return ret;
		if (p->exec_pledged && (words_expand(set) & ~words_expand(p->exec)) != 0)
			return -EPERM;
		p->exec = set;
		p->exec_pledged = true;
	}
	return 0;
}

/* Whether the kernel holds p already, when it holds was. */
static bool nothing_new(const struct process *was, const struct process *p)
{
	bool exec_alike = was->exec_pledged == p->exec_pledged && was->exec == p->exec;

	return !p->pledged || (was->pledged && was->promises == p->promises && (exec_alike || !held(p, BIT(EXEC))));
}

static int pledge_inside(const char *promises, const char *execpromises)
{
	struct process next = now;
	struct scratch *s;
	int ret = request(&next, promises, execpromises);

	if (ret < 0)
		return ret;
	if (kernel_abi() == 0 || !kernel_seccomp())
		return -ENOSYS;
	if (unveil_spoiled())
		return -EOPNOTSUPP;
	read_wishes();
	/* Nothing tells the next program from one that never made promises: execpromises wait for some. */
	if (wishes.strict && next.exec_pledged && !next.pledged)
		return -EOPNOTSUPP;
	if (!nothing_new(&now, &next)) {
		if (wishes.strict && (ret = gaps(next.promises)) < 0)
			return ret;
		s = scratch_new(&now);
		if (s == NULL)
			return -ENOMEM;
		handler_install();
		ret = narrow(&now, &next, s);
		scratch_done(ret == 0 ? &next : &now, s);
		if (ret < 0)
			return ret;
	}
	if (!threads_vforked()) {
		now = next;
		keep_next(&now);
	}
	return 0;
}

/* Before the first filter, what libc could no longer fetch behind it. */
static void prepare(const char *promises)
{
	promise_set set;

	if (promises != NULL && !now.pledged && words_parse(promises, &set) == 0)
		libc_prepare((set & BIT(STDIO)) != 0 && (set & BIT(UNIX)) == 0);
}

int pledge(const char *promises, const char *execpromises)
{
	uint64_t mask;
	int ret;

	if (promises == NULL && execpromises == NULL)
		return 0;
	if (!threads_vforked())
		prepare(promises);
	ret = threads_enter(&mask);
	if (ret == 0) {
		ret = pledge_inside(promises, execpromises);
		threads_leave(mask);
	}
	return answer(ret);
}
