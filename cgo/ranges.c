/*
 * Whether an address is in an image: a tree over the high words of its ranges,
 * and below each over the low words.
 */
#include "filter.h"

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
static int all_parts(const struct range *ranges, unsigned count, struct part parts[PARTS_MAX], unsigned *n)
{
	struct range last = { 0, 0 };
	bool any = false;
	int err = 0;

	*n = 0;
	for (unsigned i = 0, j = 0; err == 0 && (i < count || j < COUNT(fixed_ranges));) {
		struct range r;

		if (j == COUNT(fixed_ranges) || (i < count && ranges[i].first <= fixed_ranges[j].first)) {
			r = ranges[i++];
			if (r.first > r.last || (i > 1 && r.first < ranges[i - 2].first))
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

/* Where a tree is written, and where it leads. */
struct ways {
	struct assembler *a;
	int in, out;
};

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
static int reach(struct ways *w, int *to)
{
	if (distance(w->a, *to) >= 128)
		*to = put_goto(w->a, *to);
	return *to;
}

static int put_turns(struct ways *w, const struct turns *t, unsigned from, unsigned n)
{
	unsigned middle = n / 2;
	int right, left;

	if (n == 1) {
		struct turn one = turn_at(t, from);

		switch (one.to) {
		case TO_IN:
			return reach(w, &w->in);
		case TO_OUT:
			return reach(w, &w->out);
		case TO_PLACE:
			break;
		}
		return reach(w, &t->array[from].place);
	}
	right = put_turns(w, t, from + middle, n - middle);
	left = put_turns(w, t, from, middle);
	return put_jump(w->a, BPF_JMP_JGE_K, turn_at(t, from + middle).first, right, left);
}

/* Writes a tree over parts: by the high word of an address, which is in the accumulator, then by its low word. */
static int put_parts(struct ways *w, const struct part *parts, unsigned n)
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

			put_turns(w, &lows, 0, lows.gap + 2 * (end - begin) - (p->low_last == UINT32_MAX));
			to.to = TO_PLACE;
			to.place = put(w->a, BPF_LD_MEM, 0, 0, MEM_LOW);
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
	return put_turns(w, &t, first, TURNS_MAX - first);
}

int ranges_lookup(struct assembler *a, struct lookup *l, const struct range *ranges, unsigned count)
{
	struct ways w = { a, l->in, l->out };
	struct part parts[PARTS_MAX];
	unsigned n;
	int root, err = all_parts(ranges, count, parts, &n);

	if (err != 0)
		return err;
	root = put_parts(&w, parts, n);
	if (root < 0)
		return root;
	put_load(a, DATA_IP + 4);
	put(a, BPF_ST, 0, 0, MEM_LOW);
	put_load(a, DATA_IP);
	l->pointer = put(a, BPF_ST, 0, 0, MEM_ANSWER);
	put_goto(a, root);
	put_load(a, DATA_ARG(0) + 4);
	put(a, BPF_ST, 0, 0, MEM_LOW);
	put_load(a, DATA_ARG(0));
	put(a, BPF_ST, 0, 0, MEM_ANSWER);
	l->address = put(a, BPF_LD_IMM, 0, 0, SECCOMP_RET_ERRNO | EACCES);
	return 0;
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
