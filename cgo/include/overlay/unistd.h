/*
 * <unistd.h> as on OpenBSD: that of the machine, and pledge(), unveil() and
 * issetugid(). A program written for OpenBSD finds them with no change to it:
 *
 *	cc prog.c $(pkg-config --cflags --libs unveil-overlay)
 *
 * A project may have an <unistd.h> of its own in front of this one, as this
 * one is in front of the machine's: each goes on to the next. The guard is
 * around the declarations alone, since the next may be wanted again, for what
 * a macro has since asked it for.
 *
 * The declarations have their names in parentheses, here and in unveil.h: a
 * project that has made a macro of one, to do without the call, can include
 * this. It is not protected then: nm -D shows whether it calls pledge.
 */
#ifdef __GNUC__
#pragma GCC system_header
#endif

#include_next <unistd.h>

#ifndef UNVEIL_OVERLAY_UNISTD_H
#define UNVEIL_OVERLAY_UNISTD_H

#include <unveil.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Whether this program has more rights than who started it, by a set-id bit
 * or by capabilities of its file: 1 if so, else 0. The last execve(2) decides.
 */
int (issetugid)(void);

#ifdef __cplusplus
}
#endif

#endif
