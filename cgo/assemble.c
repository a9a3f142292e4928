/*
 * Writes a seccomp program, instruction by instruction, from its end to its
 * beginning: assemble.go of package pledge says why.
 */
#include "filter.h"

/* What the kernel takes is at most FILTER_MAX; what is longer is counted, not written. */
int put(struct assembler *a, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (a->length < FILTER_MAX)
		a->program[FILTER_MAX - 1 - a->length] = (struct sock_filter){ code, jt, jf, k };
	return a->length++;
}

int put_ret(struct assembler *a, uint32_t k)
{
	return put(a, BPF_RET_K, 0, 0, k);
}

int put_load(struct assembler *a, uint32_t offset)
{
	return put(a, BPF_LD_W_ABS, 0, 0, offset);
}

int put_goto(struct assembler *a, int to)
{
	return put(a, BPF_JMP_JA, 0, 0, (uint32_t)distance(a, to));
}

/* A place that a conditional jump reaches, with one instruction between. */
static int near(struct assembler *a, int to)
{
	return distance(a, to) + 1 <= 255 ? to : put_goto(a, to);
}

int put_jump(struct assembler *a, uint16_t code, uint32_t k, int yes, int no)
{
	yes = near(a, yes);
	no = near(a, no);
	return put(a, code, (uint8_t)distance(a, yes), (uint8_t)distance(a, no), k);
}
