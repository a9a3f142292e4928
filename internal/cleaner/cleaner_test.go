package cleaner_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/cleaner"
)

// scene is a directory with one to be removed, and what is beside it.
type scene struct {
	t        *testing.T
	dir      string
	parent   int
	dev, ino uint64
}

const name = "tmp"

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, dir: t.TempDir()}
	s.must(os.Mkdir(s.path(name), 0o700))
	s.must(os.WriteFile(s.path("kept"), []byte("kept"), 0o644))
	s.must(os.MkdirAll(s.path("outside/sub"), 0o755))
	s.must(os.WriteFile(s.path("outside/sub/kept"), []byte("kept"), 0o600))
	var err error
	s.parent, err = unix.Open(s.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	s.must(err)
	t.Cleanup(func() { unix.Close(s.parent) })
	var st unix.Stat_t
	s.must(unix.Lstat(s.path(name), &st))
	s.dev, s.ino = uint64(st.Dev), st.Ino //nolint:unconvert // Dev differs between architectures
	return s
}

func (s *scene) path(words ...string) string {
	return filepath.Join(append([]string{s.dir}, words...)...)
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) remove() error { return cleaner.Remove(s.parent, name, s.dev, s.ino) }

// check holds that all is gone, and nothing beside it.
func (s *scene) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Error(err)
	}
	if _, err := os.Lstat(s.path(name)); !os.IsNotExist(err) {
		s.t.Errorf("it is still there: %v", err)
	}
	s.kept()
}

func (s *scene) kept() {
	s.t.Helper()
	for _, file := range []string{"kept", "outside/sub/kept"} {
		if text, err := os.ReadFile(s.path(file)); err != nil || string(text) != "kept" {
			s.t.Errorf("%s: %q, %v", file, text, err)
		}
	}
}

func TestRemove(t *testing.T) {
	for what, make := range map[string]func(s *scene){
		"empty": func(*scene) {},
		"files": func(s *scene) {
			for i := range 3000 {
				s.must(os.WriteFile(s.path(name, strconv.Itoa(i)), nil, 0))
			}
		},
		"a tree": func(s *scene) {
			for i := range 20 {
				for j := range 20 {
					dir := s.path(name, strconv.Itoa(i), strconv.Itoa(j), "x")
					s.must(os.MkdirAll(dir, 0o755))
					s.must(os.WriteFile(dir+"/f", nil, 0o644))
				}
			}
		},
		"directories that cannot be entered": func(s *scene) {
			s.must(os.MkdirAll(s.path(name, "a/b/c"), 0o755))
			s.must(os.WriteFile(s.path(name, "a/b/c/f"), nil, 0o644))
			for _, dir := range []string{"a/b/c", "a/b", "a", ""} {
				s.must(os.Chmod(s.path(name, dir), 0))
			}
		},
		"links": func(s *scene) {
			s.must(os.Symlink(s.path("outside"), s.path(name, "absolute")))
			s.must(os.Symlink("../outside/sub", s.path(name, "relative")))
			s.must(os.Symlink("absolute", s.path(name, "link to a link")))
			s.must(os.Symlink("loop", s.path(name, "loop")))
			s.must(os.Mkdir(s.path(name, "dir"), 0o755))
			s.must(os.Symlink("../../outside", s.path(name, "dir", "up")))
			s.must(os.Link(s.path("kept"), s.path(name, "hard")))
		},
		"other things": func(s *scene) {
			s.must(unix.Mkfifo(s.path(name, "fifo"), 0o600))
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			s.must(err)
			defer unix.Close(fd)
			s.must(unix.Bind(fd, &unix.SockaddrUnix{Name: s.path(name, "socket")}))
		},
		"the names that it uses itself": func(s *scene) {
			for i := range 5 {
				s.must(os.MkdirAll(s.path(name, ".moved-"+strconv.Itoa(i), "sub", "sub"), 0o755))
			}
			s.must(os.WriteFile(s.path(name, ".moved-9"), nil, 0o644))
		},
		// Deeper than there are descriptors, and than a path can be long.
		"a deep tree": func(s *scene) {
			fd, err := unix.Open(s.path(name), unix.O_PATH|unix.O_CLOEXEC, 0)
			s.must(err)
			for range 3000 {
				s.must(unix.Mkdirat(fd, "directory", 0o755))
				next, err := unix.Openat(fd, "directory", unix.O_PATH|unix.O_CLOEXEC, 0)
				s.must(err)
				unix.Close(fd)
				fd = next
			}
			unix.Close(fd)
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newScene(t)
			make(s)
			s.check(s.remove())
		})
	}
}

