/*
 * What the files of unveil(2) share: walk.c finds what a path names, veil.c
 * keeps the table, ruleset.c makes a ruleset of it, rights.c knows letters and
 * promises, expand.c takes narrower entries out of wider ones, loader.c knows
 * what a program needs to start.
 *
 * The table is static memory, which fork(2) copies as OpenBSD copies it. The
 * callers of core.h's veil_ functions hold the lock of the process's state:
 * nothing here locks. But children of vfork(2) hold none, and may make rulesets
 * all at once, each in its own room: they read the table, and write nothing.
 */
#ifndef UNVEIL_VEIL_H
#define UNVEIL_VEIL_H

#include "core.h"
#include "letters_gen.h"

#define PATH_SIZE	4096	/* PATH_MAX: bytes of a path, its NUL included */
#define NAME_SIZE	256	/* NAME_MAX + 1: bytes of a component, its NUL included */
#define LINKS_MAX	40	/* MAXSYMLINKS: links that are followed on one path */

/* linux/stat.h */
#define TYPE_MASK	0170000u
#define TYPE_LINK	0120000u
#define TYPE_REGULAR	0100000u
#define TYPE_DIR	0040000u
#define TYPE_CHAR	0020000u

/*
 * Strings. The empty asm keeps the compiler from making calls of memcpy(3)
 * and its kin out of the loops: the library links to no libc.
 */
static inline size_t text_length(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0') {
		__asm__ volatile("");
		n++;
	}
	return n;
}

static inline void text_copy(char *to, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		__asm__ volatile("");
		to[i] = from[i];
	}
}

