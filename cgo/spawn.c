/*
 * posix_spawn(3) and posix_spawnp(3), in front of those of libc, which alone
 * knows what its file actions hold: what was unveiled goes to the kernel for
 * the caller itself, since nothing can be done in the child.
 *
 * Not part of libunveil.a: a static program has no dlsym(3) to find libc's
 * functions by, and does not need it on musl, whose child calls execve(3).
 */
#include "core.h"

#include <spawn.h>

#define PUBLIC __attribute__((visibility("default")))
#define RTLD_NEXT_ ((void *)-1l)

extern void *dlsym(void *, const char *);
#pragma weak dlsym

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
			   char *const[], char *const[]);

static int spawn(const char *name, pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	/* A function from an object: the manual's own way to write it. */
	union {
		void *object;
		spawn_function *function;
	} real = { dlsym != NULL ? dlsym(RTLD_NEXT_, name) : NULL };
	int err;

	if (real.object == NULL)
		return ENOSYS;
	fork_foresee();
	err = unveil_seal();
	return err < 0 ? -err : real.function(pid, path, actions, attr, argv, envp);
}

PUBLIC int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	return spawn("posix_spawn", pid, path, actions, attr, argv, envp);
}

PUBLIC int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	return spawn("posix_spawnp", pid, file, actions, attr, argv, envp);
}
