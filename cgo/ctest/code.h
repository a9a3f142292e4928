/* Code that a process maps for itself, as a loader does. */
#ifndef CTEST_CODE_H
#define CTEST_CODE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Maps code that makes a socket, at an address or anywhere; NULL: it cannot. */
static inline long (*code_map(void *address))(void)
{
#if defined(__x86_64__)
	static const uint32_t code[] = { 0x000029b8, 0x0002bf00, 0x01be0000, 0x31000000, 0xc3050fd2 };	/* mov $41,%eax mov $2,%edi mov $1,%esi xor %edx,%edx syscall ret */
#else
	static const uint32_t code[] = { 0xd28018c8, 0xd2800040, 0xd2800021, 0xd2800002, 0xd4000001, 0xd65f03c0 };	/* mov x8,198 mov x0,2 mov x1,1 mov x2,0 svc 0 ret */
#endif
	int fd = (int)syscall(SYS_memfd_create, "code", 0);
	void *at;

	if (fd < 0 || write(fd, code, sizeof code) != sizeof code)
		return NULL;
	at = mmap(address, sizeof code, PROT_READ | PROT_EXEC, MAP_PRIVATE | (address == NULL ? 0 : 0x100000 /* MAP_FIXED_NOREPLACE */), fd, 0);
	close(fd);
	return at == MAP_FAILED || (address != NULL && at != address) ? NULL : (long (*)(void))at;
}

#endif
