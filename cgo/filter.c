/*
 * The seccomp program of a set of promises: the same, instruction by
 * instruction, that package pledge compiles, whose files compile.go, leaves.go,
 * assemble.go and image.go say why it is as it is. What is allowed and what is
 * answered to the rest stands in table_gen.h; nothing here knows a promise or
 * a system call, but that code is moved by mremap(2) and made by prot_exec.
 *
 * This file may compute and nothing else: it makes no system call, touches no
 * memory but the stack and the program, and needs less than 16 KB of stack.
 */
#include "core.h"

/* What a condition compares: cond.go. */
enum op {
	OP_IN, OP_NOT_IN, OP_LACKS, OP_HAS_ANY, OP_MASKED, OP_NOT_MASKED,
	OP_NULL, OP_NOT_NULL, OP_PID, OP_UID, OP_GID, OP_TAGGED,
};

struct condition {
	uint8_t op : 5, arg : 3;
	uint8_t count;		/* of values */
	uint16_t values;	/* place in table_values */
	uint32_t mask;
};

/* An answer to a call, when its conditions hold. */
struct answer {
	enum __attribute__((packed)) {
		REFUSE,		/* an errno */
		ALLOW,
		PATH,		/* a violation, of a call on a path */
		END,		/* a violation */
		QUIET,		/* a violation, of which nothing is said under LOG_VIOLATIONS */
	} kind;
	enum __attribute__((packed)) {
		ALWAYS,
		LAYER,		/* where Landlock says which paths */
		NO_TRUNCATE,	/* where Landlock does not see truncate(2) */
		KEEP_HANDLER,	/* of this image, where SIGSYS is handled */
		INSIDE,		/* of an image that the program is bound to */
		OUTSIDE,	/* of the images that come after it */
	} only;
	uint8_t need, mends;	/* promises that must be held, and that a violation names: places in table_sets */
	uint8_t count;
	uint16_t conditions;	/* place in table_conditions */
	uint16_t err;
};

/* What the tables say of a call. */
enum {
	KNOWN = 1,	/* else every answer but a refusal is ENOSYS */
	FLOOR = 2,	/* allowed whatever is promised */
	TEXT = 4,	/* argument 0 must not be in the image */
};

struct call {
	uint16_t answers;		/* place in table_answers */
	uint8_t refusals, count;	/* how many come before outright, and in all */
	uint8_t flags;
	uint8_t outright, promises;	/* promises that allow it whatever its arguments, and in some form: places in table_sets */
};

struct number {
	uint16_t nr, call;
};

#define TABLE_CALLS
#include "table_gen.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#if TABLE_ARM64
#define AUDIT_ARCH	0xc00000b7u
#define TAG_MASK	0xffff0000u
#else
#define AUDIT_ARCH	0xc000003eu
#define TAG_MASK	0xffff8000u
#define X32_BIT		0x40000000u
#endif

#define RET_ENOSYS	(SECCOMP_RET_ERRNO | ENOSYS)

/* Answers of the tables that are no answer of the kernel's: image.go. */
#define ALLOW_UNLESS_TEXT	(SECCOMP_RET_ALLOW | 1)
#define UNDECIDED		0

/* scratch memory of a program that is bound to an image */
#define MEM_ANSWER	0
#define MEM_LOW		1

struct step {
	uint32_t ret;
	uint16_t conditions;
	uint8_t count;
};

/* What happens to a range of numbers: steps of a call, or one answer. */
struct leaf {
	uint16_t first;
	uint16_t call;	/* PLAIN: the answer is ret */
	uint32_t ret;
};
#define PLAIN 0xffff
#define LEAVES_MAX (2 * COUNT(table_numbers) + 2)
#define EXCEPTIONS_MAX 2	/* single numbers that a run goes around */

/*
 * A program is written from its end to its beginning, so that every jump knows
 * its target. A place is an index from the end.
 */
struct builder {
	struct sock_filter *program;
	int length;
	const struct filter_options *o;
	promise_set set;	/* whose answers are written */
	bool outside;		/* they are of the images after a bound one */
	bool any_pid;		/* which may be of a child */
	bool bound;		/* the pointer decides over all answers but allow */
	int pointer, address;	/* the ways to the ranges */
	int in, out;		/* the ways from there */
	int16_t near[256];	/* the last place of each answer, from 1 */
};

/* What the kernel takes is at most FILTER_MAX; what is longer is counted, not written. */
static int put(struct builder *b, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (b->length < FILTER_MAX)
		b->program[FILTER_MAX - 1 - b->length] = (struct sock_filter){ code, jt, jf, k };
	return b->length++;
}

