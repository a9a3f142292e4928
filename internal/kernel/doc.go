// Package kernel says what the running kernel can do for pledge and unveil.
//
// [Probe] finds it by trying the calls, never by comparing version numbers:
// distributions back-port, containers forbid, and a boot parameter can leave
// Landlock built in but off. [Landlock] makes the same answer up for any
// Landlock ABI, so that what is compiled from it can be tested on one kernel.
//
// What each Landlock ABI brought stands once, in [Table]; every mask and
// every "needs Linux 6.7" derives from it.
//
// Probing changes nothing in the process: no no_new_privs, no filter, no
// domain, and no descriptor stays open. It makes ten system calls on a kernel
// that has everything.
package kernel
