/*
 * unveil(2), and when what was unveiled is closed.
 *
 * On OpenBSD each call is in force at once, and later ones may add to it.
 * Landlock can only narrow: calls gather in a table (veil.c) and the kernel
 * gets it when it is complete.
 */
#include "core.h"
#include "unveil.h"

/* As the rest of the state it is copied by fork, and not written by a child of vfork. */
static bool closed;

static struct {
	bool closed;
	unsigned changes;
} at_first;
static bool spoiled;

void unveil_remember(void)
{
	at_first.closed = closed;
	at_first.changes = veil_changes();
}

void unveil_recall(void)
{
	closed = at_first.closed;
	spoiled |= veil_changes() != at_first.changes;
}

bool unveil_spoiled(void)
{
	return spoiled;
}

static int close_list(void)
{
	int err = seal();

	if (err == 0 && !threads_vforked())
		closed = true;
	return err;
}

int unveil_seal(void)
{
	uint64_t mask;
	int err;

	if (!veil_used())
		return 0;
	err = threads_enter(&mask);
	if (err < 0)
		return err;
	err = close_list();
	threads_leave(mask);
	return err;
}

static int unveil_inside(const char *path, const char *permissions)
{
	int err = pledge_unveil_asked();

	if (err < 0)
		return err;
	if (kernel_abi() == 0)
		return -ENOSYS;
	if (spoiled)
		return -EOPNOTSUPP;
	if (path == NULL && permissions == NULL)
		return closed ? 0 : close_list();
	if (closed)
		return -EPERM;
	if (threads_vforked())
		return -EOPNOTSUPP;	/* the table is the parent's */
	return veil_add(path, permissions);
}

int unveil(const char *path, const char *permissions)
{
	uint64_t mask;
	int err = threads_enter(&mask);

	if (err == 0) {
		err = unveil_inside(path, permissions);
		threads_leave(mask);
	}
	return answer(err);
}

int unveil_hides(int dir, const char *path, int flags)
{
	return veil_hides(dir, path, !(flags & AT_SYMLINK_NOFOLLOW));
}
