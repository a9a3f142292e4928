package escape

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// tools is a directory that every user may enter, with the launcher as it is
// built for users and the probes.
var tools string

// envTools names a directory with the launcher and the probes ready, for
// machines that cannot build them.
const envTools = "UNVEIL_RUN_TOOLS"

func TestMain(m *testing.M) { os.Exit(made.Main(m, &tools, envTools, build)) }

func build() error {
	gcc := func(more ...string) []string {
		return append([]string{"gcc", "-O1", "-Wall", "-Wextra", "-Werror"}, more...)
	}
	if err := made.Read("testdata/*.c"); err != nil {
		return err
	}
	if err := made.Build(tools, "unveil-run"); err != nil {
		return err
	}
	return made.Run(
		gcc("-pthread", "testdata/probe.c", "-static", "-o", tool("probe")),
		gcc("-pthread", "testdata/probe.c", "-o", tool("probe-dynamic")),
		gcc("-shared", "-fPIC", "-o", tool("preload.so"), "testdata/preload.c"),
	)
}

func tool(name string) string { return filepath.Join(tools, name) }

// patience is what a command may take on a busy machine; one that takes longer
// hangs, and is killed.
const patience = 60 * time.Second

// nobody is the unprivileged user and group.
const nobody = 65534

// A user that the acts are tried as.
type user struct {
	name string
	uid  int
}

// users are root and nobody, or who runs the test.
func users() []user {
	if uid := os.Getuid(); uid != 0 {
		return []user{{"user", uid}}
	}
	return []user{{"root", 0}, {"nobody", nobody}}
}

// onlyRoot ends a test that has to make namespaces or look as root.
func onlyRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		need.Missing(t, "root")
	}
}

// native stands for the kernel's own ABI, without the shim.
const native = 0

// abis are the native ABI and, unless time is short, those that the shim
// gives.
func abis(t testing.TB) []int {
	list := []int{native}
	if testing.Short() {
		return list
	}
	for _, n := range shimtest.ABIs(t) {
		if n > 0 {
			list = append(list, n)
		}
	}
	return list
}

// number is what an entry of abis is.
func number(abi int) int {
	if abi == native {
		return kernel.Probe().ABI
	}
	return abi
}

// A run is one process to be started and what it is started with.
type run struct {
	user  user
	abi   int
	dir   string
	stdin *os.File
	extra []*os.File // descriptors from 3 up
	env   []string   // beside those of the test
	attr  syscall.SysProcAttr

	patience time.Duration // if it may take longer than others
}

// result is how a command ended; status is 128 and the signal for one that a
// signal ended.
type result struct {
	status         int
	stdout, stderr string
}

// command runs argv under the ABI and waits for it.
func (r run) command(t testing.TB, argv ...string) result {
	t.Helper()
	if r.abi != native {
		argv = shimtest.Command(t, r.abi, argv...).Args
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(patience, r.patience))
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.ExtraFiles = r.dir, r.extra
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Env = append(cmd.Env, r.env...)
	attr := r.attr
	if os.Getuid() != r.user.uid {
		attr.Credential = &syscall.Credential{Uid: uint32(r.user.uid), Gid: uint32(r.user.uid)}
	}
	if !attr.Setsid {
		attr.Setpgid = true
	}
	cmd.SysProcAttr = &attr
	// With what it has started.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = patience // a supervisor has standard error a moment longer
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if r.stdin != nil {
		cmd.Stdin = r.stdin
	}
	err := cmd.Run()
	res := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("hangs: %q\nstdout %q\nstderr %q", argv, res.stdout, res.stderr)
	case errors.As(err, &exit):
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			res.status = 128 + int(ws.Signal())
		}
	case err != nil:
		t.Fatalf("%q: %v", argv, err)
	}
	return res
}

// launch is the command line of the launcher.
func launch(flags []string, argv ...string) []string {
	list := append([]string{tool("unveil-run")}, flags...)
	return append(append(list, "--"), argv...)
}

// copyExecutable copies a program, so that it is an inode of its own. No fork
// may come between: it would hold the copy open for writing (ETXTBSY).
func copyExecutable(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
