/*
 * The executable mappings of this image, for a filter that is bound to it, and
 * whether binding holds: the image must be unable to make code elsewhere. The
 * filter refuses what would do so later; here is looked for what was done
 * before, and for what makes the next image lie where this one does.
 *
 * This file may open and read files of /proc, and ask the kernel about the
 * process. It may not change anything, and leaves nothing open but what
 * image_maps() returns.
 */
#include "core.h"

#define PROC_SUPER_MAGIC	0x9fa0

/* struct statfs begins with its type on both architectures. */
struct kernel_statfs {
	int64_t type;
	uint64_t rest[14];
};

/* Opens what says how it is with this image. Whoever lacks a descriptor is told
 * so: there may be one later, and no filter for every image is wanted then. */
static int look_at(const char *path)
{
	int fd = (int)sys(NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	return fd >= 0 || fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ? fd : -EOPNOTSUPP;
}

/* 0 where the next image will lie elsewhere. What cannot be read is not known to be so. */
static int randomized(void)
{
	char mode[2] = { 0, 0 };
	int fd = look_at("/proc/sys/kernel/randomize_va_space");
	long n;

	if (fd < 0)
		return fd;
	n = sys(NR_read, fd, mode, sizeof mode);
	sys(NR_close, fd);
	return n > 0 && (mode[0] == '1' || mode[0] == '2') ? 0 : -EOPNOTSUPP;
}

/*
 * Opens the list of mappings, or says that no filter can be bound to this
 * image. The personality is that of the calling thread: with
 * READ_IMPLIES_EXEC each mapping that can be read is code. An exec clears the
 * flag, so that only a program that sets it has it, and threads made later
 * have it too. Hence it is asked for again where the list was opened before
 * (kept; or negative).
 */
int image_maps(int kept)
{
	const long bad = PER_ADDR_NO_RANDOMIZE | PER_READ_IMPLIES_EXEC;
	long personality = sys(NR_personality, PER_ASKS);
	struct kernel_statfs fs;
	int fd;

	if (personality < 0 || (personality & bad) != 0)
		return -EOPNOTSUPP;
	if (kept >= 0)
		return kept;
	fd = randomized();
	if (fd == 0)
		fd = look_at("/proc/self/maps");
	if (fd < 0)
		return fd;
	/* A directory that is merely called /proc says what somebody wrote there. */
	if (sys(NR_fstatfs, fd, &fs) != 0 || fs.type != PROC_SUPER_MAGIC) {
		sys(NR_close, fd);
		return -EOPNOTSUPP;
	}
	return fd;
}

/* A line of maps, as far as it has been read. */
struct line {
	enum { FIRST, LAST, PERMS, OFFSET, DEVICE, INODE, BLANKS, NAME } field;
	unsigned length;	/* of the field */
	uint64_t first, last;
	bool write, exec;
	bool file;		/* has an inode */
	char name[24];		/* its beginning; the rest is of no interest */
};

static void begin(struct line *l)
{
	l->field = FIRST;
	l->length = 0;
	l->first = l->last = 0;
	l->write = l->exec = l->file = false;
	l->name[0] = '\0';
}

static bool digit(uint64_t *value, char c)
{
	unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;

	if (d == 16 || *value >> 60 != 0)
		return false;
	*value = *value << 4 | d;
	return true;
}

/* Reads one character of a line; false when no line looks so. */
static bool eat(struct line *l, char c)
{
	l->length++;
	switch (l->field) {
	case FIRST:
		if (c != '-')
			return digit(&l->first, c);
		if (l->length == 1)
			return false;
		break;
	case LAST:
		if (c != ' ')
			return digit(&l->last, c);
		if (l->length == 1)
			return false;
		break;
	case PERMS:
		if (c != ' ') {
			l->write |= c == 'w';
			l->exec |= c == 'x';
			return l->length <= 4 && (c == '-' || c == "rwxp"[l->length - 1] || (l->length == 4 && c == 's'));
		}
		if (l->length != 5)
			return false;
		break;
	case INODE:
		if (c != ' ') {
			l->file |= c != '0';
			return true;
		}
		break;
	case OFFSET:
	case DEVICE:
		if (c != ' ')
			return true;
		break;
	case BLANKS:
		if (c == ' ')
			return true;
		l->field = NAME;
		l->length = 1;
		/* fall through */
	case NAME:
		if (l->length < sizeof l->name) {
			l->name[l->length - 1] = c;
			l->name[l->length] = '\0';
		}
		return true;
	}
	l->field++;
	l->length = 0;
	return true;
}

static bool equal(const char *a, const char *b)
{
	while (*a == *b && *a != '\0') {
		a++;
		b++;
	}
	return *a == *b;
}

/* Code that the kernel put there, and that nobody can write or move. */
static bool kernels(const char *name)
{
	return equal(name, "[vdso]") || equal(name, "[vsyscall]") || equal(name, "[uprobes]") ||
	       equal(name, "[uprobes-trampoline]");
}

/* Adds a mapping, which is above all others, or says that it cannot be bound. */
static int add(struct range ranges[RANGES_MAX], int n, const struct line *l)
{
	if (l->first >= l->last || (n > 0 && l->first < ranges[n - 1].last))
		return -EOPNOTSUPP;
	/* What is written can be code that is not looked for; what is of no file can grow. */
	if (l->write || (!l->file && !kernels(l->name)))
		return -EOPNOTSUPP;
	if (n > 0 && l->first == ranges[n - 1].last) {
		ranges[n - 1].last = l->last;
		return n;
	}
	if (n == RANGES_MAX)
		return -EOPNOTSUPP;
	ranges[n].first = l->first;
	ranges[n].last = l->last;
	return n + 1;
}

int image_ranges(int maps, struct range ranges[RANGES_MAX])
{
	char buffer[4096];
	struct line l;
	int64_t at = 0;
	int n = 0;
	bool vdso = false;

	begin(&l);
	for (;;) {
		long got = sys(NR_pread64, maps, buffer, sizeof buffer, at);

		if (got == -EINTR)
			continue;
		if (got < 0)
			return got == -ENOMEM ? -ENOMEM : -EOPNOTSUPP;
		if (got == 0)
			break;
		at += got;
		for (long i = 0; i < got; i++) {
			if (buffer[i] != '\n') {
				if (!eat(&l, buffer[i]))
					return -EOPNOTSUPP;
				continue;
			}
			if (l.field < INODE)
				return -EOPNOTSUPP;
			vdso |= equal(l.name, "[vdso]");
			if (l.exec)
				n = add(ranges, n, &l);
			if (n < 0)
				return n;
			begin(&l);
		}
	}
	if (l.field != FIRST || l.length != 0 || n == 0)
		return -EOPNOTSUPP;
#ifdef __x86_64__
	/* A 32-bit call by the instruction syscall is seen in the vdso. */
	if (!vdso)
		return -EOPNOTSUPP;
#endif
	return n;
}

/*
 * Whether the pointer may decide over 32-bit calls: segments of a local
 * descriptor table have a base that no pointer shows. Where the call is not
 * to be had, nobody made one. On arm64 a program cannot leave 64 bits.
 */
bool image_foreign(void)
{
#ifdef __x86_64__
	uint64_t first = 0;

	return sys(NR_modify_ldt, 0, &first, sizeof first) <= 0;
#else
	return true;
#endif
}
