package preload

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/test/made"
)

// nobody is who the tests run as a second time, when they run as root.
const nobody = 65534

// tools is where the library and what is executed are, for every user.
var tools string

// Variables by which a test runs its own binary again: to hand over and
// execute, as a launcher does.
const (
	envAct    = "PRELOAD_TEST_ACT"
	ofTarget  = "PRELOAD_TEST_OF_TARGET_" // before a variable that is the target's alone: a loader would listen to it
	envTarget = "PRELOAD_TEST_TARGET"
	envTools  = "PRELOAD_TEST_TOOLS"
)

func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if act := os.Getenv(envAct); act != "" {
		fmt.Fprintln(os.Stderr, launch(act))
		os.Exit(3)
	}
	os.Exit(made.Main(m, &tools, "", build))
}

func build() error {
	at := func(name string) string { return filepath.Join(tools, name) }
	if err := made.Read("testdata/*.c"); err != nil {
		return err
	}
	if err := made.Build(tools, "libunveil.so"); err != nil {
		return err
	}
	if err := made.Run(
		[]string{"gcc", "-O1", "-Wall", "-Werror", "-o", at("glibc"), "testdata/target.c"},
		[]string{"gcc", "-O1", "-no-pie", "-o", at("glibc-fixed"), "testdata/target.c"},
		[]string{"gcc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", at("glibc-ctor.so"), "testdata/ctor.c", "-lpthread"},
		[]string{"musl-gcc", "-O1", "-o", at("musl"), "testdata/target.c"},
	); err != nil {
		return err
	}
	return copyFile("/proc/self/exe", at("self"))
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// plan is that of a command that promises stdio, prot_exec until its loader is
// done.
func plan() (*Plan, error) {
	program, err := pledge.Compile(set("stdio"), pledge.Options{OnViolation: pledge.Errno, Pid: os.Getpid(), NoLayer: true})
	if err != nil {
		return nil, err
	}
	return &Plan{TakesSIGSYS: true, Program: program.Program()}, nil
}

func set(words string) pledge.Set {
	s, err := pledge.Parse(words)
	if err != nil {
		panic(err)
	}
	return s
}

// An act is one way to hand over, or to damage what is handed over.
type act struct {
	plan   func(p *Plan)                            // before it is written
	write  func(b []byte) []byte                    // the plan as it is written
	after  func(h *Handover) error                  // when all is there
	env    func(h *Handover, env []string) []string // of the command
	pid    int                                      // added to the pid
	status int
	says   string // on standard error, of an act that fails; else on standard output
}

// field changes four bytes of a plan.
func field(at int, value byte) func([]byte) []byte {
	return func(b []byte) []byte {
		for i := range 4 {
			b[at+i] = value
		}
		return b
	}
}

// instead puts another file in the place of a descriptor.
func instead(fd, other int, err error) error {
	if err != nil {
		return err
	}
	return unix.Dup3(other, fd, 0)
}

func unsealed(data string) (int, error) {
	fd, err := unix.MemfdCreate("test", unix.MFD_ALLOW_SEALING)
	if err == nil {
		_, err = unix.Write(fd, []byte(data))
	}
	return fd, err
}

const (
	refused = "code refused\nsocket refused\n"
	open    = "code allowed\nsocket allowed\n" // as before: nothing is on in these tests
)

var acts = map[string]act{
	"whole": {says: "ran\ndescriptors\nempty 0\n" + refused},
	"nothing asked for": {
		env:  func(_ *Handover, env []string) []string { return env },
		says: open,
	},
	"the handler alone":       {plan: func(p *Plan) { p.Program = nil }, says: "ran\ndescriptors\nempty 0\n" + open},
	"a program of the user's": {env: func(h *Handover, env []string) []string { return h.Environment(append(env, "LD_PRELOAD=")) }, says: "variables LD_PRELOAD=\nempty 0\n" + refused},
	"a variable before and one behind": {
		env: func(h *Handover, env []string) []string {
			return append(append([]string{"LD_A=b"}, h.Environment(env)...), "LD_Z=y")
		},
		says: "variables LD_A=b\nvariables LD_Z=y\nempty 0\n" + refused,
	},

	// The loader loads nothing: the command is as free as it was before.
	"no library":             {after: func(h *Handover) error { return unix.Close(h.library) }, says: open},
	"a library that is none": {after: func(h *Handover) error { fd, err := sealed("test", []byte("none")); return instead(h.library, fd, err) }, says: open},
	"a library cut in half": {after: func(h *Handover) error {
		fd, err := sealed("test", []byte(library[:100]))
		return instead(h.library, fd, err)
	}, says: open},
	"no LD_PRELOAD": {env: func(h *Handover, env []string) []string { return without(h.Environment(env), loadVariable) }, says: open},
	"no variable":   {env: func(h *Handover, env []string) []string { return without(h.Environment(env), planVariable) }, says: open},

	"a library that can be changed": {after: func(h *Handover) error { fd, err := unsealed(library); return instead(h.library, fd, err) }, status: 125, says: "the library is not there, or not sealed"},
	"a longer library": {after: func(h *Handover) error {
		fd, err := sealed("test", []byte(library+"x"))
		return instead(h.library, fd, err)
	}, status: 125, says: "the library is not there, or not sealed"},

	"no plan":                    {after: func(h *Handover) error { return unix.Close(h.plan) }, status: 125, says: "the plan is not there"},
	"a plan that can be changed": {after: func(h *Handover) error { return replaced(h, unsealed) }, status: 125, says: "the plan is not there, or not sealed"},
	"a plan in a file": {after: func(h *Handover) error {
		return replaced(h, func(data string) (int, error) {
			fd, err := unix.Open("/tmp", unix.O_TMPFILE|unix.O_RDWR, 0o600)
			if err == nil {
				_, err = unix.Write(fd, []byte(data))
			}
			return fd, err
		})
	}, status: 125, says: "the plan is not there, or not sealed"},
	"an empty plan":             {write: func([]byte) []byte { return []byte{} }, status: 125, says: "the plan is not there"},
	"a plan cut short":          {write: func(b []byte) []byte { return b[:len(b)-8] }, status: 125, says: "the plan is damaged"},
	"a plan with a tail":        {write: func(b []byte) []byte { return append(b, 0) }, status: 125, says: "the plan is damaged"},
	"a plan longer than any":    {write: func(b []byte) []byte { return append(b, make([]byte, 1<<16)...) }, status: 125, says: "the plan"},
	"a plan of something else":  {write: field(0, 'x'), status: 125, says: "the plan is not one for this library"},
	"a plan of a later one":     {write: field(5, 2), status: 125, says: "the plan is not one for this library"},
	"another nonce":             {write: field(8, 7), status: 125, says: "the plan is not the one that was announced"},
	"another process":           {pid: 1, status: 125, says: "the plan is for another process"},
	"an endless program":        {write: field(40, 0xff), status: 125, says: "the plan is damaged"},
	"an unknown answer":         {write: field(44, 9), status: 125, says: "the plan is damaged"},
	"unknown flags":             {write: field(56, 0xff), status: 125, says: "the plan is damaged"},
	"something in what is none": {write: field(60, 1), status: 125, says: "the plan is damaged"},
	"a program and an image":    {write: field(32, 0), status: 125, says: "the plan is damaged"},
	"a wrong program":           {plan: func(p *Plan) { p.Program = []unix.SockFilter{{Code: 0xffff}} }, status: 125, says: "the filter cannot be put on every thread"},

	"a variable without a descriptor": {env: func(h *Handover, env []string) []string { return varied(h, env, "x") }, status: 125, says: "has no descriptor"},
	"an empty variable":               {env: func(h *Handover, env []string) []string { return varied(h, env, "") }, status: 125, says: "has no descriptor"},
	"a variable without a nonce":      {env: func(h *Handover, env []string) []string { return varied(h, env, strconv.Itoa(h.plan)) }, status: 125, says: "has no descriptor"},
	"a huge descriptor":               {env: func(h *Handover, env []string) []string { return varied(h, env, "99999999999:"+h.nonce) }, status: 125, says: "has no descriptor"},
	"half a nonce": {env: func(h *Handover, env []string) []string {
		return varied(h, env, fmt.Sprintf("%d:%s", h.plan, h.nonce[:16]))
	}, status: 125, says: "not the one that was announced"},
	"a nonce and more": {env: func(h *Handover, env []string) []string {
		return varied(h, env, fmt.Sprintf("%d:%s0", h.plan, h.nonce))
	}, status: 125, says: "not the one that was announced"},

	"bound":               {plan: bind("stdio exec"), says: "ran\ndescriptors\nempty 0\n" + refused},
	"bound, without maps": {plan: bind("stdio exec"), after: func(h *Handover) error { return unix.Close(h.maps) }, status: 125, says: "the map of this image cannot be read"},
	"bound, with maps of something else": {plan: bind("stdio exec"), after: func(h *Handover) error {
		fd, err := unix.Open("/proc/self/status", unix.O_PATH, 0)
		return instead(h.maps, fd, err)
	}, status: 125, says: "this image has memory for code"},
	"bound, with prot_exec": {plan: bind("stdio prot_exec"), status: 125, says: "no filter can be bound to this image"},
}

// bind makes a plan one that is bound to the image.
func bind(words string) func(*Plan) {
	return func(p *Plan) {
		p.Program = nil
		p.Bound = &Bound{Set: set(words), Options: pledge.Options{OnViolation: pledge.Errno, NoLayer: true}}
	}
}

func without(env []string, name string) []string {
	return slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
}

func varied(h *Handover, env []string, value string) []string {
	return append(without(h.Environment(env), planVariable), planVariable+"="+value)
}

// replaced puts what the plan holds in another file.
func replaced(h *Handover, file func(string) (int, error)) error {
	data := make([]byte, 1<<16)
	n, err := unix.Pread(h.plan, data, 0)
	if err != nil {
		return err
	}
	fd, err := file(string(data[:n]))
	return instead(h.plan, fd, err)
}

// launch hands over as an act has it, and executes the target; it returns only
// what failed.
func launch(name string) error {
	a, ok := acts[name]
	if !ok {
		return fmt.Errorf("no act %q", name)
	}
	target := os.Getenv(envTarget)
	data, err := os.ReadFile(filepath.Join(os.Getenv(envTools), "libunveil.so"))
	if err != nil {
		return err
	}
	library = string(data)
	p, err := plan()
	if err != nil {
		return err
	}
	if a.plan != nil {
		a.plan(p)
	}
	h, err := p.Open(os.Getpid() + a.pid)
	if err != nil {
		return err
	}
	if a.write != nil {
		old := make([]byte, 1<<16)
		n, err := unix.Pread(h.plan, old, 0)
		if err != nil {
			return err
		}
		fd, err := sealed("test", a.write(old[:n]))
		if err := instead(h.plan, fd, err); err != nil {
			return err
		}
	}
	if a.after != nil {
		if err := a.after(h); err != nil {
			return err
		}
	}
	var env []string
	for _, v := range os.Environ() {
		v = strings.TrimPrefix(v, ofTarget)
		if !strings.HasPrefix(v, "PRELOAD_TEST") {
			env = append(env, v)
		}
	}
	if a.env != nil {
		env = a.env(h, env)
	} else {
		env = h.Environment(env)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	// Go opens with close-on-exec; the test's own of these are few.
	if err := unix.CloseRange(3, 1<<30, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return err
	}
	for _, fd := range h.Descriptors() {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil && err != unix.EBADF {
			return err
		}
	}
	return syscall.Exec(target, []string{"target"}, env)
}

// try runs an act.
func try(t *testing.T, name, target string, uid int, env ...string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(tools, "self"))
	cmd.Dir = "/"
	cmd.Env = append([]string{"LC_ALL=C", "PATH=/usr/bin:/bin", envAct + "=" + name, envTarget + "=" + filepath.Join(tools, target), envTools + "=" + tools}, env...)
	for i, v := range cmd.Env {
		if i >= len(cmd.Env)-len(env) {
			cmd.Env[i] = ofTarget + v
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if uid != os.Getuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if e := cmd.Run(); errors.As(e, &exit) {
		status = exit.ExitCode()
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			status = 128 + int(ws.Signal())
		}
	} else if e != nil {
		t.Fatal(e)
	}
	return status, out.String(), err.String()
}

// TestHandover hands over to the loaders of glibc and of musl, whole and
// damaged: either main is reached under the filter, or not at all, or the
// loader has loaded nothing.
func TestHandover(t *testing.T) {
	users := []int{os.Getuid()}
	if os.Getuid() == 0 {
		users = append(users, nobody)
	}
	for name, a := range acts {
		for _, target := range []string{"glibc", "glibc-fixed", "musl"} {
			for _, uid := range users {
				t.Run(fmt.Sprintf("%s/%s/uid%d", name, target, uid), func(t *testing.T) {
					status, stdout, stderr := try(t, name, target, uid)
					if status != a.status {
						t.Errorf("status %d, want %d", status, a.status)
					}
					if a.status == 0 && !strings.Contains(stdout, a.says) {
						t.Errorf("no %q", a.says)
					}
					if a.status != 0 && (!strings.HasPrefix(stderr, "unveil-run: error: stage two: ") || !strings.Contains(stderr, a.says) || stdout != "") {
						t.Errorf("no error alone of %q", a.says)
					}
					if t.Failed() {
						t.Logf("stdout:\n%s\nstderr:\n%s", stdout, stderr)
					}
				})
			}
		}
	}
}

// TestThreads holds that a thread which the constructor of another library has
// made is bound too, and that one which cannot be bound is the end.
func TestThreads(t *testing.T) {
	for _, tt := range []struct {
		act    string
		env    []string
		status int
		want   string
	}{
		{"nothing asked for", nil, 0, "thread allowed\n"},
		{"whole", nil, 0, "thread refused\n"},
		{"bound", nil, 0, "thread refused\n"},
		{"whole", []string{"UNSETS=1"}, 0, "empty 0\ncode refused\nthread refused\n"},
		{"whole", []string{"FILTERED=1"}, 125, ""},
	} {
		own := filepath.Join(tools, "glibc-ctor.so")
		status, stdout, stderr := try(t, tt.act, "glibc", os.Getuid(), append(tt.env, "LD_PRELOAD="+own)...)
		if status != tt.status || !strings.Contains(stdout, tt.want) || status != 0 && stdout != "" {
			t.Errorf("%s %s: status %d\n%s%s", tt.act, tt.env, status, stdout, stderr)
		}
		if kept := strings.Contains(stdout, "variables LD_PRELOAD="+own+"\n"); status == 0 && kept != (tt.env == nil) {
			t.Errorf("%s %s: LD_PRELOAD is not as it was:\n%s", tt.act, tt.env, stdout)
		}
	}
}

// TestEnvironment holds what the loader and the library are told.
func TestEnvironment(t *testing.T) {
	h := &Handover{library: 5, plan: 6, maps: -1, nonce: "0a"}
	for _, tt := range []struct{ env, want []string }{
		{nil, []string{"LD_PRELOAD=/proc/self/fd/5", "UNVEIL_RUN_PLAN=6:0a"}},
		{[]string{"A=b", "LD_PRELOAD=/x.so:/y.so", "C="}, []string{"A=b", "LD_PRELOAD=/proc/self/fd/5:/x.so:/y.so", "C=", "UNVEIL_RUN_PLAN=6:0a"}},
		{[]string{"UNVEIL_RUN_PLAN=9:ff", "LD_PRELOADED=x"}, []string{"LD_PRELOADED=x", "LD_PRELOAD=/proc/self/fd/5", "UNVEIL_RUN_PLAN=6:0a"}},
	} {
		before := slices.Clone(tt.env)
		if got := h.Environment(tt.env); !slices.Equal(got, tt.want) || !slices.Equal(before, tt.env) {
			t.Errorf("%q: %q, want %q", before, got, tt.want)
		}
	}
}

// TestOpenErrors holds what is said where nothing can be handed over.
func TestOpenErrors(t *testing.T) {
	if Built() {
		t.Fatal("a library is built in")
	}
	if _, err := (&Plan{}).Open(1); !errors.Is(err, unix.ENOSYS) {
		t.Errorf("%v", err)
	}
	library = "x"
	defer func() { library = "" }()
	var limit, old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	limit.Max = old.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	_, err := (&Plan{}).Open(1)
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("%v", err)
	}
}
