package compat

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// scratch makes a directory of a case, which every user may write:
// in/file, in/sub/file and out/file.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "compat")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{"", "/in", "/in/sub", "/out"} {
		os.Mkdir(dir+d, 0o777)
		if err := os.Chmod(dir+d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"/in/file", "/in/sub/file", "/out/file"} {
		if err := os.WriteFile(dir+f, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir+f, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func opening(path string, flags int) func() error {
	return func() error {
		if path[0] != '/' {
			path = inDir(path)
		}
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o666)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

func reading(path string) func() error { return opening(path, unix.O_RDONLY) }
func writing(path string) func() error { return opening(path, unix.O_WRONLY) }

// acts are what a confined process tries, by name.
var acts = map[string]func() error{
	"read in/file":     reading("in/file"),
	"read in/sub/file": reading("in/sub/file"),
	"read out/file":    reading("out/file"),
	"list in":          reading("in"),
	"write in/file":    writing("in/file"),
	"write out/file":   writing("out/file"),
	"create in/new":    opening("in/new", unix.O_CREAT|unix.O_WRONLY),
	"create out/new":   opening("out/new", unix.O_CREAT|unix.O_WRONLY),
	"stat out/file":    func() error { var st unix.Stat_t; return unix.Stat(inDir("out/file"), &st) },
	"read /dev/null":   reading("/dev/null"),
	"write /dev/null":  writing("/dev/null"),
	"read zoneinfo":    reading("/usr/share/zoneinfo/UTC"),
	"read resolv.conf": reading("/etc/resolv.conf"),
	"create in/file":   opening("in/file", unix.O_CREAT|unix.O_WRONLY),
	"create set-id": func() error {
		fd, err := unix.Open(inDir("in/set-id"), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o4755)
		if err == nil {
			unix.Close(fd)
		}
		return err
	},
	"send a descriptor": func() error {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(pair[0])
		defer unix.Close(pair[1])
		return unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(1), nil, 0)
	},
	"gain rights": func() error {
		if set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || set != 0 {
			return unix.EPERM
		}
		return nil
	},
	"rename in/": func() error {
		if err := unix.Rename(inDir("in/file"), inDir("in/sub/moved")); err != nil {
			return err
		}
		return unix.Rename(inDir("in/sub/moved"), inDir("in/file"))
	},
	"socket": func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	},
	"unveil": func() error { return Unveil("/", "r") },
	"signal the parent": func() error {
		return unix.Kill(os.Getppid(), 0)
	},
	"exec true": func() error {
		err := exec.Command("/bin/true").Run()
		if err != nil && strings.Contains(err.Error(), "bad system call") {
			return unix.EOWNERDEAD // the child ended for a violation
		}
		return err
	},
	// Another image of this program, which the pledge of the first still binds.
	"exec socket": func() error { return execAct("socket") },
	"exec read":   func() error { return execAct("read out/file") },
	"work":        work,
}

func execAct(act string) error {
	cmd := exec.Command("/proc/self/exe")
	if path, err := os.Executable(); err == nil {
		cmd.Path = path
	}
	cmd.Env = append(os.Environ(), envCase+"=nothing", envAct+"="+act)
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && strings.TrimSpace(string(out)) == "ok":
		return nil
	case strings.Contains(string(out), "SIGSYS"):
		return unix.EOWNERDEAD // it ended for a violation
	}
	return fmt.Errorf("%v: %s", err, out)
}

// work is what the runtime does by itself: threads, memory, time.
func work() error {
	done := make(chan int)
	for i := range 20 {
		go func() { done <- len(make([]byte, 1<<20)) + i }()
	}
	for range 20 {
		<-done
	}
	return nil
}

func all(steps ...func() error) func() error {
	return func() error {
		for i, s := range steps {
			if err := s(); err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
		}
		return nil
	}
}

func showsIn(path, flags string) func() error {
	return func() error { return Unveil(inDir(path), flags) }
}

