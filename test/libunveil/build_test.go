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

	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

const sources = "../../cgo"

// flags are those that the library is built with.
var flags = []string{"-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-fvisibility=hidden", "-fPIC"}

// run runs a command with a deadline.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	out := new(strings.Builder)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		need.Missing(t, "%s: %v", name, err)
	}
	timer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out.String()
}

var compiled sync.Map

// build compiles C sources, named from the folder of the library, to a
// program, once for all tests.
func build(t testing.TB, cc string, args ...string) string {
	t.Helper()
	type result struct {
		sync.Once
		path string
	}
	v, _ := compiled.LoadOrStore(cc+strings.Join(args, " "), new(result))
	r := v.(*result)
	r.Do(func() {
		if err := made.Read(sources+"/*.[ch]", sources+"/ctest/*.[ch]"); err != nil {
			t.Fatal(err)
		}
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
	os.Exit(made.Main(m, &dir, "", func() error { return nil }))
}
