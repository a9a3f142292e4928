package unveil_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// TestPlanting tries to get a file into a hidden directory, or a hidden one
// out of its place, with everything that a wide entry around it gives.
func TestPlanting(t *testing.T) { everyABI(t, "planting") }

func init() {
	scenes["planting"] = func(s *scene) {
		tree := []string{"home/.ssh/keys", "home/work/evil", "home/work/d/evil", "home/work/sub/.git/config", "home/work/sub/f", "home/.empty/", "out/f"}
		// RENAME_EXCHANGE puts the way itself in the place of another.
		const exchange = unix.RENAME_EXCHANGE
		rename := func(from, to string, flags uint) func(string) error {
			return func(d string) error { return unix.Renameat2(unix.AT_FDCWD, d+from, unix.AT_FDCWD, d+to, flags) }
		}
		link := func(from, to string) func(string) error {
			return func(d string) error { return unix.Link(d+from, d+to) }
		}
		attacks := []struct {
			name string
			try  func(string) error
		}{
			{"create", opening("/home/.ssh/new", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY)},
			{"overwrite", opening("/home/.ssh/keys", unix.O_WRONLY|unix.O_TRUNC)},
			{"rename in", rename("/home/work/evil", "/home/.ssh/new", 0)},
			{"rename over", rename("/home/work/evil", "/home/.ssh/keys", 0)},
			{"rename a directory in", rename("/home/work/d", "/home/.ssh/new", 0)},
			{"rename out", rename("/home/.ssh/keys", "/home/work/new", 0)},
			{"exchange", rename("/home/work/evil", "/home/.ssh/keys", exchange)},
			{"link in", link("/home/work/evil", "/home/.ssh/new")},
			{"link out", link("/home/.ssh/keys", "/home/work/new")},
			{"move the hidden one", rename("/home/.ssh", "/home/work/new", 0)},
			{"move it beside", rename("/home/.ssh", "/home/moved", 0)},
			{"exchange it", rename("/home/.ssh", "/home/work/d", exchange)},
			{"put a directory over an empty one", rename("/home/work/d", "/home/.empty", 0)},
			{"move its parent", rename("/home/work/sub", "/home/work/moved", 0)},
			{"exchange its parent", rename("/home/work/sub", "/home/work/d", exchange)},
			{"move the entry", rename("/home", "/moved", 0)},
			{"link the parent's file over", link("/home/work/d/evil", "/home/work/sub/.git/new")},
			{"rename into the way", rename("/home/work/d/evil", "/home/new", 0)},
			{"create in the way", opening("/home/new", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY)},
			{"mkdir in the way", func(d string) error { return unix.Mkdir(d+"/home/work/new", 0o755) }},
			{"symlink in the way", func(d string) error { return unix.Symlink(".ssh", d+"/home/new") }},
			{"through a link", func(d string) error {
				if err := unix.Symlink("../../.ssh/keys", d+"/home/work/d/link"); err != nil {
					return err
				}
				return opening("/home/work/d/link", unix.O_RDONLY)(d)
			}},
			{"through ..", opening("/home/work/d/../../.ssh/keys", unix.O_RDONLY)},
			{"through the working directory", func(d string) error {
				// A thread's own, or the attack would move the process.
				if err := unix.Unshare(unix.CLONE_FS); err != nil {
					return err
				}
				if err := unix.Chdir(d + "/home/.ssh"); err != nil {
					return err
				}
				return opening("keys", unix.O_RDONLY)("")
			}},
			{"through O_PATH", func(d string) error {
				fd, err := unix.Open(d+"/home/.ssh/keys", unix.O_PATH|unix.O_CLOEXEC, 0)
				if err != nil {
					return err
				}
				defer unix.Close(fd)
				return opening(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY)("")
			}},
			{"by O_TMPFILE", func(d string) error {
				fd, err := unix.Open(d+"/home/work/d", unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
				if err != nil {
					return err
				}
				defer unix.Close(fd)
				return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, d+"/home/.ssh/new", unix.AT_SYMLINK_FOLLOW)
			}},
		}
		s.grow("t/")
		for _, a := range attacks {
			renew := func() { s.clear("t"); s.must(grow(s.dir+"/t", tree...)) }
			renew()
			// The control: all of them work, so that a refusal is the sandbox's.
			control := make(chan error)
			go func() {
				runtime.LockOSThread() // for unshare
				control <- a.try(s.dir + "/t")
			}()
			switch err := <-control; err {
			case unix.EOPNOTSUPP, unix.EINVAL:
				// O_TMPFILE and RENAME_EXCHANGE are up to the file system.
				s.Missing = append(s.Missing, fmt.Sprintf("%s, on the file system of %s: %v", a.name, s.dir, err))
				continue
			default:
				s.want("control: "+a.name, 0, err)
			}
			renew()
			words := []string{"t/home:rwxc", "t/home/.ssh:", "t/home/.empty:", "t/home/work/sub/.git:r", "/proc/self:r"}
			s.confined(s.compile(s.here(), words...), func(func(func())) {
				err := a.try(s.dir + "/t")
				s.Checks++
				if e := errno(err); e != unix.EACCES && e != unix.EXDEV {
					s.errorf("%s: %s, want EACCES or EXDEV", a.name, errnoName(e))
				}
			})
			if b, err := os.ReadFile(s.dir + "/t/home/.ssh/keys"); err != nil || string(b) != "home/.ssh/keys" {
				s.errorf("%s: keys are %q, %v", a.name, b, err)
			}
			if list, err := os.ReadDir(s.dir + "/t/home/.ssh"); err != nil || len(list) != 1 {
				s.errorf("%s: .ssh holds %v, %v", a.name, list, err)
			}
		}
	}
}

