package unveil_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
	"github.com/unveil-run/unveil-run/unveil"
)

// limitFiles lets the test have n descriptors.
func limitFiles(t *testing.T, n uint64) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if n > was.Max {
		need.Missing(t, "%d open files, the limit is %d", n, was.Max)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &was) })
}

// TestMaxExpansion: 4,096 neighbours are granted, over all entries together,
// and one more is an error that names both entries.
func TestMaxExpansion(t *testing.T) {
	dir := newTree(t, "a/hidden/", "b/hidden/")
	for i := range unveil.MaxExpansion / 2 {
		for _, top := range []string{"a", "b"} {
			if err := os.Mkdir(fmt.Sprintf("%s/%s/%d", dir, top, i), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	limitFiles(t, unveil.MaxExpansion+256)
	before := openFDs(t)
	words := []string{"a:r", "b:r", "a/hidden:", "b/hidden:"}
	p := compile(t, in(dir), words...)
	wantAccess(t, p, dir, map[string]unveil.Access{"a": 0, "a/0": rights("r"), "b/2047": rights("r"), "b/hidden": 0})
	p.Close()

	// Neighbours that get no rule do not count.
	if err := grow(dir, "b/link -> 0"); err != nil {
		t.Fatal(err)
	}
	compile(t, in(dir), words...).Close()

	if err := grow(dir, "b/more/"); err != nil {
		t.Fatal(err)
	}
	_, err := tryCompile(t, in(dir), words...)
	var pe *unveil.PathError
	if !errors.As(err, &pe) || pe.Reason != unveil.TooMany || pe.Path != "b/hidden" || pe.Other != "b" || !errors.Is(err, unix.E2BIG) {
		t.Errorf("%#v", err)
	} else {
		checkSpeech(t, err)
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// TestOutOfDescriptors: wherever the last one is taken, the error says so,
// and all are given back.
func TestOutOfDescriptors(t *testing.T) {
	dir := newTree(t, "a/b/hidden", "a/b/1/", "a/b/2/", "a/3/", "a/4", "c/f", "link -> c/gone")
	words := []string{"a:rw", "a/b/hidden:", "c/f:r", "gone:r", "link:x", "a/b/1:r"}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	before := openFDs(t)
	// The lowest free number is what the limit is about.
	lowest, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(lowest)
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
	failed := 0
	for n := uint64(lowest); ; n++ {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: was.Max}); err != nil {
			t.Fatal(err)
		}
		p, err := tryCompile(t, in(dir), words...)
		unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
		if err == nil {
			wantAccess(t, p, dir, map[string]unveil.Access{"a": unveil.ReadDir, "a/b/hidden": 0, "a/b/2": rights("rw"), "a/3": rights("rw")})
			p.Close()
			break
		}
		failed++
		if !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "too many open files") {
			t.Errorf("limit %d: %v", n, err)
		}
		if after := openFDs(t); after != before {
			t.Fatalf("limit %d: %d descriptors, %d before", n, after, before)
		}
	}
	if failed < 8 {
		t.Errorf("only %d limits were too low", failed)
	}
}

// TestUnlistable: neighbours that cannot be seen stay closed, with a notice.
func TestUnlistable(t *testing.T) { everyUser(t, "unlistable") }

func init() {
	scenes["unlistable"] = func(s *scene) {
		if os.Getuid() == 0 {
			return // root lists everything
		}
		s.grow("top/blind/deep/f", "top/blind/beside/f", "top/closed/deep/f", "top/f")
		s.must(os.Chmod(s.dir+"/top/blind", 0o311))
		s.must(os.Chmod(s.dir+"/top/closed", 0o644))
		defer os.Chmod(s.dir+"/top/blind", 0o755)
		defer os.Chmod(s.dir+"/top/closed", 0o755)
		p := s.compile(in(s.dir), "top:r", "top/blind/deep:")
		if a := p.Access(s.dir + "/top/blind/beside/f"); a != 0 {
			s.errorf("what cannot be listed has %s", a)
		}
		if a := p.Access(s.dir + "/top/f"); a != unveil.ReadFile {
			s.errorf("the file beside has %s", a)
		}
		if all := strings.Join(p.Notices, "\n"); !strings.Contains(all, `/top/blind" cannot be listed, so that what is in it stays closed`) {
			s.errorf("notices: %s", all)
		}
		p.Close()
		// An entry that cannot be reached is no missing one.
		_, err := s.tryCompile(in(s.dir), "top/closed/deep:r")
		if !errors.Is(err, unix.EACCES) {
			s.errorf("an unsearchable directory: %v", err)
		}
		_, err = s.tryCompile(in(s.dir), "top/closed/new/x:rwc")
		if !errors.Is(err, unix.EACCES) {
			s.errorf("a name in an unsearchable directory: %v", err)
		}
	}
}
