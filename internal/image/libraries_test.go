package image

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

// ldd returns the files that the real ld.so loads.
func ldd(t testing.TB, path string, env ...string) []string {
	t.Helper()
	cmd := exec.Command(need.Program(t, "ldd"), path)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "LC_ALL=C"}, env...)
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	var files []string
	for line := range strings.Lines(string(out)) {
		if _, after, ok := strings.Cut(line, "=> "); ok {
			line = after
		}
		if name, _, ok := strings.Cut(strings.TrimSpace(line), " (0x"); ok && strings.HasPrefix(name, "/") {
			files = append(files, name)
		}
	}
	return files
}

func compareWithLdd(t *testing.T, img *Image, path string, env ...string) {
	t.Helper()
	for _, file := range ldd(t, path, env...) {
		if !readable(img, file) {
			t.Errorf("%s: ldd names %q, the image cannot read it", path, file)
		}
	}
}

// TestLdd proves against the binaries of this system that nothing is missing.
// UNVEIL_TEST_ALL=1 takes all of /usr/bin, otherwise about 60 of them.
func TestLdd(t *testing.T) {
	need.Program(t, "ldd")
	names, err := filepath.Glob("/usr/bin/*")
	if err != nil {
		t.Fatal(err)
	}
	step := max(len(names)/60, 1)
	if os.Getenv("UNVEIL_TEST_ALL") != "" {
		step = 1
	}
	compared := 0
	for i := 0; i < len(names); i += step {
		img, err := Resolve(names[i], nil, environ("PATH=/usr/bin:/bin"), "/")
		if err != nil {
			// Only a script may fail, as for an interpreter that is not there.
			var e *Error
			if head, _ := readBounded(names[i], maxCache); !errors.As(err, &e) || bytes.HasPrefix(head, []byte("\x7fELF")) {
				t.Errorf("%s: %v", names[i], err)
			}
			continue
		}
		check(t, img)
		if img.Kind == Dynamic && muslArch(img.Interp) == "" {
			compareWithLdd(t, img, img.Files[0].Path)
			compared++
		}
	}
	if compared < 20 {
		t.Errorf("only %d binaries were compared", compared)
	}
	t.Logf("%d binaries", compared)
}

func TestNarrow(t *testing.T) {
	img := resolve(t, "/", "true", nil, "PATH=/usr/bin:/bin")
	for _, dir := range []string{"/", "/usr", "/usr/bin", "/etc"} {
		if find(img, dir) != nil {
			t.Errorf("%q is granted whole", dir)
		}
	}
	if _, err := os.Stat("/usr/lib/" + platform() + "-linux-gnu/libc.so.6"); err == nil {
		for _, dir := range []string{"/usr/lib", "/lib", "/usr/lib64"} {
			if find(img, dir) != nil {
				t.Errorf("%q is granted whole, though the libraries are in the multiarch directory", dir)
			}
		}
	}
}