// TestReplaced: what has its name and is another object is left alone, a link
// to it too.
func TestReplaced(t *testing.T) {
	for what, replace := range map[string]func(s *scene) error{
		"directory": func(s *scene) error { return os.Mkdir(s.path(name), 0o755) },
		"link":      func(s *scene) error { return os.Symlink("moved", s.path(name)) },
		"link out":  func(s *scene) error { return os.Symlink("outside", s.path(name)) },
		"file":      func(s *scene) error { return os.WriteFile(s.path(name), nil, 0o644) },
	} {
		t.Run(what, func(t *testing.T) {
			s := newScene(t)
			s.must(os.Rename(s.path(name), s.path("moved")))
			s.must(os.WriteFile(s.path("moved/f"), nil, 0o644))
			s.must(replace(s))
			if err := s.remove(); err == nil {
				t.Error("no error")
			}
			for _, kept := range []string{name, "moved/f"} {
				if _, err := os.Lstat(s.path(kept)); err != nil {
					t.Error(err)
				}
			}
			s.kept()
		})
	}
	s := newScene(t)
	s.must(os.Remove(s.path(name)))
	if err := s.remove(); err == nil {
		t.Error("gone already: no error")
	}
}

// TestMounted: what is mounted in the directory is left, with the way to it.
func TestMounted(t *testing.T) {
	const inside = "UNVEIL_TEST_MOUNTS"
	if os.Getenv(inside) == "" {
		// Mounts that nobody else sees.
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestMounted$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil && os.Getenv("CI") == "" {
			t.Skip("needs mounts of its own: ", err)
		}
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	s := newScene(t)
	s.must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	for _, at := range []string{"mount", "a/b/mount"} {
		at = s.path(name, at)
		s.must(os.MkdirAll(at, 0o755))
		s.must(unix.Mount(s.path("outside/sub"), at, "", unix.MS_BIND, ""))
		// By its descriptor: what it is in may be moved.
		fd, err := unix.Open(at, unix.O_PATH|unix.O_CLOEXEC, 0)
		s.must(err)
		t.Cleanup(func() {
			s.must(unix.Unmount("/proc/self/fd/"+strconv.Itoa(fd), unix.MNT_DETACH))
			unix.Close(fd)
		})
		if _, err := os.Lstat(at + "/kept"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.remove(); err == nil {
		t.Error("no error")
	}
	s.kept()
}

// TestRace removes while somebody makes files and moves directories.
func TestRace(t *testing.T) {
	s := newScene(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			a, b := s.path(name, "a"+strconv.Itoa(i%7)), s.path(name, "b"+strconv.Itoa(i%5))
			_ = os.Mkdir(a, 0o755)
			_ = os.Symlink("../../outside", a+"/link")
			_ = os.Rename(a, b)
			_ = os.Remove(b)
			_ = os.Symlink("../outside", b)
		}
	}()
	err := s.remove()
	close(stop)
	<-stopped
	if _, gone := os.Lstat(s.path(name)); !os.IsNotExist(gone) {
		t.Errorf("it is still there: %v, %v", gone, err)
	}
	s.kept()
}

// TestMain of the binary as the cleaner: Main wants exactly its own words.
func TestMainWords(t *testing.T) {
	for _, args := range [][]string{
		nil, {"unveil-run"}, {"unveil-run", "first", "a", "1", "2"}, {"unveil-run (removes @tmp)"}, {"unveil-run (removes @tmp)", "first", "a", "1"},
	} {
		if status, called := cleaner.Main(args); called || status != 0 {
			t.Errorf("%q: %d, %v", args, status, called)
		}
	}
	for _, args := range [][]string{
		{"unveil-run (removes @tmp)", "third", "a", "1", "2"}, {"unveil-run (removes @tmp)", "second", "a", "x", "2"},
	} {
		if status, called := cleaner.Main(args); !called || status != 1 {
			t.Errorf("%q: %d, %v", args, status, called)
		}
	}
}
