package main_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
)

func TestExitStatus(t *testing.T) {
	asUsers(t, func(t *testing.T, uid int) {
		for _, status := range []int{0, 1, 3, 125, 255} {
			cmd := command(t, uid, 1, "sh", "-c", fmt.Sprintf("exit %d", status))
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != status || len(out) != 0 {
				t.Errorf("exit %d, want %d: %s", got, status, out)
			}
		}
	})
}

func TestSignalDeath(t *testing.T) {
	asUsers(t, func(t *testing.T, uid int) {
		for _, sig := range []syscall.Signal{
			unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGABRT, unix.SIGKILL, unix.SIGSEGV,
			unix.SIGPIPE, unix.SIGTERM, unix.SIGSYS, unix.SIGURG + 17, // a real-time signal
		} {
			// No core files: a command of the test's, not a fault.
			cmd := command(t, uid, 1, "sh", "-c", fmt.Sprintf("ulimit -c 0; kill -%d $$", sig))
			out, _ := cmd.CombinedOutput()
			ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ws.Signaled() || ws.Signal() != sig || ws.CoreDump() || len(out) != 0 {
				t.Errorf("%v, want signal %d: %s", cmd.ProcessState, sig, out)
			}
		}
	})
}

// TestNotRun: a command that cannot be run is told from one that fails.
func TestNotRun(t *testing.T) {
	dir := t.TempDir()
	for _, p := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte("\x7fnot ELF"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(garbage, 0o755); err != nil { // against a strict umask
		t.Fatal(err)
	}
	asUsers(t, func(t *testing.T, uid int) {
		for _, tt := range []struct {
			argv   string
			status int
			says   string
		}{
			{"no-such-command-anywhere", 127, "not found"},
			{filepath.Join(dir, "missing"), 127, "no such file"},
			{"", 127, ""},
			{file, 126, "permission denied"},
			{garbage, 126, "exec format error"},
			{dir, 126, ""},
		} {
			cmd := command(t, uid, 1, tt.argv)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != tt.status || !strings.HasPrefix(string(out), "abishim: ") || !strings.Contains(string(out), tt.says) {
				t.Errorf("%q: exit %d, want %d: %q, want %q in it", tt.argv, got, tt.status, out, tt.says)
			}
		}
	})
}

func TestArguments(t *testing.T) {
	tests := map[string][]string{
		"usage: abishim N [CMD ARG…]":                           nil,
		`"" is no Landlock ABI: -1 (off), 0 (none) or 1 … 11`:   {""},
		`"x" is no Landlock ABI: -1 (off), 0 (none) or 1 … 11`:  {"x", "true"},
		`"1x" is no Landlock ABI: -1 (off), 0 (none) or 1 … 11`: {"1x", "true"},
		`"-2" is no Landlock ABI: -1 (off), 0 (none) or 1 … 11`: {"-2", "true"},
		`"12" is no Landlock ABI: -1 (off), 0 (none) or 1 … 11`: {"12", "true"},
	}
	if abi := kernel.Probe().ABI; abi < kernel.Newest {
		n := fmt.Sprint(abi + 1)
		tests["cannot look like Landlock ABI "+n+": "] = []string{n, "true"}
	}
	for want, args := range tests {
		cmd := exec.Command(shimtest.Build(t), args...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != 125 || !strings.HasPrefix(string(out), "abishim: "+want) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q: exit %d: %q; want 125: abishim: %s", args, got, out, want)
		}
	}
}

// TestNoCommand: it says what a program sees there.
func TestNoCommand(t *testing.T) {
	for _, n := range shimtest.ABIs(t) {
		out, err := command(t, os.Getuid(), n).Output()
		want := fmt.Sprintf(", Landlock ABI %d", n)
		switch {
		case n == 0:
			want = ", no Landlock (not built in)"
		case n < 0:
			want = ", no Landlock (not enabled at boot)"
		}
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("ABI %d: %q, %v; want %q in it", n, out, err, want)
		}
	}
}

// TestPassesThrough: arguments, environment, descriptors and standard input
// are the command's, and a process that outlives it is waited for.
func TestPassesThrough(t *testing.T) {
	asUsers(t, func(t *testing.T, uid int) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		cmd := command(t, uid, 1, "sh", "-c", `cat; echo "$1|$2|$X"; (read line <&3; echo "$line") & exit 3`, "sh", "a b", "")
		cmd.Stdin = strings.NewReader("stdin\n")
		cmd.Env = append(os.Environ(), "X=y z")
		cmd.ExtraFiles = []*os.File{r}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for _, want := range []string{"stdin\n", "a b||y z\n"} {
			if got, err := lines.ReadString('\n'); got != want {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
		fmt.Fprintln(w, "late")
		if got, err := lines.ReadString('\n'); got != "late\n" {
			t.Errorf("%q, %v; want what the child says", got, err)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != 3 {
			t.Errorf("exit %d, want 3", got)
		}
	})
}

// started starts a command that says "ready", and returns what it says then.
func started(t *testing.T, uid int, script string) (*exec.Cmd, io.Writer, *bufio.Reader) {
	t.Helper()
	cmd := command(t, uid, 1, "sh", "-c", "echo ready; "+script)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd, stdin, out
}

// TestInterrupted: SIGINT and SIGTERM are for the command to answer.
func TestInterrupted(t *testing.T) {
	asUsers(t, func(t *testing.T, uid int) {
		cmd, stdin, out := started(t, uid, "read line; echo $line; exit 7")
		for _, sig := range []os.Signal{unix.SIGINT, unix.SIGTERM} {
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintln(stdin, "alive")
		if line, err := out.ReadString('\n'); line != "alive\n" {
			t.Errorf("%q, %v", line, err)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != 7 {
			t.Errorf("%v, want exit 7", cmd.ProcessState)
		}
	})
}

// TestKilled: the command does not outlive abishim, where it would be without
// its shim. Its end closes the last writing end of the pipe.
func TestKilled(t *testing.T) {
	asUsers(t, func(t *testing.T, uid int) {
		cmd, _, out := started(t, uid, "(read line; echo $line); echo survived")
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(out); err != nil || len(rest) != 0 {
			t.Errorf("%q, %v", rest, err)
		}
	})
}

// TestStopped: a stopped command stays stopped until it is continued.
func TestStopped(t *testing.T) {
	asUsers(t, func(t *testing.T, uid int) {
		_, _, out := started(t, uid, "echo $$; kill -STOP $$; echo continued; exit 0")
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		if _, err := fmt.Sscan(line, &pid); err != nil {
			t.Fatal(err)
		}
		// SIGCONT before the stop would be lost; t is a stop under ptrace.
		for state := ""; state != "T" && state != "t"; {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err != nil {
				t.Fatal(err)
			}
			state = strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[0]
		}
		if err := unix.Kill(pid, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if line, err := out.ReadString('\n'); line != "continued\n" {
			t.Errorf("%q, %v", line, err)
		}
	})
}
