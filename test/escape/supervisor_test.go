package escape

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A traced command that runs, and its supervisor.
type traced struct {
	cmd        *exec.Cmd
	stdin      io.WriteCloser
	stdout     *bufio.Reader
	stderr     *strings.Builder
	supervisor int
}

// trace starts a command under --trace and finds the supervisor, which is
// nobody's child here: by its name and by the pid that is its own.
func (r run) trace(t *testing.T, flags []string, argv ...string) *traced {
	t.Helper()
	line := launch(append([]string{"--trace"}, flags...), argv...)
	c := &traced{cmd: exec.Command(line[0], line[1:]...), stderr: new(strings.Builder)}
	c.cmd.Dir, c.cmd.Env, c.cmd.Stderr = r.dir, append(os.Environ(), "LC_ALL=C"), c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != r.user.uid {
		c.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(r.user.uid), Gid: uint32(r.user.uid)}
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
	t.Cleanup(func() { late.Stop(); syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL); c.cmd.Wait() })
	c.stdout = bufio.NewReader(stdout)
	// The command says that it runs, and so the supervisor does.
	if got := c.line(t); got != "here" {
		t.Fatalf("%q: %q, stderr %q", argv, got, c.stderr)
	}
	found := supervisors(t, r.dir)
	if len(found) != 1 {
		t.Fatalf("supervisors of %s: %v", r.dir, found)
	}
	c.supervisor = found[0]
	return c
}

// supervisors are those with a word on their command line.
func supervisors(t *testing.T, word string) (list []int) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), "unveil-run: supervisor\x00") || !strings.Contains(string(text), word) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, pid)
	}
	return list
}

func (c *traced) line(t *testing.T) string {
	t.Helper()
	text, err := c.stdout.ReadString('\n')
	if err != nil && err != io.EOF {
		t.Fatalf("%v, stderr %q", err, c.stderr)
	}
	return strings.TrimSpace(text)
}

// TestSupervisorFromInside holds that the box does not get at who answers for
// it, and that he is there afterwards.
func TestSupervisorFromInside(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		acts := []string{"kill %d 9", "tkill %d 9", "tgkill %d 9", "sigqueue %d 9", "pidfdkill %d 9", "ptrace %d 16", "getfd %d", "vmread %d 0x400000", "procmem /proc/%d/mem 0x400000"}
		// Each act is an argument of one probe.
		words := ""
		for _, a := range acts {
			words += ` "` + strings.Replace(a, "%d", "$s", 1) + `"`
		}
		script := "echo here; read s; exec " + tool("probe") + words + ` "read ` + r.dir + `/out/secret"`
		c := r.trace(t, []string{"-u", r.dir + "/in:r", "-u", tools + ":rx", "-u", "/proc:r"}, "sh", "-c", script)
		fmt.Fprintln(c.stdin, c.supervisor)
		for _, a := range acts {
			if got := c.line(t); got != "EPERM" && got != "EACCES" && got != "ENOSYS" {
				t.Errorf("%s: %s", fmt.Sprintf(a, c.supervisor), got)
			}
		}
		if got := c.line(t); got != "EACCES" {
			t.Errorf("afterwards a read: %s, want EACCES", got)
		}
		if err := c.cmd.Wait(); err != nil {
			t.Error(err)
		}
		if said := denials(c.stderr.String(), "denied"); len(said) == 0 || !strings.Contains(said[len(said)-1], "/out/secret") {
			t.Errorf("the supervisor said %q", said)
		}
	})
}

// TestSupervisorKilled holds that without its supervisor a command loses the
// calls that would be asked about, and gains none.
func TestSupervisorKilled(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		// Read by the shell itself, for an exec would be lost too.
		script := `echo here; read go; x=; read x <` + r.dir + `/in/own; echo own $x; x=; read x <` + r.dir + `/out/secret; echo secret $x`
		flags := []string{"-u", r.dir + "/in:r"}

		control := r.trace(t, flags, "sh", "-c", script)
		fmt.Fprintln(control.stdin, "go")
		if got := control.line(t) + control.line(t); got != "own ownsecret" {
			t.Fatalf("with the supervisor %q, stderr %q", got, control.stderr)
		}
		if err := control.cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		gone(t, r.dir)

		c := r.trace(t, flags, "sh", "-c", script)
		if err := syscall.Kill(c.supervisor, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		gone(t, r.dir)
		fmt.Fprintln(c.stdin, "go")
		if got := c.line(t) + c.line(t); got != "ownsecret" {
			t.Errorf("without the supervisor %q", got)
		}
		c.cmd.Wait()
		if text := c.stderr.String(); strings.Count(text, "Function not implemented") != 2 {
			t.Errorf("stderr %q", text)
		}
	})
}

// gone waits until no supervisor is left.
func gone(t *testing.T, word string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		left := supervisors(t, word)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("supervisors are left: %v", left)
		}
	}
}

// TestNestedSupervisors holds that a second listener, which the kernel does not
// give, is an error and no command without it.
func TestNestedSupervisors(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		inner := launch([]string{"--trace", "-q", "-u", "/:rwxc"}, tool("probe"), "say")
		r.command(t, inner...).want(t, "the inner alone", 0, "ran", "")
		outer := launch([]string{"--trace", "-q", "-u", "/:rwxc"}, inner...)
		r.command(t, outer...).want(t, "in another", 125, "", "unveil-run: error: --trace: another supervisor answers for this process already")
	})
}
