package unveil_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// TestBindMounts compiles where one directory has two names, and holds the
// plan against the kernel there.
func TestBindMounts(t *testing.T) {
	ownMounts(t, "bind mounts")
}

func init() {
	scenes["bind mounts"] = func(s *scene) {
		s.grow("a/sub/secret/f", "a/sub/g", "a/open/f", "b/", "top/way/secret/f", "top/way/g", "top/again/", "top/g", "q/secret", "q/g", "top/q/")
		bind := func(from, to string) {
			s.must(unix.Mount(filepath.Join(s.dir, from), filepath.Join(s.dir, to), "", unix.MS_BIND, ""))
		}
		bind("a", "b")
		bind("top/way", "top/again")
		bind("q", "top/q")
		defer func() {
			for _, d := range []string{"b", "top/again", "top/q"} {
				unix.Unmount(filepath.Join(s.dir, d), unix.MNT_DETACH)
			}
		}()

		for _, c := range []struct {
			words       []string
			path, other string // of the error
		}{
			{[]string{"a:r", "b/sub/secret:"}, "b/sub/secret", "a"},
			{[]string{"b/sub/secret:", "a:r"}, "b/sub/secret", "a"},
			{[]string{"a/sub:r", "b/sub/secret:"}, "b/sub/secret", "a/sub"},
			{[]string{"a:rwc", "b/sub:r"}, "b/sub", "a"},
			{[]string{"a:rw", "b:rw", "a/sub:r"}, "a/sub", "b"},
			{[]string{"a:rw", "b/gone:"}, "b/gone", "a"},
			{[]string{"top:rw", "top/way/secret:", "top/again:r"}, "top/way/secret", "top/again"},
		} {
			p, err := s.tryCompile(in(s.dir), c.words...)
			s.Checks++
			var pe *unveil.PathError
			if !errors.As(err, &pe) || pe.Reason != unveil.Aliased || pe.Path != c.path || pe.Other != c.other || !errors.Is(err, unix.EOPNOTSUPP) {
				s.errorf("%q: %#v", c.words, err)
			}
			if p != nil {
				s.errorf("%s", p)
				p.Close()
			}
		}

		// The neighbour of the way is the way itself, or leads to something
		// hidden elsewhere.
		for _, c := range []struct {
			words  []string
			want   map[string]unveil.Access
			notice string
		}{
			{[]string{"top:r", "top/way/secret:"}, map[string]unveil.Access{
				"top/way/secret": 0, "top/way/secret/f": 0, "top/again/secret/f": 0, "top/way/g": unveil.ReadFile, "top/again": 0, "top/q": rights("r"),
			}, `/top/again" is the same directory as "` + s.dir + `/top/way", which leads to "top/way/secret:", and stays closed`},
			{[]string{"top:r", "top/g:", "q/secret:"}, map[string]unveil.Access{
				"q/secret": 0, "q/g": 0, "top/q/g": 0, "top/q/secret": 0, "top/way": rights("r"), "top/g": 0,
			}, `/top/q" is the same directory as "` + s.dir + `/q"`},
			{[]string{"top:r", "top/way/secret:", "top/again/g:"}, map[string]unveil.Access{
				"top/way/secret/f": 0, "top/again/secret/f": 0, "top/way/g": 0, "top/again/g": 0, "top/g": unveil.ReadFile,
			}, "is narrowed by"},
			// Each name of the way leads to an entry, and they lack different rights.
			{[]string{"top:rw", "top/way/secret:r", "top/again/g:"}, map[string]unveil.Access{
				"top/way/secret/f": unveil.ReadFile, "top/way/g": 0, "top/again/g": 0, "top/g": rights("rw") & onFile,
			}, "is narrowed by"},
			// The same entry under both names, nothing narrower below.
			{[]string{"a:r", "b:rw"}, map[string]unveil.Access{"a": rights("rw"), "b/sub/g": rights("rw") & onFile}, ""},
		} {
			p := s.compile(in(s.dir), c.words...)
			for path, want := range c.want {
				s.Checks++
				if got := p.Access(filepath.Join(s.dir, path)); got != want {
					s.errorf("%q: %s: %s, want %s", c.words, path, got, want)
				}
			}
			if all := strings.Join(p.Notices, "\n"); !strings.Contains(all, c.notice) {
				s.errorf("%q: no notice of %s in:\n%s", c.words, c.notice, all)
			}
			p.Close()
		}
		// What is mounted over a directory has its name, so that the name
		// tells the wrong place of one that was opened before.
		below, err := unix.Open(s.dir+"/a/open", unix.O_PATH|unix.O_CLOEXEC, 0)
		s.must(err)
		defer unix.Close(below)
		s.must(unix.Mount("tmpfs", s.dir+"/a/open", "tmpfs", 0, ""))
		covered := fmt.Sprintf("/proc/self/fd/%d", below)
		for _, words := range [][]string{{"a:r", covered + ":"}, {"a/open:r", covered + ":w"}} {
			p, err := s.tryCompile(in(s.dir), words...)
			s.Checks++
			var pe *unveil.PathError
			if !errors.As(err, &pe) || pe.Reason != unveil.Changed || !errors.Is(err, unix.EAGAIN) {
				s.errorf("%q: %v", words, err)
			}
			if p != nil {
				p.Close()
			}
		}
		s.must(unix.Unmount(s.dir+"/a/open", unix.MNT_DETACH))

		if s.kernel.Landlock != nil {
			return
		}
		p := s.compile(s.here(), "top:r", "top/way/secret:")
		s.confined(p, func(func(func())) {
			s.want("hidden by its name", unix.EACCES, opening("/top/way/secret/f", unix.O_RDONLY)(s.dir))
			s.want("hidden by the other name", unix.EACCES, opening("/top/again/secret/f", unix.O_RDONLY)(s.dir))
			s.want("beside", 0, opening("/top/way/g", unix.O_RDONLY)(s.dir))
		})
	}
}
