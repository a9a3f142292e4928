package unveil_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/need"
	"github.com/unveil-run/unveil-run/unveil"
)

// grow makes what the words name below dir, and the directories on the way:
// "d/" is a directory, "l -> target" a symbolic link, "h = f" a hard link of
// f, "p.elf" a program that exits with 0, "p|" a FIFO, all else a file that
// holds its own name.
func grow(dir string, words ...string) error {
	for _, w := range words {
		if link, target, ok := strings.Cut(w, " -> "); ok {
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				return err
			}
			continue
		}
		if link, target, ok := strings.Cut(w, " = "); ok {
			if err := os.Link(filepath.Join(dir, target), filepath.Join(dir, link)); err != nil {
				return err
			}
			continue
		}
		path := filepath.Join(dir, w)
		if strings.HasSuffix(w, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		var err error
		switch {
		case strings.HasSuffix(w, ".elf"):
			err = os.WriteFile(path, exitProgram(), 0o755)
		case strings.HasSuffix(w, "|"):
			err = unix.Mkfifo(path, 0o644)
		default:
			err = os.WriteFile(path, []byte(w), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exitProgram is a static ELF executable that exits with 0: the smallest
// thing that execve(2) takes, without an interpreter that needs rights too.
func exitProgram() []byte {
	code := []byte{0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05} // xor edi, edi; mov eax, SYS_exit; syscall
	machine := uint16(62)                                     // EM_X86_64
	if runtime.GOARCH == "arm64" {
		code = []byte{0, 0, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4} // mov x0, 0; mov x8, SYS_exit; svc 0
		machine = 183                                                          // EM_AARCH64
	}
	const base, head = 0x400000, 64 + 56
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			binary.Write(&b, binary.LittleEndian, v)
		}
	}
	put([16]byte{0x7f, 'E', 'L', 'F', 2, 1, 1}, uint16(2), machine, uint32(1), uint64(base+head), uint64(64), uint64(0),
		uint32(0), uint16(64), uint16(56), uint16(1), uint16(0), uint16(0), uint16(0))
	put(uint32(1), uint32(5), uint64(0), uint64(base), uint64(base), uint64(head+len(code)), uint64(head+len(code)), uint64(0x10000))
	b.Write(code)
	return b.Bytes()
}

// newTree makes a tree in a directory of the test, which every user may
// enter, and returns its canonical name.
func newTree(t testing.TB, words ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "unveil")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := grow(dir, words...); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newest is a kernel that can do everything; what is compiled for it does
// not depend on the machine.
var newest = unveil.Options{Kernel: kernel.Landlock(kernel.Newest), Kinds: unveil.All}

// in is newest with a directory where relative paths start.
func in(dir string) unveil.Options {
	o := newest
	o.Dir = dir
	return o
}

// ruleSet reads words of the form PATH:LETTERS.
func ruleSet(words ...string) (*unveil.Rules, error) {
	var r unveil.Rules
	for _, w := range words {
		path, l, err := unveil.ParseRule(w)
		if err != nil {
			return nil, err
		}
		if err := r.Add(unveil.Entry{Path: path, Letters: l}); err != nil {
			return nil, err
		}
	}
	return &r, nil
}

// compile compiles words that must be good, and closes the plan with the test.
func compile(t testing.TB, o unveil.Options, words ...string) *unveil.Plan {
	t.Helper()
	p, err := tryCompile(t, o, words...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tryCompile(t testing.TB, o unveil.Options, words ...string) (*unveil.Plan, error) {
	t.Helper()
	r, err := ruleSet(words...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Compile(o)
	if (p == nil) != (err != nil) {
		t.Fatalf("a plan %v beside the error %v", p, err)
	}
	if p != nil {
		t.Cleanup(func() { p.Close() })
	}
	return p, err
}

// Rights that tests ask for by the letter: on a directory, for the newest
// kernel, without REFER, which Plan.Access leaves out.
func rights(perms string) unveil.Access {
	l, err := unveil.ParseLetters(perms)
	if err != nil {
		panic(err)
	}
	return l.Access() &^ unveil.Refer
}

// onFile holds what a rule on a file may have.
const onFile = unveil.Execute | unveil.WriteFile | unveil.ReadFile | unveil.Truncate | unveil.IoctlDev | unveil.ResolveUnix

// wantAccess compares what a plan grants, path by path below dir.
func wantAccess(t testing.TB, p *unveil.Plan, dir string, want map[string]unveil.Access) {
	t.Helper()
	for path, a := range want {
		if got := p.Access(filepath.Join(dir, path)); got != a {
			t.Errorf("%s: %s, want %s", path, got, a)
		}
	}
}

// wantNotices holds that the plan has one notice for each text, which
// contains it.
func wantNotices(t testing.TB, p *unveil.Plan, texts ...string) {
	t.Helper()
	if len(p.Notices) != len(texts) {
		t.Errorf("%d notices, want %d:\n%s", len(p.Notices), len(texts), strings.Join(p.Notices, "\n"))
		return
	}
	for i, text := range texts {
		if !strings.Contains(p.Notices[i], text) || strings.HasSuffix(p.Notices[i], ".") {
			t.Errorf("notice %q, want one with %q", p.Notices[i], text)
		}
	}
}

// openFDs counts the descriptors of the process.
func openFDs(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		need.Missing(t, "/proc: %v", err)
	}
	return len(list)
}
