package pledge

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// imageTrials are what cgo/ctest/image.c tries: without a filter, bound to its
// image, and with the next image bound to "stdio rpath". What works without a
// filter and not with it is what the filter holds.
const imageTrials = `
socket                           | works  | EPERM  | EPERM
socket of a child                | works  | EPERM  | EPERM
clock of the vdso                | works  | works  | works
end of a text                    | works  | EPERM  | EPERM
32-bit call                      | works  | EPERM  | EPERM
growing memory                   | works  | works  | works
moving memory to an address      | works  | EACCES | EACCES
moving text                      | works  | EACCES | EACCES
moving text to an address        | works  | EACCES | EACCES
moving text by a tagged address  | EACCES | EACCES | EACCES
copying shared text              | works  | EACCES | EACCES
leaving text behind              | works  | EACCES | EACCES
anonymous code                   | works  | EACCES | EACCES
code of a file                   | works  | EACCES | EACCES
memory made code                 | works  | EACCES | EACCES
memory made code by a key        | works  | EACCES | EACCES
shared code                      | works  | ENOSYS | ENOSYS
a library                        | works  | EACCES | EACCES
personality                      | works  | EPERM  | EPERM
ptrace                           | works  | EPERM  | EPERM
remap_file_pages                 | works  | ENOSYS | ENOSYS
process_vm_writev                | works  | EPERM  | EPERM
a vdso elsewhere                 | works  | EINVAL | EINVAL
a segment with a base            | works  | ENOSYS | ENOSYS
a 32-bit image                   | works  | works  | killed
next socket                      | works  | works  | EPERM
next open                        | works  | works  | works
next create                      | ENOENT | ENOENT | EACCES
next anonymous code              | works  | works  | EACCES
next code of a file              | works  | works  | works
next kill itself                 | works  | works  | works
next kill its group              | ESRCH  | ESRCH  | EPERM
the next image                   | works  | works  | works`

// ofAMD64 are the trials of amd64 alone.
var ofAMD64 = map[string]bool{"end of a text": true, "32-bit call": true, "a vdso elsewhere": true, "a segment with a base": true, "a 32-bit image": true}

// envTools names a directory with the program ready, for machines without a
// compiler.
const envTools = "UNVEIL_RUN_TOOLS"

// freeOnARM64 works there without a filter: its kernels take an address with a
// tag for that without.
const freeOnARM64 = "moving text by a tagged address"

// absent is what trials come to without a filter on a kernel that has no such
// thing: 32-bit programs, keys of memory (arm64 before 6.12), MREMAP_DONTUNMAP
// of a file (before 5.13).
var absent = map[string]string{"a 32-bit image": "no exec", "memory made code by a key": "ENOSYS", "leaving text behind": "EINVAL"}

// newImage compiles cgo/ctest/image.c and returns a function that runs it.
func newImage(t *testing.T) func(args ...string) string {
	t.Helper()
	if mode, err := os.ReadFile("/proc/sys/kernel/randomize_va_space"); err != nil || mode[0] == '0' {
		need.Missing(t, "addresses at random, by which images are told apart")
	}
	program := filepath.Join(os.Getenv(envTools), "image")
	if os.Getenv(envTools) == "" {
		program = build(t, compiler(t), nil, append([]string{"ctest/image.c", "image.c"}, made.FilterSources...)...)
	}
	return func(args ...string) string {
		t.Helper()
		out, err := exec.Command("timeout", append([]string{"20", program}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("image %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
}

// TestCImage binds a C program to its image on the running kernel, and tries
// the ways out.
func TestCImage(t *testing.T) {
	image := newImage(t)
	if got := image("unbound", "nothing"); got != "nothing: bound\n" {
		t.Fatal(got)
	}
	results := func(args ...string) map[string]string {
		m := map[string]string{}
		for _, line := range strings.Split(strings.TrimSpace(image(args...)), "\n") {
			name, result, ok := strings.Cut(line, ": ")
			if !ok || m[name] != "" {
				t.Fatalf("%s: line %q", args, line)
			}
			m[name] = result
		}
		return m
	}
	control, bound, next := results("control"), results("bound"), results("next", "stdio rpath")
	tried := 0
	for _, line := range strings.Split(strings.TrimSpace(imageTrials), "\n") {
		f := strings.Split(line, "|")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if ofAMD64[f[0]] && runtime.GOARCH != "amd64" {
			continue
		}
		tried++
		if f[0] == freeOnARM64 && runtime.GOARCH == "arm64" {
			f[1] = "works"
		}
		if control[f[0]] != f[1] {
			if why := absent[f[0]]; why != "" && control[f[0]] == why {
				t.Logf("this kernel has none: %s", f[0])
				delete(control, f[0])
				continue
			}
			t.Errorf("%s: without a filter %s, want %s", f[0], control[f[0]], f[1])
		}
		if bound[f[0]] != f[2] {
			t.Errorf("%s: bound %s, want %s", f[0], bound[f[0]], f[2])
		}
		if next[f[0]] != f[3] {
			t.Errorf("%s: with the next image bound %s, want %s", f[0], next[f[0]], f[3])
		}
		delete(control, f[0])
	}
	for name := range control {
		t.Errorf("%s is tried, and nothing expected of it", name)
	}
}

// TestCRanges holds that the executable mappings are read as they are, and
// where an image cannot be bound, that this is said.
func TestCRanges(t *testing.T) {
	image := newImage(t)
	if got := image("unbound", "nothing"); got != "nothing: bound\n" {
		t.Fatal(got)
	}
	for range 20 { // at other addresses each time
		if got := image("maps"); got != "maps: all\n" {
			t.Error(got)
		}
	}
	for _, what := range []string{"writable", "anonymous", "growing", "implied", "norandom", "stack"} {
		if got := image("unbound", what); got != what+": EOPNOTSUPP\n" {
			t.Error(got)
		}
	}
}
