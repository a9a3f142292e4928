// Package gate executes a command under a seccomp filter that lets no other
// execve through.
//
// The gate is a page at a random address that holds one system call
// instruction. A filter that was compiled for it (pledge.Options.Gate) allows
// execve(2) from that instruction only. The page goes with the old image, so
// that the command, and whatever it maps, forks or loads, is refused: execve
// of anything and of itself, execveat(2) of a memfd, and `ld.so FILE`. It
// needs no helper process and no preloaded library, and so holds for static
// programs too.
//
// The address is a secret of 46 bits on amd64 and of 38 on arm64, in steps of
// one byte and of four: who may map executable memory would have to guess it,
// at one refused call a guess.
package gate
