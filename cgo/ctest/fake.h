/*
 * Put before the sources of the library (-include): their system calls go
 * through a function of the test, which answers those of Landlock itself and
 * hands on the others.
 */
#include "../sys.h"

long fake_sys6(long nr, long a, long b, long c, long d, long e, long f);

#define sys6 fake_sys6	/* the test itself undefines it */