static int distance(const struct builder *b, int to)
{
	return b->length - 1 - to;
}

static int next(const struct builder *b)
{
	return b->length - 1;
}

static int put_ret(struct builder *b, uint32_t k)
{
	return put(b, BPF_RET_K, 0, 0, k);
}

static int put_load(struct builder *b, uint32_t offset)
{
	return put(b, BPF_LD_W_ABS, 0, 0, offset);
}

static int put_goto(struct builder *b, int to)
{
	return put(b, BPF_JMP_JA, 0, 0, (uint32_t)distance(b, to));
}

/* A place that a conditional jump reaches, with one instruction between. */
static int near(struct builder *b, int to)
{
	return distance(b, to) + 1 <= 255 ? to : put_goto(b, to);
}

static int jump(struct builder *b, uint16_t code, uint32_t k, int yes, int no)
{
	yes = near(b, yes);
	no = near(b, no);
	return put(b, code, (uint8_t)distance(b, yes), (uint8_t)distance(b, no), k);
}

/* Writes an answer; in a bound leaf the pointer decides whether it stands, unless it allows. */
static int put_answer(struct builder *b, uint32_t ret, bool bound)
{
	if (ret == ALLOW_UNLESS_TEXT)
		return put_goto(b, b->address);
	if (ret == UNDECIDED || (bound && ret != SECCOMP_RET_ALLOW)) {
		put_goto(b, b->pointer);
		return put(b, BPF_LD_IMM, 0, 0, ret);
	}
	return put_ret(b, ret);
}

static int lowest(promise_set set)
{
	return set == 0 ? 0 : __builtin_ctzll(set) + 1;
}

/* The answer to a violation; err is what it returns where it does not end the process. */
static uint32_t violation(const struct builder *b, promise_set lacking, uint32_t err, enum violations on)
{
	bool error = (b->set & PROMISE_BIT(PROMISE_ERROR)) != 0;

	if (error && err == EPERM)
		return RET_ENOSYS;
	if (on == LOG_VIOLATIONS && !error && !b->outside)	/* images that come after have no handler */
		return SECCOMP_RET_TRAP | err << 8 | (uint32_t)lowest(lacking);
	if (on == ERRNO_VIOLATIONS || on == LOG_VIOLATIONS)
		return SECCOMP_RET_ERRNO | err;
	return SECCOMP_RET_TRAP | (uint32_t)lowest(lacking);
}

static uint32_t answer_ret(const struct builder *b, const struct call *c, const struct answer *a)
{
	promise_set lacking = table_sets[a->mends] & ~b->set;
	enum violations on = b->o->on_violation;

	if (lacking == 0)
		lacking = table_sets[c->promises] & ~b->set;
	switch (a->kind) {
	case REFUSE:
		return SECCOMP_RET_ERRNO | a->err;
	case ALLOW:
		return SECCOMP_RET_ALLOW;
	case PATH:
		if (on == END_VIOLATIONS)
			break;
		return on == LAUNCH_VIOLATIONS ? SECCOMP_RET_ERRNO | EACCES : violation(b, lacking, EACCES, on);
	case QUIET:
		if (on == LOG_VIOLATIONS)
			on = ERRNO_VIOLATIONS;
		break;
	case END:
		break;
	}
	return violation(b, lacking, EPERM, on);
}

static bool applies(const struct builder *b, const struct answer *a)
{
	if (table_sets[a->need] & ~b->set)
		return false;
	switch (a->only) {
	case LAYER:
		return !(b->outside ? b->o->next_no_layer : b->o->no_layer);
	case NO_TRUNCATE:
		return b->o->no_truncate;
	case KEEP_HANDLER:
		return b->o->keep_handler && !b->outside;
	case INSIDE:
		return b->o->n > 0 && !b->outside;
	case OUTSIDE:
		return b->outside;
	case ALWAYS:
		break;
	}
	return true;
}

/* Conditions of a step; those that test the same stand in the table once, but in lists of their own. */
static bool same(uint16_t a, uint16_t b)
{
	const struct condition *c = &table_conditions[a], *d = &table_conditions[b];

	return c->op == d->op && c->arg == d->arg && c->count == d->count && c->values == d->values && c->mask == d->mask;
}

