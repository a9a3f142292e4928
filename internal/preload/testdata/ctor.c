/*
 * A library whose constructor makes a thread, which later tries to map code;
 * with FILTERED, under a seccomp filter of the thread's own. With UNSETS, it
 * takes LD_PRELOAD out of the environment, as some do.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int asked, answered, result, ready;

static void *thread(void *argument)
{
	struct sock_filter allow = { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	struct sock_fprog program = { 1, &allow };

	if (getenv("FILTERED") != NULL && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0))
		_exit(99);
	__atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&asked, __ATOMIC_SEQ_CST))
		usleep(1000);
	result = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
	__atomic_store_n(&answered, 1, __ATOMIC_SEQ_CST);
	return argument;
}

__attribute__((constructor)) static void start(void)
{
	pthread_t id;

	if (getenv("UNSETS") != NULL)
		unsetenv("LD_PRELOAD");
	if (pthread_create(&id, NULL, thread, NULL) != 0)
		_exit(98);
	while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST))
		usleep(1000);
}

int thread_maps_code(void)
{
	__atomic_store_n(&asked, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&answered, __ATOMIC_SEQ_CST))
		usleep(1000);
	return result;
}
