// Package image finds, for a command name, the executable that really runs
// and the files that it needs, so that a launcher can grant exactly those in
// a Landlock ruleset before it executes the command.
//
// It follows what Linux and the dynamic linkers do: the PATH search of
// execvp(3), the #! lines of binfmt_script, PT_INTERP, and the library search
// of ld.so(8) for glibc and of ld-musl for musl.
//
// The contract:
//
//   - It only reads files. It changes nothing in the process, prints nothing,
//     and does not panic, whatever the files hold: every read, list and chain
//     has a bound.
//   - It describes the moment of the call. Whoever can change the files in
//     between can make the answer wrong; the sandbox then refuses what the
//     changed file needs, it grants nothing more.
//   - Only the first execution is followed. What a command executes, opens or
//     loads by itself, an interpreter's own library included, is not guessed.
//   - A library that is not found is no error here: ld.so says it better.
//   - Only 64-bit executables of the running machine are accepted. The
//     seccomp filter kills every other architecture, so that a 32-bit command
//     would die at its first system call.
package image