/* Puts steps that answer the same and begin with the same condition side by side. */
static void gather(struct step *steps, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned behind = i + 1;

		for (unsigned j = i + 1; j < n && steps[j].ret == steps[i].ret && steps[j].count > 0; j++) {
			if (!same(steps[j].conditions, steps[i].conditions))
				continue;
			for (unsigned k = j; k > behind; k--) {	/* no plain shift: that is a call of memmove */
				struct step s = steps[k];

				steps[k] = steps[k - 1];
				steps[k - 1] = s;
			}
			behind++;
		}
	}
}

/*
 * Orders the answers to a call: refused, allowed, denied. Returns how many
 * steps there are; the last has no conditions, and those before it that answer
 * as it does are left out.
 */
static unsigned put_steps(const struct builder *b, const struct call *c, struct step steps[STEPS_MAX])
{
	unsigned n = 0;
	uint32_t last;

	for (unsigned i = 0; i < c->count; i++) {
		const struct answer *a = &table_answers[c->answers + i];

		if (i == c->refusals && (c->flags & FLOOR || table_sets[c->outright] & b->set))
			break;
		if (i >= c->refusals && !(c->flags & KNOWN))
			break;
		if (!applies(b, a))
			continue;
		steps[n++] = (struct step){ answer_ret(b, c, a), a->conditions, a->count };
		if (a->count == 0)
			goto trim;
	}
	if (!(c->flags & KNOWN))
		last = RET_ENOSYS;
	else if (c->flags & FLOOR || table_sets[c->outright] & b->set)
		last = c->flags & TEXT && b->o->n > 0 && !b->outside ? ALLOW_UNLESS_TEXT : SECCOMP_RET_ALLOW;
	else
		last = violation(b, table_sets[c->promises] & ~b->set, EPERM, b->o->on_violation);
	steps[n++] = (struct step){ last, 0, 0 };
trim:
	while (n > 1 && steps[n - 2].ret == steps[n - 1].ret) {
		steps[n - 2] = steps[n - 1];
		n--;
	}
	gather(steps, n);
	return n;
}

/* What a condition compares with that is of the options. */
static uint32_t own(const struct filter_options *o, enum op op)
{
	return op == OP_PID ? o->pid : op == OP_UID ? o->uid : op == OP_GID ? o->gid : 0;
}

/* Whether the program that this one is behind answers a call by the same steps. */
static bool left(struct builder *b, const struct call *c, const struct step *steps, unsigned n)
{
	const struct filter_options *o = b->o;
	struct step earlier[STEPS_MAX];
	unsigned m;

	if (o->behind == NULL)
		return false;
	b->o = o->behind;
	b->set = o->behind->set;
	m = put_steps(b, c, earlier);
	b->o = o;
	b->set = o->set;
	if (m != n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (steps[i].ret != earlier[i].ret || steps[i].count != earlier[i].count)
			return false;
		for (unsigned j = 0; j < steps[i].count; j++) {
			uint16_t at = (uint16_t)(steps[i].conditions + j);
			enum op op = table_conditions[at].op;

			if (!same(at, (uint16_t)(earlier[i].conditions + j)) || own(o, op) != own(o->behind, op))
				return false;
		}
	}
	return true;
}

/*
 * Writes a comparison with values, which goes to yes when the accumulator has
 * one of them, else to no. Those that follow each other are two, or one, as a range.
 */
static void put_values(struct builder *b, const uint32_t *values, unsigned count, int yes, int no)
{
	while (count > 0) {
		uint32_t last = values[--count];

		while (count > 0 && values[count] != 0 && values[count - 1] == values[count] - 1 && last != UINT32_MAX)
			count--;
		if (values[count] == last) {
			no = jump(b, BPF_JMP_JEQ_K, last, yes, no);
		} else if (values[count] == 0) {
			no = jump(b, BPF_JMP_JGE_K, last + 1, no, yes);
		} else {
			int below = no;

			no = jump(b, BPF_JMP_JGE_K, last + 1, no, yes);
			no = jump(b, BPF_JMP_JGE_K, values[count], no, below);
		}
	}
}

/*
 * Writes a condition: it goes to yes when it holds, else to no. held says that
 * the accumulator has its argument.
 */
