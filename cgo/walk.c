/*
 * What a path of unveil(2) names: a directory, or a name in a directory.
 *
 * Opens O_PATH descriptors and looks at the file tree; changes nothing, and
 * needs no /proc.
 */
#include "veil.h"

#define F_DUPFD_CLOEXEC_	1030

/* Whether a byte can be read. rt_sigprocmask(2) is in every set of promises;
 * it copies its mask before it finds that there is no such operation. The
 * word around a byte lies in the same page; that at 0 would be no mask. */
static bool readable(const char *p)
{
	uintptr_t word = (uintptr_t)p & ~(uintptr_t)7;

	return word != 0 && sys(NR_rt_sigprocmask, -1, word, 0, 8) != -EFAULT;
}

/* Copies a string of the caller, which may point anywhere. */
int copy_string(char *to, size_t size, const char *from)
{
	for (size_t i = 0; i < size; i++) {
		/* No page is smaller than 4 KiB. */
		if ((i == 0 || ((uintptr_t)(from + i) & 4095) == 0) && !readable(from + i))
			return -EFAULT;
		to[i] = from[i];
		if (to[i] == '\0')
			return (int)i;
	}
	return -ENAMETOOLONG;
}

void close_fd(int fd)
{
	if (fd >= 0)
		sys(NR_close, fd);
}

static void look(struct object *o, const struct kernel_stat *st)
{
	o->type = st->mode & TYPE_MASK;
	o->dev = st->dev;
	o->ino = st->ino;
}

/* Looks at a name, or at a descriptor where the name is NULL; does not follow. */
int object_look(int dir, const char *name, struct object *o, uint64_t *links)
{
	struct kernel_stat st;
	int err = (int)(name != NULL ? sys(NR_newfstatat, dir, name, &st, AT_SYMLINK_NOFOLLOW) : sys(NR_fstat, dir, &st));

	if (err < 0)
		return err;
	look(o, &st);
	if (links != NULL)
		*links = st.nlink;
	return 0;
}

bool object_held(const struct object *o)
{
	struct object now;

	return o->fd >= 0 && object_look(o->fd, NULL, &now, NULL) == 0 && same_object(&now, o);
}

/* Opens a name: what it stands for from now on hangs on the descriptor. */
int object_open(int dir, const char *name, int flags, struct object *o)
{
	struct kernel_stat st;
	int fd, err;

	do
		fd = (int)sys(NR_openat, dir, name, O_PATH | O_CLOEXEC | flags, 0);
	while (fd == -EINTR);
	if (fd < 0)
		return fd;
	err = (int)sys(NR_fstat, fd, &st);
	if (err < 0) {
		close_fd(fd);
		return err;
	}
	o->fd = fd;
	look(o, &st);
	return 0;
}

/* Finds the name of a directory in the one above it, by listing that. */
static int find_below(int above, const struct object *o, struct listing *into)
{
	char *buffer = into->entries;
	int list = (int)sys(NR_openat, above, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), found = -ENOENT;
	long n;

	if (list < 0)
		return list;
	while (found < 0 && (n = sys(NR_getdents64, list, buffer, sizeof(into->entries))) > 0) {
		for (long at = 0; found < 0 && at < n;) {
			const struct kernel_dirent64 *d = (const void *)(buffer + at);
			struct object child;
			size_t length = text_length(d->name);

			at += d->reclen;
			/* The number in the list is not that of what is mounted there. */
			if (length >= NAME_SIZE || object_look(list, d->name, &child, NULL) < 0 ||
			    !same_object(&child, o) || (length <= 2 && text_equal(d->name, "..", length)))
				continue;
			text_copy(into->name, d->name, length);
			found = (int)length;
		}
	}
	close_fd(list);
	return found;
}

/* object_name of a directory where there is no /proc: as getcwd(3) of old,
 * from the directory up to the root. */
static int climb(int fd, char *to, size_t size, struct listing *into)
{
	struct object at, above, root;
	size_t from = size;
	int n = object_look(fd, NULL, &at, NULL);

	if (n < 0)
		return n;
	at.fd = fd;
	n = object_look(AT_FDCWD, "/", &root, NULL);
	while (n >= 0 && !same_object(&at, &root)) {
		n = object_open(at.fd, "..", O_DIRECTORY, &above);
		if (n < 0)
			break;
		/* What is its own parent and not our root is outside of it. */
		n = same_object(&at, &above) ? -ENOENT : find_below(above.fd, &at, into);
		if (at.fd != fd)
			close_fd(at.fd);
		at = above;
		if (n >= 0 && (size_t)n + 1 >= from)
			n = -ENAMETOOLONG;
		if (n >= 0) {
			from -= (size_t)n;
			text_copy(to + from, into->name, (size_t)n);
			to[--from] = '/';
		}
	}
	if (at.fd != fd)
		close_fd(at.fd);
	if (n < 0)
		return n;
	text_copy(to, to + from, size - from);
	return (int)(size - from);
}

/*
 * The canonical name of the descriptor of a directory, without a NUL, and ""
 * for the root. It carries the order of the entries; what is granted hangs on
 * descriptors. proc is /proc/self/fd, or -1.
 */
