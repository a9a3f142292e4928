/* words.c: a string of promises is what strtok(3) makes of it. */
#include "../../core.h"

#include "fuzz.h"

static int expected(const char *words, promise_set *set)
{
	char *copy, *save = NULL;
	int err = 0;

	*set = 0;
	if (strlen(words) >= WORDS_MAX)
		return -ENAMETOOLONG;
	if (words[0] == ' ')
		return -EINVAL;
	copy = strdup(words);
	CHECK(copy != NULL);
	for (char *w = strtok_r(copy, " ", &save); w != NULL && err == 0; w = strtok_r(NULL, " ", &save)) {
		unsigned place = 0;

		while (words_name(place) != NULL && strcmp(words_name(place), w) != 0)
			place++;
		if (words_name(place) == NULL)
			err = -EINVAL;
		else
			*set |= 1ull << place;
	}
	free(copy);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *words = string_of(data, size);
	promise_set set = 0x5eed, want;
	int err = words_parse(words, &set), due = expected(words, &want);

	CHECK(err == due);
	CHECK(set == (err == 0 ? want : 0x5eed));
	if (err == 0)
		CHECK((words_expand(set) & ~(1ull << 63)) == set);
	if (size >= 4) {
		const char *name = call_name((unsigned)(data[0] | data[1] << 8 | data[2] << 16 | (unsigned)data[3] << 24));

		CHECK(name == NULL || strlen(name) > 0);
	}
	free(words);
	return 0;
}