static int put_test(struct builder *b, const struct condition *c, int yes, int no, bool held)
{
	const uint32_t low = DATA_ARG(c->arg);
	const uint32_t *values = table_values + c->values;
	uint32_t own[2] = { UINT32_MAX, 0 };
	unsigned count = c->count;
	int swap;

	switch ((enum op)c->op) {
	case OP_NOT_NULL:
		swap = yes;
		yes = no;
		no = swap;
		/* fall through */
	case OP_NULL:
		jump(b, BPF_JMP_JEQ_K, 0, yes, no);
		put_load(b, low + 4);
		jump(b, BPF_JMP_JEQ_K, 0, next(b), no);
		return put_load(b, low);
	case OP_TAGGED:
		jump(b, BPF_JMP_JSET_K, TAG_MASK, yes, no);
		return put_load(b, low + 4);
	case OP_LACKS:
		jump(b, BPF_JMP_JSET_K, c->mask, no, yes);
		break;
	case OP_HAS_ANY:
		jump(b, BPF_JMP_JSET_K, c->mask, yes, no);
		break;
	case OP_PID:
		if (b->any_pid) {	/* but no group of processes */
			jump(b, BPF_JMP_JSET_K, 1u << 31, no, yes);
			break;
		}
		own[0] = b->o->pid;
		values = own;
		count = 1;
		break;
	case OP_UID:
	case OP_GID:
		own[1] = c->op == OP_UID ? b->o->uid : b->o->gid;
		values = own;
		count = 2;
		break;
	case OP_NOT_IN:
	case OP_NOT_MASKED:
		swap = yes;
		yes = no;
		no = swap;
		break;
	case OP_IN:
	case OP_MASKED:
		break;
	}
	put_values(b, values, count, yes, no);
	if (c->op == OP_MASKED || c->op == OP_NOT_MASKED)
		put(b, BPF_ALU_AND_K, 0, 0, c->mask);
	return held ? next(b) : put_load(b, low);
}

/* Whether a test leaves the argument in the accumulator. */
static bool keeps(const struct condition *c)
{
	switch ((enum op)c->op) {
	case OP_IN:
	case OP_NOT_IN:
	case OP_LACKS:
	case OP_HAS_ANY:
	case OP_PID:
	case OP_UID:
	case OP_GID:
		return true;
	case OP_MASKED:
	case OP_NOT_MASKED:
	case OP_NULL:
	case OP_NOT_NULL:
	case OP_TAGGED:
		break;
	}
	return false;
}

/* How many conditions the step at i begins with as the one before it does. */
static unsigned before(const struct step *steps, unsigned i)
{
	unsigned n = 0;

	while (i > 0 && n < steps[i - 1].count && n < steps[i].count &&
	       same((uint16_t)(steps[i - 1].conditions + n), (uint16_t)(steps[i].conditions + n)))
		n++;
	return n;
}

/* Whether the accumulator has the argument of the condition at j of the step at i, whichever way it was come to. */
static bool holds(const struct step *steps, unsigned i, unsigned j)
{
	const struct condition *c = &table_conditions[steps[i].conditions + j], *last;
	unsigned shared = before(steps, i);

	if (j > shared)
		last = c - 1;
	else if (i > 0 && steps[i - 1].count == shared + 1 && before(steps, i - 1) <= shared)
		last = &table_conditions[steps[i - 1].conditions + shared];
	else
		return false;
	return last->arg == c->arg && keeps(last);
}

/* Where the last place of an answer is noted: each action has few kinds of data. */
static uint8_t note(uint32_t ret)
{
	switch (ret & ~SECCOMP_RET_DATA) {
	case SECCOMP_RET_ERRNO:
		return (uint8_t)(128 + (ret & 127));
	case SECCOMP_RET_TRAP: {
		unsigned data = ret & SECCOMP_RET_DATA, err = TRAP_ERRNO(data);

		return (uint8_t)(2 + TRAP_PLACE(data) + (err == 0 ? 0 : err == EPERM ? 1 : 2) * (PROMISES + 1));
	}
	}
	return ret == SECCOMP_RET_ALLOW;
}
_Static_assert(2 + 3 * (PROMISES + 1) <= 128 && ENOSYS < 128 && EOPNOTSUPP < 128 && EAFNOSUPPORT < 128 &&
	       EPROTONOSUPPORT < 128, "notes collide");

/* The place of an answer that is near, or of a new one. */
static int share(struct builder *b, uint32_t ret, bool bound)
{
	int16_t *at = &b->near[note(ret)];

	if (bound != b->bound || ret == ALLOW_UNLESS_TEXT)
		return put_answer(b, ret, bound);
	if (*at == 0 || distance(b, *at - 1) >= 128)
		*at = (int16_t)(put_answer(b, ret, bound) + 1);
	return *at - 1;
}

static void forget(struct builder *b)
{
	for (unsigned i = 0; i < COUNT(b->near); i++)
		*(volatile int16_t *)&b->near[i] = 0;	/* or it would be a call of memset */
}

