package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

// environ is an environment made of "NAME=value" words.
func environ(words ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, w := range words {
			if n, v, _ := strings.Cut(w, "="); n == name {
				return v, true
			}
		}
		return "", false
	}
}

// tempDir is t.TempDir without symbolic links, so that paths compare.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func build(t testing.TB, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(need.Program(t, name), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

const hello = "int main(void) { return 0; }\n"

func resolve(t testing.TB, dir, command string, args []string, env ...string) *Image {
	t.Helper()
	img, err := Resolve(command, args, environ(env...), dir)
	if err != nil {
		t.Fatalf("Resolve(%q): %v", command, err)
	}
	check(t, img)
	return img
}

// check establishes what is promised of every image.
func check(t testing.TB, img *Image) {
	t.Helper()
	if !filepath.IsAbs(img.Path) || len(img.Argv) == 0 || len(img.Files) == 0 {
		t.Errorf("image of %q is not whole: %+v", img.Path, img)
	}
	for i, f := range img.Files {
		real, err := filepath.EvalSymlinks(f.Path)
		if err != nil || real != f.Path {
			t.Errorf("%q is not canonical: %q, %v", f.Path, real, err)
		}
		st, err := os.Stat(f.Path)
		if err != nil || st.IsDir() != f.Dir {
			t.Errorf("%q: Dir = %v, stat: %v", f.Path, f.Dir, err)
		}
		if f.Dir && f.Need == Exec || f.Why == "" {
			t.Errorf("%+v", f)
		}
		for j, g := range img.Files {
			if i != j && (f.Path == g.Path || g.Dir && f.Need == Read && under(f.Path, g.Path)) {
				t.Errorf("%q is covered by %q", f.Path, g.Path)
			}
		}
	}
}

func find(img *Image, path string) *File {
	for i := range img.Files {
		if img.Files[i].Path == path {
			return &img.Files[i]
		}
	}
	return nil
}

// readable reports whether the image may read a path.
func readable(img *Image, path string) bool {
	path = canonical(path)
	for _, f := range img.Files {
		if f.Path == path || f.Dir && under(path, f.Path) {
			return true
		}
	}
	return false
}

