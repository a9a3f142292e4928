/*
 * The ruleset that the table of unveil(2) comes to, with what promises imply.
 *
 * Writes no static memory: children of vfork(2) may make rulesets in their
 * parent's, several at once.
 */
#include "veil.h"

#define NET_BIND_UDP		(1ull << 2)	/* ABI 10 */
#define NET_CONNECT_SEND_UDP	(1ull << 3)
#define DNS_PORT	53

#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22

/* Finds a directory of the table again, and its name: it may have been renamed. */
static int find(struct tree *t, const struct dir *d, struct here *h)
{
	char *path = t->room->paths + t->paths_used;
	int n = dir_find(d, h, t->room->name);

	if (n < 0 || h->gone)
		return n;
	if (t->paths_used > PATHS_SIZE - PATH_SIZE)
		return -E2BIG;
	n = object_name(t->proc, h->object.fd, path, PATH_SIZE, &t->room->listing);
	if (n < 0)
		return n;
	h->path = path;
	h->length = (unsigned)n;
	t->paths_used += h->length;
	return 0;
}

static struct node *new_node(struct tree *t, const struct object *o, bool owned, const char *path, unsigned length)
{
	struct node *n;

	if (t->count == NODES_MAX)
		return NULL;
	n = &t->nodes[t->count++];
	n->path = path;
	n->length = length;
	n->object = *o;
	n->owned = owned;
	n->is_entry = n->widens = false;
	n->letters = 0;
	n->parent = NULL;
	n->parent_length = 0;
	n->rights = n->span = n->full = n->widen = n->need = 0;
	return n;
}

/* Says what an entry grants, and what it leaves to the entries above it. */
static void rate(struct node *n, const struct rights *r, unsigned char letters)
{
	n->is_entry = true;
	n->letters = letters;
	n->span = rights_promised(r, letters);
	n->full = rights_letters(letters);
	if (n->object.fd < 0 || is_dir(&n->object)) {
		n->rights = n->span & r->fs;
		return;
	}
	if (n->object.type == TYPE_CHAR && (letters & rights_kinds(r) & VEIL_R)) {
		/* tcgetattr(3) on a terminal that was opened for reading. */
		n->span |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
		n->full |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	}
	n->rights = n->span & VEIL_ON_FILE & r->fs;
	/* A file has no list, so that it takes that of no directory. */
	n->span |= LANDLOCK_ACCESS_FS_READ_DIR;
	n->full |= LANDLOCK_ACCESS_FS_READ_DIR;
}

/*
 * Two names of one inode have what both have: a rule is one on the inode.
 */
static void hard_links(struct tree *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct node *a = &t->nodes[i];

		for (unsigned k = 0; k < i; k++) {
			struct node *b = &t->nodes[k];

			if (a->object.fd < 0 || b->object.fd < 0 || !same_object(&a->object, &b->object))
				continue;
			a->rights = b->rights &= a->rights;
			a->span = b->span &= a->span;
			a->full = b->full &= a->full;
		}
	}
}

static int enter_name(struct tree *t, const struct rights *r, const struct name *name, const struct here *h)
{
	struct node *n;
	struct object o;
	char *path = t->room->paths + t->paths_used;
	unsigned length = (unsigned)text_length(name->base);
	int err = object_open(h->object.fd, name->base, O_NOFOLLOW, &o);

	if (err == -EMFILE || err == -ENFILE || err == -ENOMEM)
		return err;
	if (err < 0) {
		o.fd = -1;
		o.type = 0;
		o.dev = o.ino = 0;
	} else if (is_dir(&o)) {
		/* A name stands for what is no directory: what is in one that was
		 * made since has the letters of the directories above. */
		close_fd(o.fd);
		return 0;
	}
	n = t->paths_used > PATHS_SIZE - 2 * PATH_SIZE ? NULL : new_node(t, &o, true, path, h->length + 1 + length);
	if (n == NULL) {
		close_fd(o.fd);
		return -E2BIG;
	}
	text_copy(path, h->path, h->length);
	path[h->length] = '/';
	text_copy(path + h->length + 1, name->base, length);
	t->paths_used += n->length;
	n->parent = &h->object;
	n->parent_length = h->length;
	rate(n, r, name->letters);
	return 0;
}

/* Makes the entries of the tree. */
static int enter(struct tree *t, const struct rights *r)
{
	const struct entries *e = veil_entries();
	struct here *here = t->room->here;
	int err;

	for (unsigned i = 0; i < t->dirs; i++)
		here[i].owned = false;
	for (unsigned i = 0; i < t->dirs; i++) {
		struct node *n;

		err = find(t, &e->dirs[i], &here[i]);
		if (err < 0)
			return err;
		if (here[i].gone || !e->dirs[i].unveiled)
			continue;
		n = new_node(t, &here[i].object, false, here[i].path, here[i].length);
		if (n == NULL)
			return -E2BIG;
		rate(n, r, e->dirs[i].letters);
	}
	for (unsigned i = 0; i < t->names; i++) {
		if (here[e->names[i].dir].gone)
			continue;
		err = enter_name(t, r, &e->names[i], &here[e->names[i].dir]);
		if (err < 0)
			return err;
	}
	hard_links(t);
	return 0;
}

