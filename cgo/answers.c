/*
 * What is answered to a call under a set of promises. What is allowed, and what
 * is answered to the rest, stands in table_gen.h; nothing here knows a promise
 * or a system call.
 */
#include "filter.h"

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

#define TABLE_CALLS
#include "table_gen.h"

static int lowest(promise_set set)
{
	return set == 0 ? 0 : __builtin_ctzll(set) + 1;
}

/* The answer to a violation; err is what it returns where it does not end the process. */
static uint32_t violation(const struct side *s, promise_set lacking, uint32_t err, enum violations on)
{
	bool error = (s->set & PROMISE_BIT(PROMISE_ERROR)) != 0;

	if (error && err == EPERM)
		return RET_ENOSYS;
	if (on == LOG_VIOLATIONS && !error && !s->outside)	/* images that come after have no handler */
		return SECCOMP_RET_TRAP | err << 8 | (uint32_t)lowest(lacking);
	if (on == ERRNO_VIOLATIONS || on == LOG_VIOLATIONS)
		return SECCOMP_RET_ERRNO | err;
	return SECCOMP_RET_TRAP | (uint32_t)lowest(lacking);
}

static uint32_t answer_ret(const struct side *s, const struct call *c, const struct answer *a)
{
	promise_set lacking = table_sets[a->mends] & ~s->set;
	enum violations on = s->o->on_violation;

	if (lacking == 0)
		lacking = table_sets[c->promises] & ~s->set;
	switch (a->kind) {
	case REFUSE:
		return SECCOMP_RET_ERRNO | a->err;
	case ALLOW:
		return SECCOMP_RET_ALLOW;
	case PATH:
		if (on == END_VIOLATIONS)
			break;
		return on == LAUNCH_VIOLATIONS ? SECCOMP_RET_ERRNO | EACCES : violation(s, lacking, EACCES, on);
	case QUIET:
		if (on == LOG_VIOLATIONS)
			on = ERRNO_VIOLATIONS;
		break;
	case END:
		break;
	}
	return violation(s, lacking, EPERM, on);
}

static bool applies(const struct side *s, const struct answer *a)
{
	if (table_sets[a->need] & ~s->set)
		return false;
	switch (a->only) {
	case LAYER:
		return !(s->outside ? s->o->next_no_layer : s->o->no_layer);
	case NO_TRUNCATE:
		return s->o->no_truncate;
	case KEEP_HANDLER:
		return s->o->keep_handler && !s->outside;
	case INSIDE:
		return s->o->n > 0 && !s->outside;
	case OUTSIDE:
		return s->outside;
	case ALWAYS:
		break;
	}
	return true;
}

const struct condition *condition_at(unsigned place)
{
	return &table_conditions[place];
}

const uint32_t *condition_values(const struct condition *c)
{
	return table_values + c->values;
}

bool condition_same(const struct condition *c, const struct condition *d)
{
	return c->op == d->op && c->arg == d->arg && c->count == d->count && c->values == d->values && c->mask == d->mask;
}

static bool same(unsigned a, unsigned b)
{
	return condition_same(condition_at(a), condition_at(b));
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

unsigned answers_steps(const struct side *s, unsigned call, struct step steps[STEPS_MAX])
{
	const struct call *c = &table_calls[call];
	unsigned n = 0;
	uint32_t last;

	for (unsigned i = 0; i < c->count; i++) {
		const struct answer *a = &table_answers[c->answers + i];

		if (i == c->refusals && (c->flags & FLOOR || table_sets[c->outright] & s->set))
			break;
		if (i >= c->refusals && !(c->flags & KNOWN))
			break;
		if (!applies(s, a))
			continue;
		steps[n++] = (struct step){ answer_ret(s, c, a), a->conditions, a->count };
		if (a->count == 0)
			goto trim;
	}
	if (!(c->flags & KNOWN))
		last = RET_ENOSYS;
	else if (c->flags & FLOOR || table_sets[c->outright] & s->set)
		last = c->flags & TEXT && s->o->n > 0 && !s->outside ? ALLOW_UNLESS_TEXT : SECCOMP_RET_ALLOW;
	else
		last = violation(s, table_sets[c->promises] & ~s->set, EPERM, s->o->on_violation);
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

bool answers_left(const struct side *s, unsigned call, const struct step *steps, unsigned n)
{
	const struct filter_options *o = s->o;
	struct side before = { o->behind, 0, s->outside };
	struct step earlier[STEPS_MAX];
	unsigned m;

	if (o->behind == NULL)
		return false;
	before.set = o->behind->set;
	m = answers_steps(&before, call, earlier);
	if (m != n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (steps[i].ret != earlier[i].ret || steps[i].count != earlier[i].count)
			return false;
		for (unsigned j = 0; j < steps[i].count; j++) {
			unsigned at = steps[i].conditions + j;
			enum op op = condition_at(at)->op;

			if (!same(at, earlier[i].conditions + j) || own(o, op) != own(o->behind, op))
				return false;
		}
	}
	return true;
}
