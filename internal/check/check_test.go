package check_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/check"
	"github.com/unveil-run/unveil-run/internal/kernel"
)

// TestStates: what changes its state with the Landlock ABI, and at which one.
func TestStates(t *testing.T) {
	tests := []struct {
		word  string
		since int // the ABI from which the state holds
		below check.State
		from  check.State
	}{
		{"dns", 10, check.InPart, check.Enforced},
		{"unix", 9, check.InPart, check.Enforced},
		{"stdio", 1, check.Enforced, check.Enforced},
		{"fattr", 1, check.InPart, check.InPart},
		{"sendfd", 1, check.Not, check.Not},
		{"r", 1, check.Not, check.InPart},
		{"x", 1, check.Not, check.InPart},
		{"--connect PORT", 4, check.Not, check.Enforced},
		{"--bind PORT", 4, check.Not, check.InPart},
		{"--connect udp:PORT", 10, check.Not, check.Enforced},
		{"--unix PATH", 9, check.Not, check.Enforced},
		{"signals kept inside (without --allow-signals)", 6, check.Not, check.Enforced},
	}
	for abi := -1; abi <= kernel.Newest+1; abi++ {
		r := check.New(kernel.Landlock(abi), nil)
		for _, tt := range tests {
			want := tt.below
			if abi >= tt.since {
				want = tt.from
			}
			w := find(t, r, tt.word)
			if w.State != want || (w.State == check.Enforced) != (len(w.Why) == 0) {
				t.Errorf("ABI %d: %s is %s, %q; want %s", abi, tt.word, w.State, w.Why, want)
			}
		}
		if r.Usable() != (abi > 0) {
			t.Errorf("ABI %d: usable %v", abi, r.Usable())
		}
		for _, w := range slices.Concat(r.Letters, r.Promises, r.Flags) {
			if !strings.Contains(r.String(), w.Name) {
				t.Errorf("ABI %d: %s is not printed", abi, w.Name)
			}
		}
	}
}

func TestNoSeccomp(t *testing.T) {
	k := kernel.Landlock(7)
	k.Seccomp = kernel.ErrSeccompBlocked
	r := check.New(k, nil)
	if w := find(t, r, "stdio"); w.State != check.Not || r.Usable() {
		t.Errorf("stdio is %s, usable %v", w.State, r.Usable())
	}
	if w := find(t, r, "r"); w.State != check.InPart {
		t.Errorf("r is %s", w.State)
	}
}

func find(t *testing.T, r check.Report, name string) check.Word {
	t.Helper()
	for _, w := range slices.Concat(r.Letters, r.Promises, r.Flags) {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("no word %q", name)
	return check.Word{}
}

// TestJSON holds the names that programs read.
func TestJSON(t *testing.T) {
	text, err := json.Marshal(check.New(kernel.Landlock(6), map[string][]string{"inet": {"socket(AF_INET): EPERM"}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"kernel":{"release":"6.12","landlock_abi":6,"landlock_reported":6,"landlock_errata":0,"seccomp":true,"notes":[]},"letters":[{"name":"r","state":"in part","why":[`,
		`{"name":"stdio","state":"enforced","why":[],"blocked":[]}`,
		`{"name":"inet","state":"enforced","why":[],"blocked":["socket(AF_INET): EPERM"]}`,
		`"flags":[{"name":"--connect PORT","state":"enforced"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// envRefuse makes the test binary, run again, refuse a call as a container's
// profile does, and print what Blocked finds.
const envRefuse = "CHECK_TEST_REFUSE"

func TestMain(m *testing.M) {
	name, ok := os.LookupEnv(envRefuse)
	if !ok {
		os.Exit(m.Run())
	}
	runtime.LockOSThread()
	if nr, ok := refusable[name]; ok {
		if err := refuse(nr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(check.Blocked()); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

var refusable = map[string]uint32{
	"socket": unix.SYS_SOCKET, "execve": unix.SYS_EXECVE, "fchownat": unix.SYS_FCHOWNAT, "clock_settime": unix.SYS_CLOCK_SETTIME,
	"openat": unix.SYS_OPENAT, "clone": unix.SYS_CLONE,
}

func refuse(nr uint32) error {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

// TestBlocked: each refused call is found under its promise and no other, and
// nothing is found where nothing is refused.
func TestBlocked(t *testing.T) {
	for call, promises := range map[string][]string{
		"": nil, "socket": {"dns", "inet", "route", "unix"}, "execve": {"exec"}, "fchownat": {"chown"},
		"clock_settime": {"settime"}, "openat": {"rpath", "wpath"}, "clone": {"proc"},
	} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), envRefuse+"="+call)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(call, err)
		}
		var blocked map[string][]string
		if err := json.Unmarshal(out, &blocked); err != nil {
			t.Fatal(call, err)
		}
		var got []string
		for promise, calls := range blocked {
			got = append(got, promise)
			for _, c := range calls {
				if !strings.HasPrefix(c, call) || !strings.HasSuffix(c, ": EPERM") {
					t.Errorf("%s refused: %q", call, c)
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, promises) {
			t.Errorf("%q refused: found under %q, want %q", call, got, promises)
		}
	}
}