static inline bool text_equal(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* An object of the file tree, told apart while a descriptor holds it. */
struct object {
	int fd;			/* O_PATH; -1: does not exist */
	uint32_t type;		/* TYPE_ */
	uint64_t dev, ino;
};

static inline bool same_object(const struct object *a, const struct object *b)
{
	return a->ino == b->ino && a->dev == b->dev;
}

static inline bool is_dir(const struct object *o)
{
	return o->type == TYPE_DIR;
}

/* walk.c */
struct place {
	struct object dir;	/* what was named, or the directory that it is in */
	bool is_name;		/* the latter */
	char base[NAME_SIZE];	/* the name in it */
	const char *path;	/* a name of dir that holds from anywhere, or NULL */
};
int copy_string(char *to, size_t size, const char *from);	/* length; -EFAULT -ENAMETOOLONG */
int walk(int from, char path[PATH_SIZE], struct place *);	/* from a directory, or AT_FDCWD; overwrites path */
int walk_name(int from, char path[PATH_SIZE], struct place *);
int object_open(int dir, const char *name, int flags, struct object *);
int object_look(int dir, const char *name, struct object *, uint64_t *links);	/* fd is left alone */
bool object_held(const struct object *);	/* its descriptor is still its own */
int open_proc(void);
/* What lists of directories are read into: more than a stack may have. */
struct listing {
	char entries[4096] __attribute__((aligned(8)));
	char name[NAME_SIZE];
};
int object_name(int proc, int fd, char *to, size_t size, struct listing *);	/* of a directory: canonical, no NUL, "" for the root; -ENOENT: has none */
int lift(int fd);
void close_fd(int fd);

/* veil.c: what was unveiled */
struct dir {
	struct object object;
	bool unveiled;		/* itself; false: only names in it are */
	unsigned char letters;
	uint16_t length;
	uint32_t text;		/* a name of it when it was unveiled */
};

struct name {
	unsigned char dir, letters;
	char base[NAME_SIZE];
};

struct entries {
	struct dir dirs[VEIL_DIRS];
	struct name names[VEIL_NAMES];
	unsigned dir_count, name_count;
};
const struct entries *veil_entries(void);

/* A directory of the table as it is now. */
struct here {
	struct object object;
	bool owned, gone;
	const char *path;	/* ruleset.c: its name */
	unsigned length;
};
int dir_find(const struct dir *, struct here *, char name[PATH_SIZE]);	/* by its descriptor, or else by its name; -EBADF */

/* rights.c: words to Landlock rights */
struct rights {
	uint64_t fs;		/* handled by entries: REFER is not among them */
	bool refer;		/* REFER is handled too */
	bool frees;		/* and granted: not all that changes a directory is handled */
	uint64_t net, scopes;
	promise_set set;
	bool pledged;
};
int letters_parse(const char *perms);	/* the letters; -EINVAL */
void rights_of(struct rights *, const struct veil_options *, bool all);
uint64_t rights_promised(const struct rights *, unsigned letters);
uint64_t rights_letters(unsigned letters);
unsigned rights_kinds(const struct rights *);
promise_set rights_implying(const struct rights *);
uint64_t rights_implied(const struct rights *, unsigned place, const char **path);	/* path NULL: there are no more */

/* expand.c: a tree of entries to rules */

/*
 * A node is an entry, a directory that is widened, or one that a loader
 * needs, or all of them. Names are canonical: absolute, no link, "."
 * or "..", and "" for the root, as in package unveil.
 */
struct node {
	const char *path;
	unsigned length;
	struct object object;
	bool owned;		/* the descriptor is closed with the tree */
	bool is_entry;
	bool widens;		/* its directory is given its letters */
	unsigned char letters;
	const struct object *parent;	/* of a name: its directory, or NULL */
	unsigned parent_length;
	uint64_t rights;	/* what the entry grants, for its type, the promises and the kernel */
	uint64_t span;		/* what it leaves to an entry above: as on a directory */
	uint64_t full;		/* as span, without the promises */
	uint64_t widen;		/* given for a name that is missing or a file with c */
	uint64_t need;		/* given to loaders */
	int up, end;		/* the node next above, or -1; the first one behind that is not below */
	uint64_t lack, lack_need;	/* what at least one entry strictly below lacks */
};

#define NODES_MAX	512
#define EXPANSION_MAX	4096	/* rules that may be added, as in package unveil */

/*
 * A way is one name of a directory that an entry is below. Names cannot tell
 * a bind mount: the directory has a second name then, and a rule that is made
 * for it there is a rule on the same inode, so that the entry would have the
 * rights by its own name too.
 */
struct way {
	struct object object;
	const char *path;
	unsigned length;
	uint64_t lack, lack_need;	/* of at least one entry below */
};

#define WAYS_MAX	1024
#define PATHS_SIZE	131072	/* bytes of the names in the tree */

/*
 * What a ruleset is made in. It is mapped for each: the stack may be one for
 * signals, or musl's for the child of posix_spawn(3), of 5 KB, and a child of
 * vfork(2) is in the memory of its parent, whose other threads have such too.
 */
struct room {
	struct node nodes[NODES_MAX];
	struct way ways[WAYS_MAX];
	struct here here[VEIL_DIRS];
	char paths[PATHS_SIZE], name[PATH_SIZE];
	struct listing listing;
};

struct tree {
	int ruleset;
	uint64_t fs;
	int proc;		/* /proc/self/fd, or negative */
	unsigned count, way_count, paths_used;
	unsigned dirs, names;	/* how many entries of the table there were when it was begun */
	unsigned spread;	/* rules that expansion added */
	struct node *nodes;	/* of the room */
	struct room *room;	/* NULL: there are no entries */
};

int tree_lay(struct tree *);
int tree_emit(struct tree *);
int tree_above(const struct tree *, int i);	/* the entry next above, or -1 */
int tree_grant(struct tree *, const struct object *, uint64_t access);
bool under(const char *path, unsigned length, const char *dir, unsigned dir_length);

/* loader.c: what an executable needs to start */
int loader_of(struct tree *, int dir, const char *name);
int loader_any(struct tree *);

/* ruleset.c */
int ruleset_need(struct tree *, const char *path, uint64_t access);	/* a path that is missing is none */

#endif
