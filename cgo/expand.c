/*
 * A tree of entries to the rules of one ruleset: as package unveil does it in
 * nested.go and alias.go, right by right.
 *
 * Landlock is a union down the tree. A right that every narrower entry below
 * a wide one has too stays on the wide directory; a right that one of them
 * lacks is given to what stands beside the way down to it instead, level by
 * level, and never to the directories of the way: a right to create files
 * there would reach into the narrower entry by rename.
 *
 * Opens descriptors, lists directories and adds rules; knows neither letters
 * nor promises.
 */
#include "veil.h"

#define DEPTH_MAX	100	/* levels between a wide entry and a narrower one */
#define DT_LNK_		10

static int emit(struct tree *, int i, uint64_t own, uint64_t need, int depth);

/* Orders names so that all that is below a name follows it. */
static int by_walk(const struct node *a, const struct node *b)
{
	for (unsigned i = 0; i < a->length && i < b->length; i++) {
		unsigned char x = (unsigned char)a->path[i], y = (unsigned char)b->path[i];

		if (x == y)
			continue;
		if (x == '/')
			return -1;
		if (y == '/')
			return 1;
		return x < y ? -1 : 1;
	}
	return a->length < b->length ? -1 : a->length > b->length;
}

bool under(const char *path, unsigned length, const char *dir, unsigned dir_length)
{
	return length >= dir_length && text_equal(path, dir, dir_length) &&
	       (length == dir_length || path[dir_length] == '/');
}

static bool node_under(const struct node *n, const struct node *dir)
{
	return under(n->path, n->length, dir->path, dir->length);
}

/* What a node or an entry below it lacks. */
static void lacks(const struct tree *t, int i, uint64_t *own, uint64_t *need)
{
	const struct node *n = &t->nodes[i];

	*own |= n->lack;
	*need |= n->lack_need;
	if (n->is_entry) {
		*own |= t->fs & ~n->span;
		*need |= t->fs & ~n->full;
	}
}

/* Makes one of two nodes of the same name. */
static int merge(struct node *a, struct node *b)
{
	if (a->object.fd < 0 || b->object.fd < 0 || !same_object(&a->object, &b->object))
		return -EAGAIN;	/* the tree changes under our feet */
	if (b->is_entry && !a->is_entry) {
		a->is_entry = true;
		a->letters = b->letters;
		a->rights = b->rights;
		a->span = b->span;
		a->full = b->full;
	}
	a->widen |= b->widen;
	a->need |= b->need;
	if (b->owned)
		close_fd(b->object.fd);
	b->owned = false;
	return 0;
}

static void swap(struct node *a, struct node *b)
{
	struct node c = *a;

	*a = *b;
	*b = c;
}

/*
 * Puts the nodes in the order of a walk from the root, makes one of those of
 * the same name, and establishes up, end and what is lacked.
 */
int tree_lay(struct tree *t)
{
	struct node *n = t->nodes;
	int up = -1;
	unsigned w = 0;

	for (unsigned i = 1; i < t->count; i++)
		for (unsigned j = i; j > 0 && by_walk(&n[j], &n[j - 1]) < 0; j--)
			swap(&n[j], &n[j - 1]);
	for (unsigned i = 0; i < t->count; i++) {
		if (w == 0 || by_walk(&n[w - 1], &n[i]) != 0) {
			if (w != i)
				swap(&n[w], &n[i]);
			w++;
			continue;
		}
		int err = merge(&n[w - 1], &n[i]);

		if (err < 0)
			return err;
	}
	t->count = w;

	for (int i = 0; i < (int)w; i++) {
		while (up >= 0 && !node_under(&n[i], &n[up])) {
			n[up].end = i;
			up = n[up].up;
		}
		n[i].up = up;
		n[i].lack = n[i].lack_need = 0;
		up = i;
	}
	for (; up >= 0; up = n[up].up)
		n[up].end = (int)w;
	for (int i = (int)w - 1; i >= 0; i--)
		if (n[i].up >= 0)
			lacks(t, i, &n[n[i].up].lack, &n[n[i].up].lack_need);
	return 0;
}

int tree_above(const struct tree *t, int i)
{
	do
		i = t->nodes[i].up;
	while (i >= 0 && !t->nodes[i].is_entry);
	return i;
}

