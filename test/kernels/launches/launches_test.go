// Package launches runs the launcher from end to end, on a static, a dynamic
// and a script target, with few programs: so that it can be done on a kernel
// with no system around it. The tests of cmd/unveil-run say more, and need more.
package launches

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/made"
)

// envTools names the directory with unveil-run, target and busybox, all
// static, and dash and probe-dynamic. Without it they are built, or taken from
// the machine.
const envTools = "UNVEIL_RUN_TOOLS"

var tools string

func TestMain(m *testing.M) {
	if tools = os.Getenv(envTools); tools != "" {
		os.Exit(m.Run())
	}
	status := 1
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		status = m.Run()
	}
	os.RemoveAll(tools)
	os.Exit(status)
}

func build() (err error) {
	if tools, err = os.MkdirTemp("", "launches"); err != nil {
		return err
	}
	if err := os.Chmod(tools, 0o755); err != nil {
		return err
	}
	if err := made.Build(tools, "unveil-run"); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-race=false", "-o", tools+"/", "./target")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	// Without a compiler the test that needs it says so.
	if out, err := exec.Command("gcc", "-O1", "-pthread", "-o", tool("probe-dynamic"), "../../escape/testdata/probe.c").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "gcc: %v\n%s", err, out)
	}
	for _, name := range []string{"busybox", "dash"} {
		if path, err := exec.LookPath(name); err == nil {
			if err := os.Symlink(path, tool(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func tool(name string) string { return filepath.Join(tools, name) }

// A result is how a command ended; status is 128 and the signal for one that
// a signal ended.
type result struct {
	status         int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("status %d, stdout %q, stderr %.300q", r.status, r.stdout, r.stderr)
}

// patience is for an emulated machine on a busy host.
const patience = time.Minute

func run(t *testing.T, argv ...string) (r result) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r = result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	exit := new(exec.ExitError)
	switch {
	case ctx.Err() != nil:
		t.Fatalf("%q hangs: %s", argv, r)
	case errors.As(err, &exit):
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			r.status = 128 + int(ws.Signal())
		}
	case err != nil:
		t.Fatalf("%q: %v", argv, err)
	}
	return r
}

// launch is the command line of a target in a box.
func launch(flags, argv []string) []string {
	return append(append(append([]string{tool("unveil-run"), "-q"}, flags...), "--"), argv...)
}

// lack ends a test that this machine cannot run: where CI is set that is a
// failure.
func lack(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// A Go program that is not to make a call ends by its runtime, which handles
// SIGSYS; one that does not handle it dies of it.
const (
	goEnds = 2
	goSays = "SIGSYS: bad system call"
	dies   = 128 + int(unix.SIGSYS)
	aborts = 128 + int(unix.SIGABRT)
)

// A launched is what the target says in a box, and without.
type launched struct {
	flags   []string
	act     []string
	control string // what it prints without the box: "ok" if empty
	status  int
	stdout  string
	stderr  string // a part of it
}

// check runs it both ways, so that a machine on which nothing works is not
// taken for a fence.
func (l launched) check(t *testing.T) {
	t.Helper()
	if l.control == "" {
		l.control = "ok"
	}
	argv := append([]string{tool("target")}, l.act...)
	if free := run(t, argv...); free.stdout != l.control+"\n" {
		t.Errorf("%q without the box: %s, want %q", l.act, free, l.control)
	}
	got := run(t, launch(l.flags, argv)...)
	if got.status != l.status || got.stdout != l.stdout || !strings.Contains(got.stderr, l.stderr) {
		t.Errorf("%q %q: %s, want %d, %q, %q", l.flags, l.act, got, l.status, l.stdout, l.stderr)
	}
}

func TestPaths(t *testing.T) {
	needLandlock(t)
	dir, other := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, other} {
		if err := os.WriteFile(d+"/file", []byte("text\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []launched{
		{flags: []string{"-u", dir + ":r", "-p", "stdio rpath"}, act: []string{"read", dir + "/file"}, stdout: "ok\n"},
		{flags: []string{"-u", dir + ":r", "-p", "stdio rpath"}, act: []string{"read", other + "/file"}, status: 1, stdout: "EACCES\n"},
		{flags: []string{"-u", dir + ":r", "-p", "stdio rpath wpath"}, act: []string{"write", dir + "/file"}, status: 1, stdout: "EACCES\n"},
		{flags: withC(t, "-u", dir+":rwc", "-p", "stdio rpath wpath cpath"), act: []string{"write", dir + "/file"}, stdout: "ok\n"},
		{flags: withC(t, "-u", dir+":rwc"), act: []string{"write", dir + "/new"}, stdout: "ok\n"},
		{flags: withC(t, "-u", dir+":rwc"), act: []string{"write", other + "/new"}, status: 1, stdout: "EACCES\n"},
		{flags: []string{"-p", "stdio rpath"}, act: []string{"read", other + "/file"}, stdout: "ok\n"},
		{act: []string{"read", dir + "/file"}, status: 1, stdout: "EACCES\n"},
		{flags: []string{"-p", "stdio"}, act: []string{"threads"}, stdout: "ok\n"},
	} {
		l.check(t)
	}
}

// TestGate: a static program cannot execute again, whatever way it takes.
func TestGate(t *testing.T) {
	needLandlock(t)
	all := []string{"-u", "/:rx", "-p", "stdio rpath"}
	more := []string{"-u", "/:rx", "-p", "stdio rpath exec"}
	errno := append([]string{"--on-violation", "errno"}, all...)
	for _, act := range [][]string{{"self"}, {"exec", tool("target")}, {"memfd"}} {
		launched{flags: all, act: act, status: goEnds, stderr: goSays}.check(t)
		launched{flags: errno, act: act, status: 1, stdout: "EPERM\n"}.check(t)
		if act[0] != "memfd" { // which is not held while exec is promised
			launched{flags: more, act: act, stdout: "ok\n"}.check(t)
		}
	}
}

func TestViolations(t *testing.T) {
	needLandlock(t)
	for _, l := range []launched{
		{flags: []string{"-p", "stdio"}, act: []string{"fork"}, status: goEnds, stderr: goSays},
		{flags: []string{"-p", "stdio proc"}, act: []string{"fork"}, stdout: "ok\n"},
		{flags: []string{"-p", "stdio"}, act: []string{"socket"}, status: goEnds, stderr: goSays},
		{flags: []string{"-p", "stdio error"}, act: []string{"socket"}, status: 1, stdout: "ENOSYS\n"},
		{flags: []string{"-p", "stdio inet"}, act: []string{"socket"}, stdout: "ok\n"},
	} {
		l.check(t)
	}
}

// TestPorts: what an ABI cannot hold is refused, and what it can is held.
func TestPorts(t *testing.T) {
	n := needLandlock(t)
	open, shut := listen(t, "tcp4", "127.0.0.1:0"), listen(t, "tcp4", "127.0.0.1:0")
	flags := []string{"--connect", open, "-p", "stdio rpath inet"}
	if n >= 4 {
		launched{flags: flags, act: []string{"tcp", open}, stdout: "ok\n"}.check(t)
		launched{flags: flags, act: []string{"tcp", shut}, status: 1, stdout: "EACCES\n"}.check(t)
	} else {
		launched{flags: flags, act: []string{"tcp", open}, status: 125, stderr: "needs Linux 6.7"}.check(t)
	}
	flags = []string{"--connect", "udp:" + open, "-p", "stdio rpath inet"}
	if n >= 10 {
		launched{flags: flags, act: []string{"udp", open}, stdout: "ok\n"}.check(t)
		launched{flags: flags, act: []string{"udp", shut}, status: 1, stdout: "EACCES\n"}.check(t)
		launched{flags: flags, act: []string{"tcp", open}, status: 1, stdout: "EACCES\n"}.check(t)
	} else {
		launched{flags: flags, act: []string{"udp", open}, status: 125, stderr: "this kernel cannot hold"}.check(t)
	}
}

// listen returns the port, or the path, of a server.
func listen(t *testing.T, network, address string) string {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(context.Background(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return strconv.Itoa(a.Port)
	}
	return address
}

func TestUnix(t *testing.T) {
	n := needLandlock(t)
	dir := t.TempDir()
	open, shut := listen(t, "unix", dir+"/open"), listen(t, "unix", dir+"/shut")
	abstract := listen(t, "unix", fmt.Sprintf("@launches-%d", os.Getpid()))
	flags := []string{"--unix", open, "-p", "stdio rpath unix"}
	if n >= 9 {
		launched{flags: flags, act: []string{"unix", open}, stdout: "ok\n"}.check(t)
		launched{flags: flags, act: []string{"unix", shut}, status: 1, stdout: "EACCES\n"}.check(t)
		// w on what has a socket is leave to speak to its server.
		launched{flags: []string{"-u", open + ":rw", "-p", "stdio rpath wpath unix"}, act: []string{"unix", open}, stdout: "ok\n"}.check(t)
	} else {
		launched{flags: flags, act: []string{"unix", open}, status: 125, stderr: "needs Linux 7.1"}.check(t)
	}
	if n >= 6 {
		launched{flags: flags[2:], act: []string{"unix", abstract}, status: 1, stdout: "EPERM\n"}.check(t)
		launched{flags: append([]string{"--allow-abstract"}, flags[2:]...), act: []string{"unix", abstract}, stdout: "ok\n"}.check(t)
	}
}

func TestSignals(t *testing.T) {
	n := needLandlock(t)
	me := strconv.Itoa(os.Getpid())
	if n >= 6 {
		launched{flags: []string{"-p", "stdio proc"}, act: []string{"signal", me}, status: 1, stdout: "EPERM\n"}.check(t)
		launched{flags: []string{"--allow-signals", "-p", "stdio proc"}, act: []string{"signal", me}, stdout: "ok\n"}.check(t)
	} else {
		launched{flags: []string{"-p", "stdio proc"}, act: []string{"signal", me}, stdout: "ok\n"}.check(t)
	}
}

// shell returns the path of a shell, and its first arguments.
func shell(t *testing.T, name string) []string {
	t.Helper()
	// Where the link leads: a rule of the link would be one of the shell.
	path, err := filepath.EvalSymlinks(tool(name))
	if err != nil {
		lack(t, "needs "+name)
	}
	if name == "busybox" {
		return []string{path, "sh"}
	}
	return []string{path}
}

// TestShell: a static and a dynamic shell, and a script of each by its #!
// line, with what the box holds of them. In the dynamic one the library says
// what it is ended for.
func TestShell(t *testing.T) {
	needLandlock(t)
	for name, ends := range map[string]func(promise string) result{
		"busybox": func(string) result { return result{dies, "", ""} },
		"dash":    func(promise string) result { return result{aborts, "", `]: pledge "` + promise + `", syscall `} },
	} {
		t.Run(name, func(t *testing.T) {
			sh := shell(t, name)
			dir, other := t.TempDir(), t.TempDir()
			script := dir + "/script"
			if err := os.WriteFile(script, []byte("#!"+strings.Join(sh, " ")+"\necho script $1\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(other+"/file", []byte("text\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			everyday := withC(t, "-u", dir+":rwc", "-p", "stdio rpath wpath cpath")
			says := func(words string) []string { return append(slices.Clone(sh), "-c", words) }
			for _, c := range []struct {
				flags, argv []string
				free        result // without the box
				want        result
			}{
				{everyday, says("echo text >" + dir + "/a; read x <" + dir + "/a; echo $x"), result{0, "text\n", ""}, result{0, "text\n", ""}},
				{everyday, says("read x <" + other + "/file; echo $x"), result{0, "text\n", ""}, result{0, "\n", "Permission denied"}},
				{everyday, says("if true >" + other + "/new; then echo made; fi"), result{0, "made\n", ""}, result{0, "", "Permission denied"}},
				{everyday, []string{script, "argument"}, result{0, "script argument\n", ""}, result{0, "script argument\n", ""}},
				{everyday, says("exit 7"), result{7, "", ""}, result{7, "", ""}},
				{everyday, says(": | :"), result{}, ends("proc")},
				{append(everyday, "-p", "proc"), says(": | :"), result{}, result{}},
				{everyday, says("exec " + strings.Join(sh, " ") + " -c :"), result{}, ends("exec")},
				{append(everyday, "-u", "/:rx", "-p", "exec"), says("exec " + strings.Join(sh, " ") + " -c :"), result{}, result{}},
			} {
				free, got := run(t, c.argv...), run(t, launch(c.flags, c.argv)...)
				if free.status != c.free.status || free.stdout != c.free.stdout {
					t.Errorf("%q without the box: %s, want %s", c.argv, free, c.free)
				}
				if got.status != c.want.status || got.stdout != c.want.stdout || !strings.Contains(got.stderr, c.want.stderr) {
					t.Errorf("%q %q: %s, want %s", c.flags, c.argv, got, c.want)
				}
				os.Remove(other + "/new")
			}
			if got := run(t, launch(everyday, []string{dir + "/none"})...); got.status != 127 || !strings.Contains(got.stderr, "not found") {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestExecpromises: the command has its promises, and what it executes has its
// own, by a filter that is bound to where the code of the command lies.
func TestExecpromises(t *testing.T) {
	needLandlock(t)
	argv := append(shell(t, "dash"), "-c", tool("target")+" nothing && "+tool("target")+" socket; echo status $?")
	all := []string{"-u", "/:rx", "-p", "stdio rpath proc exec"}
	for _, c := range []struct {
		flags  []string
		stdout string
		stderr string
	}{
		{append(all, "-P", "stdio rpath inet"), "ok\nok\nstatus 0\n", ""},
		{append(all, "-p", "inet", "-P", "stdio rpath"), "ok\nstatus " + strconv.Itoa(goEnds) + "\n", goSays},
		{all, "ok\nstatus " + strconv.Itoa(goEnds) + "\n", goSays},
	} {
		if got := run(t, launch(c.flags, argv)...); got.status != 0 || got.stdout != c.stdout || !strings.Contains(got.stderr, c.stderr) {
			t.Errorf("%q: %s, want %q, %q", c.flags, got, c.stdout, c.stderr)
		}
	}
}

// TestMemory: a dynamic program may map code until its loader is done, and then
// no more.
func TestMemory(t *testing.T) {
	needLandlock(t)
	probe := tool("probe-dynamic")
	if _, err := os.Stat(probe); err != nil {
		lack(t, "needs gcc")
	}
	for _, act := range []string{"rwx", "mprotect", "mapfile " + probe} {
		free := run(t, probe, act)
		got := run(t, launch([]string{"-u", tools + ":r", "-p", "stdio rpath"}, []string{probe, act})...)
		with := run(t, launch([]string{"-u", tools + ":r", "-p", "stdio rpath prot_exec"}, []string{probe, act})...)
		if free.stdout != "ok\n" || got.stdout != "EACCES\n" || with.stdout != "ok\n" {
			t.Errorf("%s: without the box %s, in it %s, with prot_exec %s", act, free, got, with)
		}
	}
}

// TestCommands: programs that are one file, under several names.
func TestCommands(t *testing.T) {
	needLandlock(t)
	busybox := shell(t, "busybox")[0]
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/a", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	everyday := withC(t, "-u", dir+":rwc", "-p", "stdio rpath wpath cpath")
	for _, argv := range [][]string{{busybox, "mv", dir + "/a", dir + "/b"}, {busybox, "rm", dir + "/b"}} {
		if got := run(t, launch(everyday, argv)...); got.status != 0 {
			t.Errorf("%q: %s", argv, got)
		}
	}
}

// TestFileLimit: the command has the limit of open files that the launcher
// was started with, which the runtime of Go raises for itself.
func TestFileLimit(t *testing.T) {
	needLandlock(t)
	busybox := shell(t, "busybox")[0]
	limits := "ulimit -Sn; ulimit -Hn"
	got := run(t, busybox, "sh", "-c", "ulimit -Sn 100; ulimit -Hn 200; exec "+
		strings.Join(launch([]string{"-p", "stdio"}, []string{busybox}), " ")+" sh -c '"+limits+"'")
	if want := "100\n200\n"; got.status != 0 || got.stdout != want {
		t.Errorf("%s, want %q", got, want)
	}
}

// TestWithoutLandlock: nothing is run on a kernel that cannot hold paths,
// unless the command line says so by name.
func TestWithoutLandlock(t *testing.T) {
	n := abi(t)
	if n > 0 {
		t.Skip("the kernel has Landlock")
	}
	why := "not built in"
	if n < 0 {
		why = "not enabled at boot"
	}
	for _, l := range []launched{
		{flags: []string{"-u", "/:r"}, act: []string{"nothing"}, status: 125, stderr: why},
		{flags: []string{"-p", "stdio"}, act: []string{"nothing"}, status: 125, stderr: why},
		{flags: []string{"--best-effort", "-p", "stdio"}, act: []string{"nothing"}, status: 125, stderr: why},
		{flags: []string{"--best-effort", "--without", "landlock", "-p", "stdio rpath"}, act: []string{"nothing"}, stdout: "ok\n"},
		{flags: []string{"--best-effort", "--without", "landlock", "-p", "stdio rpath"}, act: []string{"self"}, status: goEnds, stderr: goSays},
		{flags: []string{"--best-effort", "--without", "landlock", "-p", "stdio"}, act: []string{"socket"}, status: goEnds, stderr: goSays},
	} {
		l.check(t)
	}
}