// confinements are what a process is put under, by name.
var confinements = map[string]func() error{
	"nothing":                  func() error { return nil },
	"stdio":                    both("stdio", ""),
	"stdio error":              promises("stdio error"),
	"stdio rpath":              both("stdio rpath", ""),
	"stdio wpath":              promises("stdio wpath"),
	"stdio dns":                promises("stdio dns"),
	"exec":                     promises("stdio rpath proc exec"),
	"exec, bare":               promises("stdio proc exec"),
	"exec, execpromises":       both("stdio rpath proc exec", "stdio rpath inet"),
	"exec, fewer execpromises": both("stdio rpath proc exec inet", "stdio rpath"),
	"files":                    promises("stdio rpath wpath cpath"),
	"unveil rw":                all(showsIn("in", "rw"), UnveilBlock),
	"unveil replaced":          all(showsIn("in/file", "r"), replacedAfter(UnveilBlock)),
	"exec given up":            all(promises("stdio rpath proc exec"), promises("stdio proc")),
	"four pledges": all(promises("stdio rpath wpath cpath inet"), promises("stdio rpath wpath cpath"),
		promises("stdio wpath cpath"), promises("stdio wpath")),
	"no rpath left":        all(promises("stdio rpath wpath cpath"), promises("stdio wpath cpath")),
	"rpath long gone":      all(promises("stdio rpath wpath cpath tty"), promises("stdio wpath cpath tty"), promises("stdio wpath cpath")),
	"nothing left":         all(promises("stdio rpath wpath cpath"), promises("stdio wpath cpath"), promises("stdio")),
	"unveil r":             all(showsIn("in", "r"), UnveilBlock),
	"unveil rwc":           all(showsIn("in", "rwc"), UnveilBlock),
	"unveil, pledge":       all(showsIn("in", "rwc"), both("stdio rpath", "")),
	"unveil, two":          all(showsIn("in", "rwc"), UnveilBlock, promises("stdio rpath wpath"), promises("stdio rpath")),
	"unveil, rpath":        all(showsIn("in", "r"), UnveilBlock, promises("stdio rpath")),
	"unveil, dns":          all(showsIn("in", "r"), UnveilBlock, promises("stdio rpath dns")),
	"unveil, dns given up": all(promises("stdio rpath dns unveil"), showsIn("in", "r"), promises("stdio rpath dns"), promises("stdio rpath")),
	"unveil, open":         all(showsIn("in", "r")),
	"unveil missing":       all(showsIn("in/new", "rwc"), UnveilBlock),
	"unveil file":          all(showsIn("in/file", "r"), UnveilBlock),
	"unveil hidden":        all(showsIn("in", "r"), showsIn("in/sub", ""), UnveilBlock),
	"unveil moved":         all(showsIn("in", "r"), swap, UnveilBlock),
	"ring":                 all(ring, both("stdio", "")),
	"ring, unveil":         all(ring, showsIn("in", "r"), UnveilBlock),
	"unveil exec, pledge":  all(shows("/usr", "rx"), shows("/bin", "x"), promises("stdio rpath proc exec")),
	"unveil, files":        all(showsIn("in", "rwc"), UnveilBlock, promises("stdio rpath wpath cpath")),
	"unveil exec":          all(shows("/usr", "rx"), shows("/bin", "x"), shows("/dev/null", "rw"), UnveilBlock),
	"unveil while pledged": all(promises("stdio rpath wpath cpath unveil"), showsIn("in", "rw"), UnveilBlock),
}

// replacedAfter lets a process that was there before put another file in the
// place of in/file when f has returned.
func replacedAfter(f func() error) func() error {
	return func() error {
		outside := exec.Command("/bin/sh", "-c", `read go; cp "$D/in/sub/file" "$D/new" && mv "$D/new" "$D/in/file"`)
		outside.Env = append(os.Environ(), "D="+os.Getenv(envDir))
		begin, err := outside.StdinPipe()
		if err != nil {
			return err
		}
		if err := outside.Start(); err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
		begin.Close()
		return outside.Wait()
	}
}

// swap lets the directory that was unveiled have another name.
func swap() error {
	return all(
		func() error { return os.Rename(inDir("in"), inDir("was")) },
		func() error { return os.Rename(inDir("out"), inDir("in")) },
		func() error { return os.Rename(inDir("was"), inDir("out")) },
	)()
}

