//go:build cgo && linux

package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/unveil-run/unveil-run/test/need"
)

// An installation is what make install puts below a prefix of its own.
type installation struct {
	t      *testing.T
	prefix string
}

func install(t *testing.T) *installation {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "unveil-overlay-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// Opened here, so that a result of before a change is not taken for a new one.
	for _, f := range []string{"unveil.h", "include/overlay/unistd.h", "unveil.pc.in", "unveil-overlay.pc.in", "issetugid.c"} {
		if _, err := os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "make", "-C", "..", "install", "PREFIX="+dir)
	return &installation{t, dir}
}

// flags asks pkg-config.
func (i *installation) flags(words ...string) []string {
	i.t.Helper()
	if _, err := exec.LookPath("pkg-config"); err != nil {
		need.Missing(i.t, "pkg-config")
	}
	cmd := exec.Command("pkg-config", words...)
	cmd.Env = append(os.Environ(), "PKG_CONFIG_PATH="+i.prefix+"/lib/pkgconfig")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		i.t.Fatalf("pkg-config %v: %v", words, err)
	}
	return strings.Fields(string(out))
}

// write puts a file into the directory of the installation.
func (i *installation) write(name, text string) string {
	i.t.Helper()
	path := filepath.Join(i.prefix, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		i.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		i.t.Fatal(err)
	}
	return path
}

// cc runs a compiler and returns what it says, and whether it succeeds.
func (i *installation) cc(words ...string) (string, bool) {
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	return string(out), err == nil
}

// calls reports whether a program calls a function of a shared library, as
// nm -D would.
func calls(t *testing.T, path, name string) bool {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(symbols, func(s elf.ImportedSymbol) bool { return s.Name == name })
}

// TestOverlayProbes asks as configure scripts do whether there is pledge,
// unveil and issetugid: by a program that includes <unistd.h> and is linked,
// and by one that declares a function of the name by itself. Each is asked
// without the overlay too, and has to be told no.
func TestOverlayProbes(t *testing.T) {
	i := install(t)
	cflags, libs := i.flags("--cflags", "unveil-overlay"), i.flags("--libs", "unveil-overlay")
	for _, c := range []struct{ name, text string }{
		{"pledge", "#include <unistd.h>\nint main(void) { return !!pledge(\"stdio\", NULL); }\n"},
		{"unveil", "#include <unistd.h>\nint main(void) { return -1 != unveil(\"/\", \"r\"); }\n"},
		{"issetugid", "#include <unistd.h>\nint main(void) { return issetugid(); }\n"},
		{"AC_CHECK_FUNC pledge", "char pledge();\nint main(void) { return pledge(); }\n"},
		{"AC_CHECK_FUNC unveil", "char unveil();\nint main(void) { return unveil(); }\n"},
		{"AC_CHECK_FUNC issetugid", "char issetugid();\nint main(void) { return issetugid(); }\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			source, out := i.write("probe.c", c.text), i.prefix+"/probe"
			warnings := []string{"gcc", "-std=gnu11", "-Wall", "-Werror"}
			if strings.HasPrefix(c.name, "AC_") {
				warnings = []string{"gcc", "-std=gnu11"}
			}
			if said, ok := i.cc(slices.Concat(warnings, cflags, []string{"-o", out, source}, libs)...); !ok {
				t.Errorf("not found: %s", said)
			}
			// Some makefiles have the libraries among LDFLAGS, before the objects.
			if said, ok := i.cc(slices.Concat(warnings, cflags, libs, []string{"-o", out, source})...); !ok {
				t.Errorf("not found with the libraries first: %s", said)
			}
			if name := strings.TrimPrefix(c.name, "AC_CHECK_FUNC "); !calls(t, out, name) {
				t.Errorf("%s is not called", name)
			}
			if _, ok := i.cc(slices.Concat(warnings, []string{"-o", out, source})...); ok {
				t.Error("found without the overlay")
			}
		})
	}
}

