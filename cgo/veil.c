/*
 * The table of unveil(2). It is OpenBSD's: directories by what they are, and
 * names in them; what is a name may be missing, or become another file. Each
 * directory is held by a descriptor that was opened when it was unveiled. A
 * program may close it (closefrom(3)) or put another in its place (dup2(2)):
 * it is looked at before it is used, and opened again by name if it has changed.
 */
#include "veil.h"

#define TEXT_SIZE	65536	/* bytes of the names of all unveiled directories */

static struct entries entries;
static unsigned text_used;
static char text[TEXT_SIZE];
static bool used;
static unsigned changes;
static bool sealed;	/* the entries stay as they are, for veil_hides */

/* A name to find a directory by if its descriptor is lost: as it was given,
 * where that holds from anywhere. It goes to the end of text. */
static int dir_text(const struct place *p)
{
	static struct listing listing;
	size_t room = TEXT_SIZE - text_used;
	int proc, n;

	if (p->path != NULL) {
		size_t length = text_length(p->path);

		if (length > room)
			return -E2BIG;
		text_copy(text + text_used, p->path, length);
		return (int)length;
	}
	proc = open_proc();
	n = object_name(proc, p->dir.fd, text + text_used, room < PATH_SIZE ? room : PATH_SIZE, &listing);
	close_fd(proc);
	return n == -ENAMETOOLONG ? -E2BIG : n;
}

/* The place of a directory in the table. It takes the descriptor if it is new. */
static int dir_place(struct place *p)
{
	struct object *o = &p->dir;
	struct dir *d;
	unsigned i = 0;
	int n;

	while (i < entries.dir_count && !same_object(&entries.dirs[i].object, o))
		i++;
	if (i < entries.dir_count)
		return (int)i;
	d = &entries.dirs[i];
	n = dir_text(p);
	if (n < 0)
		return n;
	d->text = text_used;
	d->length = (uint16_t)n;
	text_used += (unsigned)n;
	d->object.type = o->type;
	d->object.dev = o->dev;
	d->object.ino = o->ino;
	d->object.fd = lift(o->fd);
	o->fd = -1;
	d->unveiled = false;
	d->letters = 0;
	entries.dir_count++;
	return (int)i;
}

/* Puts what was named into the table. */
static int remember(struct place *p, unsigned char letters)
{
	size_t n;
	int i;

	/* As on OpenBSD: either counter ends both, and updates too. */
	if (entries.dir_count == VEIL_DIRS || entries.name_count == VEIL_NAMES)
		return -E2BIG;
	i = dir_place(p);
	if (i < 0)
		return i;
	used = true;
	changes++;
	if (!p->is_name) {
		entries.dirs[i].unveiled = true;
		entries.dirs[i].letters = letters;
		return 0;
	}
	n = text_length(p->base) + 1;
	for (unsigned k = 0; k < entries.name_count; k++) {
		if (entries.names[k].dir == i && text_equal(entries.names[k].base, p->base, n)) {
			entries.names[k].letters = letters;
			return 0;
		}
	}
	entries.names[entries.name_count].dir = (unsigned char)i;
	entries.names[entries.name_count].letters = letters;
	text_copy(entries.names[entries.name_count].base, p->base, n);
	entries.name_count++;
	return 0;
}

/*
 * unveil(2) of one path. The order of the checks is OpenBSD's, but for one
 * that cannot fail: EPERM where neither the object nor its directory may be
 * read, written or searched. Who walked to a name has searched its directory.
 */
int veil_add(const char *path, const char *perms)
{
	static char buffer[PATH_SIZE];
	char letters[5];
	struct place place;
	int err;

	err = copy_string(letters, sizeof(letters), perms);
	if (err < 0)
		return err;
	err = copy_string(buffer, sizeof(buffer), path);
	if (err < 0)
		return err;
	if (err == 0)
		return -EINVAL;
	err = walk(AT_FDCWD, buffer, &place);
	if (err == -EACCES)
		return -ENOENT;	/* what cannot be searched is not there */
	if (err < 0)
		return err;
	err = letters_parse(letters);
	if (err >= 0)
		err = remember(&place, (unsigned char)err);
	close_fd(place.dir.fd);
	return err;
}

bool veil_used(void)
{
	return used;
}

unsigned veil_changes(void)
{
	return changes;
}

/* What was unveiled is complete, and kept. */
void veil_end(void)
{
	changes++;
	if (used)
		__atomic_store_n(&sealed, true, __ATOMIC_RELEASE);
}

/* Gives the descriptors back. */
void veil_close(void)
{
	veil_end();
	for (unsigned i = 0; i < entries.dir_count; i++) {
		if (object_held(&entries.dirs[i].object))
			close_fd(entries.dirs[i].object.fd);
		entries.dirs[i].object.fd = -1;
	}
	used = false;
}

/* Whether nothing at a directory or above it was unveiled, or "" was: the
 * nearest decides. Closes it. What cannot be seen is not called hidden. */
static bool none_above(struct object o)
{
	for (;;) {
		struct object up;
		unsigned i = 0;
		int err;

		while (i < entries.dir_count && !(entries.dirs[i].unveiled && same_object(&entries.dirs[i].object, &o)))
			i++;
		err = i < entries.dir_count ? -EEXIST : object_open(o.fd, "..", O_DIRECTORY, &up);
		close_fd(o.fd);
		if (err < 0)
			return i < entries.dir_count && entries.dirs[i].letters == 0;
		if (same_object(&up, &o)) {
			close_fd(up.fd);
			return true;
		}
		o = up;
	}
}

/*
 * Whether OpenBSD's kernel would say that a path is not there. A directory is
 * known by its number, which another may have once it is removed: nothing
 * hangs on it but an errno. The table is not written any more, and the path
 * lies on the stack: threads, signal handlers and children of vfork(2) may
 * ask at once.
 */
bool veil_hides(int dir, const char *path, bool follow)
{
	char buffer[PATH_SIZE];
	struct place p;

	if (!__atomic_load_n(&sealed, __ATOMIC_ACQUIRE) || copy_string(buffer, sizeof(buffer), path) <= 0)
		return false;
	if ((follow ? walk(dir, buffer, &p) : walk_name(dir, buffer, &p)) < 0)
		return false;
	for (unsigned i = 0; p.is_name && i < entries.name_count; i++) {
		if (same_object(&entries.dirs[entries.names[i].dir].object, &p.dir) && text_equal(entries.names[i].base, p.base, text_length(p.base) + 1)) {
			close_fd(p.dir.fd);
			return false;	/* with no letters too, as on OpenBSD */
		}
	}
	return none_above(p.dir);
}

/* By inode, not by its name alone: another directory of that name was not unveiled. */
int dir_find(const struct dir *d, struct here *h, char name[PATH_SIZE])
{
	struct object now;
	uint64_t links;

	h->object = d->object;
	h->owned = h->gone = false;
	if (object_look(d->object.fd, NULL, &now, &links) >= 0 && same_object(&now, &d->object)) {
		h->gone = links == 0;
		return 0;
	}
	text_copy(name, text + d->text, d->length);
	name[d->length] = '\0';
	if (object_open(AT_FDCWD, d->length == 0 ? "/" : name, O_DIRECTORY, &h->object) < 0)
		return -EBADF;
	h->owned = true;
	if (!same_object(&h->object, &d->object)) {
		close_fd(h->object.fd);
		return -EBADF;
	}
	return 0;
}

const struct entries *veil_entries(void)
{
	return &entries;
}