// enforced is what is answered under what. Every act succeeds without, which
// the test sees to.
var enforced = []struct {
	under, act, want string
	env              string
}{
	{"stdio", "work", "ok", ""},
	{"stdio", "read out/file", "EACCES", ""},
	{"stdio", "write out/file", "EACCES", ""},
	{"stdio", "create out/new", "ends", ""},
	{"stdio", "stat out/file", "EACCES", ""},
	{"stdio", "socket", "ends", ""},
	{"stdio", "exec true", "ends by SIGSYS", ""}, // in fork, with signals blocked
	{"stdio", "unveil", "ends", ""},
	{"stdio", "read /dev/null", "ok", ""},
	{"stdio", "write /dev/null", "ok", ""},
	{"stdio", "read zoneinfo", "ok", ""},
	{"stdio", "read resolv.conf", "EACCES", ""},
	{"stdio dns", "read resolv.conf", "ok", ""},
	{"stdio dns", "read out/file", "EACCES", ""},
	{"stdio error", "socket", "ENOSYS", ""},
	{"stdio error", "unveil", "ENOSYS", ""},
	{"stdio", "socket", "EPERM", "UNVEIL_VIOLATION=errno"},
	{"stdio", "unveil", "EPERM", "UNVEIL_VIOLATION=errno"},
	{"stdio", "create out/new", "EACCES", "UNVEIL_VIOLATION=errno"},
	{"stdio rpath", "read out/file", "ok", ""},
	{"stdio rpath", "write out/file", "EACCES", ""},
	{"stdio rpath", "create out/new", "ends", ""},
	{"stdio wpath", "write out/file", "ok", ""},
	{"stdio wpath", "read out/file", "EACCES", ""},

	{"four pledges", "write out/file", "ok", ""},
	{"four pledges", "read out/file", "EACCES", ""},
	{"four pledges", "create out/new", "ends", ""},
	{"four pledges", "socket", "ends", ""},
	{"four pledges", "write /dev/null", "ok", ""},
	{"no rpath left", "create out/new", "ok", ""},
	{"no rpath left", "read out/file", "EACCES", ""},
	{"no rpath left", "read zoneinfo", "ok", ""},
	{"no rpath left", "rename in/", "ok", ""},
	{"rpath long gone", "rename in/", "EXDEV", ""}, // differs
	{"nothing left", "write out/file", "EACCES", ""},
	{"nothing left", "read zoneinfo", "ok", ""},
	{"nothing left", "write /dev/null", "ok", ""},

	{"exec", "exec true", "ok", ""},
	{"exec", "exec socket", "EOWNERDEAD", ""},
	{"exec", "write out/file", "EACCES", ""},
	{"exec, bare", "read out/file", "ok", ""},
	{"exec, bare", "exec read", "ok", ""},
	{"exec, execpromises", "socket", "ok", ""},
	{"exec, execpromises", "exec socket", "ok", ""},
	{"exec, fewer execpromises", "exec socket", "ok", ""}, // differs
	{"exec given up", "read out/file", "EACCES", ""},
	{"exec given up", "exec true", "EOWNERDEAD", ""},
	{"exec given up", "write /dev/null", "ok", ""},
	{"exec", "write /dev/null", "ok", ""},

	{"stdio", "gain rights", "EPERM", ""},
	{"stdio", "signal the parent", "ends", ""},
	{"stdio", "send a descriptor", "ok", ""}, // differs
	{"stdio error", "read out/file", "EACCES", ""},
	{"files", "create set-id", "EPERM", ""},
	{"files", "create in/new", "ok", ""},
	{"unveil rw", "create in/file", "ok", ""}, // differs
	{"unveil rw", "create in/new", "EACCES", ""},
	{"unveil replaced", "read in/file", "EACCES", ""}, // differs
	{"unveil hidden", "list in", "EACCES", ""},        // differs
	{"unveil, open", "exec read", "ok", ""},           // differs

	{"unveil r", "read in/sub/file", "ok", ""},
	{"unveil r", "list in", "ok", ""},
	{"unveil r", "write in/file", "EACCES", ""},
	{"unveil r", "read out/file", "EACCES", ""},
	{"unveil r", "stat out/file", "ok", ""}, // differs
	{"unveil r", "read resolv.conf", "ok", ""},
	{"unveil r", "exec true", "EACCES", ""},
	{"unveil r", "socket", "ok", ""},
	{"unveil rwc", "create in/new", "ok", ""},
	{"unveil rwc", "rename in/", "ok", ""},
	{"unveil rwc", "create out/new", "EACCES", ""},
	{"unveil, pledge", "read in/file", "ok", ""},
	{"unveil, pledge", "write in/file", "EACCES", ""},
	{"unveil, pledge", "read out/file", "EACCES", ""},
	{"unveil, pledge", "create in/new", "ends", ""},
	{"unveil, two", "read in/file", "ok", ""},
	{"unveil, two", "read out/file", "EACCES", ""},
	{"unveil, two", "write in/file", "EACCES", ""},
	{"unveil, rpath", "read in/file", "ok", ""},
	{"unveil, rpath", "read out/file", "EACCES", ""},
	{"unveil, rpath", "read zoneinfo", "ok", ""},
	{"unveil, rpath", "read resolv.conf", "EACCES", ""},
	{"unveil, dns", "read resolv.conf", "ok", ""},
	{"unveil, dns given up", "read in/file", "ok", ""},
	{"unveil, dns given up", "read out/file", "EACCES", ""},
	{"unveil, dns given up", "read resolv.conf", "EACCES", ""},
	{"unveil, open", "read out/file", "ok", ""}, // differs
	{"unveil missing", "create in/new", "ok", ""},
	{"unveil missing", "read in/file", "ok", ""}, // differs
	{"unveil missing", "create out/new", "EACCES", ""},
	{"unveil file", "read in/file", "ok", ""},
	{"unveil file", "read in/sub/file", "EACCES", ""},
	{"unveil hidden", "read in/file", "ok", ""},
	{"unveil hidden", "read in/sub/file", "EACCES", ""},
	{"unveil moved", "read out/file", "ok", ""},
	{"unveil moved", "read in/file", "EACCES", ""},
	{"files", "rename in/", "ok", ""},
	{"unveil, files", "rename in/", "ok", ""},
	{"unveil, files", "create out/new", "EACCES", ""},
	{"unveil exec, pledge", "exec true", "ok", ""},
	{"unveil exec, pledge", "read out/file", "EACCES", ""},
	{"unveil exec", "exec true", "ok", ""},
	{"unveil exec", "read in/file", "EACCES", ""},
	{"unveil while pledged", "write in/file", "ok", ""},
	{"unveil while pledged", "write out/file", "EACCES", ""},
	{"unveil missing", "create in/new", "not confined", "UNVEIL_STRICT=1"},
	{"stdio dns", "read resolv.conf", "not confined", "UNVEIL_STRICT=1"},
}