// TestSwapped changes the tree between Compile and Apply: what was opened has
// the rights, under whatever name, and nothing that took its place.
func TestSwapped(t *testing.T) { everyABI(t, "swapped") }

func init() {
	scenes["swapped"] = func(s *scene) {
		s.grow("d/f", "other/f", "link -> d", "file")
		p := s.compile(s.here(), "link:r", "file:r")
		s.must(os.Rename(s.dir+"/d", s.dir+"/moved"))
		s.must(os.Rename(s.dir+"/other", s.dir+"/d"))
		s.must(os.Remove(s.dir + "/file"))
		s.grow("file")
		s.confined(p, func(func(func())) {
			s.want("the directory that was opened", 0, opening("/moved/f", unix.O_RDONLY)(s.dir))
			s.want("the one in its place", unix.EACCES, opening("/d/f", unix.O_RDONLY)(s.dir))
			s.want("the same by the link", unix.EACCES, opening("/link/f", unix.O_RDONLY)(s.dir))
			s.want("a file in the place of another", unix.EACCES, opening("/file", unix.O_RDONLY)(s.dir))
		})

		// A symbolic link is followed once, when it is compiled.
		s.grow("a/f", "b/f", "l -> a")
		p = s.compile(s.here(), "l:r")
		s.must(os.Remove(s.dir + "/l"))
		s.grow("l -> b")
		s.confined(p, func(func(func())) {
			s.want("where the link led", 0, opening("/a/f", unix.O_RDONLY)(s.dir))
			s.want("where it leads", unix.EACCES, opening("/l/f", unix.O_RDONLY)(s.dir))
		})

		// The narrower entry is exchanged: its rule is none, so that what
		// takes its place has what the way has, which is nothing.
		s.grow("top/way/hidden/f", "top/way/beside/f", "evil/f")
		p = s.compile(s.here(), "top:rw", "top/way/hidden:")
		s.must(os.Rename(s.dir+"/top/way/hidden", s.dir+"/top/way/moved"))
		s.must(os.Rename(s.dir+"/evil", s.dir+"/top/way/hidden"))
		s.confined(p, func(func(func())) {
			s.want("the hidden directory, moved beside", unix.EACCES, opening("/top/way/moved/f", unix.O_RDONLY)(s.dir))
			s.want("what is in its place", unix.EACCES, opening("/top/way/hidden/f", unix.O_RDONLY)(s.dir))
			s.want("its neighbour", 0, opening("/top/way/beside/f", unix.O_RDONLY)(s.dir))
		})
		// Outside the sandbox, into a neighbour: there it is open. The
		// neighbour has the right for all that is in it.
		s.must(os.Rename(s.dir+"/top/way/moved", s.dir+"/top/way/beside/moved"))
		p = s.compile(s.here(), "top:rw", "top/way/hidden:")
		s.confined(p, func(func(func())) {
			s.want("what others moved to a neighbour", 0, opening("/top/way/beside/moved/f", unix.O_RDONLY)(s.dir))
		})
	}
}

// TestHeldBefore: descriptors, threads and children.
func TestHeldBefore(t *testing.T) { everyABI(t, "held") }

