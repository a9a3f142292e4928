package unveil_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// TestUnnamed: objects that a descriptor leads to and no name.
func TestUnnamed(t *testing.T) {
	dir := newTree(t, "gone", "gonedir/", "two", "keep (deleted)/f", "open/f")
	if err := grow(dir, "open/other = two"); err != nil {
		t.Fatal(err)
	}
	hold := func(path string) string {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fmt.Sprintf("/proc/self/fd/%d", fd)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	pipe := fmt.Sprintf("/proc/self/fd/%d", r.Fd())
	file, gone, two := hold(dir+"/gone"), hold(dir+"/gonedir"), hold(dir+"/two")
	for _, name := range []string{"gone", "gonedir", "two"} {
		if err := os.Remove(dir + "/" + name); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		word   string
		reason unveil.Reason // 0: a notice and no rule
	}{
		{pipe + ":r", 0},
		{file + ":rw", 0},
		{pipe + ":", unveil.Outside},
		{file + ":", unveil.Outside},
		{gone + ":r", unveil.Outside},
		{gone + ":", unveil.Outside},
	} {
		p, err := tryCompile(t, in(dir), c.word)
		if c.reason == 0 {
			if err != nil {
				t.Errorf("%s: %v", c.word, err)
				continue
			}
			wantNotices(t, p, "has no name in the file tree, so that it gets no rule")
			if strings.Contains(p.String(), "path ") {
				t.Errorf("%s:\n%s", c.word, p)
			}
			continue
		}
		var pe *unveil.PathError
		if !errors.As(err, &pe) || pe.Reason != c.reason || !errors.Is(err, unix.EXDEV) {
			t.Errorf("%s: %#v", c.word, err)
			continue
		}
		checkSpeech(t, err)
	}

	// A directory may be called so.
	p := compile(t, in(dir), "keep (deleted):r", "open:rw")
	wantAccess(t, p, dir, map[string]unveil.Access{"keep (deleted)/f": unveil.ReadFile, ".": 0})

	// Removed under one name, there under another: it is hidden there too, or
	// it is an error.
	p, err = tryCompile(t, in(dir), "open:rw", "open/f:", two+":")
	if err == nil {
		wantAccess(t, p, dir, map[string]unveil.Access{"open/other": 0, "open/f": 0})
	}
}

// TestWithoutProc: where /proc is not mounted, names are found by walking,
// and the plan is the same.
func TestWithoutProc(t *testing.T) { ownMounts(t, "without proc") }

func init() {
	scenes["without proc"] = func(s *scene) {
		s.grow("top/way/hidden/f", "top/way/g", "top/g", "link -> top/way/hidden", "file", "dangling -> top/new")
		s.must(os.Chdir(s.dir + "/top"))
		o := in(s.dir)
		o.Create = true
		plan := func() string {
			p := s.compile(o, "top:rwc", "link:", "file:r", "dangling:r", "gone:rwc", "./top/way/g:rw")
			defer p.Close()
			q := s.compile(newest, ".:r", "way/hidden:", "../file:w")
			defer q.Close()
			for path, want := range map[string]unveil.Access{"way": 0, "g": unveil.ReadFile, "way/hidden/f": 0, "../file": rights("w") & onFile} {
				if got := q.Access(path); got != want {
					s.errorf("%s: %s, want %s", path, got, want)
				}
			}
			return p.String() + strings.Join(p.Notices, "\n") + q.String() + strings.Join(q.Notices, "\n")
		}
		with := plan()
		s.must(unix.Mount("tmpfs", "/proc", "tmpfs", 0, ""))
		if _, err := os.Stat("/proc/self"); err == nil {
			s.errorf("/proc is still there")
		}
		if without := plan(); without != with {
			s.errorf("without /proc:\n%s\nwith it:\n%s", without, with)
		}
	}
}
