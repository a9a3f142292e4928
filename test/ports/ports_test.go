package ports

import (
	"debug/elf"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var programs = flag.String("programs", "", "which programs to fetch, build and try: fast, or all")

// fast are those that build within a minute.
var fast = []string{"lowdown", "mandoc", "mg", "signify", "xz"}

// TestPrograms plays the scripts of testdata/programs. They have, beside the
// words of testscript:
//
//	fetch PACKAGE VERSION SUITE      the source, into $WORK/source
//	imports FILE NAME                the program calls a function of a shared library
//	pty SCRIPT COMMAND...            the command in a terminal; SCRIPT is of pty_test.go
//	attacks PROMISES WHAT[=PATH],... COMMAND...
//	                                 each attack, from each thread, with and without the library
//
// A path of /var/tmp is made and removed by an attack; others, as of a chroot, are
// what the script says they are. $EMPTY is the directory of a libunveil that holds nothing. What is attacked may
// be of another user than root.
//
// $CFLAGS_OVERLAY and $LIBS_OVERLAY are what pkg-config says of the overlay;
// commands find the library by LD_LIBRARY_PATH.
func TestPrograms(t *testing.T) {
	switch *programs {
	case "":
		t.Skip("fetches sources and builds them: make test-ports")
	case "fast", "all":
	default:
		t.Fatalf("-programs %q", *programs)
	}
	top, err := os.MkdirTemp("/tmp", "unveil-ports-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "make", "-s", "-C", "../..", "install", "PREFIX="+top+"/installed")
	if err := os.MkdirAll(top+"/empty", 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "gcc", "-Wall", "-Werror", "-shared", "-fPIC", "-Wl,-soname,libunveil.so.0", "-o", top+"/empty/libunveil.so.0", "testdata/empty.c")
	run(t, "gcc", "-Wall", "-Wextra", "-Werror", "-Wno-unused-result", "-O1", "-shared", "-fPIC", "-o", top+"/attack.so", "testdata/attack.c", "-lpthread")
	flags := func(which string) string {
		cmd := exec.Command("pkg-config", which, "unveil-overlay")
		cmd.Env = append(os.Environ(), "PKG_CONFIG_PATH="+top+"/installed/lib/pkgconfig")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("pkg-config: %v", err)
		}
		return strings.TrimSpace(string(out))
	}
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var goEnv map[string]string
	if out, err := exec.Command("go", "env", "-json").Output(); err != nil {
		t.Fatal(err)
	} else if err := json.Unmarshal(out, &goEnv); err != nil {
		t.Fatal(err)
	}
	cflags, libs := flags("--cflags"), flags("--libs")
	r := &registry{dir: top + "/apt", suites: map[string]bool{}}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/programs/*.txtar")
	if err != nil || len(files) < len(fast) {
		t.Fatalf("%d programs: %v", len(files), err)
	}
	if *programs == "fast" {
		files = slices.DeleteFunc(files, func(f string) bool {
			return !slices.Contains(fast, strings.TrimSuffix(filepath.Base(f), ".txtar"))
		})
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		WorkdirRoot:         top,
		Setup: func(e *testscript.Env) error {
			if err := os.Chmod(e.WorkDir, 0o755); err != nil {
				return err
			}
			e.Vars = append(e.Vars, "PATH="+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TERM=xterm", "PKG_CONFIG_PATH="+top+"/installed/lib/pkgconfig",
				"MODULE="+module, "GOCACHE="+goEnv["GOCACHE"], "GOMODCACHE="+goEnv["GOMODCACHE"], "GOFLAGS=-buildvcs=false",
				"EMPTY="+top+"/empty", "CFLAGS_OVERLAY="+cflags, "LIBS_OVERLAY="+libs, "LIBDIR="+top+"/installed/lib", "LD_LIBRARY_PATH="+top+"/installed/lib")
			e.Values["top"] = top
			e.Values["registry"] = r
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fetch": fetch, "imports": imports, "pty": pty, "attacks": attacks,
		},
	})
}

func run(t *testing.T, words ...string) {
	t.Helper()
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", words, err, out)
	}
}

func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fetch PACKAGE VERSION SUITE")
	}
	_, err := ts.Value("registry").(*registry).fetch(ts.Getenv("WORK"), args[0], args[1], args[2])
	ts.Check(err)
}

// imports asks as nm -D does: a program with a macro of the name builds too,
// and is not protected.
func imports(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: imports FILE NAME")
	}
	f, err := elf.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	symbols, err := f.ImportedSymbols()
	ts.Check(err)
	if slices.ContainsFunc(symbols, func(s elf.ImportedSymbol) bool { return s.Name == args[1] }) == neg {
		ts.Fatalf("%s: imports %s: %t", args[0], args[1], neg)
	}
}

// command makes one of the script's environment, and of more of it.
func command(ts *testscript.TestScript, args []string, env ...string) *exec.Cmd {
	if strings.Contains(args[0], "/") {
		args[0] = ts.MkAbs(args[0])
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"WORK", "HOME", "PATH", "LC_ALL", "TERM", "PAGER", "MANPATH", "LD_LIBRARY_PATH"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

func pty(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pty SCRIPT COMMAND...")
	}
	t, err := start(command(ts, args[1:]))
	ts.Check(err)
	defer t.kill()
	if err := t.play(ts.ReadFile(args[0])); err != nil {
		ts.Fatalf("%v", err)
	}
	if !t.until(10*time.Second, t.over) {
		ts.Fatalf("%v has not ended: %q", args[1:], t.shown())
	}
	if !t.cmd.ProcessState.Success() {
		ts.Fatalf("%v: %v: %q", args[1:], t.cmd.ProcessState, t.shown())
	}
}

var came = regexp.MustCompile(`(?m)^(worked|refused|no child|ended)`)

func attacks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: attacks PROMISES WHAT[=PATH],... COMMAND...")
	}
	top := ts.Value("top").(string)
	log := ts.MkAbs("attack.log")
	for _, attack := range strings.Split(args[1], ",") {
		what, path, _ := strings.Cut(attack, "=")
		made := ts.MkAbs("attacked")
		if path == "" {
			path = made
		} else if strings.HasPrefix(path, "/var/tmp/") {
			made = path
			defer os.Remove(made)
		}
		for _, from := range []string{"main", "thread", "child"} {
			for _, library := range []string{"empty", "installed/lib"} {
				os.Remove(made)
				ts.Check(os.WriteFile(log, nil, 0o666))
				ts.Check(os.Chmod(log, 0o666)) // a user's, whatever the umask
				if what == "unlink" {
					ts.Check(os.WriteFile(made, nil, 0o666))
				}
				control := library == "empty"
				env := []string{"LD_PRELOAD=" + top + "/attack.so", "LD_LIBRARY_PATH=" + top + "/" + library}
				if control {
					env = append(env, "ATTACK_EMPTY=1") // of a Go program, which loads neither
				}
				t, err := start(command(ts, slices.Clone(args[2:]), append(env, "ATTACK_AT="+args[0], "ATTACK="+what, "ATTACK_PATH="+path, "ATTACK_FROM="+from, "ATTACK_LOG="+log)...))
				ts.Check(err)
				text := func() string { b, _ := os.ReadFile(log); return string(b) }
				if !t.until(20*time.Second, func() bool { return t.over() || came.MatchString(text()) }) {
					ts.Logf("%s from %s: neither ended nor said: %q", what, from, t.shown())
				}
				t.until(300*time.Millisecond, t.over)
				shown := t.shown()
				t.kill()
				_, err = os.Stat(made)
				there := err == nil
				worked := strings.Contains(text(), "worked")
				switch what {
				case "create", "exec":
					worked = worked || there
				case "unlink":
					worked = worked || !there
				}
				if what == "exec" {
					worked = there
				}
				tried := strings.Contains(text(), "tried")
				if control && what == "x32" && strings.Contains(text(), "refused 38\n") {
					ts.Logf("this kernel has no x32: what the filter says of it is not seen")
				} else if control && !worked {
					ts.Fatalf("%s from %s does not work without the library: %q %q", what, from, text(), shown)
				} else if !control && worked {
					ts.Fatalf("at %q: %s from %s works: %q", args[0], what, from, text())
				} else if !control && !tried && from != "child" {
					ts.Fatalf("at %q: %s from %s was not tried: %q", args[0], what, from, shown)
				}
				ts.Logf("%s, %s from %s with %s: %q", args[0], what, from, library, text())
			}
		}
	}
}