func TestLookup(t *testing.T) {
	need.Program(t, "gcc")
	dir := tempDir(t)
	write(t, dir+"/hello.c", hello, 0o644)
	build(t, dir, "gcc", "-static", "-o", "hello", "hello.c")
	program, _ := os.ReadFile(dir + "/hello")
	for _, p := range []string{"bin/hello", "other/hello", "work/rel/hello", "work/here"} {
		write(t, filepath.Join(dir, p), string(program), 0o755)
	}
	write(t, dir+"/locked/hello", string(program), 0o644)
	write(t, dir+"/locked/only", string(program), 0o644)
	os.MkdirAll(dir+"/dirs/hello", 0o755)
	unix.Mkfifo(dir+"/fifo", 0o755)
	os.Symlink("loop", dir+"/loop")
	os.Symlink("bin/hello", dir+"/link")

	tests := []struct {
		command, path string // path "-" is unset
		want          string // below dir
		errno         error
		notFound      bool
		text          string
	}{
		{command: "hello", path: "DIR/bin:DIR/other", want: "bin/hello"},
		{command: "hello", path: "DIR/nowhere:DIR/other", want: "other/hello"},
		{command: "hello", path: "DIR/bin/hello:DIR/other", want: "other/hello"},
		{command: "hello", path: "DIR/locked:DIR/bin", want: "bin/hello"},
		{command: "hello", path: "DIR/dirs:DIR/bin", want: "bin/hello"},
		{command: "hello", path: "rel", want: "work/rel/hello"},
		{command: "here", path: "", want: "work/here"},
		{command: "here", path: ":DIR/bin", want: "work/here"},
		{command: "here", path: "DIR/bin:", want: "work/here"},
		{command: "./here", path: "", want: "work/here"},
		{command: ".//./here", path: "", want: "work/here"},
		{command: "rel/hello", path: "", want: "work/rel/hello"},
		{command: "../bin/hello", path: "", want: "work/../bin/hello"},
		{command: "DIR/link", path: "", want: "link"},
		{command: "only", path: "DIR/locked:DIR/bin", errno: unix.EACCES, text: `cannot execute "DIR/locked/only": permission denied`},
		{command: "hello", path: "DIR/dirs", errno: unix.EACCES, text: `cannot execute "DIR/dirs/hello": is a directory`},
		{command: "gone", path: "DIR/bin", errno: unix.ENOENT, notFound: true, text: `command "gone": not found`},
		{command: "here", path: "-", errno: unix.ENOENT, notFound: true, text: `command "here": not found`},
		{command: "", path: "DIR/bin", errno: unix.ENOENT, notFound: true, text: `command "": not found`},
		{command: "./gone", path: "", errno: unix.ENOENT, notFound: true, text: `command "./gone": not found`},
		{command: "DIR/bin/hello/x", path: "", errno: unix.ENOTDIR, notFound: true, text: `command "DIR/bin/hello/x": not found`},
		{command: "DIR/bin", path: "", errno: unix.EACCES, text: `cannot execute "DIR/bin": is a directory`},
		{command: "DIR/locked/hello", path: "", errno: unix.EACCES, text: `cannot execute "DIR/locked/hello": permission denied`},
		{command: "DIR/fifo", path: "", errno: unix.EACCES, text: `cannot execute "DIR/fifo": not a regular file`},
		{command: "DIR/loop", path: "", errno: unix.ELOOP, text: `cannot execute "DIR/loop": too many levels of symbolic links`},
		{command: "a\x00b", path: "", errno: unix.EINVAL, text: `cannot execute "a\x00b": invalid argument`},
	}
	for _, test := range tests {
		full := strings.NewReplacer("DIR", dir)
		env := environ("PATH=" + full.Replace(test.path))
		if test.path == "-" {
			env = environ()
		}
		command := full.Replace(test.command)
		img, err := Resolve(command, []string{"a", ""}, env, dir+"/work")
		if test.errno == nil {
			if err != nil {
				t.Errorf("%q in %q: %v", test.command, test.path, err)
				continue
			}
			check(t, img)
			if want := dir + "/" + test.want; img.Path != want {
				t.Errorf("%q in %q: got %q, want %q", test.command, test.path, img.Path, want)
			}
			if !slices.Equal(img.Argv, []string{command, "a", ""}) {
				t.Errorf("%q: argv %q", test.command, img.Argv)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q in %q: got %v, want an Error", test.command, test.path, err)
			continue
		}
		if !errors.Is(err, test.errno) || e.NotFound != test.notFound || e.Command != command {
			t.Errorf("%q in %q: got %#v", test.command, test.path, e)
		}
		if got, want := e.Error(), full.Replace(test.text); got != want {
			t.Errorf("%q in %q: got %s, want %s", test.command, test.path, got, want)
		}
	}
}

func TestDefaultPath(t *testing.T) {
	if img := resolve(t, "/", "sh", nil); filepath.Base(img.Path) != "sh" {
		t.Errorf("got %q", img.Path)
	}
}

func TestKinds(t *testing.T) {
	dir := tempDir(t)
	write(t, dir+"/hello.c", hello, 0o644)
	write(t, dir+"/hello.go", "package main\n\nfunc main() {}\n", 0o644)
	tests := []struct {
		name   string
		build  []string
		kind   Kind
		golang bool
	}{
		{"dynamic", []string{"gcc", "-o", "dynamic", "hello.c"}, Dynamic, false},
		{"no-pie", []string{"gcc", "-no-pie", "-o", "no-pie", "hello.c"}, Dynamic, false},
		{"static", []string{"gcc", "-static", "-o", "static", "hello.c"}, Static, false},
		{"static-pie", []string{"gcc", "-static-pie", "-o", "static-pie", "hello.c"}, StaticPIE, false},
		{"go", []string{"go", "build", "-o", "go", "hello.go"}, Static, true},
		{"go-stripped", []string{"go", "build", "-ldflags=-s -w", "-o", "go-stripped", "hello.go"}, Static, true},
		{"go-no-note", []string{"go", "build", "-ldflags=-buildid=", "-o", "go-no-note", "hello.go"}, Static, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			build(t, dir, test.build[0], test.build[1:]...)
			img := resolve(t, dir, "./"+test.name, nil)
			if img.Kind != test.kind || img.Go != test.golang {
				t.Errorf("got %v, Go %v", img.Kind, img.Go)
			}
			if (img.Interp != "") != (test.kind == Dynamic) {
				t.Errorf("interp %q", img.Interp)
			}
			machine, _ := native()
			if img.Class != elf.ELFCLASS64 || img.Machine != machine {
				t.Errorf("got %v, %v", img.Class, img.Machine)
			}
			if test.kind != Dynamic && len(img.Files) != 1 {
				t.Errorf("a static image needs itself, got %v", img.Files)
			}
			if img.Files[0].Path != dir+"/"+test.name || img.Files[0].Need != Exec {
				t.Errorf("first file: %+v", img.Files[0])
			}
		})
	}

	t.Run("no section headers", func(t *testing.T) {
		build(t, dir, "go", "build", "-o", "bare", "hello.go")
		data, _ := os.ReadFile(dir + "/bare")
		clear(data[40:48])
		clear(data[58:64])
		write(t, dir+"/bare", string(data), 0o755)
		if img := resolve(t, dir, "./bare", nil); !img.Go {
			t.Error("the note was not found")
		}
	})
	t.Run("ld.so", func(t *testing.T) {
		img := resolve(t, dir, resolve(t, dir, "sh", nil).Interp, []string{"/bin/true"})
		if img.Kind != StaticPIE || img.Interp != "" {
			t.Errorf("got %v, interp %q", img.Kind, img.Interp)
		}
	})
}

