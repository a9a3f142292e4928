/*
 * The words of pledge(2): from a string to a set, and back to names.
 *
 * This file reads memory that the caller names, after it has asked the kernel
 * whether it can be read. It may not change anything but what it returns, and
 * makes one system call, that every set of promises allows.
 */
#include "core.h"

#define TABLE_NAMES
#define TABLE_CALL_NAMES
#include "table_gen.h"

/* The smallest page of either architecture: a larger one is probed more often. */
#define PAGE 4096

/*
 * Says whether the eight bytes at an aligned address can be read.
 * rt_sigprocmask(2) copies the new mask before it finds that it is told to do
 * nothing known with it, and changes nothing; a filter always allows it. For
 * address 0 it would take no mask at all.
 */
static bool readable(uintptr_t aligned)
{
	return aligned != 0 && sys(NR_rt_sigprocmask, -1, aligned, 0, 8) != -EFAULT;
}

/* Copies a string, its NUL included, as copyinstr(9) does. */
static int copy(char to[WORDS_MAX], const char *from)
{
	for (size_t i = 0; i < WORDS_MAX; i++) {
		uintptr_t at = (uintptr_t)from + i;

		if ((i == 0 || at % PAGE == 0) && !readable(at & ~(uintptr_t)7))
			return -EFAULT;
		to[i] = *(const volatile char *)at;	/* no more than was asked for */
		if (to[i] == '\0')
			return 0;
	}
	return -ENAMETOOLONG;
}

/* The place of the promise that is spelled by the given bytes, or -1. */
static int lookup(const char *word, size_t length)
{
	for (int i = 0; i < PROMISES; i++) {
		size_t n = 0;

		while (n < length && promise_names[i][n] == word[n])
			n++;
		if (n == length && promise_names[i][n] == '\0')
			return i;
	}
	return -1;
}

/*
 * Reads words separated by blanks. A blank before the first word is an error,
 * as on OpenBSD, since an empty word comes before it; blanks at the end,
 * repeated words and the empty string are none. The set is written only when
 * the whole string is right.
 */
int words_parse(const char *words, promise_set *set)
{
	char copied[WORDS_MAX];
	promise_set found = 0;
	int err = copy(copied, words);

	if (err != 0)
		return err;
	for (size_t i = 0; copied[i] != '\0';) {
		size_t begin = i;
		int place;

		while (copied[i] != ' ' && copied[i] != '\0')
			i++;
		place = lookup(copied + begin, i - begin);
		if (place < 0)
			return -EINVAL;
		found |= PROMISE_BIT(place);
		while (copied[i] == ' ')
			i++;
	}
	*set = found;
	return 0;
}

const char *words_name(unsigned place)
{
	return place < PROMISES ? promise_names[place] : NULL;
}

/*
 * On OpenBSD fattr and chown both bring the flag of the chown calls, so that
 * what a set and a later one have in common may be more than their words. The
 * flag is the highest bit here; filter_build() does not look at it.
 */
promise_set words_expand(promise_set set)
{
	const promise_set bring = PROMISE_BIT(PROMISE_FATTR) | PROMISE_BIT(PROMISE_CHOWN);

	return set & bring ? set | 1ull << 63 : set;
}

/* The name of a system call, or NULL. */
const char *call_name(unsigned nr)
{
	unsigned low = 0, high = sizeof call_numbers / sizeof call_numbers[0];

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (call_numbers[middle].nr == nr)
			return call_names + call_numbers[middle].name;
		if (call_numbers[middle].nr < nr)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
