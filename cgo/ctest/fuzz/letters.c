/* rights.c and walk.c: the letters of unveil(2), as veil_add() reads them. */
#include "../../veil.h"

#include "fuzz.h"

/* Of kernel.c, which asks the kernel. */
uint64_t kernel_fs(void) { return 0; }
uint64_t kernel_net(void) { return 0; }
uint64_t kernel_scopes(void) { return 0; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char names[] = "rwxc";
	char *perms = string_of(data, size), letters[5];
	size_t length = strlen(perms);
	unsigned want = 0;
	int n;

	memset(letters, '?', sizeof letters);
	n = copy_string(letters, sizeof letters, perms);
	if (length >= sizeof letters) {
		CHECK(n == -ENAMETOOLONG);
		free(perms);
		return 0;
	}
	CHECK(n == (int)length && strcmp(letters, perms) == 0);
	for (const char *p = perms; *p != '\0'; p++) {
		char one[2] = { *p, '\0' };
		int bit = letters_parse(one);

		CHECK((bit > 0) == (strchr(names, *p) != NULL));
		if (bit > 0)
			want |= (unsigned)bit;
		else
			CHECK(bit == -EINVAL);
	}
	n = letters_parse(letters);
	CHECK(n == (strspn(perms, names) == length ? (int)want : -EINVAL));
	if (n >= 0)
		CHECK((rights_letters((unsigned)n) == 0) == (n == 0));
	free(perms);
	return 0;
}
