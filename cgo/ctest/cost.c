/*
 * What unveil(2) costs: microseconds of a path, and of closing a list of ten,
 * the median over forked children, each with one thread.
 */
#include "ctest.h"

#include <sys/mman.h>

#define ROUNDS 400

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void measure(const char *name, const char *const paths[10], const char *permissions)
{
	double *times = mmap(NULL, sizeof(double) * 2 * ROUNDS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double *adds = times, *ends = times + ROUNDS;

	for (int i = 0; i < ROUNDS; i++) {
		pid_t child = fork();

		if (child == 0) {
			double start = now_us(), between;

			for (int k = 0; k < 10; k++)
				if (unveil(paths[k], permissions) != 0)
					_exit(1);
			between = now_us();
			if (unveil(NULL, NULL) != 0)
				_exit(2);
			ends[i] = now_us() - between;
			adds[i] = (between - start) / 10;
			_exit(0);
		}
		int status;
		if (waitpid(child, &status, 0) != child || status != 0) {
			printf("not ok %s: status %#x\n", name, status);
			exit(1);
		}
	}
	qsort(adds, ROUNDS, sizeof *adds, by_value);
	qsort(ends, ROUNDS, sizeof *ends, by_value);
	printf("%s: %.2f us a path (least %.2f), %.1f us to close ten (least %.1f)\n", name, adds[ROUNDS / 2], adds[0],
	       ends[ROUNDS / 2], ends[0]);
}

int main(void)
{
	static const char *const directories[10] = {
		"/usr/bin", "/usr/lib", "/etc", "/tmp", "/var/log", "/var/lib", "/usr/share", "/home", "/run", "/usr/local",
	};
	static const char *const files[10] = {
		"/etc/passwd", "/etc/group", "/etc/hosts", "/etc/fstab", "/etc/profile",
		"/etc/shells", "/bin/cat", "/bin/ls", "/dev/null", "/dev/zero",
	};

	measure("directories", directories, "r");
	measure("files", files, "r");
	return 0;
}
