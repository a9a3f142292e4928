package bpf

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	returns = unix.BPF_RET | unix.BPF_K
	jump    = unix.BPF_JMP | unix.BPF_JA
)

// Ask returns a program that refuses what program refuses, and asks a
// supervisor for the answer: every errno and every trap has become
// SECCOMP_RET_USER_NOTIF. What program allows it allows, and what it kills it
// kills. Without a supervisor the kernel answers ENOSYS, so that it lets
// nothing through that program does not.
//
// It fails on a program whose answer is not in its instructions.
func Ask(program []unix.SockFilter) ([]unix.SockFilter, error) {
	asking := slices.Clone(program)
	for i := range asking {
		switch {
		case asking[i].Code == unix.BPF_RET|unix.BPF_A:
			return nil, fmt.Errorf("bpf: instruction %d returns what was computed", i)
		case asking[i].Code != returns:
			continue
		}
		switch asking[i].K & unix.SECCOMP_RET_ACTION_FULL {
		case unix.SECCOMP_RET_ERRNO, unix.SECCOMP_RET_TRAP:
			asking[i].K = unix.SECCOMP_RET_USER_NOTIF
		case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_KILL_PROCESS:
		default:
			return nil, fmt.Errorf("bpf: instruction %d returns %#x", i, asking[i].K)
		}
	}
	return asking, nil
}

// Then returns a program that answers as first does, and where that allows,
// as second does.
func Then(first, second []unix.SockFilter) []unix.SockFilter {
	joined := append(slices.Clone(first), second...)
	for i := range first {
		if joined[i].Code == returns && joined[i].K == unix.SECCOMP_RET_ALLOW {
			joined[i] = unix.SockFilter{Code: jump, K: uint32(len(first) - i - 1)}
		}
	}
	return joined
}

// AskFor returns a program that asks a supervisor for the calls of the given
// numbers and allows every other. It does not look at the architecture, and so
// comes behind a program that does.
func AskFor(numbers []int) []unix.SockFilter {
	sorted := slices.Compact(slices.Sorted(slices.Values(numbers)))
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offNr}}
	return append(program, search(sorted)...)
}

// Allow returns a program that allows the calls of the given numbers, and
// answers every other as program does. It does not look at the architecture.
func Allow(numbers []int, program []unix.SockFilter) []unix.SockFilter {
	list := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offNr}}
	for _, n := range numbers {
		list = append(list, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(n)}, unix.SockFilter{Code: returns, K: unix.SECCOMP_RET_ALLOW})
	}
	return append(list, program...)
}

// few is how many numbers are compared one after the other.
const few = 6

// search is a binary tree over numbers, so that the kernel, which runs a
// program once for each number when it is attached, is soon done.
func search(numbers []int) []unix.SockFilter {
	if len(numbers) <= few {
		var list []unix.SockFilter
		for i, n := range numbers {
			list = append(list, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(len(numbers) - i), K: uint32(n)})
		}
		return append(list, unix.SockFilter{Code: returns, K: unix.SECCOMP_RET_ALLOW}, unix.SockFilter{Code: returns, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	middle := len(numbers) / 2
	low, high := search(numbers[:middle]), search(numbers[middle:])
	// The low half comes first, so that one long jump leads over it.
	head := []unix.SockFilter{
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, Jf: 1, K: uint32(numbers[middle])},
		{Code: jump, K: uint32(len(low))},
	}
	return slices.Concat(head, low, high)
}
