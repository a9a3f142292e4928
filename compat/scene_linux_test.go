package compat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/need"
)

// What is promised cannot be taken back, so that each case runs in a process
// of its own: the test binary, with the name of the case in its environment.
const (
	envCase = "COMPAT_TEST_CASE"
	envAct  = "COMPAT_TEST_ACT"
	envDir  = "COMPAT_TEST_DIR"
)

const nobody = 65534

func TestMain(m *testing.M) {
	switch name := os.Getenv(envCase); {
	case name == "":
		status := m.Run()
		if built != "" {
			os.RemoveAll(built)
		}
		os.Exit(status)
	case contract[name] != nil:
		for i, s := range contract[name] {
			if got := errnoIn(s.do()); got != s.want {
				fmt.Printf("step %d: %s, want %s\n", i+1, named(got), named(s.want))
			}
		}
	default:
		confine, ok := confinements[name]
		if !ok || acts[os.Getenv(envAct)] == nil {
			fmt.Println("no such case")
			os.Exit(1)
		}
		everywhere(confine, acts[os.Getenv(envAct)])
	}
	os.Exit(0)
}

// everywhere confines the process, and prints what an act answers on threads
// that were there before and on the one that confined.
func everywhere(confine func() error, act func() error) {
	const threads = 4
	var ready sync.WaitGroup
	begin, answers := make(chan struct{}), make(chan string)
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	for range threads {
		ready.Add(1)
		go func() {
			runtime.LockOSThread()
			ready.Done()
			<-begin
			<-turn
			defer func() { turn <- struct{}{} }()
			answers <- named(errnoIn(act()))
		}()
	}
	ready.Wait()
	if err := confine(); err != nil {
		fmt.Println("not confined:", err)
		os.Exit(1)
	}
	close(begin)
	first := <-answers
	for range threads - 1 {
		if a := <-answers; a != first {
			first += ", but " + a
		}
	}
	<-turn
	if a := named(errnoIn(act())); a != first {
		first += ", but on this thread " + a
	}
	fmt.Println(first)
}

func errnoIn(err error) unix.Errno {
	var errno unix.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &errno):
		return errno
	}
	return unix.EPROTO // no call answers so
}

func named(e unix.Errno) string {
	if e == 0 {
		return "ok"
	}
	return unix.ErrnoName(e)
}

func needKernel(t *testing.T) kernel.Kernel {
	t.Helper()
	k := kernel.Probe()
	need.Box(t, 1)
	return k
}

func users(t *testing.T) []int {
	if os.Getuid() == 0 {
		return []int{0, nobody}
	}
	t.Log("not root: as this user only")
	return []int{os.Getuid()}
}

// run plays a case of a test binary as a user.
func run(t *testing.T, bin string, uid int, dir, name, act string, env ...string) (string, *os.ProcessState) {
	t.Helper()
	cmd := exec.Command(bin)
	cmd.Env = append(os.Environ(), append([]string{envCase + "=" + name, envAct + "=" + act, envDir + "=" + dir, "GORACE=atexit_sleep_ms=0"}, env...)...)
	cmd.Dir = "/"
	if uid != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
	}
	return out.String(), cmd.ProcessState
}

// answer is one word for how a case came out: what it printed, or "ends" for
// the report of the runtime.
func answer(out string, state *os.ProcessState) string {
	status := state.Sys().(syscall.WaitStatus)
	switch {
	case state.Success():
		return strings.TrimSpace(out)
	case status.Exited() && status.ExitStatus() == 2 && strings.Contains(out, "SIGSYS"):
		return "ends"
	case status.Signaled() && status.Signal() == unix.SIGSYS:
		return "ends by SIGSYS"
	}
	return state.String() + ": " + out
}

// A flavour is this test binary, with cgo or without.
type flavour struct {
	name, bin string
	noLayer   bool // has cgo, and the kernel cannot bind all threads by itself
}

// flavours returns both. The one that runs is as the go command was told; the
// other is built.
var flavours = sync.OnceValue(func() (list []flavour) {
	tsync := kernel.Probe().LandlockTSYNC()
	for _, f := range []struct{ name, enabled string }{{"no cgo", "0"}, {"cgo", "1"}} {
		var bin string
		if cgo := f.enabled == "1"; cgo != cgoLinked {
			dir, err := os.MkdirTemp("", "compat-test")
			if err != nil {
				panic(err)
			}
			built = dir
			bin = dir + "/compat.test"
			cmd := exec.Command("go", "test", "-c", "-o", bin, ".")
			cmd.Env = append(os.Environ(), "CGO_ENABLED="+f.enabled, "GOFLAGS=-buildvcs=false")
			out, err := cmd.CombinedOutput()
			if err == nil {
				err = errors.Join(os.Chmod(dir, 0o755), os.Chmod(bin, 0o755))
			}
			if err != nil {
				bin = fmt.Sprintf("missing: %v: %s", err, out)
			}
		}
		list = append(list, flavour{f.name, bin, f.enabled == "1" && !tsync})
	}
	return list
})

var built string // a directory to remove

// eachFlavour runs a test with both binaries.
func eachFlavour(t *testing.T, test func(t *testing.T, f flavour)) {
	for _, f := range flavours() {
		t.Run(f.name, func(t *testing.T) {
			if strings.HasPrefix(f.bin, "missing: ") {
				need.Missing(t, "a test binary, %s: %s", f.name, f.bin)
			}
			if f.bin == "" {
				f.bin = shimtest.Self(t)
			}
			test(t, f)
		})
	}
}
