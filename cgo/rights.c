/*
 * Letters and promises to Landlock rights.
 *
 * Pure: looks at the words, the promises and kernel.c, and makes no system
 * call.
 */
#include "veil.h"

#define LETTERS (sizeof(veil_letters) / sizeof(veil_letters[0]))
#define IMPLIED (sizeof(veil_implied) / sizeof(veil_implied[0]))

/* What a process that has not pledged may still promise, of what reads
 * single files: see rights_implied. */
#define MAY_PROMISE (VEIL_STDIO | VEIL_DNS | VEIL_GETPW | VEIL_TTY)

int letters_parse(const char *perms)
{
	unsigned letters = 0;

	for (; *perms != '\0'; perms++) {
		unsigned i = 0;

		while (i < LETTERS && veil_letters[i].name != *perms)
			i++;
		if (i == LETTERS)
			return -EINVAL;
		letters |= 1u << i;
	}
	return (int)letters;
}

/*
 * What the kernel shall handle. With all, nothing was unveiled, and every
 * path has what the promises leave: a right that they grant is then best not
 * handled at all, which saves a rule on "/" and a check at each open. Ioctls
 * are the filter's then. REFER cannot be treated so: a ruleset that does not
 * handle it denies it.
 *
 * With promised, what no promise is about is left alone, everywhere; with
 * files, all that tmppath is not about.
 */
void rights_of(struct rights *r, const struct veil_options *o, bool all)
{
	r->pledged = o->pledged;
	r->set = o->set;
	r->fs = kernel_fs() & ~LANDLOCK_ACCESS_FS_REFER;
	if (r->pledged && !(r->set & VEIL_UNIX))
		r->fs &= ~LANDLOCK_ACCESS_FS_RESOLVE_UNIX;	/* no socket, so nothing to resolve */
	r->refer = (kernel_fs() & LANDLOCK_ACCESS_FS_REFER) != 0;
	if (all)
		r->fs &= ~(rights_promised(r, VEIL_R | VEIL_W | VEIL_X | VEIL_C) | LANDLOCK_ACCESS_FS_IOCTL_DEV);
	r->frees = o->promised || o->files;
	if (o->promised) {
		const struct rights kinds = { .pledged = true, .set = r->set };

		r->fs &= rights_promised(&kinds, VEIL_R | VEIL_W | VEIL_X | VEIL_C);
		/* x reads what it executes: that is not about other files. */
		if (!(rights_kinds(&kinds) & VEIL_R))
			r->fs &= ~LANDLOCK_ACCESS_FS_READ_FILE;
	}

	r->net = 0;
	r->scopes = 0;
	if (o->files) {
		r->fs &= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_MAKE_REG |
			LANDLOCK_ACCESS_FS_REMOVE_FILE;
		return;
	}
	if (!r->pledged)
		return;
	if ((r->set & VEIL_DNS) && !(r->set & VEIL_INET))
		r->net = kernel_net();
	if (!(r->set & VEIL_PROC))
		r->scopes |= LANDLOCK_SCOPE_SIGNAL;
	if (!(r->set & VEIL_UNIX))
		r->scopes |= LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	r->scopes &= kernel_scopes();
}

/* The letters whose kind of access is promised. */
unsigned rights_kinds(const struct rights *r)
{
	unsigned letters = 0;

	for (unsigned i = 0; i < LETTERS; i++)
		if (!r->pledged || (r->set & veil_letters[i].kind))
			letters |= 1u << i;
	return letters;
}

/* The rights of letters on a directory, whatever is promised or known. */
uint64_t rights_letters(unsigned letters)
{
	uint64_t access = 0;

	for (unsigned i = 0; i < LETTERS; i++)
		if (letters & (1u << i))
			access |= veil_letters[i].access;
	return access;
}

/* The same, of what is promised. */
uint64_t rights_promised(const struct rights *r, unsigned letters)
{
	uint64_t access = rights_letters(letters & rights_kinds(r));

	if (letters & VEIL_C) {
		if (!r->pledged || (r->set & VEIL_DPATH))
			access |= LANDLOCK_ACCESS_FS_MAKE_FIFO;
		if (!r->pledged || (r->set & VEIL_UNIX))
			access |= LANDLOCK_ACCESS_FS_MAKE_SOCK;
	}
	/* As unveil(2) has it: connecting is writing, whatever wpath says. */
	if ((letters & VEIL_W) && (!r->pledged || (r->set & VEIL_UNIX)))
		access |= LANDLOCK_ACCESS_FS_RESOLVE_UNIX;
	return access;
}

/* What is promised, or may be by the first pledge(2) to come. */
static promise_set promisable(const struct rights *r)
{
	return r->pledged || r->set != 0 ? r->set : MAY_PROMISE;
}

/*
 * The paths that promises imply. They pierce the veil, and a layer cannot be
 * widened: one that is made before the first pledge(2) has to leave room for
 * what that may promise. Only for what reads a few files that all users may
 * read, and for the terminal of the process; not for ps, vminfo, route and
 * tmppath.
 */
promise_set rights_implying(const struct rights *r)
{
	promise_set with_paths = 0;

	for (unsigned i = 0; i < IMPLIED; i++)
		with_paths |= veil_implied[i].promise;
	return promisable(r) & with_paths;
}

/* One of them, and what may be done there: none without its promise. */
uint64_t rights_implied(const struct rights *r, unsigned place, const char **path)
{
	*path = NULL;
	if (place >= IMPLIED)
		return 0;
	*path = veil_implied[place].path;
	if (!(promisable(r) & veil_implied[place].promise))
		return 0;
	return rights_letters(veil_implied[place].letters);
}
