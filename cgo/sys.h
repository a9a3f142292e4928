/*
 * Raw system calls, and the kernel's constants and structures that the
 * library uses, for x86-64 and arm64.
 *
 * A call goes past libc: it sets no errno, takes no lock, is no point of
 * cancellation, and is safe in a forked or vforked child and in a signal
 * handler. It returns what the kernel returns: a negative errno on failure.
 *
 * No header of the kernel is included: musl-gcc finds none, and those of a
 * distribution are older than the kernel that runs.
 */
#ifndef UNVEIL_SYS_H
#define UNVEIL_SYS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* O_PATH and AT_EMPTY_PATH, under -std=c11 */
#endif
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && !defined(__ILP32__)

#define NR_read				0
#define NR_write			1
#define NR_close			3
#define NR_openat			257
#define NR_lseek			8
#define NR_pread64			17
#define NR_mmap				9
#define NR_munmap			11
#define NR_mprotect			10
#define NR_mremap			25
#define NR_madvise			28
#define NR_rt_sigaction			13
#define NR_rt_sigprocmask		14
#define NR_rt_sigreturn			15
#define NR_rt_sigpending		127
#define NR_rt_sigtimedwait		128
#define NR_rt_sigqueueinfo		129
#define NR_rt_tgsigqueueinfo		297
#define NR_rt_sigsuspend		130
#define NR_sigaltstack			131
#define NR_getpid			39
#define NR_gettid			186
#define NR_getppid			110
#define NR_getuid			102
#define NR_geteuid			107
#define NR_getgid			104
#define NR_getegid			108
#define NR_kill				62
#define NR_tgkill			234
#define NR_prctl			157
#define NR_ptrace			101
#define NR_seccomp			317
#define NR_landlock_create_ruleset	444
#define NR_landlock_add_rule		445
#define NR_landlock_restrict_self	446
#define NR_unshare			272
#define NR_personality			135
#define NR_modify_ldt			154
#define NR_futex			202
#define NR_sched_yield			24
#define NR_nanosleep			35
#define NR_clock_gettime		228
#define NR_clock_nanosleep		230
#define NR_getdents64			217
#define NR_readlinkat			267
#define NR_newfstatat			262
#define NR_statx			332
#define NR_fstat			5
#define NR_fstatfs			138
#define NR_faccessat			269
#define NR_faccessat2			439
#define NR_getcwd			79
#define NR_chdir			80
#define NR_fchdir			81
#define NR_fcntl			72
#define NR_dup3				292
#define NR_socket			41
#define NR_connect			42
#define NR_sendto			44
#define NR_execve			59
#define NR_execveat			322
#define NR_exit				60
#define NR_exit_group			231
#define NR_membarrier			324
#define NR_getrandom			318
#define NR_capget			125
#define NR_prlimit64			302
#define NR_wait4			61
#define NR_ppoll			271
#define NR_pipe2			293
#define NR_ioctl			16

#define AUDIT_ARCH_HERE 0xc000003eu	/* AUDIT_ARCH_X86_64 */

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#elif defined(__aarch64__) && defined(__LP64__) && !defined(__AARCH64EB__)

#define NR_read				63
#define NR_write			64
#define NR_close			57
#define NR_openat			56
#define NR_lseek			62
#define NR_pread64			67
#define NR_mmap				222
#define NR_munmap			215
#define NR_mprotect			226
#define NR_mremap			216
#define NR_madvise			233
#define NR_rt_sigaction			134
#define NR_rt_sigprocmask		135
#define NR_rt_sigreturn			139
#define NR_rt_sigpending		136
#define NR_rt_sigtimedwait		137
#define NR_rt_sigqueueinfo		138
#define NR_rt_tgsigqueueinfo		240
#define NR_rt_sigsuspend		133
#define NR_sigaltstack			132
#define NR_getpid			172
#define NR_gettid			178
#define NR_getppid			173
#define NR_getuid			174
#define NR_geteuid			175
#define NR_getgid			176
#define NR_getegid			177
#define NR_kill				129
#define NR_tgkill			131
#define NR_prctl			167
#define NR_ptrace			117
#define NR_seccomp			277
#define NR_landlock_create_ruleset	444
#define NR_landlock_add_rule		445
#define NR_landlock_restrict_self	446
#define NR_unshare			97
#define NR_personality			92
#define NR_futex			98
#define NR_sched_yield			124
#define NR_nanosleep			101
#define NR_clock_gettime		113
#define NR_clock_nanosleep		115
#define NR_getdents64			61
#define NR_readlinkat			78
#define NR_newfstatat			79
#define NR_statx			291
#define NR_fstat			80
#define NR_fstatfs			44
#define NR_faccessat			48
#define NR_faccessat2			439
#define NR_getcwd			17
#define NR_chdir			49
#define NR_fchdir			50
#define NR_fcntl			25
#define NR_dup3				24
#define NR_socket			198
#define NR_connect			203
#define NR_sendto			206
#define NR_execve			221
#define NR_execveat			281
#define NR_exit				93
#define NR_exit_group			94
#define NR_membarrier			283
#define NR_getrandom			278
#define NR_capget			90
#define NR_prlimit64			261
#define NR_wait4			260
#define NR_ppoll			73
#define NR_pipe2			59
#define NR_ioctl			29

#define AUDIT_ARCH_HERE 0xc00000b7u	/* AUDIT_ARCH_AARCH64 */

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#else
#error "libunveil knows x86-64 and arm64 (little-endian, 64-bit) only"
#endif

