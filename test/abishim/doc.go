// Abishim runs a command so that Landlock looks to it like an older ABI:
//
//	abishim N [CMD ARG…]
//
// N is a Landlock ABI, 1 … 11; 0 is a kernel without Landlock (ENOSYS) and -1
// one that has it off at boot (EOPNOTSUPP). Without CMD it prints what a
// program sees there, as package internal/kernel says it. It is a tool for
// tests: for the ABIs that no kernel package has, and for all ABIs on one
// machine.
//
// # How
//
// A seccomp filter answers SECCOMP_RET_TRACE for the three Landlock calls and
// allows all others. The ptrace supervisor checks the arguments as a kernel
// of ABI N would, by the table of package internal/kernel, and either lets
// the call through or skips it with the error of that kernel. This is sound
// because a right that is not handled behaves on a new kernel as on an old
// one that lacks it. User notification is not used, so the command keeps the
// one listener that a tree of filters may have. The command's threads,
// children and whatever they execute are under the same ABI.
//
// # Exit status
//
// The command's own; a command killed by a signal makes abishim die by the
// same one. 125 is a failure of abishim ("abishim: …" on standard error), 126
// a command that cannot be executed, 127 one that is not found, as env(1).
// N above the ABI of the running kernel is a failure. SIGINT and SIGTERM
// reach the command as the terminal or kill(1) sends them, and abishim
// ignores them; if it dies by another signal, the command is killed.
// It ends when the last process it supervises does.
//
// # Limits
//
//   - The processes under it cannot be ptraced by another (strace, gdb, a
//     second abishim), and set-user-ID bits do not work if it runs unprivileged.
//   - Without CAP_SYS_ADMIN it has to set no_new_privs, and the command
//     inherits that.
//   - Memory is checked before the kernel reads it: a second thread could
//     change it in between. For tests, not for protection.
//   - A process that is not dumpable cannot be read by an unprivileged
//     abishim, which then gives up with 125.
//   - 32-bit and x32 calls and children made with CLONE_UNTRACED are not
//     covered: the first reach the real kernel, the second get ENOSYS.
//   - The order of checks is that of Linux 7.3: a bad flag or rule type is
//     EINVAL even where an older kernel says EPERM (no no_new_privs) or EBADF
//     first.
//   - Errata, and what an erratum fixed, are those of the real kernel.
package main