func init() {
	scenes["held"] = func(s *scene) {
		s.grow("in/f", "out/f", "out/p.elf")
		file, err := unix.Open(s.dir+"/out/f", unix.O_RDWR|unix.O_CLOEXEC, 0)
		s.must(err)
		dir, err := unix.Open(s.dir+"/out", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		s.must(err)
		// A thread that was there before stays free: the documented limit.
		older, answers := make(chan func() error), make(chan error)
		go func() {
			runtime.LockOSThread()
			for f := range older {
				answers <- f()
			}
		}()
		ask := func(f func() error) error { older <- f; return <-answers }
		s.want("an older thread, before", 0, ask(func() error { return opening("/out/f", unix.O_RDONLY)(s.dir) }))

		var pipe [2]int
		s.must(unix.Pipe2(pipe[:], unix.O_CLOEXEC))
		s.confined(s.compile(s.here(), "in:rwxc"), func(func(func())) {
			s.want("opening a pipe again", 0, opening(fmt.Sprintf("/proc/self/fd/%d", pipe[1]), unix.O_WRONLY)(""))
			_, err := unix.Pread(file, make([]byte, 4), 0)
			s.want("reading what is open", 0, err)
			_, err = unix.Pwrite(file, []byte("x"), 0)
			s.want("writing what is open", 0, err)
			s.want("ftruncate of what is open", 0, unix.Ftruncate(file, 2))
			_, err = unix.ReadDirent(dir, make([]byte, 4096))
			s.want("listing what is open", 0, err)
			_, err = unix.Openat(dir, "f", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			s.want("opening below it", unix.EACCES, err)
			s.want("opening it again", unix.EACCES, opening(fmt.Sprintf("/proc/self/fd/%d", file), unix.O_RDONLY)(""))
			s.want("listing it again", unix.EACCES, opening(fmt.Sprintf("/proc/self/fd/%d/.", dir), unix.O_RDONLY)(""))
			s.want("executing in a child", unix.EACCES, executing("/out/p.elf")(s.dir))
			s.want("an older thread", 0, ask(func() error { return opening("/out/f", unix.O_RDONLY)(s.dir) }))
		})
		close(older)

		// A child has the sandbox of the thread that started it, and keeps it
		// over exec.
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		s.must(err)
		files := []uintptr{uintptr(null), uintptr(null), uintptr(null)}
		cat := func(name string) func() error {
			return func() error {
				pid, err := syscall.ForkExec("/bin/cat", []string{"cat", s.dir + name}, &syscall.ProcAttr{Files: files})
				if err != nil {
					return err
				}
				var status unix.WaitStatus
				if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
					return err
				}
				if status.ExitStatus() == 1 {
					return unix.EACCES // all that cat has to say
				}
				return unix.Errno(status)
			}
		}
		if err := errno(cat("/out/f")()); err != 0 {
			s.Missing = append(s.Missing, "/bin/cat: "+errnoName(err))
			return
		}
		system := []string{"/usr:rx", "/bin:rx", "/lib:rx", "/lib64:rx", "/etc/ld.so.cache:r", "in:r"}
		s.confined(s.compile(s.here(), system...), func(func(func())) {
			s.want("a child reads what it may", 0, cat("/in/f")())
			s.want("a child reads what it may not", unix.EACCES, cat("/out/f")())
		})
	}
}

// TestLayers: a second plan narrows the first, never widens it; the 17th is
// E2BIG and restricts nothing more.
func TestLayers(t *testing.T) { everyABI(t, "layers") }

func init() {
	scenes["layers"] = func(s *scene) {
		s.grow("a/f", "b/f", "c/")
		compile := func(words ...string) *unveil.Plan { return s.compile(s.here(), words...) }
		first, second := compile("a:rw", "c:rwc"), compile("a:r", "b:r", "c:rwc")
		s.confined(first, func(func(func())) {
			s.want("a, one layer", 0, opening("/a/f", unix.O_RDWR)(s.dir))
			s.must(second.Apply())
			s.want("a, two layers", 0, opening("/a/f", unix.O_RDONLY)(s.dir))
			s.want("a for writing, two layers", unix.EACCES, opening("/a/f", unix.O_RDWR)(s.dir))
			s.want("b, which only the second grants", unix.EACCES, opening("/b/f", unix.O_RDONLY)(s.dir))
			s.want("c", 0, opening("/c/new", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY)(s.dir))
			s.want("applied again", unix.EBADF, unwrapped(second.Apply()))
		})

		var plans []*unveil.Plan
		for range 16 {
			plans = append(plans, compile("a:r", "c:rwc"))
		}
		o := s.here()
		o.Create = true
		plans = append(plans, s.compile(o, "a:", "b/new:rwc", "c/made:rwc"))
		before, err := os.ReadDir("/proc/self/fd")
		s.must(err)
		s.confined(plans[0], func(outside func(func())) {
			for _, p := range plans[1:16] {
				s.must(p.Apply())
			}
			// Create would be refused by now, so somebody else does it.
			outside(func() { s.must(plans[16].Create()) })
			s.want("the 17th", unix.E2BIG, unwrapped(plans[16].Apply()))
			s.want("a as the 16th left it", 0, opening("/a/f", unix.O_RDONLY)(s.dir))
		})
		after, err := os.ReadDir("/proc/self/fd")
		s.must(err)
		if len(after) >= len(before) {
			s.errorf("%d descriptors of %d after all plans were applied", len(after), len(before))
		}
	}
}

// unwrapped returns the errno that an error wraps.
func unwrapped(err error) error {
	var e unix.Errno
	if errors.As(err, &e) {
		return e
	}
	return err
}
