package unveil_test

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// An act is one thing that a process may try in the tree of actTree.
type act struct {
	name  string
	needs unveil.Access // on the directory t, and on o where both are touched
	try   func(dir string) error
	root  bool // nobody cannot do it anyway
}

var actTree = []string{"t/f", "t/g", "t/d/", "t/p.elf", "o/"}

// acts are what a letter gives or refuses. An act with needs 0 is one that
// the package says is not covered: it must work everywhere.
var acts = []act{
	{name: "open for reading", needs: unveil.ReadFile, try: opening("/t/f", unix.O_RDONLY)},
	{name: "open for writing", needs: unveil.WriteFile, try: opening("/t/f", unix.O_WRONLY)},
	{name: "open for both", needs: unveil.ReadFile | unveil.WriteFile, try: opening("/t/f", unix.O_RDWR)},
	{name: "open to append", needs: unveil.WriteFile, try: opening("/t/f", unix.O_WRONLY|unix.O_APPEND)},
	{name: "O_WRONLY|O_TRUNC", needs: unveil.WriteFile | unveil.Truncate, try: opening("/t/f", unix.O_WRONLY|unix.O_TRUNC)},
	{name: "O_RDONLY|O_TRUNC", needs: unveil.ReadFile | unveil.Truncate, try: opening("/t/f", unix.O_RDONLY|unix.O_TRUNC)},
	{name: "truncate", needs: unveil.Truncate, try: func(d string) error { return unix.Truncate(d+"/t/f", 0) }},
	{name: "list", needs: unveil.ReadDir, try: opening("/t", unix.O_RDONLY|unix.O_DIRECTORY)},
	{name: "list below", needs: unveil.ReadDir, try: opening("/t/d", unix.O_RDONLY|unix.O_DIRECTORY)},
	{name: "execve", needs: unveil.Execute | unveil.ReadFile, try: executing("/t/p.elf")},

	{name: "create", needs: unveil.MakeReg | unveil.WriteFile, try: opening("/t/new", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY)},
	{name: "create to read", needs: unveil.MakeReg | unveil.ReadFile, try: opening("/t/new", unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY)},
	{name: "create below", needs: unveil.MakeReg | unveil.WriteFile, try: opening("/t/d/new", unix.O_CREAT|unix.O_WRONLY)},
	{name: "O_CREAT on what exists", needs: unveil.WriteFile, try: opening("/t/f", unix.O_CREAT|unix.O_WRONLY)},
	{name: "mkdir", needs: unveil.MakeDir, try: func(d string) error { return unix.Mkdir(d+"/t/new", 0o755) }},
	{name: "symlink", needs: unveil.MakeSym, try: func(d string) error { return unix.Symlink("f", d+"/t/new") }},
	{name: "mknod of a file", needs: unveil.MakeReg, try: func(d string) error { return unix.Mknod(d+"/t/new", unix.S_IFREG|0o644, 0) }},
	{name: "mkfifo", needs: unveil.MakeFifo, try: func(d string) error { return unix.Mkfifo(d+"/t/new", 0o644) }},
	{name: "mknod of a device", needs: unveil.MakeChar, root: true, try: func(d string) error {
		return unix.Mknod(d+"/t/new", unix.S_IFCHR|0o644, int(unix.Mkdev(1, 3)))
	}},
	{name: "bind of a UNIX socket", needs: unveil.MakeSock, try: binding("/t/new")},
	{name: "unlink", needs: unveil.RemoveFile, try: func(d string) error { return unix.Unlink(d + "/t/f") }},
	{name: "rmdir", needs: unveil.RemoveDir, try: func(d string) error { return unix.Rmdir(d + "/t/d") }},
	{name: "rename", needs: unveil.MakeReg | unveil.RemoveFile, try: func(d string) error { return unix.Rename(d+"/t/f", d+"/t/new") }},
	{name: "rename over", needs: unveil.MakeReg | unveil.RemoveFile, try: func(d string) error { return unix.Rename(d+"/t/f", d+"/t/g") }},
	{name: "rename of a directory", needs: unveil.MakeDir | unveil.RemoveDir, try: func(d string) error { return unix.Rename(d+"/t/d", d+"/t/new") }},
	{name: "link", needs: unveil.MakeReg, try: func(d string) error { return unix.Link(d+"/t/f", d+"/t/new") }},
	{name: "rename down", needs: unveil.MakeReg | unveil.RemoveFile | unveil.Refer, try: func(d string) error { return unix.Rename(d+"/t/f", d+"/t/d/new") }},
	{name: "rename across", needs: unveil.MakeReg | unveil.RemoveFile | unveil.Refer, try: func(d string) error { return unix.Rename(d+"/t/f", d+"/o/new") }},
	{name: "link across", needs: unveil.MakeReg | unveil.Refer, try: func(d string) error { return unix.Link(d+"/t/f", d+"/o/new") }},

	{name: "stat", try: func(d string) error { return unix.Stat(d+"/t/f", new(unix.Stat_t)) }},
	{name: "access", try: func(d string) error { return unix.Access(d+"/t/f", unix.W_OK) }},
	{name: "chmod", try: func(d string) error { return unix.Chmod(d+"/t/f", 0o600) }},
	{name: "utimensat", try: func(d string) error { return unix.UtimesNanoAt(unix.AT_FDCWD, d+"/t/f", make([]unix.Timespec, 2), 0) }},
	{name: "O_PATH", try: opening("/t/f", unix.O_PATH)},
}

