/*
 * Prints files, and can open no other: they are unveiled by name before the
 * first byte of them is read.
 *
 *	cc -o reader reader.c $(pkg-config --cflags --libs unveil)
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>

#include <unveil.h>

#ifndef INTRUDER	/* the tests have one */
#define INTRUDER(part)
#endif

static void print(const char *name)
{
	char bytes[1 << 16];
	size_t n;
	FILE *f = fopen(name, "r");

	if (f == NULL)
		err(1, "%s", name);
	while ((n = fread(bytes, 1, sizeof bytes, f)) > 0)
		if (fwrite(bytes, 1, n, stdout) != n)
			err(1, "write");
	if (ferror(f))
		err(1, "%s", name);
	fclose(f);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: reader file ...");
	for (int i = 1; i < argc; i++)
		if (unveil(argv[i], "r") == -1)
			err(1, "%s", argv[i]);
	/* Without the promise unveil, which ends the list. */
	if (pledge("stdio rpath", NULL) == -1)
		err(1, "pledge");
	for (int i = 1; i < argc; i++) {
		print(argv[i]);
		INTRUDER("reader");
	}
	return 0;
}
