/*
 * posix_spawn(3), posix_spawnp(3), system(3) and popen(3), in front of those of
 * libc, which make a process in ways of their own: what was unveiled goes to
 * the kernel for the caller itself, since nothing can be done in the child.
 *
 * Not part of libunveil.a: a static program has no dlsym(3) to find libc's
 * functions by, and does not need it for posix_spawn(3) on musl, whose child
 * calls execve(3).
 */
#include "core.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>

#define PUBLIC __attribute__((visibility("default")))
#define RTLD_NEXT_ ((void *)-1l)

extern void *dlsym(void *, const char *);
#pragma weak dlsym

/* A function from an object: dlsym(3)'s own way to write it. */
union libc {
	void *object;
	int (*spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[], char *const[]);
	int (*system)(const char *);
	FILE *(*popen)(const char *, const char *);
};

/* Finds libc's function, when a process may be made. */
static int before(const char *name, union libc *real)
{
	real->object = dlsym != NULL ? dlsym(RTLD_NEXT_, name) : NULL;
	if (real->object == NULL)
		return -ENOSYS;
	fork_foresee();
	return unveil_seal();
}

static int spawn(const char *name, pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	union libc real;
	int err = before(name, &real);

	return err < 0 ? -err : real.spawn(pid, path, actions, attr, argv, envp);
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

PUBLIC int system(const char *command)
{
	union libc real;
	int err = before("system", &real);

	return err < 0 ? answer(err) : real.system(command);
}

PUBLIC FILE *popen(const char *command, const char *mode)
{
	union libc real;
	int err = before("popen", &real);

	if (err < 0) {
		answer(err);
		return NULL;
	}
	return real.popen(command, mode);
}