/* Writes the steps of a leaf and returns the place of the first. */
static int put_leaf(struct builder *b, const struct leaf *l)
{
	struct step steps[STEPS_MAX];
	unsigned n = put_steps(b, &table_calls[l->call], steps);
	/* In the first of three trees, what looks for code in its arguments is this image's alone. */
	bool bound = b->bound || steps[n - 1].ret == ALLOW_UNLESS_TEXT;
	int enter = 0, fail[CONDITIONS_MAX];
	unsigned behind = 0;

	for (unsigned i = n; i-- > 0;) {
		unsigned shared = before(steps, i);

		for (unsigned j = behind; j < steps[i].count; j++)
			fail[j] = enter;
		enter = share(b, steps[i].ret, bound);
		for (unsigned j = steps[i].count; j-- > shared;)
			enter = put_test(b, &table_conditions[steps[i].conditions + j], enter, fail[j], holds(steps, i, j));
		behind = shared;
	}
	return enter;
}

/* How many leaves from the first are one run: one range with one plain answer, but for single numbers between. */
static unsigned run(const struct leaf *leaves, unsigned most)
{
	unsigned n = 1;

	while (n <= 2 * EXCEPTIONS_MAX - 1 && most > n + 1 && leaves[0].call == PLAIN && leaves[n + 1].call == PLAIN &&
	       leaves[0].ret == leaves[n + 1].ret && leaves[n].first + 1 == leaves[n + 1].first)
		n += 2;
	return n;
}

static int put_run(struct builder *b, const struct leaf *leaves, unsigned n)
{
	int rest;

	if (leaves->call != PLAIN)
		return put_leaf(b, leaves);
	rest = share(b, leaves->ret, b->bound);
	for (unsigned i = n - 1; i > 1; i -= 2) {
		const struct leaf *one = &leaves[i - 1];
		int place = one->call == PLAIN ? share(b, one->ret, b->bound) : put_leaf(b, one);

		rest = jump(b, BPF_JMP_JEQ_K, one->first, place, rest);
	}
	return rest;
}

/* Writes leaves below a binary tree over their runs, given by where they begin and where the last ends; returns its root. */
static int put_tree(struct builder *b, const struct leaf *leaves, const uint16_t *runs, unsigned n)
{
	unsigned middle = n / 2;
	int right, left;

	if (n == 1)
		return put_run(b, leaves + runs[0], (unsigned)(runs[1] - runs[0]));
	right = put_tree(b, leaves, runs + middle, n - middle);
	left = put_tree(b, leaves, runs, middle);
	return jump(b, BPF_JMP_JGE_K, leaves[runs[middle]].first, right, left);
}

/* The trees over the numbers: one, or three where the next image is bound too. */
enum tree {
	TREE_ALL,
	TREE_FIRST,	/* what is the same for both images */
	TREE_INSIDE,	/* the rest, for this one */
	TREE_OUTSIDE,	/* and for the next */
};

static void stand_inside(struct builder *b)
{
	b->set = b->o->set;
	b->outside = b->any_pid = false;
}

static void stand_outside(struct builder *b)
{
	b->set = b->o->next;
	b->outside = true;
	b->any_pid = b->o->only_next || b->o->set & PROMISE_BIT(PROMISE_PROC);
}

/*
 * Says what a tree has for a call; false when no such number comes there.
 * call is its place in the table.
 */
static bool leaf_of(struct builder *b, enum tree tree, uint16_t call, struct leaf *l)
{
	struct step in[STEPS_MAX], out[STEPS_MAX];
	const struct call *c = &table_calls[call];
	unsigned n_in, n_out;
	bool decided;

	if (tree == TREE_ALL) {
		n_in = put_steps(b, c, in);
		l->call = n_in == 1 ? PLAIN : call;
		l->ret = in[0].ret;
		if (left(b, c, in, n_in)) {
			l->call = PLAIN;
			l->ret = SECCOMP_RET_ALLOW;
		}
		return true;
	}
	stand_outside(b);
	n_out = put_steps(b, c, out);
	stand_inside(b);
	n_in = put_steps(b, c, in);
	decided = (n_in == 1 && n_out == 1 && in[0].ret == out[0].ret) || in[n_in - 1].ret == ALLOW_UNLESS_TEXT;
	switch (tree) {
	case TREE_FIRST:
		l->call = decided && n_in > 1 ? call : PLAIN;
		l->ret = decided ? in[0].ret : UNDECIDED;
		return true;
	case TREE_OUTSIDE:
		l->call = n_out == 1 ? PLAIN : call;
		l->ret = out[0].ret;
		break;
	default:
		l->call = n_in == 1 ? PLAIN : call;
		l->ret = in[0].ret;
	}
	return !decided;
}

