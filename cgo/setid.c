/*
 * Whether this image has more rights than who started it.
 *
 * The kernel says so in the auxiliary vector, at each execve(2).
 */
#include "core.h"

#define PR_GET_AUXV_ 0x41555856
#define AT_SECURE_ 23

extern unsigned long getauxval(unsigned long) __attribute__((weak));

/* getauxval(3) of libc looks at memory alone. A static program need not have it. */
bool set_id(void)
{
	unsigned long vector[128] = { 0 };
	long size;

	if (getauxval != NULL)
		return getauxval(AT_SECURE_) != 0;
	size = sys(NR_prctl, PR_GET_AUXV_, vector, sizeof vector, 0, 0);
	if (size < 0) {	/* before Linux 6.4 */
		int fd = (int)sys(NR_openat, AT_FDCWD, "/proc/self/auxv", O_RDONLY | O_CLOEXEC, 0);

		if (fd < 0)
			return true;
		size = sys(NR_read, fd, vector, sizeof vector);
		sys(NR_close, fd);
	}
	for (size_t i = 0; i + 1 < sizeof vector / sizeof *vector && (long)(i * sizeof *vector) < size; i += 2)
		if (vector[i] == AT_SECURE_)
			return vector[i + 1] != 0;
	return true;
}
