//go:build cgo && linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// nobody is who the cases run as a second time, when the tests run as root.
const nobody = 65534

// A build is one way to get the library into a program.
type build struct {
	name   string
	cc     []string // and its flags
	lib    string   // directory of the library, below the root of the built
	static bool
	needs  string // the compiler, where it may be missing
}

var builds = []build{
	{name: "so", cc: []string{"gcc"}, lib: "make"},
	{name: "a", cc: []string{"gcc", "-static"}, lib: "make", static: true},
	{name: "c-shared", cc: []string{"gcc"}, lib: "go"},
	{name: "musl-so", cc: []string{"musl-gcc"}, lib: "make", needs: "musl-gcc"},
	{name: "musl-a", cc: []string{"musl-gcc", "-static"}, lib: "make", static: true, needs: "musl-gcc"},
}

// programs are those of ctest that have cases of the library alone.
var programs = []string{
	"abilities", "forks", "innocent", "load", "pledge", "pledge_exec", "pledge_violation", "surroundings", "threads",
	"unveil", "unveil_access", "unveil_exec", "unveil_promises",
}

// TestPrograms holds that no source with cases is left out.
func TestPrograms(t *testing.T) {
	files, err := filepath.Glob("ctest/*.c")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("main(argc, argv, cases)")) && f != "ctest/compat.c" { // which TestCompat runs
			found = append(found, strings.TrimSuffix(filepath.Base(f), ".c"))
		}
	}
	if !slices.Equal(found, programs) {
		t.Errorf("programs with cases: %q, not %q", found, programs)
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// library builds the library both ways, where everybody can read it.
func library(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "unveil-ctest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{dir, dir + "/make", dir + "/go"} {
		os.Mkdir(d, 0o755)
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := made.Read("ctest/*.[ch]"); err != nil {
		t.Fatal(err)
	}
	if err := made.Build(dir+"/make", "libunveil.so.0", "libunveil.a", "libunveil-compat.so.0"); err != nil {
		t.Fatal(err)
	}
	// Beside both: it is tried with each.
	run(t, "sh", "-c", "mv "+dir+"/make/libunveil-compat.so* "+dir)
	run(t, "go", "build", "-buildmode=c-shared", "-o", dir+"/go/libunveil.so", ".")
	return dir
}

// compile builds a program of ctest and returns its path. before are the
// linker's arguments in front of the library.
func (b *build) compile(t *testing.T, dir, program string, before ...string) string {
	t.Helper()
	out := filepath.Join(dir, b.name+"-"+program)
	args := append(slices.Clone(b.cc), "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-I.", "-Ictest", "-o", out, "ctest/"+program+".c")
	if b.static {
		args = append(args, dir+"/"+b.lib+"/libunveil.a", "-lpthread")
	} else {
		args = append(args, "-L"+dir+"/"+b.lib, "-Wl,-rpath,"+dir+"/"+b.lib, "-Wl,--no-as-needed")
		args = append(append(args, before...), "-lunveil", "-lpthread")
	}
	run(t, args[0], args[1:]...)
	return out
}

// TestC runs every case of ctest with each build of the library, as root and
// as nobody.
func TestC(t *testing.T) {
	dir := library(t)
	probe := builds[0].compile(t, dir, "probe")
	for _, b := range builds {
		t.Run(b.name, func(t *testing.T) {
			if b.needs != "" {
				if _, err := exec.LookPath(b.needs); err != nil {
					need.Missing(t, "%s", b.needs)
				}
			}
			for _, program := range programs {
				path := b.compile(t, dir, program)
				users := []int{os.Getuid()}
				if os.Getuid() == 0 {
					users = append(users, nobody)
				}
				for _, uid := range users {
					t.Run(fmt.Sprintf("%s/uid%d", program, uid), func(t *testing.T) {
						cases(t, path, uid, "CT_PROBE="+probe, "CT_CHILDREN="+children(b, uid))
					})
				}
			}
		})
	}
}

// TestAbilities runs the cases of what each ABI of Landlock brought under
// every one of them up to the kernel's own.
func TestAbilities(t *testing.T) {
	path := builds[0].compile(t, library(t), "abilities")
	users := []int{os.Getuid()}
	if os.Getuid() == 0 {
		users = append(users, nobody)
	}
	for _, n := range shimtest.ABIs(t) {
		for _, uid := range users {
			t.Run(fmt.Sprintf("ABI %d/uid%d", n, uid), func(t *testing.T) {
				casesOf(t, shimtest.Command(t, n, path).Args, uid)
			})
		}
	}
}

// children is how many children pledge: all of the promise that none hangs
// for the library that is installed, fewer for the others.
func children(b build, uid int) string {
	if b.name == "so" && uid == os.Getuid() && !testing.Short() {
		return "20000"
	}
	return "1000"
}

// cases runs a program and makes a test of each line that it reports.
func cases(t *testing.T, path string, uid int, env ...string) {
	t.Helper()
	casesOf(t, []string{path}, uid, env...)
}

func casesOf(t *testing.T, argv []string, uid int, env ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"}, env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if uid != os.Getuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	err := cmd.Run()
	n, bad := 0, false
	for lines := bufio.NewScanner(&stdout); lines.Scan(); n++ {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "ok "); ok {
			t.Run(name, func(t *testing.T) {})
		} else if rest, ok := strings.CutPrefix(line, "skip "); ok {
			name, why, _ := strings.Cut(rest, "\t")
			t.Run(name, func(t *testing.T) {
				if why == "needs root" && uid != 0 || strings.HasPrefix(why, "musl ") {
					t.Skip(why)
				}
				need.Missing(t, "%s", why)
			})
		} else {
			bad = true
			name, why, _ := strings.Cut(strings.TrimPrefix(line, "not ok "), "\t")
			t.Run(name, func(t *testing.T) { t.Error(why) })
		}
	}
	if err != nil && !bad || n == 0 {
		t.Errorf("%v after %d cases\n%s", err, n, stderr.String())
	}
}

