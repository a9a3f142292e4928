/*
 * What the fuzz targets of libunveil share. Each file is one target of
 * libFuzzer, built with the sources that it names by test/fuzz:
 *
 *	clang -fsanitize=fuzzer,address,undefined fuzz/words.c ../words.c
 *
 * A target holds the library against a second way to the same answer, by
 * libc, and leaves overruns to the sanitizers: what it hands over is memory
 * of just the size.
 */
#ifndef UNVEIL_FUZZ_H
#define UNVEIL_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
			abort(); \
		} \
	} while (0)

/* The input as a string in memory of its own. */
static inline char *string_of(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	CHECK(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

/* Takes N bytes of the input as a number; none are zeros. */
static inline uint64_t number_of(const uint8_t **data, size_t *size, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0) {
		v = v << 8 | (*size > 0 ? **data : 0);
		if (*size > 0) {
			(*data)++;
			(*size)--;
		}
	}
	return v;
}

#endif