/* Adds a leaf, or widens the last, when that has the same plain answer. */
static unsigned add_leaf(struct leaf *list, unsigned n, struct leaf l)
{
	if (n == 0)
		l.first = 0;
	else if (l.call == PLAIN && list[n - 1].call == PLAIN && l.ret == list[n - 1].ret)
		return n;
	list[n] = l;
	return n + 1;
}

/* Lays the answers over the numbers: ranges in rising order from 0. */
static unsigned lay(struct builder *b, enum tree tree, struct leaf list[LEAVES_MAX])
{
	unsigned n = 0, free = 0;	/* the lowest number that no call has had yet */
	bool unknown = tree == TREE_ALL || tree == TREE_FIRST;
	uint32_t to_unknown = b->o->behind != NULL ? SECCOMP_RET_ALLOW : RET_ENOSYS;

	for (unsigned i = 0; i < COUNT(table_numbers); i++) {
		struct leaf l = { table_numbers[i].nr, PLAIN, 0 };

		if (l.first > free && unknown)
			n = add_leaf(list, n, (struct leaf){ (uint16_t)free, PLAIN, to_unknown });
		free = l.first + 1u;
		if (leaf_of(b, tree, table_numbers[i].call, &l))
			n = add_leaf(list, n, l);
	}
	if (unknown || n == 0)
		n = add_leaf(list, n, (struct leaf){ (uint16_t)free, PLAIN, to_unknown });
	return n;
}

/* Writes one of the trees; the last instruction written is its root. */
static int put_numbers(struct builder *b, enum tree tree)
{
	struct leaf leaves[LEAVES_MAX];
	uint16_t runs[LEAVES_MAX + 1];
	unsigned n = lay(b, tree, leaves), count = 0;

	for (unsigned i = 0; i < n; i += run(leaves + i, n - i))
		runs[count++] = (uint16_t)i;
	runs[count] = (uint16_t)n;
	if (tree == TREE_OUTSIDE)
		stand_outside(b);
	forget(b);
	return put_tree(b, leaves, runs, count);
}

/*
 * Writes a tree for what the first left undecided. An answer that was laid
 * down comes before it: in this image it stands, in others the call is allowed.
 */
static int put_second(struct builder *b, enum tree tree)
{
	int number, stands;

	put_numbers(b, tree);
	number = put_load(b, DATA_NR);
	stands = tree == TREE_OUTSIDE ? put_ret(b, SECCOMP_RET_ALLOW) : put(b, BPF_RET_A, 0, 0, 0);
	jump(b, BPF_JMP_JEQ_K, UNDECIDED, number, stands);
	stand_inside(b);
	return put(b, BPF_LD_MEM, 0, 0, MEM_ANSWER);
}

/* A part of the ranges with one high word, or with several that are in the image entirely. */
struct part {
	uint32_t high, high_last, low, low_last;
};
#define PARTS_MAX (RANGES_MAX + 32)

/* Where a word begins to lead to another place. */
struct turn {
	uint32_t first;
	enum { TO_IN, TO_OUT, TO_PLACE } to;
	int place;
};
#define TURNS_MAX 256

/* Cuts a range at each 4 GiB. */
static int add_parts(struct part parts[PARTS_MAX], unsigned *n, struct range r)
{
	uint32_t high = (uint32_t)(r.first >> 32), low = (uint32_t)r.first;
	uint32_t high_last = (uint32_t)(r.last >> 32), low_last = (uint32_t)r.last;

	if (*n + 3 > PARTS_MAX)
		return -E2BIG;
	if (low != 0 && high != high_last) {
		parts[(*n)++] = (struct part){ high, high, low, UINT32_MAX };
		high++;
		low = 0;
	}
	if (low == 0 && low_last != UINT32_MAX && high != high_last) {
		parts[(*n)++] = (struct part){ high, high_last - 1, 0, UINT32_MAX };
		high = high_last;
	}
	parts[(*n)++] = (struct part){ high, high_last, low, low_last };
	return 0;
}

