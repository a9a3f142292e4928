package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// tools is a directory that every user may read, with the launcher as it is
// built for users and the programs that the scripts confine.
var tools string

// envTools tells the test binary run as another user where the tools are.
const envTools = "UNVEIL_RUN_TEST_TOOLS"

// nobody is the unprivileged user and group of the tests.
const nobody = 65534

func TestMain(m *testing.M) { os.Exit(made.Main(m, &tools, envTools, buildTools)) }

// buildTools builds the launcher, with libunveil.so inside as make has it and
// without as go install has it, and the targets: dynamic and static, glibc,
// musl and Go.
func buildTools() error {
	at := func(name string) string { return filepath.Join(tools, name) }
	const probe, server = "testdata/probe.c", "./testdata/server"
	if err := made.Build(tools, "libunveil.so.0", "unveil-run"); err != nil {
		return err
	}
	if err := made.Plain(at("unveil-run-plain")); err != nil {
		return err
	}
	if err := made.Go(at("server"), server); err != nil {
		return err
	}
	if err := made.Read("testdata/*.c", "testdata/cgo/*"); err != nil {
		return err
	}
	return made.Run(
		[]string{"CGO_ENABLED=1", "go", "build", "-race=false", "-o", at("cgo"), "./testdata/cgo"},
		[]string{"gcc", "-O1", "-Wall", "-Werror", "-o", at("probe"), probe},
		[]string{"gcc", "-O1", "-static", "-o", at("probe-static"), probe},
		[]string{"gcc", "-O1", "-static-pie", "-o", at("probe-static-pie"), probe},
		[]string{"musl-gcc", "-O1", "-static", "-o", at("probe-musl"), probe},
		[]string{"musl-gcc", "-O1", "-o", at("probe-musl-dynamic"), probe},
		[]string{"gcc", "-O1", "-no-pie", "-o", at("probe-fixed"), probe},
		[]string{"gcc", "-O1", "-Wall", "-Werror", "-I../../cgo", "-o", at("linked"), "testdata/linked.c", at("libunveil.so.0"), "-Wl,-rpath," + tools},
		[]string{"musl-gcc", "-O1", "-I../../cgo", "-o", at("linked-musl"), "testdata/linked.c", at("libunveil.so.0"), "-Wl,-rpath," + tools},
	)
}

// TestScripts runs the scripts of testdata/script, a subject each.
func TestScripts(t *testing.T) {
	need.Box(t, 1)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		// A script that hangs is a failure, and shall say which.
		Deadline: time.Now().Add(2 * time.Minute),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", tools+":/usr/local/bin:/usr/bin:/bin")
			env.Setenv("TOOLS", tools)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("LC_ALL", "C")
			env.Setenv("TMPDIR", "")
			return os.Chmod(env.WorkDir, 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
		Condition: func(cond string) (bool, error) {
			name, ok := strings.CutPrefix(cond, "uid:")
			if !ok {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return name == strconv.Itoa(os.Getuid()), nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// TestScriptsAsNobody runs them as uid 65534: without capabilities the kernel
// looks at other things.
func TestScriptsAsNobody(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: as this user only")
	}
	self := filepath.Join(tools, "unveil-run.test")
	if err := copyFile("/proc/self/exe", self); err != nil {
		t.Fatal(err)
	}
	// The scripts are where the test starts, and another user may not enter there.
	data := filepath.Join(tools, "testdata")
	if err := os.CopyFS(data, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestScripts$")
	cmd.Dir = tools
	cmd.Env = append(os.Environ(), envTools+"="+tools)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	} else if !bytes.Contains(out, []byte("PASS")) {
		t.Fatalf("no test has run:\n%s", out)
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// status runs a command, as exec does, and wants an exit status: 128 and the
// signal for one that a signal ended.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			got = 128 + int(ws.Signal())
		}
	}
	if got != want {
		ts.Fatalf("status %d, want %d", got, want)
	}
}

// TestStatic holds that the launcher needs no loader and lies at a fixed
// address: it starts faster, and nothing of its environment is loaded.
func TestStatic(t *testing.T) {
	f, err := elf.Open(filepath.Join(tools, "unveil-run"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Type != elf.ET_EXEC {
		t.Errorf("type %v, want %v", f.Type, elf.ET_EXEC)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("has %v", p.Type)
		}
	}
}

// hasLine reports whether a line of text begins so.
func hasLine(text, prefix string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}
