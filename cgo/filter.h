/*
 * What the files that write a seccomp program share, which is what package
 * pledge divides the same way:
 *
 *	filter.c	the program: trees over the numbers of the calls	leaves.go, assemble.go
 *	answers.c	what is answered to a call, from the table		compile.go
 *	ranges.c	whether an address is in the image			image.go
 *	assemble.c	instructions						assemble.go
 *
 * They compute and do nothing else: they make no system call, touch no memory
 * but the stack and the program, and need less than 16 KB of stack.
 */
#ifndef UNVEIL_FILTER_H
#define UNVEIL_FILTER_H

#include "core.h"
#include "table_gen.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define RET_ENOSYS	(SECCOMP_RET_ERRNO | ENOSYS)

/* Answers of the tables that are no answer of the kernel's: image.go. */
#define ALLOW_UNLESS_TEXT	(SECCOMP_RET_ALLOW | 1)
#define UNDECIDED		0

/* scratch memory of a program that is bound to an image */
#define MEM_ANSWER	0
#define MEM_LOW		1

/*
 * assemble.c. A program is written from its end to its beginning, so that
 * every jump knows its target. A place is an index from the end; what writes
 * an instruction returns its place.
 */
struct assembler {
	struct sock_filter *program;
	int length;	/* more than FILTER_MAX: it does not fit */
};
int put(struct assembler *, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k);
int put_ret(struct assembler *, uint32_t k);
int put_load(struct assembler *, uint32_t offset);
int put_goto(struct assembler *, int to);
int put_jump(struct assembler *, uint16_t code, uint32_t k, int yes, int no);

static inline int last_place(const struct assembler *a)
{
	return a->length - 1;
}

static inline int distance(const struct assembler *a, int to)
{
	return last_place(a) - to;
}

/* What a condition compares: cond.go. */
enum op {
	OP_IN, OP_NOT_IN, OP_LACKS, OP_HAS_ANY, OP_MASKED, OP_NOT_MASKED,
	OP_NULL, OP_NOT_NULL, OP_PID, OP_UID, OP_GID, OP_TAGGED,
};

struct condition {
	uint8_t op : 5, arg : 3;
	uint8_t count;		/* of values */
	uint16_t values;	/* place of the first: condition_values() */
	uint32_t mask;
};

/* An answer, and the conditions under which it is given: all of them hold. */
struct step {
	uint32_t ret;
	uint16_t conditions;	/* place of the first: condition_at() */
	uint8_t count;
};

/* Whose answers are asked for. */
struct side {
	const struct filter_options *o;
	promise_set set;
	bool outside;	/* of the images after the one that the program is bound to */
};

/*
 * answers.c. The steps of a call, by its place in the table: refused, allowed,
 * denied. Returns how many there are; the last has no conditions, and those
 * before it that answer as it does are left out.
 */
unsigned answers_steps(const struct side *, unsigned call, struct step steps[STEPS_MAX]);
/* Whether the program that this one is behind answers the call by the same steps. */
bool answers_left(const struct side *, unsigned call, const struct step *steps, unsigned n);
const struct condition *condition_at(unsigned place);
const uint32_t *condition_values(const struct condition *);
/* Those that test the same stand in the table once, but in lists of their own. */
bool condition_same(const struct condition *, const struct condition *);

/*
 * ranges.c. Writes the tree that decides whether an address is in the ranges
 * of the image: it goes to in or to out, with the answer that is asked about
 * in MEM_ANSWER. 0, -E2BIG, -EINVAL: they do not rise.
 */
struct lookup {
	int in, out;	/* given; may be written anew on the way */
	int pointer;	/* the way to it: the accumulator is the answer, the address is the instruction pointer */
	int address;	/* and: the answer is EACCES, the address is argument 0 */
};
int ranges_lookup(struct assembler *, struct lookup *, const struct range *, unsigned n);

#endif
