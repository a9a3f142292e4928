/*
 * filter.c: a program for any set and any ranges is one that the kernel takes.
 * That it is the program of package pledge is FuzzC's there.
 */
#include "../../core.h"

#include "fuzz.h"

/* As bpf_check_classic() and seccomp_check_filter() of the kernel. */
static void check(const struct sock_filter *program, int n)
{
	bool stored[16] = { false };

	CHECK(n > 0 && n <= FILTER_MAX);
	CHECK(program[0].code == BPF_LD_W_ABS && program[0].k == DATA_ARCH);
	for (int i = 0; i < n; i++) {
		const struct sock_filter *p = &program[i];
		int left = n - i - 1;

		switch (p->code) {
		case BPF_LD_W_ABS:
			CHECK(p->k % 4 == 0 && p->k < 64);
			break;
		case BPF_ST:
			CHECK(p->k < 16);
			stored[p->k] = true;
			break;
		case BPF_LD_MEM:
			CHECK(p->k < 16 && stored[p->k]);
			break;
		case BPF_LD_IMM:
		case BPF_ALU_AND_K:
			break;
		case BPF_JMP_JA:
			CHECK(p->k < (unsigned)left);
			break;
		case BPF_JMP_JEQ_K:
		case BPF_JMP_JGT_K:
		case BPF_JMP_JGE_K:
		case BPF_JMP_JSET_K:
			CHECK(p->jt < left && p->jf < left);
			break;
		case BPF_RET_K:
		case BPF_RET_A:
			break;
		default:
			CHECK(!"a code that is known");
		}
	}
	CHECK(program[n - 1].code == BPF_RET_K || program[n - 1].code == BPF_RET_A);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sock_filter *program = malloc(FILTER_MAX * sizeof *program);
	struct range *ranges = NULL;
	struct filter_options behind, o = { .set = number_of(&data, &size, 8) & (words_expand(~0ull) | (1ull << 63)) };
	unsigned flags = (unsigned)number_of(&data, &size, 1), more = (unsigned)number_of(&data, &size, 1), wide = 3 + more % 6;
	uint64_t at = 0;
	bool rising = true;
	int n;

	CHECK(program != NULL);
	for (unsigned place = 0; place < 64; place++)
		if (words_name(place) == NULL)
			o.set &= ~(1ull << place);
	o.next = number_of(&data, &size, 8) & o.set;
	o.pid = (uint32_t)number_of(&data, &size, 4);
	o.uid = o.gid = (uint32_t)number_of(&data, &size, 4);
	o.on_violation = more / 6 % 4;
	o.no_truncate = flags & 2;
	o.no_layer = flags & 4;
	o.keep_handler = flags & 8;
	o.next_bound = flags & 16;
	o.foreign = flags & 32;
	o.only_next = more / 24 % 2;
	o.next_no_layer = more / 48 % 2;
	if (flags & 64) {
		o.n = (unsigned)(size / (2 * wide) < RANGES_MAX ? size / (2 * wide) : RANGES_MAX);
		ranges = malloc((o.n + 1) * sizeof *ranges);	/* not of 0 bytes */
		CHECK(ranges != NULL);
		for (unsigned i = 0; i < o.n; i++) {
			uint64_t first = number_of(&data, &size, wide), length = number_of(&data, &size, wide);

			/* With the last flag as they come, which is mostly an error. */
			ranges[i].first = flags & 128 ? first : at + first + (i > 0);
			ranges[i].last = flags & 128 ? length : ranges[i].first + length;
			rising &= ranges[i].first <= ranges[i].last && (i == 0 || ranges[i - 1].first <= ranges[i].first);	/* those that overlap are one */
			at = ranges[i].last;
		}
		o.ranges = ranges;
	}
	if (flags & 1) {
		behind = o;
		o.behind = &behind;
		o.set = o.next;
		o.pid += more;
		o.keep_handler = false;
	}
	n = filter_build(program, &o);
	CHECK(n > 0 || n == -E2BIG || n == -EINVAL);
	if (o.only_next && (o.n > 0 || o.behind != NULL))
		CHECK(n == -EINVAL);
	else
		CHECK(o.n > 0 || n > 0);
	if (!rising)
		CHECK(n < 0);
	if (n > 0)
		check(program, n);
	free(program);
	free(ranges);
	return 0;
}