func TestFormat(t *testing.T) {
	need.Program(t, "gcc")
	dir := tempDir(t)
	write(t, dir+"/hello.c", hello, 0o644)
	build(t, dir, "gcc", "-o", "hello", "hello.c")
	good, err := os.ReadFile(dir + "/hello")
	if err != nil {
		t.Fatal(err)
	}
	patch := func(at int, b ...byte) string {
		p := slices.Clone(good)
		copy(p[at:], b)
		return string(p)
	}
	tests := []struct{ name, data, text, hint string }{
		{"text", "echo hi\n", "exec format error", "run it by its shell: sh FILE"},
		{"empty", "", "exec format error", "run it by its shell: sh FILE"},
		{"binary", "\x00\x01\x02", "exec format error", ""},
		{"bare-shebang", "#!\n", "its #! line names no interpreter", ""},
		{"cut", string(good[:40]), "exec format error", ""},
		{"class32", patch(4, 1), "32-bit executable", ""},
		{"class9", patch(4, 9), "exec format error", ""},
		{"big-endian", patch(5, 2), "another machine", ""},
		{"sparc", patch(18, 2, 0), "another machine (EM_SPARC, not " + nativeName() + ")", ""},
		{"relocatable", patch(16, 1, 0), "exec format error", ""},
		{"no-programs", patch(56, 0, 0), "exec format error", ""},
		{"far-programs", patch(32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "exec format error", ""},
	}
	for _, test := range tests {
		path := write(t, dir+"/"+test.name, test.data, 0o755)
		_, err := Resolve(path, nil, environ(), dir)
		var e *Error
		if !errors.As(err, &e) || e.NotFound || !errors.Is(err, unix.ENOEXEC) || !strings.Contains(e.Error(), test.text) {
			t.Errorf("%s: got %v", test.name, err)
			continue
		}
		if want := strings.ReplaceAll(test.hint, "FILE", path); e.Hint != want {
			t.Errorf("%s: hint %q, want %q", test.name, e.Hint, want)
		}
		// The control: the kernel refuses it as well. It does not look at
		// class and byte order when the machine is its own.
		if elfIdent := test.name == "class32" || test.name == "class9" || test.name == "big-endian"; elfIdent {
			continue
		}
		if err := exec.Command(path).Run(); err == nil {
			t.Errorf("%s: the kernel runs it", test.name)
		}
	}

	write(t, dir+"/lost.c", hello, 0o644)
	build(t, dir, "gcc", "-Wl,--dynamic-linker=/nowhere/ld.so", "-o", "lost", "lost.c")
	_, err = Resolve("./lost", nil, environ(), dir)
	want := fmt.Sprintf("cannot execute %q: its ELF interpreter \"/nowhere/ld.so\" does not exist", dir+"/lost")
	if e := new(Error); !errors.As(err, &e) || e.NotFound || e.Error() != want || e.Hint == "" {
		t.Errorf("got %v, want %s", err, want)
	}
}

// BenchmarkTrue is the launcher's smallest dynamic target: libc only.
func BenchmarkTrue(b *testing.B) { benchmark(b, "true") }

// BenchmarkGit has some libraries more.
func BenchmarkGit(b *testing.B) { benchmark(b, "git") }

func benchmark(b *testing.B, command string) {
	env := environ("PATH=/usr/bin:/bin", "HOME=/root")
	if _, err := Resolve(command, nil, env, "/"); err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Resolve(command, nil, env, "/")
	}
}
