/*
 * Keeps the Go runtime of the c-shared build asleep; not part of the library
 * that make builds.
 *
 * The constructor of such an object takes handlers for some signals and then
 * starts a thread, by x_cgo_sys_thread_create, in which the runtime comes up.
 * The linker is told to put the function here in its place (main.go). No
 * thread is started, since nothing calls Go, and the signals are given back
 * as an earlier constructor found them.
 *
 * The name is private to Go: where it changes, the runtime starts. The tests
 * count threads, handlers and descriptors after loading.
 */
#include "core.h"

#define SIGNALS 64

static struct kernel_sigaction found[SIGNALS + 1];

/* Numbers up to 100 are for the C library. */
__attribute__((constructor(101))) static void remember(void)
{
	for (int s = 1; s <= SIGNALS; s++)
		handler_action(s, NULL, &found[s]);
}

void __wrap_x_cgo_sys_thread_create(void *(*start)(void *), void *argument)
{
	(void)start, (void)argument;
	for (int s = 1; s <= SIGNALS; s++) {
		struct kernel_sigaction now;

		handler_action(s, NULL, &now);
		if (now.handler != found[s].handler)
			handler_action(s, &found[s], NULL);
	}
}
