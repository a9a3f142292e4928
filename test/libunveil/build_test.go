// Package libunveil tests the C library in cgo: its sources, compiled with
// what a test needs in front of them, and what it does to a process.
package libunveil

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const sources = "../../cgo"

// flags are those that the library is built with.
var flags = []string{"-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-fvisibility=hidden", "-fPIC"}

// needs ends a test that this machine cannot run: as a failure where CI is
// set, else as a skip that says what is missing.
func needs(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("missing, and CI is set: %s", what)
	}
	t.Skipf("needs %s", what)
}

// run runs a command with a deadline.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	out := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		needs(t, name+": "+err.Error())
	}
	timer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out.String()
}

var built sync.Map

// build compiles C sources, named from the folder of the library, to a
// program, once for all tests.
func build(t testing.TB, cc string, args ...string) string {
	t.Helper()
	type result struct {
		sync.Once
		path string
	}
	v, _ := built.LoadOrStore(cc+strings.Join(args, " "), new(result))
	r := v.(*result)
	r.Do(func() {
		known(t)
		path := filepath.Join(dir, fmt.Sprintf("program%d", serial()))
		all := append([]string{}, flags...)
		for _, a := range args {
			if strings.HasSuffix(a, ".c") || strings.HasSuffix(a, ".h") {
				a = filepath.Join(sources, a)
			}
			all = append(all, a)
		}
		run(t, cc, append(all, "-o", path)...)
		r.path = path
	})
	if r.path == "" {
		t.Fatal("the program was not built")
	}
	return r.path
}

// known reads what the compiler will read, so that go test does not take the
// result for other sources for the one for these.
func known(t testing.TB) {
	for _, pattern := range []string{"*.[ch]", "ctest/*.[ch]"} {
		files, err := filepath.Glob(filepath.Join(sources, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no sources: %v", err)
		}
		for _, f := range files {
			if _, err := os.ReadFile(f); err != nil {
				t.Fatal(err)
			}
		}
	}
}

var (
	dir    string
	number int
	mutex  sync.Mutex
)

func serial() int {
	mutex.Lock()
	defer mutex.Unlock()
	number++
	return number
}

func TestMain(m *testing.M) {
	var err error
	if dir, err = os.MkdirTemp("", "libunveil"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Chmod(dir, 0o755)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
