/*
 * What an executable with the letter x needs to start on Linux and not on
 * OpenBSD: its ELF interpreter, or that of its #! line, and shared libraries.
 *
 * Reads the first bytes of executables. One that may not be read gets what
 * any may need, but the interpreter of a #! line. What is not understood needs
 * nothing: execve(2) then fails, as it would have.
 *
 * Not found: what LD_LIBRARY_PATH, a RUNPATH outside of the directories of
 * ld.so, and env(1) in a #! line lead to. They have to be unveiled.
 */
#include "veil.h"

#define HEAD_SIZE	1024	/* of a file: the program headers of most are in it */
#define PT_INTERP_	3

#ifdef __x86_64__
#define MACHINE	62	/* EM_X86_64 */
#define TRIPLET	"x86_64-linux-gnu"
static const char *const interpreters[] = { "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1" };
#else
#define MACHINE	183	/* EM_AARCH64 */
#define TRIPLET	"aarch64-linux-gnu"
static const char *const interpreters[] = { "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1" };
#endif

#define START	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)

struct elf_header {
	unsigned char ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

/*
 * The directories that ld.so searches by itself. Where there is one for the
 * architecture, as on Debian, /lib and /usr/lib hold much else and are left
 * out.
 */
static int libraries(struct tree *t)
{
	static const char *const always[] = {
		"/lib/" TRIPLET, "/usr/lib/" TRIPLET, "/lib64", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache",
	};
	struct object o;
	int err = 0;

	for (unsigned i = 0; err == 0 && i < sizeof(always) / sizeof(always[0]); i++)
		err = ruleset_need(t, always[i], LANDLOCK_ACCESS_FS_READ_FILE);
	if (err == 0 && object_look(AT_FDCWD, "/usr/lib/" TRIPLET, &o, NULL) < 0) {
		err = ruleset_need(t, "/lib", LANDLOCK_ACCESS_FS_READ_FILE);
		if (err == 0)
			err = ruleset_need(t, "/usr/lib", LANDLOCK_ACCESS_FS_READ_FILE);
	}
	return err;
}

/* The length of the name of the interpreter at the start of text, or 0. */
static size_t interpreter_length(const char *text, size_t size)
{
	size_t n = 0;

	while (n < size && text[n] != '\0' && text[n] != ' ' && text[n] != '\t' && text[n] != '\n')
		n++;
	return n < size && n > 0 && text[0] == '/' ? n : 0;
}

/* Finds PT_INTERP in a file of which head was read: its name, in head. */
static bool elf_interpreter(int fd, char head[HEAD_SIZE], size_t size)
{
	struct elf_header h;
	struct elf_segment s;
	long n;

	text_copy((char *)&h, head, sizeof(h));
	if (size < sizeof(h) || h.ident[4] != 2 || h.ident[5] != 1 || h.machine != MACHINE || h.phentsize != sizeof(s))
		return false;
	for (unsigned i = 0; i < h.phnum && i < 128; i++) {
		uint64_t at = h.phoff + i * sizeof(s);

		if (at < h.phoff)
			return false;
		if (at + sizeof(s) <= size && at < size)
			text_copy((char *)&s, head + at, sizeof(s));
		else if (sys(NR_pread64, fd, &s, sizeof(s), at) != sizeof(s))
			return false;
		if (s.type != PT_INTERP_)
			continue;
		if (s.filesz < 2 || s.filesz > HEAD_SIZE)
			return false;
		n = sys(NR_pread64, fd, head, s.filesz, s.offset);
		return n == (long)s.filesz && head[n - 1] == '\0' && interpreter_length(head, (size_t)n) > 0;
	}
	return false;
}

static int of(struct tree *t, int dir, const char *name, bool script_too)
{
	char head[HEAD_SIZE];
	long fd = sys(NR_openat, dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0), n;
	size_t from, length;
	int err;

	/* A filter of ours refuses it where rpath is not promised, and so may
	 * the mode of a file that can be executed all the same. */
	if (fd == -EACCES)
		return loader_any(t);
	if (fd < 0)
		return 0;
	n = sys(NR_pread64, fd, head, sizeof(head), 0);
	if (n >= 4 && text_equal(head, "\177ELF", 4)) {
		bool found = elf_interpreter((int)fd, head, (size_t)n);

		close_fd((int)fd);
		if (!found)
			return 0;
		err = ruleset_need(t, head, START);
		return err < 0 ? err : libraries(t);
	}
	close_fd((int)fd);
	if (!script_too || n < 4 || head[0] != '#' || head[1] != '!')
		return 0;
	for (from = 2; from < (size_t)n && (head[from] == ' ' || head[from] == '\t'); from++)
		;
	length = interpreter_length(head + from, (size_t)n - from);
	if (length == 0)
		return 0;
	head[from + length] = '\0';
	err = ruleset_need(t, head + from, START);
	return err < 0 ? err : of(t, AT_FDCWD, head + from, false);
}

/* What one executable needs. */
int loader_of(struct tree *t, int dir, const char *name)
{
	return of(t, dir, name, true);
}

/* What the executables of a directory need. */
int loader_any(struct tree *t)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < sizeof(interpreters) / sizeof(interpreters[0]); i++)
		err = ruleset_need(t, interpreters[i], START);
	return err < 0 ? err : libraries(t);
}
