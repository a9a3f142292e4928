/*
 * OpenBSD's call, which include/overlay/unistd.h declares: programs that are
 * told that they have pledge expect it. A file of its own: a program may have
 * one too, beside libunveil.a.
 */
#include "core.h"

int issetugid(void);

__attribute__((visibility("default"))) int issetugid(void)
{
	return set_id();
}
