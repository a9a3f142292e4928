package bpf_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/bpf"
)

const (
	load = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jeq  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	ret  = unix.BPF_RET | unix.BPF_K
)

// program refuses 1, traps 2, kills 3, asks for an argument of 4.
var program = []unix.SockFilter{
	{Code: load, K: 0},
	{Code: jeq, K: 1, Jt: 6},
	{Code: jeq, K: 2, Jt: 6},
	{Code: jeq, K: 3, Jt: 6},
	{Code: jeq, K: 4, Jf: 6},
	{Code: load, K: 20}, // the high half of the first argument
	{Code: jeq, K: 7, Jt: 4},
	{Code: ret, K: unix.SECCOMP_RET_ERRNO | 22},
	{Code: ret, K: unix.SECCOMP_RET_ERRNO | 1},
	{Code: ret, K: unix.SECCOMP_RET_TRAP | 5},
	{Code: ret, K: unix.SECCOMP_RET_KILL_PROCESS},
	{Code: ret, K: unix.SECCOMP_RET_ALLOW},
}

func run(t *testing.T, p []unix.SockFilter, nr uint32, arg uint64) uint32 {
	t.Helper()
	got, err := bpf.Run(p, &bpf.Data{Nr: nr, Args: [6]uint64{arg}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		nr   uint32
		arg  uint64
		want uint32
	}{
		{1, 0, unix.SECCOMP_RET_ERRNO | 1}, {2, 0, unix.SECCOMP_RET_TRAP | 5}, {3, 0, unix.SECCOMP_RET_KILL_PROCESS},
		{4, 7, unix.SECCOMP_RET_ERRNO | 22}, {4, 7 << 32, unix.SECCOMP_RET_ALLOW}, {5, 0, unix.SECCOMP_RET_ALLOW},
	} {
		if got := run(t, program, c.nr, c.arg); got != c.want {
			t.Errorf("%d(%#x): %#x, want %#x", c.nr, c.arg, got, c.want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for name, p := range map[string][]unix.SockFilter{
		"empty":          nil,
		"no end":         {{Code: load}},
		"a jump out":     {{Code: unix.BPF_JMP | unix.BPF_JA, K: 9}, {Code: ret}},
		"a load between": {{Code: load, K: 2}, {Code: ret}},
		"a load behind":  {{Code: load, K: 64}, {Code: ret}},
		"unknown":        {{Code: 0xffff}, {Code: ret}},
		"nothing stored": {{Code: unix.BPF_LD | unix.BPF_MEM, K: 3}, {Code: ret}},
		"no such memory": {{Code: unix.BPF_ST, K: 99}, {Code: ret}},
	} {
		if got, err := bpf.Run(p, &bpf.Data{}); err == nil {
			t.Errorf("%s: %#x, want an error", name, got)
		}
	}
}

// TestAsk holds that a program that asks allows and kills what it did, asks
// about all else, and is as long.
func TestAsk(t *testing.T) {
	asking, err := bpf.Ask(program)
	if err != nil || len(asking) != len(program) {
		t.Fatal(len(asking), err)
	}
	for nr := range uint32(6) {
		for _, arg := range []uint64{0, 7, 7 << 32} {
			want := run(t, program, nr, arg)
			if want != unix.SECCOMP_RET_ALLOW && want != unix.SECCOMP_RET_KILL_PROCESS {
				want = unix.SECCOMP_RET_USER_NOTIF
			}
			if got := run(t, asking, nr, arg); got != want {
				t.Errorf("%d(%#x): %#x, want %#x", nr, arg, got, want)
			}
		}
	}
	for _, bad := range []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_A}, {Code: ret, K: unix.SECCOMP_RET_TRACE}, {Code: ret, K: unix.SECCOMP_RET_LOG}} {
		if got, err := bpf.Ask([]unix.SockFilter{bad}); err == nil {
			t.Errorf("%+v: %v, want an error", bad, got)
		}
	}
}

// TestAllow holds that some calls are allowed, and the others answered as before.
func TestAllow(t *testing.T) {
	allowing := bpf.Allow([]int{2, 4}, program)
	for nr := range uint32(8) {
		want := run(t, program, nr, 7)
		if nr == 2 || nr == 4 {
			want = unix.SECCOMP_RET_ALLOW
		}
		if got := run(t, allowing, nr, 7); got != want {
			t.Errorf("%d: %#x, want %#x", nr, got, want)
		}
	}
}

// TestThen holds that a joined program answers as the first where that does
// not allow, and else as the second.
func TestThen(t *testing.T) {
	for range 200 {
		var numbers []int
		for range rand.IntN(90) {
			numbers = append(numbers, rand.IntN(600))
		}
		joined := bpf.Then(program, bpf.AskFor(numbers))
		for nr := range uint32(620) {
			want := run(t, program, nr, 0)
			if want == unix.SECCOMP_RET_ALLOW && slices.Contains(numbers, int(nr)) {
				want = unix.SECCOMP_RET_USER_NOTIF
			}
			if got := run(t, joined, nr, 0); got != want {
				t.Fatalf("%d of %v: %#x, want %#x", nr, numbers, got, want)
			}
		}
	}
}
