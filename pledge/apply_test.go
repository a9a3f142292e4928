package pledge

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A program cannot be taken off again: what applies one runs in a process of
// its own, this test binary with the name of the scene in its environment.
const sceneVariable = "PLEDGE_TEST_SCENE"

var scenes = map[string]func(){
	"threads": threadsScene,
	"narrow":  narrowScene,
	"end":     endScene,
	"nothing": func() {},
}

func TestMain(m *testing.M) {
	if name := os.Getenv(sceneVariable); name != "" {
		scenes[name]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play runs a scene and returns what it printed, and how it ended.
func play(t *testing.T, name string) (string, *os.ProcessState) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), sceneVariable+"="+name)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState
}

// pledgeNow applies promises to the process, as a program would.
func pledgeNow(promises string, o Options) {
	set, err := Parse(promises)
	if err != nil {
		panic(err)
	}
	o.Pid = os.Getpid()
	p, err := Compile(set, o)
	if err != nil {
		panic(err)
	}
	if err := p.Apply(); err != nil {
		panic(err)
	}
}

// threadsScene counts the threads that a program binds: all of them, also
// those that were there before.
func threadsScene() {
	const n = 8
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	refused := make(chan error, n)
	for range n {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			runtime.LockOSThread()
			ready.Done()
			<-begin
			_, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
			refused <- err
		}()
	}
	ready.Wait()
	pledgeNow("stdio", Options{})
	close(begin)
	done.Wait()
	close(refused)
	bound := 0
	for err := range refused {
		if err == unix.EAFNOSUPPORT {
			bound++
		}
	}
	fmt.Println(bound, "of", n)
}

func TestApplyThreads(t *testing.T) {
	if out, state := play(t, "threads"); out != "8 of 8\n" || !state.Success() {
		t.Errorf("%s: %s", state, out)
	}
}

// narrowScene applies a second program: what either refuses is refused.
func narrowScene() {
	try := func() string {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err == nil {
			unix.Close(fd)
		}
		_, err2 := unix.IoctlGetTermios(-1, unix.TCGETS)
		return fmt.Sprint(err, ", ", err2)
	}
	fmt.Println(try())
	pledgeNow("stdio inet", Options{OnViolation: Errno})
	fmt.Println(try())
	pledgeNow("stdio", Options{OnViolation: Errno})
	fmt.Println(try())
	pledgeNow("stdio inet", Options{OnViolation: Errno}) // too late
	fmt.Println(try())
}

func TestApplyNarrows(t *testing.T) {
	const bad = "bad file descriptor"
	want := strings.Join([]string{"<nil>, " + bad, "<nil>, " + bad, "operation not permitted, " + bad, "operation not permitted, " + bad, ""}, "\n")
	if out, state := play(t, "narrow"); out != want || !state.Success() {
		t.Errorf("%s: %q, want %q", state, out, want)
	}
}

// endScene is a violation in a Go program, whose runtime handles SIGSYS.
func endScene() {
	pledgeNow("stdio", Options{})
	unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	fmt.Println("still here")
}

func TestApplyEnds(t *testing.T) {
	if out, state := play(t, "nothing"); out != "" || !state.Success() {
		t.Fatalf("without a program: %s: %s", state, out)
	}
	out, state := play(t, "end")
	if state.ExitCode() != 2 || !strings.Contains(out, "SIGSYS") || !strings.Contains(out, "endScene") || strings.Contains(out, "still here") {
		t.Errorf("%s: %s", state, out)
	}
}

// TestApplyElsewhere holds that a program for another architecture is not
// given to the kernel, which would kill the process at its next call.
func TestApplyElsewhere(t *testing.T) {
	other := ARM64
	if runtime.GOARCH == string(ARM64) {
		other = AMD64
	}
	p, err := Compile(words("stdio"), Options{Arch: other})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(); !errors.Is(err, unix.EINVAL) {
		t.Errorf("%v, want EINVAL", err)
	}
}

// TestUnhandled holds that a process without a handler dies of a violation by
// SIGSYS.
func TestUnhandled(t *testing.T) {
	l := newLaboratory(t)
	l.unhandled = true
	list, err := parseFact("stdio | socket AF_INET SOCK_STREAM 0 | end inet")
	if err != nil {
		t.Fatal(err)
	}
	f := list[0]
	p, err := Compile(f.set, f.options(Arch(runtime.GOARCH), Launch))
	if err != nil {
		t.Fatal(err)
	}
	if o := l.try(t, f, os.Geteuid(), p); !o.status.Signaled() || o.status.Signal() != unix.SIGSYS {
		t.Errorf("%s, want death by SIGSYS", o)
	}
	if o := l.try(t, f, os.Geteuid(), nil); !o.returned || o.errno != 0 {
		t.Errorf("without a program: %s", o)
	}
}