/* Where the kernel has code of its own in a process, or may put it later. */
static const struct range fixed_ranges[] = {
#if TABLE_ARM64
	{ 0xffffffff0000, 0x1000000000000 },
	{ 0xfffffffff0000, 0x10000000000000 },
#else
	{ 0x7fffffffe000, 0x7ffffffff000 },
	{ 0xffffffffffe000, 0xfffffffffff000 },
	{ 0xffffffffff600000, 0xffffffffff601000 },
#endif
};

/* Joins the ranges that were given and the fixed ones, which rise both, and cuts them to parts. */
static int all_parts(const struct filter_options *o, struct part parts[PARTS_MAX], unsigned *n)
{
	struct range last = { 0, 0 };
	bool any = false;
	int err = 0;

	*n = 0;
	for (unsigned i = 0, j = 0; err == 0 && (i < o->n || j < COUNT(fixed_ranges));) {
		struct range r;

		if (j == COUNT(fixed_ranges) || (i < o->n && o->ranges[i].first <= fixed_ranges[j].first)) {
			r = o->ranges[i++];
			if (r.first > r.last || (i > 1 && r.first < o->ranges[i - 2].first))
				return -EINVAL;
		} else {
			r = fixed_ranges[j++];
		}
		if (any && (r.first <= last.last || r.first == last.last + 1)) {
			if (r.last > last.last)
				last.last = r.last;
			continue;
		}
		if (any)
			err = add_parts(parts, n, last);
		last = r;
		any = true;
	}
	return err ? err : add_parts(parts, n, last);
}

/* A list of turns: an array, or the low words of parts, which need none. */
struct turns {
	struct turn *array;
	const struct part *parts;
	bool gap;	/* the first part does not begin with the word 0 */
};

static struct turn turn_at(const struct turns *t, unsigned i)
{
	const struct part *p;

	if (t->array != NULL)
		return t->array[i];
	if (t->gap && i-- == 0)
		return (struct turn){ 0, TO_OUT, 0 };
	p = &t->parts[i / 2];
	return i % 2 == 0 ? (struct turn){ p->low, TO_IN, 0 } : (struct turn){ p->low_last + 1, TO_OUT, 0 };
}

/* A place that is out of reach of a jump gets a way there nearby, for the turns that follow. */
static int reach(struct builder *b, int *to)
{
	if (distance(b, *to) >= 128)
		*to = put_goto(b, *to);
	return *to;
}

static int put_turns(struct builder *b, const struct turns *t, unsigned from, unsigned n)
{
	unsigned middle = n / 2;
	int right, left;

	if (n == 1) {
		struct turn one = turn_at(t, from);

		switch (one.to) {
		case TO_IN:
			return reach(b, &b->in);
		case TO_OUT:
			return reach(b, &b->out);
		case TO_PLACE:
			break;
		}
		return reach(b, &t->array[from].place);
	}
	right = put_turns(b, t, from + middle, n - middle);
	left = put_turns(b, t, from, middle);
	return jump(b, BPF_JMP_JGE_K, turn_at(t, from + middle).first, right, left);
}

/* Writes a tree over parts: by the high word of an address, which is in the accumulator, then by its low word. */
static int put_ranges(struct builder *b, const struct part *parts, unsigned n)
{
	struct turn words[TURNS_MAX];	/* filled from its end */
	struct turns t = { words, NULL, false };
	unsigned first = TURNS_MAX;

	for (unsigned end = n, begin; end > 0; end = begin) {
		const struct part *p = &parts[end - 1];
		struct turn to = { p->high, TO_IN, 0 };

		for (begin = end - 1; begin > 0 && parts[begin - 1].high == p->high;)
			begin--;
		if (p->low != 0 || p->low_last != UINT32_MAX) {
			struct turns lows = { NULL, parts + begin, parts[begin].low != 0 };

			put_turns(b, &lows, 0, lows.gap + 2 * (end - begin) - (p->low_last == UINT32_MAX));
			to.to = TO_PLACE;
			to.place = put(b, BPF_LD_MEM, 0, 0, MEM_LOW);
		}
		if (first < 3)
			return -E2BIG;
		if (p->high_last != UINT32_MAX &&
		    (first == TURNS_MAX || words[first].first != p->high_last + 1))
			words[--first] = (struct turn){ p->high_last + 1, TO_OUT, 0 };
		words[--first] = to;
	}
	if (words[first].first != 0)
		words[--first] = (struct turn){ 0, TO_OUT, 0 };
	return put_turns(b, &t, first, TURNS_MAX - first);
}