/* Adds a rule. The kernel joins those of the same object. */
int tree_grant(struct tree *t, const struct object *o, uint64_t access)
{
	struct landlock_path_beneath_attr rule;

	access &= t->fs | LANDLOCK_ACCESS_FS_REFER;
	if (!is_dir(o))
		access &= VEIL_ON_FILE;
	if (access == 0 || o->type == TYPE_LINK)
		return 0;
	rule.allowed_access = access;
	rule.parent_fd = o->fd;
	return (int)sys(NR_landlock_add_rule, t->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* Looks at the directories above all entries that lack something. */
static int find_ways(struct tree *t)
{
	struct way *ways = t->room->ways;
	char *name = t->room->name;

	t->way_count = 0;
	for (unsigned i = 0; i < t->count; i++) {
		const struct node *n = &t->nodes[i];
		uint64_t own = t->fs & ~n->span, need = t->fs & ~n->full;

		if (!n->is_entry || n->length == 0 || n->length >= PATH_SIZE)
			continue;
		text_copy(name, n->path, n->length);
		for (unsigned end = n->length - 1;; end--) {
			struct way *w = NULL;

			if (n->path[end] != '/') /* the root is the slash of place 0 */
				continue;
			for (unsigned k = t->way_count; k-- > 0 && w == NULL;)
				if (ways[k].length == end && text_equal(ways[k].path, n->path, end))
					w = &ways[k];
			if (w == NULL) {
				if (t->way_count == WAYS_MAX)
					return -E2BIG;
				w = &ways[t->way_count];
				name[end] = '\0';
				if (object_look(AT_FDCWD, end == 0 ? "/" : name, &w->object, NULL) == 0) {
					w->path = n->path;
					w->length = end;
					w->lack = w->lack_need = 0;
					t->way_count++;
				} else {
					w = NULL;
				}
			} else if ((own & ~w->lack) == 0 && (need & ~w->lack_need) == 0) {
				break;	/* so do all directories above */
			}
			if (w != NULL) {
				w->lack |= own;
				w->lack_need |= need;
			}
			if (end == 0)
				break;
		}
	}
	return 0;
}

/* Whether a directory, under another name than the given one, leads to an
 * entry that lacks some of the rights. */
static bool aliased(const struct tree *t, const struct object *o, const char *path, unsigned length, uint64_t own, uint64_t need)
{
	for (unsigned k = 0; k < t->way_count; k++) {
		const struct way *w = &t->room->ways[k];

		if (same_object(&w->object, o) && ((own & w->lack) != 0 || (need & w->lack_need) != 0) &&
		    (w->length != length || !text_equal(w->path, path, length)))
			return true;
	}
	return false;
}

/* Whether a name below a directory is that of a node, or leads to one. */
static bool taken(const struct tree *t, unsigned length, int lo, int hi, const char *base)
{
	unsigned n = (unsigned)text_length(base);

	for (int j = lo; j < hi; j++) {
		const struct node *d = &t->nodes[j];
		unsigned rest = d->length - length - 1;

		if (rest >= n && text_equal(d->path + length + 1, base, n) &&
		    (rest == n || d->path[length + 1 + n] == '/'))
			return true;
	}
	return false;
}

/* Whether rights may be given to what stands beside the way: not to another
 * name of what an entry gives less. */
static bool may_grant(const struct tree *t, const struct object *o, uint64_t own, uint64_t need)
{
	uint64_t access = (own | need) & (is_dir(o) ? ~0ull : VEIL_ON_FILE);

	for (unsigned i = 0; i < t->count; i++) {
		const struct node *n = &t->nodes[i];

		if (n->is_entry && n->object.fd >= 0 && same_object(&n->object, o) && (access & ~n->rights) != 0)
			return false;
	}
	/* Beside the way no name is that of a way. */
	return !is_dir(o) || !aliased(t, o, "", ~0u, own, need);
}

/* Grants rights to what is in a directory, but to the names that are taken. */
static int siblings(struct tree *t, int dir, unsigned length, int lo, int hi, uint64_t own, uint64_t need)
{
	char *buffer = t->room->listing.entries;
	long n = sys(NR_openat, dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int list = (int)n, err = 0;

	if (n == -EACCES)
		return 0;	/* what is in it stays closed */
	if (n < 0)
		return list;
	while (err == 0 && (n = sys(NR_getdents64, list, buffer, sizeof(t->room->listing.entries))) > 0) {
		for (long at = 0; err == 0 && at < n;) {
			const struct kernel_dirent64 *d = (const void *)(buffer + at);
			const char *base = d->name;
			struct object o;

			at += d->reclen;
			if (d->type == DT_LNK_ || (base[0] == '.' && (base[1] == '\0' || (base[1] == '.' && base[2] == '\0'))) ||
			    taken(t, length, lo, hi, base))
				continue;
			err = object_open(list, base, O_NOFOLLOW, &o);
			if (err < 0) {
				if (err != -EMFILE && err != -ENFILE && err != -ENOMEM)
					err = 0;	/* it has gone, or cannot be looked at: it stays closed */
				continue;
			}
			if (o.type != TYPE_LINK && may_grant(t, &o, own, need)) {
				err = tree_grant(t, &o, own | need);
				if (err == 0 && ++t->spread > EXPANSION_MAX)
					err = -E2BIG;
			}
			close_fd(o.fd);
		}
	}
	close_fd(list);
	return err != 0 ? err : (int)n;
}

/* What is there comes and goes with processes and devices. */
static bool special(const char *path, unsigned length)
{
	return under(path, length, "/proc", 5) || under(path, length, "/sys", 4) || under(path, length, "/dev", 4);
}

/* The rules of nodes below a rule that lacks nothing for them. */
static int emit_below(struct tree *t, int lo, int hi, int depth)
{
	int err = 0;

	for (int j = lo; err == 0 && j < hi; j = t->nodes[j].end)
		err = emit(t, j, 0, 0, depth);
	return err;
}

static int expand(struct tree *, const struct object *dir, const char *path, unsigned length, int lo, int hi,
		  uint64_t own, uint64_t need, int depth);

/* A directory on the way to the nodes from lo to hi. */
static int between(struct tree *t, const struct object *dir, const char *path, unsigned length, int lo, int hi,
		   uint64_t own, uint64_t need, int depth)
{
	uint64_t lack = 0, lack_need = 0;
	int err;

	for (int j = lo; j < hi; j = t->nodes[j].end)
		lacks(t, j, &lack, &lack_need);
	for (unsigned k = 0; k < t->way_count; k++) {
		const struct way *w = &t->room->ways[k];

		if (same_object(&w->object, dir)) {
			lack |= w->lack;
			lack_need |= w->lack_need;
		}
	}
	if ((own & ~lack) != 0 || (need & ~lack_need) != 0) {
		if (++t->spread > EXPANSION_MAX)
			return -E2BIG;
		err = tree_grant(t, dir, (own & ~lack) | (need & ~lack_need));
		if (err < 0)
			return err;
	}
	own &= lack;
	need &= lack_need;
	if ((own | need) == 0)
		return emit_below(t, lo, hi, depth);
	return expand(t, dir, path, length, lo, hi, own, need, depth);
}

/*
 * Gives rights to what stands in a directory beside the nodes from lo to hi
 * below it, goes on in the directories that lead to them, and makes the rules
 * of the nodes that stand in it themselves.
 */
static int expand(struct tree *t, const struct object *dir, const char *path, unsigned length, int lo, int hi,
		  uint64_t own, uint64_t need, int depth)
{
	char base[NAME_SIZE];
	int err, k;

	if (special(path, length))
		return -EOPNOTSUPP;
	if (depth > DEPTH_MAX)
		return -E2BIG;
	for (int j = lo; j < hi; j = k) {
		const struct node *n = &t->nodes[j];
		unsigned at = length + 1, size;
		struct object child;

		while (at < n->length && n->path[at] != '/')
			at++;
		size = at - length - 1;
		if (size >= NAME_SIZE)
			return -EAGAIN;
		text_copy(base, n->path + length + 1, size);
		base[size] = '\0';
		err = object_open(dir->fd, base, O_NOFOLLOW, &child);
		k = n->end;
		if (at == n->length) {
			bool same = err == 0 ? n->object.fd >= 0 && same_object(&child, &n->object) : n->object.fd < 0;

			if (err == 0)
				close_fd(child.fd);
			else if (err != -ENOENT)
				return err;
			if (!same)
				return -EAGAIN;	/* the tree is not the one that the names told of */
			err = emit(t, j, own, need, depth + 1);
		} else {
			while (k < hi && under(t->nodes[k].path, t->nodes[k].length, n->path, at))
				k = t->nodes[k].end;
			if (err == -ENOENT) {
				err = emit_below(t, j, k, depth + 1);
			} else if (err == 0) {
				err = is_dir(&child) ? between(t, &child, n->path, at, j, k, own, need, depth + 1) : -EAGAIN;
				close_fd(child.fd);
			}
		}
		if (err < 0)
			return err;
	}
	return siblings(t, dir->fd, length, lo, hi, own, need);
}

/*
 * Makes the rules of a node and of all below it. own and need are what
 * entries and needs above grant, as far as it has no rule yet. What nothing
 * below lacks is granted here, the rest is carried down.
 */
static int emit(struct tree *t, int i, uint64_t own, uint64_t need, int depth)
{
	const struct node *n = &t->nodes[i];
	int err;

	if (n->is_entry) {
		own = n->rights;
		need &= n->full;
	}
	own |= n->widen;
	need |= n->need;
	if ((n->widen & n->lack) != 0)
		return -EOPNOTSUPP;	/* widened over a narrower entry */
	if (n->object.fd < 0)
		return emit_below(t, i + 1, n->end, depth);
	if (is_dir(&n->object) && aliased(t, &n->object, n->path, n->length, own, need))
		return -EOPNOTSUPP;
	err = tree_grant(t, &n->object, (own & ~n->lack) | (need & ~n->lack_need));
	if (err < 0)
		return err;
	own &= n->lack;
	need &= n->lack_need;
	if ((own | need) == 0)
		return emit_below(t, i + 1, n->end, depth);
	return expand(t, &n->object, n->path, n->length, i + 1, n->end, own, need, depth);
}

int tree_emit(struct tree *t)
{
	int err = find_ways(t);

	return err < 0 ? err : emit_below(t, 0, (int)t->count, 0);
}