// TestOverlayConfigure runs a script of autoconf, which no one here wrote,
// with no more than CFLAGS and LIBS in the environment.
func TestOverlayConfigure(t *testing.T) {
	if _, err := exec.LookPath("autoconf"); err != nil {
		need.Missing(t, "autoconf")
	}
	i := install(t)
	i.write("configured/configure.ac", `AC_INIT([probe], [1])
AC_CONFIG_HEADERS([config.h])
AC_PROG_CC
AC_CHECK_FUNCS([pledge unveil issetugid])
AC_CHECK_DECLS([pledge, unveil, issetugid], [], [], [[#include <unistd.h>]])
AC_OUTPUT
`)
	i.write("configured/config.h.in", `#undef HAVE_PLEDGE
#undef HAVE_UNVEIL
#undef HAVE_ISSETUGID
#undef HAVE_DECL_PLEDGE
#undef HAVE_DECL_UNVEIL
#undef HAVE_DECL_ISSETUGID
`)
	script := func(env []string, words ...string) {
		t.Helper()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = i.prefix+"/configured", append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", words, err, out)
		}
	}
	script(nil, "autoconf")
	for _, c := range []struct {
		with bool
		env  []string
	}{
		{false, []string{"CFLAGS=-O1", "LIBS="}},
		{true, []string{"CFLAGS=-O1 " + strings.Join(i.flags("--cflags", "unveil-overlay"), " "), "LIBS=" + strings.Join(i.flags("--libs", "unveil-overlay"), " "),
			"LD_LIBRARY_PATH=" + i.prefix + "/lib"}},
	} {
		script(c.env, "./configure")
		text, err := os.ReadFile(i.prefix + "/configured/config.h")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"PLEDGE", "UNVEIL", "ISSETUGID"} {
			function := strings.Contains(string(text), "#define HAVE_"+name+" 1\n")
			declared := strings.Contains(string(text), "#define HAVE_DECL_"+name+" 1\n")
			if function != c.with || declared != c.with {
				t.Errorf("overlay %t: %s is found %t, declared %t", c.with, name, function, declared)
			}
		}
	}
}

// TestOverlayHeader compiles what projects are seen to do around <unistd.h>.
func TestOverlayHeader(t *testing.T) {
	i := install(t)
	cflags, libs := i.flags("--cflags", "unveil-overlay"), i.flags("--libs", "unveil-overlay")
	i.write("own/unistd.h", "#ifndef OWN_UNISTD_H\n#define OWN_UNISTD_H\n#include_next <unistd.h>\nint own(void);\n#endif\n")
	const both = "#include <unistd.h>\nint main(void) { return pledge(\"stdio\", 0) + unveil(\"/\", \"r\") + issetugid(); }\n"
	for _, c := range []struct {
		name, text string
		words      []string
		refused    bool
	}{
		{name: "plain", text: both},
		{name: "twice", text: "#include <unistd.h>\n" + both},
		{name: "the library's header before", text: "#include <unveil.h>\n" + both},
		{name: "the library's header behind", text: strings.Replace(both, "\nint", "\n#include <unveil.h>\nint", 1)},
		{name: "own declarations", text: "#include <unistd.h>\nint pledge(const char *, const char *);\nint unveil(const char *, const char *);\nint issetugid(void);\n" + both},
		{name: "own header", text: strings.Replace(both, "\nint", "\nint main(void);\nint (*f)(void) = own;\nint own(void) { return 0; }\nint", 1), words: []string{"-I" + i.prefix + "/own"}},
		{name: "macros before", text: "#define pledge(p, e) (0)\n#define unveil(p, m) (0)\n" + both},
		{name: "macros behind", text: strings.Replace(both, "\n", "\n#define pledge(p, e) (0)\n", 1)},
		{name: "C90", text: both, words: []string{"-std=c90", "-pedantic"}},
		{name: "later wishes", text: "#include <unistd.h>\n#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n" + both},
		// Of OpenBSD 5.9 to 6.2: no header can serve both.
		{name: "the old prototype", text: "int pledge(const char *, const char *[]);\n" + both, refused: true},
	} {
		for _, compiler := range []string{"gcc", "g++", "musl-gcc"} {
			t.Run(compiler+"/"+c.name, func(t *testing.T) {
				if _, err := exec.LookPath(compiler); err != nil {
					need.Missing(t, "%s", compiler)
				}
				extension, text := ".c", c.text
				if compiler == "g++" {
					extension = ".cc"
					if slices.Contains(c.words, "-std=c90") {
						t.Skip("is of C")
					}
					text = strings.Replace(text, "int pledge(const char *, const char *);\nint unveil(const char *, const char *);\nint issetugid(void);\n",
						"extern \"C\" {\nint pledge(const char *, const char *);\nint unveil(const char *, const char *);\nint issetugid(void);\n}\n", 1)
				}
				source, out := i.write("header"+extension, text), i.prefix+"/header"
				said, ok := i.cc(slices.Concat([]string{compiler, "-Wall", "-Wextra", "-Werror"}, c.words, cflags, []string{"-o", out, source}, libs)...)
				if ok == c.refused {
					t.Fatalf("compiled: %t\n%s", ok, said)
				}
				if !c.refused {
					if stub := strings.HasPrefix(c.name, "macros"); calls(t, out, "pledge") == stub && compiler != "musl-gcc" {
						t.Errorf("calls pledge: %t", !stub)
					}
				}
			})
		}
	}
}

