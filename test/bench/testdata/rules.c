// rules DIR N COMMAND [ARG...] does what the kernel does for a policy of N
// directories DIR/0, DIR/1, ...: opens, rules, and exec under them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR };
	struct landlock_path_beneath_attr rule = { .allowed_access = attr.handled_access_fs };
	struct rlimit limit;
	struct stat st;
	char path[4096];
	int *fds, n, ruleset;

	if (argc < 4)
		return 2;
	n = atoi(argv[2]);
	fds = calloc(n + 1, sizeof *fds);
	if (fds == NULL || getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 3;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 4;
	for (int i = 0; i <= n; i++) {
		snprintf(path, sizeof path, "%s/%d", argv[1], i);
		// The last is for the command itself.
		fds[i] = open(i == n ? argv[3] : path, O_PATH | O_CLOEXEC);
		if (fds[i] == -1 || fstat(fds[i], &st) == -1)
			return 5;
	}
	ruleset = syscall(__NR_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
	if (ruleset == -1)
		return 6;
	for (int i = 0; i <= n; i++) {
		rule.parent_fd = fds[i];
		if (i == n)
			rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
		if (syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == -1)
			return 7;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || syscall(__NR_landlock_restrict_self, ruleset, 0) == -1)
		return 8;
	execv(argv[3], argv + 3);
	return 9;
}