int object_name(int proc, int fd, char *to, size_t size, struct listing *into)
{
	char link[11];
	unsigned at = 1;
	long n;

	for (int rest = fd; rest >= 10; rest /= 10)
		at++;
	link[at] = '\0';
	for (int rest = fd; at-- > 0; rest /= 10)
		link[at] = (char)('0' + rest % 10);

	n = proc < 0 ? -ENOENT : sys(NR_readlinkat, proc, link, to, size);
	if (n < 0)
		return climb(fd, to, size, into);
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	if (n == 0 || to[0] != '/')
		return -ENOENT;	/* "(unreachable)/x" */
	return n == 1 ? 0 : (int)n;
}

/* /proc/self/fd, for object_name: one walk for many names. */
int open_proc(void)
{
	return (int)sys(NR_openat, AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/*
 * Moves a descriptor out of the way of the program: of loops over the lowest
 * numbers, of select(2), of dup2(2) to a fixed number. Where there is no room
 * above, it stays.
 */
int lift(int fd)
{
	static const short floors[] = { 200, 100, 40 };

	for (unsigned i = 0; i < sizeof(floors) / sizeof(floors[0]); i++) {
		long high = sys(NR_fcntl, fd, F_DUPFD_CLOEXEC_, floors[i]);

		if (high >= 0) {
			close_fd(fd);
			return (int)high;
		}
	}
	return fd;
}

/* Cuts a path before its last name, which it returns; "" after a slash. */
static char *cut(char *path, const char **head)
{
	size_t n = text_length(path);

	while (n > 0 && path[n - 1] != '/')
		n--;
	*head = ".";
	if (n == 0)
		return path;
	/* "/x" is in "/": there is no room to write that in the path itself. */
	*head = n == 1 ? "/" : path;
	path[n - 1] = '\0';
	return path + n;
}

/*
 * Follows a path to the end, the last link too. A directory is opened; all
 * else, and a name that stands for nothing yet, becomes a name in its
 * directory. The errors are those of open(2).
 */
int walk(int from, char path[PATH_SIZE], struct place *p)
{
	int at = from, err;

	for (int links = 0;; links++) {
		struct kernel_stat st;
		struct object parent;
		const char *head;
		char *base;
		long n;

		p->is_name = false;
		p->path = links == 0 && path[0] == '/' ? path : NULL;
		err = object_open(at, path, O_DIRECTORY, &p->dir);
		if (err != -ENOENT && err != -ENOTDIR)
			break;
		base = cut(path, &head);
		p->path = p->path != NULL ? head : NULL;
		if (*base == '\0')
			break;	/* a slash behind what is missing, or no directory */
		n = object_open(at, head, O_DIRECTORY, &parent);
		if (at != from)
			close_fd(at);
		if (n < 0)
			return (int)n;
		at = parent.fd;
		err = (int)sys(NR_newfstatat, at, base, &st, AT_SYMLINK_NOFOLLOW);
		if (err == 0 && links >= LINKS_MAX)
			err = (st.mode & TYPE_MASK) == TYPE_LINK ? -ELOOP : -EAGAIN;
		if (err == 0 && (st.mode & TYPE_MASK) == TYPE_LINK) {
			/* The kernel has copied the name before it writes the target. */
			n = sys(NR_readlinkat, at, base, path, PATH_SIZE);
			if (n < 0 || n == PATH_SIZE) {
				err = n < 0 ? (int)n : -ENAMETOOLONG;
				break;
			}
			path[n] = '\0';
			continue;
		}
		if (err == 0 && (st.mode & TYPE_MASK) == TYPE_DIR) {
			/* It came into being just now. */
			text_copy(path, base, text_length(base) + 1);
			continue;
		}
		if (err < 0 && err != -ENOENT)
			break;
		n = (long)text_length(base);
		if (n >= NAME_SIZE) {
			err = -ENAMETOOLONG;
			break;
		}
		text_copy(p->base, base, (size_t)n + 1);
		p->is_name = true;
		p->dir = parent;
		return 0;
	}
	if (at != from)
		close_fd(at);
	return err;
}

/*
 * As walk, but a link at the end is what is named: so for the calls that
 * make, remove and move names. A slash behind the name says nothing here.
 */
int walk_name(int from, char path[PATH_SIZE], struct place *p)
{
	size_t n = text_length(path);
	struct object parent, o;
	const char *head, *base;
	int err;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	base = cut(path, &head);
	p->is_name = false;
	p->path = NULL;
	err = object_open(from, head, O_DIRECTORY, &parent);
	if (err < 0)
		return err;
	p->dir = parent;
	n = text_length(base);
	if (n == 0)
		return 0;	/* "/" */
	err = n >= NAME_SIZE ? -ENAMETOOLONG : object_look(parent.fd, base, &o, NULL);
	if (err == 0 && is_dir(&o)) {
		err = object_open(parent.fd, base, O_DIRECTORY | O_NOFOLLOW, &p->dir);
		close_fd(parent.fd);
		return err;
	}
	if (err < 0 && err != -ENOENT) {
		close_fd(parent.fd);
		return err;
	}
	text_copy(p->base, base, n + 1);
	p->is_name = true;
	return 0;
}
