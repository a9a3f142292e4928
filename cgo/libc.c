/*
 * What libc fetches late, fetched before the first filter.
 *
 * OpenBSD logs by sendsyslog(2), which every promise allows; syslog(3) here
 * connects a socket at the first message, which stdio does not. And glibc
 * loads libgcc_s when a thread first ends by pthread_exit(3) or
 * pthread_cancel(3), and aborts when it cannot.
 *
 * This file, unlike the others, calls libc, and so takes its locks and its
 * memory: it runs before pledge takes its own lock, never in a vfork child,
 * never where a signal is blocked, as in a signal handler, whose thread may
 * hold those locks, and never in the child of a process that had threads,
 * one of which may have held them. The references are weak: the library names
 * no libc that it needs, and a static program has what it links.
 *
 * Neither is done unless some object of the program imports what needs it: a
 * descriptor that nobody asked for would surprise, and the loading costs more
 * than the rest of pledge.
 */
#include "core.h"

#include <link.h>
#include <signal.h>

#define weak __attribute__((weak))

extern void openlog(const char *, int, int) weak;
extern void *dlsym(void *, const char *) weak;
extern int dl_iterate_phdr(int (*)(struct dl_phdr_info *, size_t, void *), void *) weak;
extern const char *gnu_get_libc_version(void) weak;
extern char __libc_single_threaded weak;
extern unsigned long getauxval(unsigned long) weak;

/* syslog.h and dlfcn.h would declare the functions without weak. */
#define LOG_NDELAY_	0x08
#define LOG_KEEP_	(~0)	/* no facility: glibc keeps the one that is set */
#define RTLD_NOW_	2

/* The second is what a static program has of it. */
bool libc_is_glibc(void)
{
	return gnu_get_libc_version != NULL || &__libc_single_threaded != NULL;
}

#define AT_SECURE_ 23

bool libc_secure(void)
{
	return getauxval == NULL || getauxval(AT_SECURE_) != 0;
}

struct imports {
	bool any;	/* an object imports anything: the program is not static */
	bool syslog, unwinder;
};

static bool equal(const char *a, const char *b)
{
	while (*a == *b && *a != '\0')
		a++, b++;
	return *a == *b;
}

static void note(struct imports *found, const char *name)
{
	if (equal(name, "syslog") || equal(name, "vsyslog") || equal(name, "__syslog_chk") || equal(name, "__vsyslog_chk"))
		found->syslog = true;
	if (equal(name, "pthread_exit") || equal(name, "pthread_cancel") || equal(name, "thrd_exit"))
		found->unwinder = true;
}

/* glibc keeps the addresses of a dynamic section relocated, musl and the vdso do not. */
static const void *at(const struct dl_phdr_info *object, ElfW(Addr) address)
{
	return (const void *)(address < object->dlpi_addr ? object->dlpi_addr + address : address);
}

/* Whether the symbols of relocations name what needs something. */
static void note_all(struct imports *found, const ElfW(Rela) *relocations, size_t size, const ElfW(Sym) *symbols, const char *names)
{
	for (size_t i = 0; i < size / sizeof *relocations; i++) {
		uint64_t symbol = relocations[i].r_info >> 32;

		if (symbol != 0)
			note(found, names + symbols[symbol].st_name);
	}
}

/*
 * What an object imports, it is relocated for. Its table of symbols has no
 * end that could be found: the hash table of one that exports nothing counts
 * none.
 */
static int look(struct dl_phdr_info *object, size_t size, void *found)
{
	const ElfW(Rela) *relocations = NULL, *jumps = NULL;
	size_t relocations_size = 0, jumps_size = 0, relative = 0;
	const ElfW(Sym) *symbols = NULL;
	const char *names = NULL;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Dyn) *d;

		if (object->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		for (d = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr); d->d_tag != DT_NULL; d++) {
			switch (d->d_tag) {
			case DT_SYMTAB: symbols = at(object, d->d_un.d_ptr); break;
			case DT_STRTAB: names = at(object, d->d_un.d_ptr); break;
			case DT_RELA: relocations = at(object, d->d_un.d_ptr); break;
			case DT_RELASZ: relocations_size = d->d_un.d_val; break;
			case DT_RELACOUNT: relative = d->d_un.d_val; break;	/* stand first, and have no symbol */
			case DT_JMPREL: jumps = at(object, d->d_un.d_ptr); break;
			case DT_PLTRELSZ: jumps_size = d->d_un.d_val; break;
			}
		}
	}
	if (symbols == NULL || names == NULL)
		return 0;
	((struct imports *)found)->any = true;
	if (relocations != NULL && relative * sizeof *relocations <= relocations_size)
		note_all(found, relocations + relative, relocations_size - relative * sizeof *relocations, symbols, names);
	if (jumps != NULL)
		note_all(found, jumps, jumps_size, symbols, names);
	return 0;
}

#ifdef __x86_64__
#define NR_getpeername_ 52
#else
#define NR_getpeername_ 205
#endif
#define AF_UNIX_ 1

/* Whether a low descriptor is a socket that the log listens to: its path ends
 * in "log", on systemd's machines too. */
static bool connected(void)
{
	for (int fd = 0; fd < 256; fd++) {
		struct {
			uint16_t family;
			char path[109];
		} peer;
		uint32_t size = sizeof peer - 1;
		size_t n = 0;

		if (sys(NR_getpeername_, fd, &peer, &size) < 0 || peer.family != AF_UNIX_ || size <= 2 || size >= sizeof peer)
			continue;
		peer.path[size - 2] = '\0';
		while (peer.path[n] != '\0')
			n++;
		if (n > 3 && equal(peer.path + n - 3, "log"))
			return true;
	}
	return false;
}

/* Whether libc may be called here. */
static bool safe(void)
{
	uint64_t blocked = 0;

	sys(NR_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof blocked);
	if (blocked != 0)
		return false;
	/* One thread, where there were more: this may be a child of fork. */
	return !threads_single() || &__libc_single_threaded == NULL || __libc_single_threaded;
}

/* dlopen(3), found by name: a reference makes linkers warn of static programs. */
static void load(const char *name)
{
	union {
		void *object;
		void *(*function)(const char *, int);
	} open = { dlsym != NULL ? dlsym(NULL /* RTLD_DEFAULT */, "dlopen") : NULL };

	if (open.object != NULL)
		open.function(name, RTLD_NOW_);
}

void libc_prepare(bool log)
{
	if (safe())
		libc_fetch(log);
}

void libc_fetch(bool log)
{
	struct imports found = { false, false, false };

	if (dl_iterate_phdr != NULL)
		dl_iterate_phdr(look, &found);
	if (!found.any)
		found.syslog = true;	/* a static program has openlog only with syslog */
	/* The options of an openlog(3) without LOG_NDELAY before are lost: libc has no way to ask for them. */
	if (log && found.syslog && openlog != NULL && !connected())
		openlog(NULL, LOG_NDELAY_, libc_is_glibc() ? LOG_KEEP_ : 8 /* LOG_USER */);
	if (found.unwinder && libc_is_glibc())
		load("libgcc_s.so.1");
}