// shown are the names that the library exports: those of libunveil.map.
var shown = []string{
	"execl", "execle", "execlp", "execv", "execve", "execveat", "execvp", "execvpe", "fexecve", "fork",
	"issetugid", "pledge", "popen", "posix_spawn", "posix_spawnp", "system", "unveil", "unveil_hides", "vfork",
}

// TestObject looks at the library itself.
func TestObject(t *testing.T) {
	path := library(t) + "/make/libunveil.so"
	object(t, path, "libunveil.so.0", shown)
}

// TestArm64Object looks at the library as it is cross-built. Some kernels of
// arm64 have pages of 64 KB, where ld.so takes no segment that is aligned to less.
func TestArm64Object(t *testing.T) {
	const prefix = "aarch64-linux-gnu-"
	if _, err := exec.LookPath(prefix + "gcc"); err != nil {
		need.Missing(t, "%sgcc", prefix)
	}
	path := t.TempDir() + "/libunveil.so"
	run(t, "make", "-s", "-C", "..", "LIB_BUILD="+filepath.Dir(path), "CC="+prefix+"gcc", path)
	object(t, path, "libunveil.so.0", shown)
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_AARCH64 {
		t.Fatalf("built for %v", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && (p.Align < 64<<10 || p.Off%p.Align != p.Vaddr%p.Align) {
			t.Errorf("a segment at %#x of the file is to be at %#x, aligned to %#x", p.Off, p.Vaddr, p.Align)
		}
	}
}

// compatShown are the names that libunveil-compat exports: those of its map.
var compatShown = []string{
	"__open64_2", "__open_2", "__openat64_2", "__openat_2", "bind", "connect", "creat", "creat64",
	"execl", "execle", "execv", "execve", "execveat", "fopen", "fopen64", "freopen", "freopen64",
	"link", "linkat", "mkdir", "mkdirat", "mkfifo", "mkfifoat", "mknod", "mknodat",
	"open", "open64", "openat", "openat64", "opendir", "posix_spawn", "rename", "renameat", "renameat2", "rmdir",
	"symlink", "symlinkat", "truncate", "truncate64", "unlink", "unlinkat",
}

// TestCompatObject looks at libunveil-compat as TestObject does at the library.
func TestCompatObject(t *testing.T) {
	object(t, library(t)+"/libunveil-compat.so", "libunveil-compat.so.0", compatShown)
}

// TestCompat runs the cases of libunveil-compat with each shared library,
// linked in front of it, and preloaded into a program that knows nothing of it.
func TestCompat(t *testing.T) {
	dir := library(t)
	for _, b := range builds {
		if b.static {
			continue // it stands in front of functions, which a static program has inside
		}
		for _, preloaded := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/preloaded=%t", b.name, preloaded), func(t *testing.T) {
				if b.needs != "" {
					if _, err := exec.LookPath(b.needs); err != nil {
						need.Missing(t, "%s", b.needs)
					}
				}
				before := []string{"-L" + dir, "-Wl,-rpath," + dir, "-lunveil-compat"}
				var env []string
				if preloaded {
					before, env = nil, []string{"LD_PRELOAD=" + dir + "/libunveil-compat.so"}
				}
				path := b.compile(t, dir, "compat", before...)
				users := []int{os.Getuid()}
				if os.Getuid() == 0 {
					users = append(users, nobody)
				}
				for _, uid := range users {
					t.Run(fmt.Sprintf("uid%d", uid), func(t *testing.T) { cases(t, path, uid, env...) })
				}
			})
		}
	}
}

