/*
 * The seccomp program of a set of promises: the same, instruction by
 * instruction, that package pledge compiles, whose files compile.go, leaves.go,
 * assemble.go and image.go say why it is as it is. It knows of promises that
 * code is moved by mremap(2) and made by prot_exec, and no more.
 */
#include "filter.h"

#if TABLE_ARM64
#define AUDIT_ARCH	0xc00000b7u
#define TAG_MASK	0xffff0000u
#else
#define AUDIT_ARCH	0xc000003eu
#define TAG_MASK	0xffff8000u
#define X32_BIT		0x40000000u
#endif

struct number {
	uint16_t nr, call;
};

#define TABLE_NUMBERS
#include "table_gen.h"

/* What happens to a range of numbers: steps of a call, or one answer. */
struct leaf {
	uint16_t first;
	uint16_t call;	/* PLAIN: the answer is ret */
	uint32_t ret;
};
#define PLAIN 0xffff
#define LEAVES_MAX (2 * COUNT(table_numbers) + 2)
#define EXCEPTIONS_MAX 2	/* single numbers that a run goes around */

struct builder {
	struct assembler a;
	struct side side;	/* whose answers are written */
	bool any_pid;		/* the process may be a child */
	bool bound;		/* the pointer decides over all answers but allow */
	struct lookup image;
	int16_t near[256];	/* the last place of each answer, from 1 */
};

/* Writes an answer; in a bound leaf the pointer decides whether it stands, unless it allows. */
static int put_answer(struct builder *b, uint32_t ret, bool bound)
{
	if (ret == ALLOW_UNLESS_TEXT)
		return put_goto(&b->a, b->image.address);
	if (ret == UNDECIDED || (bound && ret != SECCOMP_RET_ALLOW)) {
		put_goto(&b->a, b->image.pointer);
		return put(&b->a, BPF_LD_IMM, 0, 0, ret);
	}
	return put_ret(&b->a, ret);
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
			no = put_jump(&b->a, BPF_JMP_JEQ_K, last, yes, no);
		} else if (values[count] == 0) {
			no = put_jump(&b->a, BPF_JMP_JGE_K, last + 1, no, yes);
		} else {
			int below = no;

			no = put_jump(&b->a, BPF_JMP_JGE_K, last + 1, no, yes);
			no = put_jump(&b->a, BPF_JMP_JGE_K, values[count], no, below);
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
	const uint32_t *values = condition_values(c);
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
		put_jump(&b->a, BPF_JMP_JEQ_K, 0, yes, no);
		put_load(&b->a, low + 4);
		put_jump(&b->a, BPF_JMP_JEQ_K, 0, last_place(&b->a), no);
		return put_load(&b->a, low);
	case OP_TAGGED:
		put_jump(&b->a, BPF_JMP_JSET_K, TAG_MASK, yes, no);
		return put_load(&b->a, low + 4);
	case OP_LACKS:
		put_jump(&b->a, BPF_JMP_JSET_K, c->mask, no, yes);
		break;
	case OP_HAS_ANY:
		put_jump(&b->a, BPF_JMP_JSET_K, c->mask, yes, no);
		break;
	case OP_PID:
		if (b->any_pid) {	/* but no group of processes */
			put_jump(&b->a, BPF_JMP_JSET_K, 1u << 31, no, yes);
			break;
		}
		own[0] = b->side.o->pid;
		values = own;
		count = 1;
		break;
	case OP_UID:
	case OP_GID:
		own[1] = c->op == OP_UID ? b->side.o->uid : b->side.o->gid;
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
		put(&b->a, BPF_ALU_AND_K, 0, 0, c->mask);
	return held ? last_place(&b->a) : put_load(&b->a, low);
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
	       condition_same(condition_at(steps[i - 1].conditions + n), condition_at(steps[i].conditions + n)))
		n++;
	return n;
}

/* Whether the accumulator has the argument of the condition at j of the step at i, whichever way it was come to. */
static bool holds(const struct step *steps, unsigned i, unsigned j)
{
	const struct condition *c = condition_at(steps[i].conditions + j), *last;
	unsigned shared = before(steps, i);

	if (j > shared)
		last = c - 1;
	else if (i > 0 && steps[i - 1].count == shared + 1 && before(steps, i - 1) <= shared)
		last = condition_at(steps[i - 1].conditions + shared);
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
	if (*at == 0 || distance(&b->a, *at - 1) >= 128)
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
	unsigned n = answers_steps(&b->side, l->call, steps);
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
			enter = put_test(b, condition_at(steps[i].conditions + j), enter, fail[j], holds(steps, i, j));
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

		rest = put_jump(&b->a, BPF_JMP_JEQ_K, one->first, place, rest);
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
	return put_jump(&b->a, BPF_JMP_JGE_K, leaves[runs[middle]].first, right, left);
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
	b->side.set = b->side.o->set;
	b->side.outside = b->any_pid = false;
}

