/*
 * What this kernel can do.
 *
 * Asked by system calls that change nothing and that every filter of this
 * library lets through; the answers are kept, and are the same for all who
 * share the memory. No path is looked at: /proc may be missing.
 */
#include "core.h"

#define LANDLOCK_NEWEST 11	/* the ABI that the masks below are complete for */

int kernel_abi(void)
{
	static int known = -1;
	int abi = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (abi < 0) {
		/* -ENOSYS: not built in; -EOPNOTSUPP: not switched on at boot */
		long answer = sys(NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

		abi = answer < 0 ? 0 : answer > LANDLOCK_NEWEST ? LANDLOCK_NEWEST : (int)answer;
		__atomic_store_n(&known, abi, __ATOMIC_RELAXED);
	}
	return abi;
}

/* Bits 0 to last. */
static uint64_t through(unsigned last)
{
	return (2ull << last) - 1;
}

uint64_t kernel_fs(void)
{
	int abi = kernel_abi();

	if (abi == 0)
		return 0;
	if (abi >= 9)
		return through(16);	/* RESOLVE_UNIX */
	if (abi >= 5)
		return through(15);	/* IOCTL_DEV */
	if (abi >= 3)
		return through(14);	/* TRUNCATE */
	if (abi >= 2)
		return through(13);	/* REFER */
	return through(12);		/* MAKE_SYM */
}

uint64_t kernel_net(void)
{
	int abi = kernel_abi();

	if (abi >= 10)
		return through(3);	/* BIND_UDP, CONNECT_SEND_UDP */
	if (abi >= 4)
		return through(1);	/* BIND_TCP, CONNECT_TCP */
	return 0;
}

uint64_t kernel_scopes(void)
{
	return kernel_abi() >= 6 ? through(1) : 0;	/* abstract sockets, signals */
}

bool kernel_seccomp(void)
{
	static int known = -1;
	int can = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (can < 0) {
		/* A filter at address 0: EFAULT tells that all but the filter is fine. */
		can = sys(NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) == -EFAULT;
		__atomic_store_n(&known, can, __ATOMIC_RELAXED);
	}
	return can;
}