/* sys(NR_name, up to six arguments): integers or pointers. */
#define SYS_PICK(_0, _1, _2, _3, _4, _5, _6, name, ...) name
#define sys(...) SYS_PICK(__VA_ARGS__, SYS_6, SYS_5, SYS_4, SYS_3, SYS_2, SYS_1, SYS_0, 0)(__VA_ARGS__)
#define SYS_0(n) sys6(n, 0, 0, 0, 0, 0, 0)
#define SYS_1(n, a) sys6(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS_2(n, a, b) sys6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS_3(n, a, b, c) sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS_4(n, a, b, c, d) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_5(n, a, b, c, d, e) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS_6(n, a, b, c, d, e, f) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* linux/filter.h, linux/bpf_common.h */
struct sock_filter {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

struct sock_fprog {
	unsigned short len;
	struct sock_filter *filter;
};

#define BPF_LD_W_ABS	0x20
#define BPF_LD_IMM	0x00
#define BPF_LD_MEM	0x60
#define BPF_ST		0x02
#define BPF_ALU_AND_K	0x54
#define BPF_JMP_JA	0x05
#define BPF_JMP_JEQ_K	0x15
#define BPF_JMP_JGT_K	0x25
#define BPF_JMP_JGE_K	0x35
#define BPF_JMP_JSET_K	0x45
#define BPF_RET_K	0x06
#define BPF_RET_A	0x16

/* linux/seccomp.h */
#define SECCOMP_SET_MODE_STRICT		0
#define SECCOMP_SET_MODE_FILTER		1
#define SECCOMP_GET_ACTION_AVAIL	2
#define SECCOMP_FILTER_FLAG_TSYNC	1
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH	16
#define SECCOMP_RET_KILL_PROCESS	0x80000000u
#define SECCOMP_RET_TRAP		0x00030000u
#define SECCOMP_RET_ERRNO		0x00050000u
#define SECCOMP_RET_ALLOW		0x7fff0000u
#define SECCOMP_RET_DATA		0x0000ffffu

/* where the members of struct seccomp_data lie; both architectures are little-endian */
#define DATA_NR		0
#define DATA_ARCH	4
#define DATA_IP		8
#define DATA_ARG(n)	(16 + 8 * (n))

/* linux/landlock.h, of ABI 10 */
struct landlock_ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct landlock_path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

struct landlock_net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

#define LANDLOCK_CREATE_RULESET_VERSION		1
#define LANDLOCK_RULE_PATH_BENEATH		1
#define LANDLOCK_RULE_NET_PORT			2
#define LANDLOCK_RESTRICT_SELF_TSYNC		8
#define LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS	16

#define LANDLOCK_ACCESS_FS_EXECUTE	(1ull << 0)
#define LANDLOCK_ACCESS_FS_WRITE_FILE	(1ull << 1)
#define LANDLOCK_ACCESS_FS_READ_FILE	(1ull << 2)
#define LANDLOCK_ACCESS_FS_READ_DIR	(1ull << 3)
#define LANDLOCK_ACCESS_FS_REMOVE_DIR	(1ull << 4)
#define LANDLOCK_ACCESS_FS_REMOVE_FILE	(1ull << 5)
#define LANDLOCK_ACCESS_FS_MAKE_CHAR	(1ull << 6)
#define LANDLOCK_ACCESS_FS_MAKE_DIR	(1ull << 7)
#define LANDLOCK_ACCESS_FS_MAKE_REG	(1ull << 8)
#define LANDLOCK_ACCESS_FS_MAKE_SOCK	(1ull << 9)
#define LANDLOCK_ACCESS_FS_MAKE_FIFO	(1ull << 10)
#define LANDLOCK_ACCESS_FS_MAKE_BLOCK	(1ull << 11)
#define LANDLOCK_ACCESS_FS_MAKE_SYM	(1ull << 12)
#define LANDLOCK_ACCESS_FS_REFER	(1ull << 13)
#define LANDLOCK_ACCESS_FS_TRUNCATE	(1ull << 14)
#define LANDLOCK_ACCESS_FS_IOCTL_DEV	(1ull << 15)
#define LANDLOCK_ACCESS_NET_BIND_TCP	(1ull << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP	(1ull << 1)
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET	(1ull << 0)
#define LANDLOCK_SCOPE_SIGNAL			(1ull << 1)

/* linux/prctl.h, spelled as there */
#ifndef PR_SET_NO_NEW_PRIVS
#define PR_SET_NO_NEW_PRIVS	38
#define PR_GET_NO_NEW_PRIVS	39
#endif

/* linux/personality.h */
#define PER_ASKS		0xffffffffu	/* personality(2): changes nothing */
#define PER_ADDR_NO_RANDOMIZE	0x0040000u
#define PER_READ_IMPLIES_EXEC	0x0400000u

/* asm/signal.h: what rt_sigaction(2) takes, on both architectures */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};
#define KERNEL_SA_RESTORER	0x04000000ul

/* linux/stat.h: statx(2), the same on both architectures */
struct kernel_statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t spare;
};

struct kernel_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare0;
	uint64_t ino, size, blocks, attributes_mask;
	struct kernel_statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint32_t dio_mem_align, dio_offset_align;
	uint64_t spare[12];
};

/* asm/stat.h: newfstatat(2) and fstat(2), for where statx(2) is refused */
struct kernel_stat {
#ifdef __x86_64__
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad0;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	uint64_t times[6];
	int64_t unused[3];
#else
	uint64_t dev, ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev, pad1;
	int64_t size;
	int32_t blksize, pad2;
	int64_t blocks;
	uint64_t times[6];
	uint32_t unused[2];
#endif
};

/* linux/dirent.h: getdents64(2) */
struct kernel_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* linux/futex.h */
#define FUTEX_WAIT		0
#define FUTEX_WAKE		1
#define FUTEX_PRIVATE_FLAG	128

struct kernel_timespec {
	int64_t sec, nsec;
};

#endif