/*
 * Landlock cannot hold the letter c of a name: a rule on a file has no right
 * to remove it, and what is missing has no rule. Unless an entry above grants
 * as much, its directory gets the letters.
 */
static int hold(struct tree *t, const struct rights *r, bool strict)
{
	unsigned count = t->count;
	bool any = false;
	int err = tree_lay(t);

	if (err < 0)
		return err;
	count = t->count;
	for (unsigned i = 0; i < count; i++) {
		struct node *n = &t->nodes[i];
		uint64_t span = n->span & ~LANDLOCK_ACCESS_FS_READ_DIR;
		int up = tree_above(t, (int)i);

		if (!n->is_entry || n->parent == NULL || !(rights_promised(r, n->letters) & VEIL_CHANGES))
			continue;
		if (up >= 0 && (span & t->fs & ~t->nodes[up].rights) == 0 && (t->nodes[up].lack & span) == 0)
			continue;
		if (strict)
			return -EOPNOTSUPP;
		n->widens = any = true;
	}
	if (!any)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		const struct node *n = &t->nodes[i];
		struct node *dir;

		if (!n->widens)
			continue;
		dir = new_node(t, n->parent, false, n->path, n->parent_length);
		if (dir == NULL)
			return -E2BIG;
		dir->widen = rights_promised(r, n->letters) & t->fs;
	}
	err = tree_lay(t);
	if (err < 0)
		return err;
	/* Who asked for the directory cannot narrow it. */
	for (unsigned i = 0; i < t->count; i++)
		if (t->nodes[i].widens)
			t->nodes[i].span |= t->nodes[t->nodes[i].up].widen;
	return tree_lay(t);
}

/* Gives a path to the loaders of what has x: a directory takes its place in
 * the tree, so that an entry below it wins; a file gets a rule of its own. */
int ruleset_need(struct tree *t, const char *path, uint64_t access)
{
	struct object o;
	struct node *n;
	char *name = t->room->paths + t->paths_used;
	int err = object_open(AT_FDCWD, path, 0, &o), length;

	if (err < 0)
		return err == -EMFILE || err == -ENFILE || err == -ENOMEM ? err : 0;
	if (!is_dir(&o)) {
		err = tree_grant(t, &o, access);
		close_fd(o.fd);
		return err;
	}
	for (unsigned i = 0; i < t->count; i++) {
		if (t->nodes[i].need != 0 && same_object(&t->nodes[i].object, &o)) {
			close_fd(o.fd);
			return 0;	/* once is enough */
		}
	}
	length = t->paths_used > PATHS_SIZE - PATH_SIZE ? -E2BIG : object_name(t->proc, o.fd, name, PATH_SIZE, &t->room->listing);
	n = length < 0 ? NULL : new_node(t, &o, true, name, (unsigned)length);
	if (n == NULL) {
		close_fd(o.fd);
		return length < 0 ? length : -E2BIG;
	}
	t->paths_used += n->length;
	n->need = access & t->fs;
	return 0;
}

static int loaders(struct tree *t, const struct rights *r)
{
	const struct entries *e = veil_entries();
	const struct here *here = t->room->here;
	bool any = false;
	int err;

	if (!(rights_kinds(r) & VEIL_X))
		return 0;
	for (unsigned i = 0; i < t->dirs; i++)
		any |= e->dirs[i].unveiled && (e->dirs[i].letters & VEIL_X) && !here[i].gone;
	for (unsigned i = 0; i < t->names; i++) {
		const struct here *h = &here[e->names[i].dir];
		struct object o;

		if (!(e->names[i].letters & VEIL_X) || h->gone)
			continue;
		if (object_look(h->object.fd, e->names[i].base, &o, NULL) < 0) {
			any = true;	/* what will be there is not known */
		} else if (o.type == TYPE_REGULAR) {
			err = loader_of(t, h->object.fd, e->names[i].base);
			if (err < 0)
				return err;
		}
	}
	return any ? loader_any(t) : 0;
}

/* The paths that promises imply. They pierce the veil. */
static int imply(struct tree *t, const struct rights *r, bool *creates)
{
	const char *path;

	for (unsigned i = 0;; i++) {
		uint64_t access = rights_implied(r, i, &path);
		struct object o;
		int err;

		if (path == NULL)
			return 0;
		if ((access & t->fs) == 0)
			continue;
		err = object_open(AT_FDCWD, path, 0, &o);
		if (err == -EACCES) {
			/* A filter of ours refuses O_PATH where rpath is not promised. */
			long fd = sys(NR_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);

			if (fd >= 0 && object_look((int)fd, NULL, &o, NULL) == 0) {
				o.fd = (int)fd;
				err = 0;
			} else {
				close_fd((int)fd);
			}
		}
		if (err == -EMFILE || err == -ENFILE || err == -ENOMEM)
			return err;
		if (err < 0)
			continue;	/* not on this system */
		err = tree_grant(t, &o, access & ~LANDLOCK_ACCESS_FS_REFER);
		close_fd(o.fd);
		if (err < 0)
			return err;
		*creates |= (access & VEIL_CHANGES) != 0;
	}
}