// TestCompatAlone starts a program without libunveil with it: nothing changes.
func TestCompatAlone(t *testing.T) {
	dir := library(t)
	for _, c := range []struct{ name, want string }{
		{"/usr/bin/env", "LD_PRELOAD=" + dir + "/libunveil-compat.so\n"},
		{"/bin/cat", "cat: /proc/nothing: No such file or directory\n"},
	} {
		cmd := exec.Command(c.name)
		if c.name == "/bin/cat" {
			cmd.Args = append(cmd.Args, "/proc/nothing")
		}
		cmd.Env = []string{"LD_PRELOAD=" + dir + "/libunveil-compat.so"}
		out, _ := cmd.CombinedOutput()
		if got := strings.TrimPrefix(string(out), "/bin/"); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

// object looks at a shared object: it has a name, exports what it is to and
// needs nothing.
func object(t *testing.T, path, soname string, shown []string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	t.Logf("%d bytes", info.Size())
	most := int64(64 << 10)
	if f.Machine == elf.EM_AARCH64 {
		most += 4 << 10 // what the loader protects ends with a page, behind which the headers of sections come
	}
	if info.Size() > most {
		t.Errorf("%d bytes, more than %d", info.Size(), most)
	}
	if needed, err := f.ImportedLibraries(); err != nil || len(needed) != 0 {
		t.Errorf("NEEDED %v %v", needed, err)
	}
	if name, err := f.DynString(elf.DT_SONAME); err != nil || !slices.Equal(name, []string{soname}) {
		t.Errorf("SONAME %v %v", name, err)
	}
	if text, _ := f.DynValue(elf.DT_TEXTREL); len(text) != 0 {
		t.Error("its text is relocated")
	}
	for _, p := range f.Progs {
		if p.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X {
			t.Errorf("%v is writable and executable", p.Type)
		}
		if p.Type == elf.PT_TLS {
			t.Error("it has memory of threads, which dlopen(3) of musl refuses")
		}
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var exported []string
	for _, s := range symbols {
		switch {
		case elf.ST_TYPE(s.Info) == elf.STT_SECTION:
		case s.Section != elf.SHN_UNDEF:
			exported = append(exported, s.Name)
		case elf.ST_BIND(s.Info) != elf.STB_WEAK:
			t.Errorf("%s is undefined, and not weak", s.Name)
		}
	}
	slices.Sort(exported)
	if !slices.Equal(exported, shown) {
		t.Errorf("exports %v, not %v", exported, shown)
	}
}

// TestArchive has a program define names that the files of the library share.
func TestArchive(t *testing.T) {
	dir := library(t)
	source := dir + "/own.c"
	text := "#include \"unveil.h\"\nint answer, now, seal, kernel_abi, words_parse, threads_apply;\nint main(void) { return pledge(\"stdio\", 0); }\n"
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "gcc", "-Wall", "-Werror", "-I.", "-o", dir+"/own", source, dir+"/make/libunveil.a")
	run(t, dir+"/own")
}

// TestSetID holds that a program with more rights than who starts it does not
// listen to his environment.
func TestSetID(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir := library(t)
	path := builds[1].compile(t, dir, "probe")
	for _, c := range []struct {
		name string
		mode os.FileMode
		want string
	}{
		{"as it is", 0o755, "exit status 0"},
		{"set-uid", 0o755 | os.ModeSetuid, "signal: aborted"},
		{"set-gid", 0o755 | os.ModeSetgid, "signal: aborted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, "violate")
			cmd.Env = []string{"UNVEIL_VIOLATION=errno"}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			out, _ := cmd.CombinedOutput()
			if got := strings.TrimSuffix(cmd.ProcessState.String(), " (core dumped)"); got != c.want {
				t.Errorf("%s, not %s: %s", got, c.want, out)
			}
		})
	}
}

// TestUndefined runs what is said of pledge(2) with a library that ends by
// SIGILL where C does not say what happens.
func TestUndefined(t *testing.T) {
	dir := library(t)
	probe := builds[0].compile(t, dir, "probe")
	run(t, "make", "-C", "..", "LIB_BUILD="+dir+"/traps", "CFLAGS=-fsanitize=undefined -fsanitize-undefined-trap-on-error", dir+"/traps/libunveil.so")
	run(t, "cp", dir+"/traps/libunveil.so", dir+"/make/libunveil.so")
	for _, program := range []string{"pledge", "pledge_exec", "pledge_violation"} {
		t.Run(program, func(t *testing.T) {
			cases(t, builds[0].compile(t, dir, program), os.Getuid(), "CT_PROBE="+probe)
		})
	}
}

// TestManuals lints the manual pages, and holds their errors against those of
// the header.
func TestManuals(t *testing.T) {
	header, err := os.ReadFile("unveil.h")
	if err != nil {
		t.Fatal(err)
	}
	comments := regexp.MustCompile(`(?s)/\*.*?\*/\s*int \((\w+)\)\(`).FindAllSubmatch(header, -1)
	if len(comments) != 3 {
		t.Fatalf("%d functions with comments in unveil.h", len(comments))
	}
	for _, c := range comments {
		name := strings.TrimSuffix(string(c[1]), "_hides") + ".3"
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, list, _ := strings.Cut(string(page), "\n.Sh ERRORS\n")
		list, _, _ = strings.Cut(list, "\n.Sh ")
		// The last comment in front of the function: an earlier one may be in the match.
		text := c[0][bytes.LastIndex(c[0], []byte("/*")):]
		for _, errno := range regexp.MustCompile(`\bE[A-Z0-9]{3,}\b`).FindAllString(string(text), -1) {
			if !strings.Contains(list, errno) {
				t.Errorf("%s does not list %s, which unveil.h does", name, errno)
			}
		}
		if _, err := exec.LookPath("mandoc"); err != nil {
			need.Missing(t, "mandoc")
		}
		if out, err := exec.Command("mandoc", "-Tlint", "-W", "warning", name).CombinedOutput(); err != nil || len(out) != 0 {
			t.Errorf("mandoc %s: %v\n%s", name, err, out)
		}
	}
}
