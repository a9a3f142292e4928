//go:build ignore

/*
 * What a compiler calls by itself where a structure is copied or cleared, on
 * arm64 more than elsewhere. The library is linked with no libc that has it;
 * what go builds is, and has no need of this. The loops stay loops by the
 * flags of the Makefile, or they would call themselves.
 */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int byte, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	char *t = to;
	const char *f = from;

	while (n-- > 0)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	char *t = to;

	while (n-- > 0)
		*t++ = (char)byte;
	return to;
}