/*
 * REFER on "/". A rename needs it on both sides; the kernel refuses any gain
 * of rights by itself. A filter of ours refuses the descriptor where cpath is
 * promised without rpath: no rename across directories then.
 */
static int refer(struct tree *t)
{
	struct object root;
	int err = object_open(AT_FDCWD, "/", O_DIRECTORY, &root);

	if (err < 0)
		return err == -EACCES ? 0 : err;
	err = tree_grant(t, &root, LANDLOCK_ACCESS_FS_REFER);
	close_fd(root.fd);
	return err;
}

/* Of the network, what resolvers ask. */
static int ports(int ruleset, uint64_t handled)
{
	struct landlock_net_port_attr rules[] = {
		{ handled & (LANDLOCK_ACCESS_NET_CONNECT_TCP | NET_CONNECT_SEND_UDP), DNS_PORT },
		{ handled & NET_BIND_UDP, 0 },	/* a port of the kernel's choice */
	};

	for (unsigned i = 0; i < 2; i++) {
		long err;

		if (rules[i].allowed_access == 0)
			continue;
		err = sys(NR_landlock_add_rule, ruleset, LANDLOCK_RULE_NET_PORT, &rules[i], 0);
		if (err < 0 && err != -EAFNOSUPPORT)	/* a kernel without TCP/IP */
			return (int)err;
	}
	return 0;
}

static int fill(struct tree *t, const struct rights *r, bool strict)
{
	bool creates = false;
	int err;

	if (t->room != NULL) {
		err = enter(t, r);
		if (err < 0)
			return err;
		for (unsigned i = 0; i < t->count; i++)
			creates |= (rights_promised(r, t->nodes[i].letters) & VEIL_CHANGES) != 0;
		err = loaders(t, r);
		if (err < 0)
			return err;
		err = hold(t, r, strict);
		if (err < 0)
			return err;
		err = tree_emit(t);
		if (err < 0)
			return err;
	} else {
		creates = (rights_promised(r, VEIL_C) & VEIL_CHANGES) != 0;
	}
	err = imply(t, r, &creates);
	if (err == 0 && r->refer && (creates || r->frees))
		err = refer(t);
	return err < 0 ? err : ports(t->ruleset, r->net);
}

promise_set veil_implying(const struct veil_options *o)
{
	const struct rights r = { .pledged = o->pledged, .set = o->set };

	return rights_implying(&r);
}

/*
 * One ruleset of all: entries, implied paths, ports and scopes. Two layers
 * would lose REFER.
 */
int veil_ruleset(const struct veil_options *o)
{
	const struct entries *e = veil_entries();
	struct landlock_ruleset_attr attr;
	struct rights r;
	struct tree t;
	long memory;
	bool all;
	int err;

	all = !veil_used() || o->whole;
	if (all && !o->layer)
		return -ENOENT;
	rights_of(&r, o, all);
	if ((r.fs | r.net | r.scopes) == 0)
		return all ? -ENOENT : -EOPNOTSUPP;
	attr.handled_access_fs = r.fs | (r.refer ? LANDLOCK_ACCESS_FS_REFER : 0);
	attr.handled_access_net = r.net;
	attr.scoped = r.scopes;
	memory = all ? 0 : sys(NR_mmap, NULL, sizeof *t.room, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
	if (memory < 0 && memory > -4096)
		return (int)memory;
	t.room = (struct room *)memory;
	t.nodes = all ? NULL : t.room->nodes;
	t.proc = -1;
	t.fs = r.fs;
	t.count = t.way_count = t.paths_used = t.spread = 0;
	/* Another thread of a vfork child's parent may add to them; a name is in a directory that was there. */
	t.names = __atomic_load_n(&e->name_count, __ATOMIC_ACQUIRE);
	t.dirs = __atomic_load_n(&e->dir_count, __ATOMIC_ACQUIRE);
	/* A longer structure than the kernel's is taken if its tail is zero. */
	t.ruleset = err = (int)sys(NR_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (err >= 0) {
		t.proc = all ? -1 : open_proc();
		err = fill(&t, &r, o->strict);
	}

	for (unsigned i = 0; i < t.count; i++)
		if (t.nodes[i].owned)
			close_fd(t.nodes[i].object.fd);
	for (unsigned i = 0; !all && i < t.dirs; i++)
		if (t.room->here[i].owned)
			close_fd(t.room->here[i].object.fd);
	close_fd(t.proc);
	if (!all)
		sys(NR_munmap, t.room, sizeof *t.room);
	if (err < 0) {
		close_fd(t.ruleset);
		return err;
	}
	return t.ruleset;
}
