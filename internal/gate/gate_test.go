package gate_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/gate"
	"github.com/unveil-run/unveil-run/pledge"
)

// envAct makes the test binary, run again, confine itself and execute.
const envAct = "GATE_TEST_ACT"

func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if act := os.Getenv(envAct); act != "" {
		fmt.Fprintln(os.Stderr, inside(act))
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// inside does one act in a process of its own; it returns only what failed.
func inside(act string) error {
	g, err := gate.Open()
	if err != nil {
		return err
	}
	words, address, path := "stdio rpath prot_exec", g.Address(), "/bin/echo"
	switch act {
	case "nothing promised":
		words, path = "", "/dev/null"
	case "not executable":
		path = "/dev/null"
	case "another address":
		address += 1 << 12
	}
	set, err := pledge.Parse(words)
	if err != nil {
		return err
	}
	plan, err := pledge.Compile(set, pledge.Options{Gate: address, Pid: os.Getpid(), OnViolation: pledge.Errno})
	if err != nil {
		return err
	}
	program := plan.Program()
	switch act {
	case "no filter":
		program = nil
	case "bad filter":
		program = []unix.SockFilter{{Code: 0xffff}}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return g.Exec(program, nil, path, []string{"echo", "hi"}, []string{"A=1"}, "gate test: cannot execute")
}

func TestExec(t *testing.T) {
	tests := []struct {
		act            string
		status         int
		stdout, stderr string
	}{
		{"exec", 0, "hi\n", ""},
		{"no filter", 0, "hi\n", ""},
		{"not executable", 126, "", "gate test: cannot execute: permission denied\n"},
		{"nothing promised", 126, "", "gate test: cannot execute: permission denied\n"},
		{"bad filter", 3, "", "gate: seccomp: invalid argument\n"},
	}
	for _, tt := range tests {
		t.Run(tt.act, func(t *testing.T) {
			status, stdout, stderr := run(t, tt.act)
			if status != tt.status || stdout != tt.stdout || stderr != tt.stderr {
				t.Errorf("status %d, stdout %q, stderr %q; want %d, %q, %q", status, stdout, stderr, tt.status, tt.stdout, tt.stderr)
			}
		})
	}
}

// TestAnotherAddress holds that the filter knows the gate by its address: for
// a gate elsewhere the execve does not go through.
func TestAnotherAddress(t *testing.T) {
	status, stdout, stderr := run(t, "another address")
	// Not even write(2) from this page is known now, but stdio has it.
	if status != 126 || stdout != "" || stderr != "gate test: cannot execute: operation not permitted\n" {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

func run(t *testing.T, act string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envAct+"="+act)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := cmd.Run(); e != nil {
		var exit *exec.ExitError
		if !errors.As(e, &exit) {
			t.Fatal(e)
		}
		status = exit.ExitCode()
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			status = 128 + int(ws.Signal())
		}
	}
	return status, out.String(), err.String()
}

// TestPage holds that a gate is a page of its own that cannot be written, at
// an address that is another one each time.
func TestPage(t *testing.T) {
	var last uint64
	for range 8 {
		g, err := gate.Open()
		if err != nil {
			t.Fatal(err)
		}
		if g.Address() == last {
			t.Fatalf("address %#x twice", last)
		}
		last = g.Address()
		if perms := permsAt(t, last); perms != "r-xp" {
			t.Errorf("page of %#x is %s", last, perms)
		}
	}
}

func permsAt(t *testing.T, address uint64) string {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		words := strings.Fields(line)
		from, to, _ := strings.Cut(words[0], "-")
		low, err1 := strconv.ParseUint(from, 16, 64)
		high, err2 := strconv.ParseUint(to, 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if low <= address && address < high {
			return words[1]
		}
	}
	return "not mapped"
}