static void stand_outside(struct builder *b)
{
	b->side.set = b->side.o->next;
	b->side.outside = true;
	b->any_pid = !b->side.o->only_pid && (b->side.o->only_next || b->side.o->set & PROMISE_BIT(PROMISE_PROC));
}

/* Whether one of the steps asks which process is meant. */
static bool of_pid(const struct step *steps, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < steps[i].count; j++)
			if (condition_at(steps[i].conditions + j)->op == OP_PID)
				return true;
	return false;
}

/*
 * Says what a tree has for a call; false when no such number comes there.
 * call is its place in the table.
 */
static bool leaf_of(struct builder *b, enum tree tree, uint16_t call, struct leaf *l)
{
	struct step in[STEPS_MAX], out[STEPS_MAX];
	unsigned n_in, n_out;
	bool decided;

	if (tree == TREE_ALL) {
		n_in = answers_steps(&b->side, call, in);
		l->call = n_in == 1 ? PLAIN : call;
		l->ret = in[0].ret;
		if (answers_left(&b->side, call, in, n_in) || (b->side.o->only_pid && !of_pid(in, n_in))) {
			l->call = PLAIN;
			l->ret = SECCOMP_RET_ALLOW;
		}
		return true;
	}
	stand_outside(b);
	n_out = answers_steps(&b->side, call, out);
	stand_inside(b);
	n_in = answers_steps(&b->side, call, in);
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
	uint32_t to_unknown = b->side.o->behind != NULL || b->side.o->only_pid ? SECCOMP_RET_ALLOW : RET_ENOSYS;

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
	number = put_load(&b->a, DATA_NR);
	stands = tree == TREE_OUTSIDE ? put_ret(&b->a, SECCOMP_RET_ALLOW) : put(&b->a, BPF_RET_A, 0, 0, 0);
	put_jump(&b->a, BPF_JMP_JEQ_K, UNDECIDED, number, stands);
	stand_inside(b);
	return put(&b->a, BPF_LD_MEM, 0, 0, MEM_ANSWER);
}

/* Writes what decides by the image, and returns the place for calls of other architectures, or -1: they end the process. */
static int put_image(struct builder *b, int *foreign)
{
	int err, by_pointer, kill;

	*foreign = -1;
	if (b->side.o->next_bound) {
		b->image.out = put_second(b, TREE_OUTSIDE);
		b->image.in = put_second(b, TREE_INSIDE);
	} else {
		b->image.out = put_ret(&b->a, SECCOMP_RET_ALLOW);
		put(&b->a, BPF_RET_A, 0, 0, 0);
		b->image.in = put(&b->a, BPF_LD_MEM, 0, 0, MEM_ANSWER);
	}
	err = ranges_lookup(&b->a, &b->image, b->side.o->ranges, b->side.o->n);
	if (err != 0 || b->side.o->next_bound || !b->side.o->foreign)
		return err;
	by_pointer = put_answer(b, SECCOMP_RET_KILL_PROCESS, true);
	kill = put_ret(&b->a, SECCOMP_RET_KILL_PROCESS);
	/* A 32-bit pointer: else 64-bit code made the call. */
	put_jump(&b->a, BPF_JMP_JEQ_K, 0, by_pointer, kill);
	*foreign = put_load(&b->a, DATA_IP + 4);
	return 0;
}

/* Writes what comes before the tree: architecture first, arguments never before the number. */
static void put_head(struct builder *b, int tree, int foreign, bool bound)
{
	int number;

#ifdef X32_BIT
	put_jump(&b->a, BPF_JMP_JGE_K, X32_BIT, put_answer(b, RET_ENOSYS, bound), tree);
#else
	(void)tree;	/* what was written last */
	(void)bound;
#endif
	number = put_load(&b->a, DATA_NR);
	if (foreign < 0)
		foreign = put_ret(&b->a, SECCOMP_RET_KILL_PROCESS);
	put_jump(&b->a, BPF_JMP_JEQ_K, AUDIT_ARCH, number, foreign);
	put_load(&b->a, DATA_ARCH);
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

	b.a.program = program;
	b.a.length = 0;
	b.side.o = o;
	b.bound = false;
	b.image.pointer = b.image.address = b.image.in = b.image.out = 0;
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
	if (b.a.length > FILTER_MAX)
		return -E2BIG;
	for (int i = 0; i < b.a.length; i++)
		program[i] = program[FILTER_MAX - b.a.length + i];
	return b.a.length;
}