/* Writes the tree over the ranges, which goes to in or to out, and the two ways to it. */
static int put_lookup(struct builder *b)
{
	struct part parts[PARTS_MAX];
	unsigned n;
	int root, err = all_parts(b->o, parts, &n);

	if (err != 0)
		return err;
	root = put_ranges(b, parts, n);
	if (root < 0)
		return root;
	/* The answer is in the accumulator; the address is the pointer. */
	put_load(b, DATA_IP + 4);
	put(b, BPF_ST, 0, 0, MEM_LOW);
	put_load(b, DATA_IP);
	b->pointer = put(b, BPF_ST, 0, 0, MEM_ANSWER);
	/* The address is argument 0. */
	put_goto(b, root);
	put_load(b, DATA_ARG(0) + 4);
	put(b, BPF_ST, 0, 0, MEM_LOW);
	put_load(b, DATA_ARG(0));
	put(b, BPF_ST, 0, 0, MEM_ANSWER);
	b->address = put(b, BPF_LD_IMM, 0, 0, SECCOMP_RET_ERRNO | EACCES);
	return 0;
}

/* Writes what decides by the image, and returns the place for calls of other architectures, or -1: they end the process. */
static int put_image(struct builder *b, int *foreign)
{
	int err, by_pointer, kill;

	*foreign = -1;
	if (b->o->next_bound) {
		b->out = put_second(b, TREE_OUTSIDE);
		b->in = put_second(b, TREE_INSIDE);
	} else {
		b->out = put_ret(b, SECCOMP_RET_ALLOW);
		put(b, BPF_RET_A, 0, 0, 0);
		b->in = put(b, BPF_LD_MEM, 0, 0, MEM_ANSWER);
	}
	err = put_lookup(b);
	if (err != 0 || b->o->next_bound || !b->o->foreign)
		return err;
	by_pointer = put_answer(b, SECCOMP_RET_KILL_PROCESS, true);
	kill = put_ret(b, SECCOMP_RET_KILL_PROCESS);
	/* A 32-bit pointer: else 64-bit code made the call. */
	jump(b, BPF_JMP_JEQ_K, 0, by_pointer, kill);
	*foreign = put_load(b, DATA_IP + 4);
	return 0;
}

/* Writes what comes before the tree: architecture first, arguments never before the number. */
static void put_head(struct builder *b, int tree, int foreign, bool bound)
{
	int number;

#ifdef X32_BIT
	jump(b, BPF_JMP_JGE_K, X32_BIT, put_answer(b, RET_ENOSYS, bound), tree);
#else
	(void)tree;	/* what was written last */
	(void)bound;
#endif
	number = put_load(b, DATA_NR);
	if (foreign < 0)
		foreign = put_ret(b, SECCOMP_RET_KILL_PROCESS);
	jump(b, BPF_JMP_JEQ_K, AUDIT_ARCH, number, foreign);
	put_load(b, DATA_ARCH);
}

bool ranges_alike(const struct range *a, unsigned n, const struct range *b, unsigned m)
{
	if (n != m)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (a[i].first != b[i].first || a[i].last != b[i].last)
			return false;
	return true;
}

/* Both are for every image, or both for this one alone. */
bool filter_may_be_behind(const struct filter_options *o, const struct filter_options *on)
{
	return ranges_alike(o->ranges, o->n, on->ranges, on->n) &&
		(o->n == 0 || (!o->next_bound && !on->next_bound && o->foreign == on->foreign));
}

int filter_build(struct sock_filter program[FILTER_MAX], const struct filter_options *o)
{
	struct builder b;	/* without an initializer: it would be a call of memset */
	bool image = o->n > 0, free = image && !o->next_bound;
	int foreign = -1, err;

	b.program = program;
	b.length = 0;
	b.o = o;
	b.bound = false;
	b.pointer = b.address = b.in = b.out = 0;
	if (o->only_next)
		stand_outside(&b);
	else
		stand_inside(&b);
	if ((o->behind != NULL && !filter_may_be_behind(o, o->behind)) || (o->only_next && (image || o->behind != NULL)))
		return -EINVAL;
	if (image) {
		if (o->set & PROMISE_BIT(PROMISE_PROT_EXEC))
			return -EINVAL;
		err = put_image(&b, &foreign);
		if (err != 0)
			return err;
	}
	b.bound = free;
	put_head(&b, put_numbers(&b, free || !image ? TREE_ALL : TREE_FIRST), foreign, free);
	if (b.length > FILTER_MAX)
		return -E2BIG;
	for (int i = 0; i < b.length; i++)
		program[i] = program[FILTER_MAX - b.length + i];
	return b.length;
}
