package shimtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// lowest is the lowest N of abishim: Landlock built in, but off.
const lowest = -1

// works tells why abishim cannot work here, from a first run of it.
var works = sync.OnceValue(func() error {
	path, err := build()
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd := exec.Command(path, "0")
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return nil
})

// need ends a test that cannot have abishim. A program that does not build is
// a failure everywhere; a machine that forbids ptrace only where CI is set.
func need(t testing.TB) {
	t.Helper()
	Build(t)
	err := works()
	if err == nil {
		return
	}
	var exit *exec.ExitError
	if os.Getenv("CI") == "" && errors.As(err, &exit) && strings.Contains(err.Error(), "ptrace:") {
		t.Skipf("no older Landlock ABIs on this machine: %v", err)
	}
	t.Fatalf("abishim does not work: %v", err)
}

// ABIs returns the N that [Command] takes on this kernel: -1 (Landlock off),
// 0 (none), and 1 up to the kernel's own ABI.
func ABIs(t testing.TB) []int {
	t.Helper()
	need(t)
	var abis []int
	for n := lowest; n <= kernel.Probe().ABI; n++ {
		abis = append(abis, n)
	}
	return abis
}

// Command returns the command argv, to be run under Landlock ABI n (0: none,
// -1: off). Its exit status is that of argv, or 125 with a message on
// standard error if abishim failed.
func Command(t testing.TB, n int, argv ...string) *exec.Cmd {
	t.Helper()
	need(t)
	return exec.Command(Build(t), append([]string{strconv.Itoa(n)}, argv...)...)
}

// Self returns a copy of the running test binary that every user may read and
// execute, for the test to run itself as another user. It is gone when the
// test is over.
func Self(t testing.TB) string {
	t.Helper()
	// Not t.TempDir, which other users cannot enter.
	dir, err := os.MkdirTemp("", "self")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	// A fork of another goroutine's would keep the copy open for writing, and
	// it could not be executed (ETXTBSY) until that fork's own execve.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	path := filepath.Join(dir, "self.test")
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Close(), os.Chmod(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}