func opening(name string, flags int) func(string) error {
	return func(dir string) error {
		fd, err := unix.Open(dir+name, flags|unix.O_CLOEXEC, 0o644)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

// executing starts a program from the calling thread, so that the child is
// confined as that is.
func executing(name string) func(string) error {
	return func(dir string) error {
		pid, err := syscall.ForkExec(dir+name, []string{name}, &syscall.ProcAttr{})
		if err != nil {
			return err
		}
		var status unix.WaitStatus
		if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
			return err
		}
		if status != 0 {
			return fmt.Errorf("status %#x", status)
		}
		return nil
	}
}

func binding(name string) func(string) error {
	return func(dir string) error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Bind(fd, &unix.SockaddrUnix{Name: dir + name})
	}
}

// TestLetters tries every act under every set of letters, each once without
// the sandbox to see that it works at all.
func TestLetters(t *testing.T) { everyABI(t, "letters") }

func init() {
	scenes["letters"] = func(s *scene) {
		s.grow("t/", "o/")
		renew := func() {
			s.clear("t", "o")
			s.grow(actTree...)
		}
		for _, a := range acts {
			if a.root && os.Getuid() != 0 {
				continue
			}
			renew()
			s.want("control: "+a.name, 0, a.try(s.dir))
		}
		handled := unveil.Access(s.kernel.FS())
		under := func(what string, o unveil.Options, granted unveil.Access, letters string) {
			s.confined(s.compile(o, "t:"+letters, "o:"+letters), func(outside func(func())) {
				for _, a := range acts {
					if a.root && os.Getuid() != 0 {
						continue
					}
					lacks := a.needs & handled &^ granted
					want := unix.Errno(0)
					switch {
					case lacks == unveil.Refer || lacks == 0 && a.needs&unveil.Refer&^handled != 0:
						want = unix.EXDEV // ABI 1 refuses it without a right for it
					case lacks != 0:
						want = unix.EACCES
					}
					outside(renew)
					s.want(a.name+" with "+what, want, a.try(s.dir))
				}
			})
		}
		for l := range unveil.All + 1 {
			under(strconv.Quote(l.String()), s.here(), l.Access(), l.String())
		}
		o := s.here()
		o.Fifo, o.Sock = true, true
		special := unveil.MakeFifo | unveil.MakeSock
		under("c that brings sockets and FIFOs", o, unveil.C.Access()|special, "c")
		under("no c, though that would bring sockets and FIFOs", o, rights("rwx"), "rwx")
		if s.Checks < 19*30 {
			s.errorf("only %d acts were tried", s.Checks)
		}
	}
}

// TestIoctl: on a device by way of its directory w is needed; one that is
// named needs r or w.
func TestIoctl(t *testing.T) { everyABI(t, "ioctl") }

func init() {
	scenes["ioctl"] = func(s *scene) {
		restricted := unix.EACCES
		if !s.kernel.IoctlDev() {
			restricted = 0
		}
		numberOf := func(flags int) error {
			fd, err := unix.Open("/dev/ptmx", flags|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			_, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
			return err
		}
		if err := numberOf(unix.O_RDONLY); err != nil {
			s.Missing = append(s.Missing, "/dev/ptmx: "+err.Error())
			return
		}
		// Opened outside, it can be asked for ever.
		held, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		s.must(err)
		for _, c := range []struct {
			word  string
			flags int
			want  unix.Errno
		}{
			{"/dev:r", unix.O_RDONLY, restricted},
			{"/dev:rw", unix.O_RDWR, 0},
			{"/dev/ptmx:r", unix.O_RDONLY, 0},
			{"/dev/ptmx:w", unix.O_WRONLY, 0},
			{"/dev/ptmx:r", unix.O_RDWR, unix.EACCES},
			{"/dev/null:rw", unix.O_RDONLY, unix.EACCES},
		} {
			s.confined(s.compile(s.here(), c.word), func(func(func())) {
				s.want(fmt.Sprintf("ioctl with %s, flags %#x", c.word, c.flags), c.want, numberOf(c.flags))
				_, err := unix.IoctlGetInt(held, unix.TIOCGPTN)
				s.want("ioctl on what was open before, with "+c.word, 0, err)
			})
		}
	}
}
