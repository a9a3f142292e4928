/*
 * Prints the rules that the table of unveil(2) comes to, for a Landlock of any
 * ABI: no kernel is asked. Reads lines from standard input, writes lines to
 * standard output:
 *
 *	unveil PATH PERMS	the errno
 *	closefrom N		closes descriptors
 *	limit N			RLIMIT_NOFILE
 *	rename FROM TO, mkdir PATH, rmdir PATH, touch PATH
 *	rules PLEDGED SET WHOLE LAYER STRICT	handled FS NET SCOPED;
 *		rule ACCESS PATH, port ACCESS NUMBER, each; end ERRNO. The table is empty then.
 *
 * "-" is the empty word.
 */

/* Within, since a driver of many tables has to forget one. */
#include "../veil.c"

#undef sys6

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int abi, before;

/* How many descriptors are open, to find those that are left behind. */
static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

long fake_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == NR_landlock_create_ruleset) {
		const struct landlock_ruleset_attr *attr = (const void *)a;

		if (c == LANDLOCK_CREATE_RULESET_VERSION)
			return abi;
		printf("handled %llx %llx %llx\n", (unsigned long long)attr->handled_access_fs,
		       (unsigned long long)attr->handled_access_net, (unsigned long long)attr->scoped);
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (nr == NR_landlock_add_rule && b == LANDLOCK_RULE_PATH_BENEATH) {
		const struct landlock_path_beneath_attr *rule = (const void *)c;
		char link[64], path[4096];
		ssize_t n;
		struct stat st;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", rule->parent_fd);
		n = readlink(link, path, sizeof(path) - 1);
		if (n < 0 || fstat(rule->parent_fd, &st) < 0)
			return -EBADF;
		path[n] = '\0';
		if (!S_ISDIR(st.st_mode) && (rule->allowed_access & ~0x1c007ull) != 0)
			return -EINVAL;	/* as the kernel has it */
		if (rule->allowed_access == 0)
			return -ENOMSG;
		printf("rule %llx %s\n", (unsigned long long)rule->allowed_access, path);
		return 0;
	}
	if (nr == NR_landlock_add_rule) {
		const struct landlock_net_port_attr *rule = (const void *)c;

		printf("port %llx %llu\n", (unsigned long long)rule->allowed_access, (unsigned long long)rule->port);
		return 0;
	}
	return sys6(nr, a, b, c, d, e, f);
}

static const char *word(void)
{
	const char *w = strtok(NULL, " \n");

	if (w == NULL) {
		fprintf(stderr, "rules: a word is missing\n");
		exit(2);
	}
	return strcmp(w, "-") == 0 ? "" : w;
}

static void check(int err)
{
	if (err < 0) {
		perror("rules");
		exit(2);
	}
}

static void rules(void)
{
	struct veil_options o = { 0 };
	int err;

	o.pledged = word()[0] == '1';
	o.set = strtoull(word(), NULL, 16);
	o.whole = word()[0] == '1';
	o.layer = word()[0] == '1';
	o.strict = word()[0] == '1';
	err = veil_ruleset(&o);
	if (err >= 0)
		close(err);
	veil_close();
	entries.dir_count = entries.name_count = text_used = 0;
	sealed = false;
	if (descriptors() != before)
		err = -1000;	/* a descriptor is left */
	printf("end %d\n", err < 0 ? -err : 0);
}

int main(void)
{
	static char line[16384];

	abi = atoi(getenv("ABI"));
	before = descriptors();
	while (fgets(line, sizeof(line), stdin) != NULL) {
		const char *verb = strtok(line, " \n");

		if (verb == NULL)
			continue;
		if (strcmp(verb, "unveil") == 0) {
			const char *path = word(), *perms = word();

			printf("%d\n", -veil_add(path, perms));
		} else if (strcmp(verb, "closefrom") == 0) {
			for (int fd = atoi(word()); fd < 1024; fd++)
				close(fd);
			before = descriptors();
		} else if (strcmp(verb, "rename") == 0) {
			const char *from = word();

			check(rename(from, word()));
		} else if (strcmp(verb, "mkdir") == 0) {
			check(mkdir(word(), 0755));
		} else if (strcmp(verb, "rmdir") == 0) {
			check(rmdir(word()));
		} else if (strcmp(verb, "limit") == 0) {
			struct rlimit limit;

			check(getrlimit(RLIMIT_NOFILE, &limit));
			limit.rlim_cur = strtoul(word(), NULL, 10);
			check(setrlimit(RLIMIT_NOFILE, &limit));
		} else if (strcmp(verb, "touch") == 0) {
			int fd = open(word(), O_CREAT | O_WRONLY, 0644);

			check(fd);
			close(fd);
		} else if (strcmp(verb, "rules") == 0) {
			rules();
		} else {
			fprintf(stderr, "rules: %s?\n", verb);
			return 2;
		}
		fflush(stdout);
	}
	return 0;
}