// TestOverlayIssetugid asks a program by whom it was started, before and after
// it pledges, linked each way.
func TestOverlayIssetugid(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	i := install(t)
	text := "#include <unistd.h>\nint main(void) { int before = issetugid(); return pledge(\"stdio\", NULL) == -1 ? 9 : before * 2 + issetugid(); }\n"
	source := i.write("issetugid.c", text)
	cflags := i.flags("--cflags", "unveil-overlay")
	for _, c := range []struct {
		name string
		cc   []string
		libs []string
	}{
		{"so", []string{"gcc"}, append(i.flags("--libs", "unveil-overlay"), "-Wl,-rpath,"+i.prefix+"/lib")},
		{"a", []string{"gcc", "-static"}, []string{i.prefix + "/lib/libunveil.a"}},
		{"musl-so", []string{"musl-gcc"}, append(i.flags("--libs", "unveil-overlay"), "-Wl,-rpath,"+i.prefix+"/lib")},
		{"musl-a", []string{"musl-gcc", "-static"}, []string{i.prefix + "/lib/libunveil.a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := exec.LookPath(c.cc[0]); err != nil {
				need.Missing(t, "%s", c.cc[0])
			}
			out := i.prefix + "/issetugid-" + c.name
			if said, ok := i.cc(slices.Concat(c.cc, cflags, []string{"-o", out, source}, c.libs)...); !ok {
				t.Fatal(said)
			}
			for _, m := range []struct {
				mode os.FileMode
				want int
			}{{0o755, 0}, {0o755 | os.ModeSetuid, 3}, {0o755 | os.ModeSetgid, 3}} {
				if err := os.Chmod(out, m.mode); err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(out)
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
				said, _ := cmd.CombinedOutput()
				if got := cmd.ProcessState.ExitCode(); got != m.want {
					t.Errorf("mode %v: %d, not %d: %s", m.mode, got, m.want, said)
				}
			}
		})
	}
}

// TestOverlayOwnIssetugid links a program that has an issetugid of its own.
func TestOverlayOwnIssetugid(t *testing.T) {
	i := install(t)
	source := i.write("own.c", "#include <unistd.h>\nint issetugid(void) { return 5; }\nint main(void) { return pledge(\"stdio\", NULL) + issetugid(); }\n")
	for _, libs := range [][]string{{"-L" + i.prefix + "/lib", "-lunveil", "-Wl,-rpath," + i.prefix + "/lib"}, {"-static", i.prefix + "/lib/libunveil.a"}} {
		if said, ok := i.cc(slices.Concat([]string{"gcc", "-o", i.prefix + "/own"}, i.flags("--cflags", "unveil-overlay"), []string{source}, libs)...); !ok {
			t.Fatal(said)
		}
		cmd := exec.Command(i.prefix + "/own")
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != 5 {
			t.Errorf("%v: exit %d", libs, got)
		}
	}
}

// TestPorting runs the commands of porting.7, and holds what they print
// against what stands under them.
func TestPorting(t *testing.T) {
	page, err := os.ReadFile("porting.7")
	if err != nil {
		t.Fatal(err)
	}
	i := install(t)
	i.flags("--libs", "unveil-overlay")
	dir := t.TempDir()
	_, examples, _ := strings.Cut(string(page), "\n.Sh EXAMPLES\n")
	examples, _, _ = strings.Cut(examples, "\n.Sh ")
	ran, in, command, want := 0, false, "", ""
	finish := func() {
		if command == "" {
			return
		}
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PKG_CONFIG_PATH="+i.prefix+"/lib/pkgconfig", "LD_LIBRARY_PATH="+i.prefix+"/lib", "PATH="+i.prefix+"/bin:"+os.Getenv("PATH"), "LC_ALL=C")
		out, _ := cmd.Output() // a shell says on its own that a program was aborted
		if string(out) != want {
			t.Errorf("$ %s\n%s, not\n%s", command, out, want)
		}
		ran++
		command, want = "", ""
	}
	heredoc := false
	for _, line := range strings.Split(examples, "\n") {
		switch text, begins := strings.CutPrefix(line, "$ "); {
		case line == ".Bd -literal":
			in = true
		case line == ".Ed":
			finish()
			in = false
		case !in:
		case begins && !heredoc:
			finish()
			command, heredoc = text+"\n", strings.HasSuffix(text, "<<'END'")
		case heredoc:
			command += line + "\n"
			heredoc = line != "END"
		case strings.HasPrefix(line, "> "):
			command += strings.ReplaceAll(line[2:], `\e`, `\`) + "\n" // as mdoc writes a backslash
		default:
			want += line + "\n"
		}
	}
	if ran != 6 {
		t.Errorf("%d commands", ran)
	}
}