// TestEnforced tries acts on threads that were there before the calls, and on
// the one that made them, as root and as nobody.
func TestEnforced(t *testing.T) {
	k := needKernel(t)
	eachFlavour(t, func(t *testing.T, f flavour) {
		for _, uid := range users(t) {
			for act := range acts {
				t.Run(fmt.Sprintf("uid %d/control/%s", uid, act), func(t *testing.T) {
					t.Parallel()
					want := "ok"
					if act == "signal the parent" && uid == nobody {
						want = "EPERM"
					}
					if got := answer(run(t, f.bin, uid, scratch(t), "nothing", act)); got != want {
						t.Errorf("without confinement: %s, want %s", got, want)
					}
				})
			}
			for _, e := range enforced {
				want := e.want
				if e.env == "UNVEIL_STRICT=1" && e.under == "stdio dns" && k.UDP() {
					want = "ok"
				}
				if f.noLayer && withCgo(e.under, e.act) != "" {
					want = withCgo(e.under, e.act)
				}
				t.Run(strings.TrimSpace(fmt.Sprintf("uid %d/%s/%s %s", uid, e.under, e.act, e.env)), func(t *testing.T) {
					t.Parallel()
					out, state := run(t, f.bin, uid, scratch(t), e.under, e.act, e.env)
					got := answer(out, state)
					if strings.Contains(got, "not confined") {
						got = "not confined"
					}
					if got != want {
						t.Errorf("%s, want %s", got, want)
					}
					if want == "ends" && e.act == "unveil" && !strings.Contains(out, `pledge "unveil", syscall unveil`) {
						t.Errorf("no line: %s", out)
					}
				})
			}
		}
	})
}

// withCgo is what is answered in a program with cgo below Landlock ABI 8,
// where that differs: no layer can be made.
func withCgo(under, act string) string {
	switch {
	case strings.HasPrefix(under, "unveil") && under != "unveil, open", under == "stdio dns":
		return "not confined"
	case act == "rename in/" && under == "rpath long gone":
		return "ok"
	case under == "stdio" && (act == "read /dev/null" || act == "write /dev/null" || act == "read zoneinfo"),
		act == "read zoneinfo", act == "exec true", act == "write /dev/null" && under != "four pledges", under == "nothing left":
		return "EACCES"
	}
	return ""
}

var unveiledFails = func() unix.Errno {
	if cgoLinked && !machine().LandlockTSYNC() {
		return unix.EOPNOTSUPP
	}
	return 0
}()