// TestSearchPaths builds a program with a library that needs another, and
// lays them out in the ways that ld.so knows.
func TestSearchPaths(t *testing.T) {
	need.Program(t, "gcc")
	dir := tempDir(t)
	install(t, dir)
	write(t, dir+"/inner.c", "int inner(void) { return 0; }\n", 0o644)
	write(t, dir+"/outer.c", "int inner(void); int outer(void) { return inner(); }\n", 0o644)
	write(t, dir+"/main.c", "int outer(void); int main(void) { return outer(); }\n", 0o644)
	for _, d := range []string{"bin", "lib", "lib2", "far", "empty", "work/rel", "home/lib"} {
		os.MkdirAll(filepath.Join(dir, d), 0o755)
	}
	build(t, dir, "gcc", "-shared", "-fPIC", "-o", "lib/libinner.so", "inner.c")
	build(t, dir, "gcc", "-shared", "-fPIC", "-o", "lib/libouter.so", "outer.c", "-Llib", "-linner")
	copyFile := func(from, to string) {
		data, err := os.ReadFile(filepath.Join(dir, from))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, to), string(data), 0o755)
	}
	link := func(out string, flags ...string) {
		build(t, dir, "gcc", append([]string{"-o", out, "main.c", "-Llib", "-louter", "-Wl,-rpath-link,lib"}, flags...)...)
	}

	t.Run("RUNPATH", func(t *testing.T) {
		// RUNPATH is not inherited: the library needs its own.
		build(t, dir, "gcc", "-shared", "-fPIC", "-o", "lib2/libouter.so", "outer.c", "-Llib", "-linner", "-Wl,--enable-new-dtags,-rpath,${ORIGIN}/../far")
		copyFile("lib/libinner.so", "far/libinner.so")
		link("bin/runpath", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib2:$ORIGIN/../empty:/nowhere")
		os.Symlink("../bin/runpath", dir+"/work/runpath") // $ORIGIN is not here
		img := resolve(t, dir+"/work", "./runpath", nil)
		for _, d := range []string{"lib2", "empty", "far"} {
			if f := find(img, dir+"/"+d); f == nil || !f.Dir || !strings.Contains(f.Why, "RUNPATH") {
				t.Errorf("%s: %+v", d, f)
			}
		}
		compareWithLdd(t, img, dir+"/bin/runpath")
		enforce(t, img)
	})
	t.Run("RPATH", func(t *testing.T) {
		// RPATH is: libouter.so has none, and finds libinner.so all the same.
		link("bin/rpath", "-Wl,--disable-new-dtags,-rpath,$ORIGIN/../lib")
		img := resolve(t, dir, "bin/rpath", nil)
		if f := find(img, dir+"/lib"); f == nil || !strings.Contains(f.Why, "RPATH") {
			t.Errorf("%+v", f)
		}
		compareWithLdd(t, img, dir+"/bin/rpath")
		enforce(t, img)
	})
	t.Run("LIB and PLATFORM", func(t *testing.T) {
		link("bin/tokens", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../$LIB:$ORIGIN/../for-$PLATFORM:$ORIGIN/$LIBRARY")
		copyFile("lib/libouter.so", "for-"+platform()+"/libouter.so")
		img := resolve(t, dir, "bin/tokens", nil, "LD_LIBRARY_PATH="+dir+"/lib")
		if find(img, dir+"/for-"+platform()) == nil || find(img, dir+"/lib") == nil {
			t.Errorf("%+v", img.Files)
		}
		compareWithLdd(t, img, dir+"/bin/tokens", "LD_LIBRARY_PATH="+dir+"/lib")
	})
	link("bin/plain")
	t.Run("LD_LIBRARY_PATH", func(t *testing.T) {
		img := resolve(t, dir+"/work", dir+"/bin/plain", nil, "LD_LIBRARY_PATH="+dir+"/empty;"+dir+"/lib:/nowhere")
		if find(img, dir+"/lib") == nil || find(img, dir+"/empty") == nil {
			t.Errorf("%+v", img.Files)
		}
		compareWithLdd(t, img, dir+"/bin/plain", "LD_LIBRARY_PATH="+dir+"/lib")
		enforce(t, img, "LD_LIBRARY_PATH="+dir+"/empty;"+dir+"/lib:/nowhere")
	})
	t.Run("working directory", func(t *testing.T) {
		// An element that is empty by accident must not open what lies there.
		img := resolve(t, dir+"/lib", dir+"/bin/plain", nil, "LD_LIBRARY_PATH=:/nowhere")
		if find(img, dir+"/lib") != nil {
			t.Error("the working directory is granted whole")
		}
		for _, lib := range []string{"libinner.so", "libouter.so"} {
			if f := find(img, dir+"/lib/"+lib); f == nil || f.Dir || f.Need != Read {
				t.Errorf("%s: %+v", lib, f)
			}
		}
	})
	t.Run("HOME", func(t *testing.T) {
		copyFile("lib/libinner.so", "home/libinner.so")
		copyFile("lib/libouter.so", "home/lib/libouter.so")
		img := resolve(t, dir, "bin/plain", nil, "HOME="+dir+"/home", "LD_LIBRARY_PATH="+dir+"/home:"+dir+"/home/lib")
		if find(img, dir+"/home") != nil || find(img, dir+"/home/lib") == nil || find(img, dir+"/home/libinner.so") == nil {
			t.Errorf("%+v", img.Files)
		}
	})
	t.Run("symbolic links", func(t *testing.T) {
		os.MkdirAll(dir+"/links", 0o755)
		copyFile("lib/libinner.so", "real/libinner.so.1")
		copyFile("lib/libouter.so", "links/libouter.so.1")
		os.Symlink("libouter.so.1", dir+"/links/libouter.so")
		os.Symlink("../real/libinner.so.1", dir+"/links/libinner.so")
		img := resolve(t, dir, "bin/plain", nil, "LD_LIBRARY_PATH="+dir+"/links")
		if find(img, dir+"/links") == nil || find(img, dir+"/real/libinner.so.1") == nil || find(img, dir+"/real") != nil {
			t.Errorf("%+v", img.Files)
		}
		enforce(t, img, "LD_LIBRARY_PATH="+dir+"/links")
	})
	t.Run("nested", func(t *testing.T) {
		img := resolve(t, dir, "bin/plain", nil, "LD_LIBRARY_PATH="+dir+"/home/lib:"+dir+"/home:"+dir+"/lib/../lib")
		if find(img, dir+"/home") == nil || find(img, dir+"/home/lib") != nil || find(img, dir+"/lib") == nil {
			t.Errorf("%+v", img.Files)
		}
	})
	t.Run("LD_PRELOAD", func(t *testing.T) {
		env := []string{"LD_PRELOAD=" + dir + "/far/libinner.so libouter.so", "LD_AUDIT=" + dir + "/lib2/libouter.so", "LD_LIBRARY_PATH=" + dir + "/lib"}
		img := resolve(t, dir, "true", nil, append(env, "PATH=/usr/bin:/bin")...)
		if f := find(img, dir+"/far/libinner.so"); f == nil || f.Dir || !strings.Contains(f.Why, "LD_PRELOAD") {
			t.Errorf("%+v", img.Files)
		}
		if f := find(img, dir+"/lib2/libouter.so"); f == nil || f.Dir || !strings.Contains(f.Why, "LD_AUDIT") {
			t.Errorf("%+v", img.Files)
		}
		if find(img, dir+"/lib") == nil {
			t.Errorf("%+v", img.Files)
		}
	})
	t.Run("another machine first", func(t *testing.T) {
		write(t, dir+"/foreign/libouter.so", "not a library", 0o644)
		img := resolve(t, dir, "bin/plain", nil, "LD_LIBRARY_PATH="+dir+"/foreign:"+dir+"/lib")
		if !readable(img, dir+"/lib/libouter.so") {
			t.Errorf("%+v", img.Files)
		}
	})
	t.Run("missing library", func(t *testing.T) {
		resolve(t, dir, "bin/plain", nil) // ld.so says it
	})
	t.Run("script", func(t *testing.T) {
		write(t, dir+"/script", "#!"+dir+"/bin/rpath -x\n", 0o755)
		img := resolve(t, dir, "./script", nil)
		if find(img, dir+"/lib") == nil {
			t.Errorf("the libraries of the interpreter are missing: %+v", img.Files)
		}
		enforce(t, img)
	})
}

// install makes a directory a tree of installed software.
func install(t *testing.T, dir string) {
	t.Helper()
	before := installed
	installed = append(slices.Clone(installed), dir)
	t.Cleanup(func() { installed = before })
}

// TestWritten holds that a program that anybody may have written opens no
// directory by what it says of itself: only the libraries that it needs.
func TestWritten(t *testing.T) {
	need.Program(t, "gcc")
	dir := tempDir(t)
	write(t, dir+"/lib.c", "int extra(void) { return 0; }\n", 0o644)
	write(t, dir+"/main.c", "int extra(void); int main(void) { return extra(); }\n", 0o644)
	write(t, dir+"/key/id", "secret\n", 0o600)
	for _, d := range []string{"lib", "root/lib", "root/etc"} {
		os.MkdirAll(filepath.Join(dir, d), 0o755)
	}
	build(t, dir, "gcc", "-shared", "-fPIC", "-o", "lib/libextra.so", "lib.c", "-Wl,--enable-new-dtags,-rpath,"+dir+"/key")
	for name, flags := range map[string][]string{
		"runpath": {"-Wl,--enable-new-dtags,-rpath," + dir + "/key:" + dir + "/lib"},
		"rpath":   {"-Wl,--disable-new-dtags,-rpath," + dir + "/key:" + dir + "/lib"},
	} {
		build(t, dir, "gcc", append([]string{"-o", name, "main.c", "-Llib", "-lextra"}, flags...)...)
		img := resolve(t, dir, "./"+name, nil)
		for _, path := range []string{"/key", "/key/id", "/lib", ""} {
			if f := find(img, dir+path); f != nil {
				t.Errorf("%s: opened: %+v", name, f)
			}
		}
		if f := find(img, dir+"/lib/libextra.so"); f == nil || f.Dir {
			t.Errorf("%s: %+v", name, f)
		}
		enforce(t, img)
	}

	// Nor by an interpreter beside which libraries or a path lie.
	ldso, err := filepath.EvalSymlinks(resolve(t, "/", "true", nil, "PATH=/usr/bin:/bin").Interp)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(ldso)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/lib/ld.so", string(data), 0o755)
	build(t, dir, "gcc", "-o", "interp", "main.c", "-Llib", "-lextra", "-Wl,--dynamic-linker="+dir+"/lib/ld.so")
	if f := find(resolve(t, dir, "./interp", nil), dir+"/lib"); f != nil {
		t.Errorf("beside the interpreter: %+v", f)
	}
	arch := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	write(t, dir+"/root/lib/ld-musl-"+arch+".so.1", string(data), 0o755)
	write(t, dir+"/root/etc/ld-musl-"+arch+".path", dir+"/key:"+dir+"/lib\n", 0o644)
	build(t, dir, "gcc", "-o", "musl", "main.c", "-Llib", "-lextra", "-Wl,--dynamic-linker="+dir+"/root/lib/ld-musl-"+arch+".so.1")
	img := resolve(t, dir, "./musl", nil)
	if find(img, dir+"/key") != nil || find(img, dir+"/lib") != nil || find(img, dir+"/lib/libextra.so") == nil {
		t.Errorf("by a path of musl: %+v", img.Files)
	}
	if err := errors.Join(os.Remove(dir+"/root/etc/ld-musl-"+arch+".path"), os.Symlink(dir+"/key/id", dir+"/root/etc/ld-musl-"+arch+".path")); err != nil {
		t.Fatal(err)
	}
	if f := find(resolve(t, dir, "./musl", nil), dir+"/key/id"); f != nil {
		t.Errorf("as a path of musl: %+v", f)
	}
}

// TestMusl builds with Debian's musl, or with any musl-gcc.
func TestMusl(t *testing.T) {
	need.Program(t, "musl-gcc")
	dir := tempDir(t)
	install(t, dir)
	write(t, dir+"/hello.c", hello, 0o644)
	write(t, dir+"/lib.c", "int extra(void) { return 0; }\n", 0o644)
	write(t, dir+"/main.c", "int extra(void); int main(void) { return extra(); }\n", 0o644)
	build(t, dir, "musl-gcc", "-o", "hello", "hello.c")
	build(t, dir, "musl-gcc", "-static", "-o", "static", "hello.c")
	os.Mkdir(dir+"/lib", 0o755)
	build(t, dir, "musl-gcc", "-shared", "-fPIC", "-o", "lib/libextra.so", "lib.c")
	build(t, dir, "musl-gcc", "-o", "extra", "main.c", "-Llib", "-lextra", "-Wl,-rpath,$ORIGIN/lib")

	img := resolve(t, dir, "./hello", nil)
	if img.Kind != Dynamic || muslArch(img.Interp) == "" {
		t.Errorf("got %v, %q", img.Kind, img.Interp)
	}
	for _, f := range img.Files {
		if strings.Contains(f.Path, "ld.so.cache") || strings.Contains(f.Path, "linux-gnu") {
			t.Errorf("glibc's file is granted: %+v", f)
		}
	}
	enforce(t, img)
	if img := resolve(t, dir, "./static", nil); img.Kind == Dynamic || len(img.Files) != 1 {
		t.Errorf("%+v", img)
	}
	img = resolve(t, dir, "./extra", nil)
	if find(img, dir+"/lib") == nil {
		t.Errorf("%+v", img.Files)
	}
	enforce(t, img)
	img = resolve(t, dir, "./hello", nil, "LD_PRELOAD="+dir+"/lib/libextra.so")
	if find(img, dir+"/lib/libextra.so") == nil {
		t.Errorf("%+v", img.Files)
	}
	enforce(t, img, "LD_PRELOAD="+dir+"/lib/libextra.so")
}

// TestMuslPrefix needs no musl: only the names are looked at.
func TestMuslPrefix(t *testing.T) {
	need.Program(t, "gcc")
	dir := tempDir(t)
	install(t, dir)
	interp := dir + "/musl/lib/ld-musl-x86_64.so.1"
	write(t, dir+"/hello.c", hello, 0o644)
	write(t, dir+"/lib.c", "int extra(void) { return 0; }\n", 0o644)
	write(t, dir+"/main.c", "int extra(void); int main(void) { return extra(); }\n", 0o644)
	build(t, dir, "gcc", "-static", "-o", "ld", "hello.c")
	ld, err := os.ReadFile(dir + "/ld")
	if err != nil {
		t.Fatal(err)
	}
	write(t, interp, string(ld), 0o755)
	os.MkdirAll(dir+"/one", 0o755)
	os.MkdirAll(dir+"/two", 0o755)
	build(t, dir, "gcc", "-shared", "-fPIC", "-o", "two/libextra.so", "lib.c")
	build(t, dir, "gcc", "-o", "extra", "main.c", "-Ltwo", "-lextra", "-Wl,--dynamic-linker="+interp)
	path := write(t, dir+"/musl/etc/ld-musl-x86_64.path", dir+"/one:/nowhere\n"+dir+"/two\n", 0o644)

	img := resolve(t, dir, "./extra", nil)
	for _, want := range []string{path, dir + "/one", dir + "/two", interp} {
		if find(img, want) == nil {
			t.Errorf("%s is missing: %+v", want, img.Files)
		}
	}
	if find(img, canonical(ldSoCache)) != nil {
		t.Error("musl does not read ld.so.cache")
	}
}

func TestMuslNames(t *testing.T) {
	for interp, want := range map[string]string{
		"/lib/ld-musl-x86_64.so.1":                     "x86_64",
		"/lib/ld-musl-aarch64.so.1":                    "aarch64",
		"/lib64/ld-linux-x86-64.so.2":                  "",
		"/lib/ld-musl-":                                "",
		"/nix/store/x-musl-1.2/lib/ld-musl-s390x.so.1": "s390x",
	} {
		if got := muslArch(interp); got != want {
			t.Errorf("%s: got %q", interp, got)
		}
	}
	if got := muslPathFile("/lib/ld-musl-x86_64.so.1", "x86_64"); got != "/etc/ld-musl-x86_64.path" {
		t.Errorf("got %q", got)
	}
	for name, want := range map[string]bool{"libc.so": true, "libc.musl-x86_64.so.1": true, "libpthread.so.0": true, "libcrypto.so.3": false, "libz.so.1": false, "libm": false} {
		if got := muslOwn(name); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	dir := tempDir(t)
	if dirs, fromFile := muslPath(dir + "/none"); fromFile || strings.Join(dirs, ":") != muslDefault {
		t.Errorf("got %q, %v", dirs, fromFile)
	}
	if dirs, fromFile := muslPath(write(t, dir+"/empty", "", 0o644)); !fromFile || len(dirs) != 0 {
		t.Errorf("got %q, %v", dirs, fromFile)
	}
}

func TestSubstitute(t *testing.T) {
	for in, want := range map[string]string{
		"$ORIGIN":               "/o",
		"${ORIGIN}/x":           "/o/x",
		"$ORIGIN/$ORIGIN":       "/o//o",
		"$ORIGINAL:${ORIGINAL}": "$ORIGINAL:${ORIGINAL}",
		"$ORIGIN_x":             "$ORIGIN_x",
		"$":                     "$",
		"a$ORIGIN":              "a/o",
	} {
		if got := substitute(in, "ORIGIN", "/o"); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestWidth(t *testing.T) {
	s := &search{home: "/srv/people/ann"}
	for dir, want := range map[string]width{
		"/": single, "/etc": single, "/home": single, "/usr": single, "/usr/local": single,
		"/srv/people": single, "/srv/people/ann": single, "/srv/people/ann/lib": whole,
		"/lib": whenUsed, "/usr/lib": whenUsed, "/usr/lib64": whenUsed,
		"/usr/lib/x86_64-linux-gnu": whole, "/usr/local/lib": whole, "/opt/foo": whole,
	} {
		if got := s.width(dir); got != want {
			t.Errorf("%s: got %v, want %v", dir, got, want)
		}
	}
}

const sandboxed = "UNVEIL_TEST_FILES"

// targetEnv holds the environment of what the re-executed test binary runs.
const targetEnv = "UNVEIL_TEST_ENVIRONMENT"

// TestMain becomes the command itself, behind a Landlock ruleset of exactly
// the files in the environment: a sandbox cannot be taken off again.
func TestMain(m *testing.M) {
	list, ok := os.LookupEnv(sandboxed)
	if !ok {
		os.Exit(m.Run())
	}
	env := strings.Split(os.Getenv(targetEnv), "\n")
	runtime.LockOSThread()
	if err := restrict(strings.Split(list, "\n")); err != nil {
		os.Stderr.WriteString("restrict: " + err.Error() + "\n")
		os.Exit(99)
	}
	err := unix.Exec(os.Args[1], os.Args[2:], env)
	os.Stderr.WriteString("exec: " + err.Error() + "\n")
	os.Exit(98)
}

func restrict(list []string) error {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE}
	// The size of the first ABI, which every kernel with Landlock knows.
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), 8, 0)
	if errno != 0 {
		return errno
	}
	for _, line := range list {
		need, path, _ := strings.Cut(line, " ")
		file, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		rule := unix.LandlockPathBeneathAttr{Allowed_access: unix.LANDLOCK_ACCESS_FS_READ_FILE, Parent_fd: int32(file)}
		if need == Exec.String() {
			rule.Allowed_access |= unix.LANDLOCK_ACCESS_FS_EXECUTE
		}
		if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
			return errno
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// run executes the image with exactly these files granted.
func run(t testing.TB, img *Image, files []File, env ...string) ([]byte, error) {
	t.Helper()
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1); errno != 0 {
		need.Missing(t, "Landlock: %v", errno)
	}
	// The launcher's harmless set has it, and perl and git open it at once.
	lines := []string{Read.String() + " /dev/null"}
	for _, f := range files {
		lines = append(lines, f.Need.String()+" "+f.Path)
	}
	// The environment goes in a variable of its own: LD_PRELOAD would act on
	// the test binary, which is dynamic under the race detector.
	env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	cmd := &exec.Cmd{
		Path: "/proc/self/exe",
		Args: append([]string{"unveil-test", img.Path}, img.Argv...),
		Env:  []string{sandboxed + "=" + strings.Join(lines, "\n"), targetEnv + "=" + strings.Join(env, "\n")},
	}
	return cmd.CombinedOutput()
}

// enforce proves in the kernel that the files of an image are enough.
func enforce(t testing.TB, img *Image, env ...string) {
	t.Helper()
	if out, err := run(t, img, img.Files, env...); err != nil {
		t.Errorf("%q: %v\n%s%+v", img.Argv, err, out, img.Files)
	}
}

func TestEnforce(t *testing.T) {
	dir := tempDir(t)
	script := write(t, dir+"/script", "#!/bin/sh\n:\n", 0o755)
	viaEnv := write(t, dir+"/via-env", "#!/usr/bin/env sh\n:\n", 0o755)
	for _, argv := range [][]string{
		{"true"}, {"ls", "--version"}, {"cat", "--version"}, {"perl", "-e", "1"}, {"git", "--version"},
		{"sh", "-c", ":"}, {"/bin/bash", "-c", ":"}, {"gcc", "--version"}, {"env", "--version"},
		{script}, {viaEnv},
	} {
		img, err := Resolve(argv[0], argv[1:], environ("PATH=/usr/bin:/bin"), dir)
		if e, ok := err.(*Error); ok && e.NotFound {
			continue
		} else if err != nil {
			t.Error(err)
			continue
		}
		check(t, img)
		enforce(t, img)
	}
}

// TestEnforceControl takes one kind of file away: then the command fails, so
// the fence of the test stands.
func TestEnforceControl(t *testing.T) {
	img := resolve(t, "/", "true", nil, "PATH=/usr/bin:/bin")
	if len(img.Files) < 3 {
		t.Skip("true is not dynamic here")
	}
	for _, drop := range []func(File) bool{
		func(f File) bool { return f.Dir },
		func(f File) bool { return f.Why == "the command" },
		func(f File) bool { return strings.HasPrefix(f.Why, "ELF interpreter") },
	} {
		files := slices.DeleteFunc(slices.Clone(img.Files), drop)
		if _, err := run(t, img, files); err == nil {
			t.Errorf("it runs with only %+v", files)
		}
	}
}
