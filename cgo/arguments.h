/*
 * The arguments of execl(3) and its like, laid out on the stack as the vector
 * that execv(3) takes: for exec.c and compat/compat.c.
 */
#ifndef UNVEIL_ARGUMENTS_H
#define UNVEIL_ARGUMENTS_H

#include <stdarg.h>
#include <stddef.h>

/* Sets n to how many arguments there are before the NULL; the first is none
 * by itself, as in any libc. */
#define ARGUMENTS_COUNT(n, arg)                                            \
	do {                                                               \
		va_list counted_;                                          \
		va_start(counted_, arg);                                   \
		for (n = 1; va_arg(counted_, char *) != NULL; n++)         \
			;                                                  \
		va_end(counted_);                                          \
	} while (0)

/* Fills argv[0 .. n] from arg and list, which is begun and is behind the NULL
 * afterwards: the caller ends it. */
#define ARGUMENTS_LAY(argv, n, arg, list)                                  \
	do {                                                               \
		argv[0] = (char *)arg;                                     \
		va_start(list, arg);                                       \
		for (size_t i_ = 1; i_ <= n; i_++)                         \
			argv[i_] = va_arg(list, char *);                   \
	} while (0)

#endif
