package unveil_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/need"
	"github.com/unveil-run/unveil-run/unveil"
)

// A sandbox cannot be taken off, and a test has to be another user and on
// another ABI. So what enforces is a scene: a function that the test binary
// runs when it is run again with envScene set. Within it each sandbox has a
// thread of its own, which ends with it, so that the same process makes the
// control run.
var scenes = map[string]func(*scene){}

const envScene = "UNVEIL_TEST_SCENE"

// nobody is the unprivileged user and group of the tests.
const nobody = 65534

func TestMain(m *testing.M) {
	name := os.Getenv(envScene)
	if name == "" {
		os.Exit(m.Run())
	}
	s := &scene{kernel: kernel.Probe()}
	s.play(scenes[name])
	if err := json.NewEncoder(os.Stdout).Encode(s.report); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A report is what a scene has to say.
type report struct {
	Failures []string
	Missing  []string // what the machine lacks for a part of the scene
	Checks   int      // that were made
}

// A scene runs in the process that is run again. Its methods may be called
// by one goroutine at a time.
type scene struct {
	report
	kernel kernel.Kernel
	dir    string // its own, empty at first
}

type stop struct{}

func (s *scene) play(f func(*scene)) {
	var err error
	if s.dir, err = os.MkdirTemp("", "scene"); err == nil {
		defer os.RemoveAll(s.dir)
		s.dir, err = filepath.EvalSymlinks(s.dir)
	}
	if err != nil {
		s.errorf("no directory: %v", err)
		return
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
		}
	}()
	f(s)
}

func (s *scene) errorf(format string, a ...any) {
	s.Failures = append(s.Failures, fmt.Sprintf(format, a...))
}

// must ends the scene unless err is nil.
func (s *scene) must(err error) {
	if err != nil {
		_, file, line, _ := runtime.Caller(1)
		s.errorf("%s:%d: %v", filepath.Base(file), line, err)
		panic(stop{})
	}
}

func (s *scene) grow(words ...string) { s.must(grow(s.dir, words...)) }

// clear empties directories of the scene and leaves them as they are.
func (s *scene) clear(dirs ...string) {
	for _, d := range dirs {
		list, err := os.ReadDir(filepath.Join(s.dir, d))
		s.must(err)
		for _, e := range list {
			s.must(os.RemoveAll(filepath.Join(s.dir, d, e.Name())))
		}
	}
}

// here is newest for the kernel of the scene.
func (s *scene) here() unveil.Options {
	return unveil.Options{Kernel: s.kernel, Dir: s.dir, Kinds: unveil.All}
}

func (s *scene) tryCompile(o unveil.Options, words ...string) (*unveil.Plan, error) {
	r, err := ruleSet(words...)
	s.must(err)
	return r.Compile(o)
}

func (s *scene) compile(o unveil.Options, words ...string) *unveil.Plan {
	p, err := s.tryCompile(o, words...)
	if err != nil {
		s.errorf("%q: %v", words, err)
		panic(stop{})
	}
	return p
}

// confined applies a plan to a thread of its own and acts there. The thread
// is never unlocked, so that it ends with the goroutine. What act hands to
// outside is run on another thread, without the sandbox.
func confined(p *unveil.Plan, act func(outside func(func()))) error {
	done, calls := make(chan error), make(chan func())
	go func() {
		runtime.LockOSThread()
		err := p.Apply()
		if err == nil {
			act(func(f func()) {
				over := make(chan struct{})
				calls <- func() { f(); close(over) }
				<-over
			})
		}
		done <- err
	}()
	for {
		select {
		case f := <-calls:
			f()
		case err := <-done:
			return err
		}
	}
}

// confined is that of the package, for a plan that must hold.
func (s *scene) confined(p *unveil.Plan, act func(outside func(func()))) {
	if err := confined(p, act); err != nil {
		s.errorf("apply: %v", err)
		panic(stop{})
	}
}

// want holds one act to an errno, 0 for success.
func (s *scene) want(what string, want unix.Errno, err error) {
	s.Checks++
	if got := errno(err); got != want {
		s.errorf("%s: %s, want %s", what, errnoName(got), errnoName(want))
	}
}

func errno(err error) unix.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(unix.Errno); ok {
		return e
	}
	return unix.EPROTO // no act answers so
}

func errnoName(e unix.Errno) string {
	if e == 0 {
		return "success"
	}
	return unix.ErrnoName(e)
}

// run plays a scene as a user, by a command that stands for an ABI.
func run(t *testing.T, cmd *exec.Cmd, name string, uid int) {
	t.Helper()
	if scenes[name] == nil {
		t.Fatalf("no scene %q", name)
	}
	// The race detector sleeps for a second at the end of a process otherwise.
	cmd.Env = append(os.Environ(), envScene+"="+name, "GORACE=atexit_sleep_ms=0")
	cmd.Dir = "/"
	if uid != os.Getuid() {
		id := uint32(uid)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("scene %s: %v\n%s%s", name, err, out, &stderr)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("scene %s: %v\n%s", name, err, out)
	}
	for _, f := range r.Failures {
		t.Error(f)
	}
	for _, m := range r.Missing {
		if os.Getenv("CI") != "" {
			t.Errorf("missing, and CI is set: %s", m)
		} else {
			t.Logf("NOT TESTED, missing: %s", m)
		}
	}
}

// users are those that scenes can be played as.
func users(t *testing.T) []int {
	if os.Getuid() == 0 {
		return []int{0, nobody}
	}
	if os.Getenv("CI") == "" {
		t.Log("not root: as this user only")
	}
	return []int{os.Getuid()}
}

// everyUser plays a scene as root and as nobody, on the kernel as it is.
func everyUser(t *testing.T, name string) {
	bin := shimtest.Self(t)
	for _, uid := range users(t) {
		t.Run(fmt.Sprintf("uid %d", uid), func(t *testing.T) { run(t, exec.Command(bin), name, uid) })
	}
}

// everyABI plays a scene as every user, on the kernel as it is and, unless
// time is short, on every older ABI that has Landlock.
func everyABI(t *testing.T, name string) {
	if k := kernel.Probe(); k.Landlock != nil {
		need.Missing(t, "Landlock: %v", k.Landlock)
	}
	everyUser(t, name)
	if testing.Short() {
		return
	}
	bin := shimtest.Self(t)
	for _, uid := range users(t) {
		for _, n := range shimtest.ABIs(t) {
			if n < 1 {
				continue
			}
			t.Run(fmt.Sprintf("uid %d/ABI %d", uid, n), func(t *testing.T) {
				t.Parallel()
				run(t, shimtest.Command(t, n, bin), name, uid)
			})
		}
	}
}

// ownMounts plays a scene as root in a mount namespace of its own: of the
// whole process, for Go starts threads from whichever it likes.
func ownMounts(t *testing.T, name string) {
	if os.Getuid() != 0 {
		need.Missing(t, "root, for mounts")
	}
	bin := shimtest.Self(t)
	own := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	try := exec.Command(bin, "-test.run=^$")
	try.SysProcAttr = own
	if err := try.Run(); err != nil {
		need.Missing(t, "a mount namespace: %v", err)
	}
	cmd := exec.Command(bin)
	cmd.SysProcAttr = own
	run(t, cmd, name, 0)
}
