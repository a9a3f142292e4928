package pledge

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A port is a program and what it does after a pledge: a line of
// testdata/ports, where the format is told.
type port struct {
	line    int
	program string
	set     Set
	uses    []use
}

// A use is a call that a program makes after its pledge.
type use struct {
	text    string
	name    string
	args    []string
	refused bool // it is a violation, and is meant to be
}

// readPorts reads testdata/ports.
func readPorts(t *testing.T) []port {
	t.Helper()
	text, err := os.ReadFile("testdata/ports")
	if err != nil {
		t.Fatal(err)
	}
	var list []port
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, " | ")
		if len(fields) != 3 {
			t.Fatalf("ports:%d: %d fields", i+1, len(fields))
		}
		set, err := Parse(fields[1])
		if err != nil {
			t.Fatalf("ports:%d: %v", i+1, err)
		}
		p := port{line: i + 1, program: fields[0], set: set}
		for _, word := range strings.Fields(fields[2]) {
			u := use{text: word}
			word, u.refused = strings.CutPrefix(word, "!")
			name, args, detailed := strings.Cut(strings.TrimSuffix(word, ")"), "(")
			if u.name = name; detailed {
				u.args = strings.Split(args, ",")
			}
			p.uses = append(p.uses, u)
		}
		list = append(list, p)
	}
	if len(list) != 184 {
		t.Fatalf("%d lines", len(list))
	}
	return list
}

// portSets are the sets that programs of OpenBSD's ports ask for.
func portSets(t *testing.T) []Set {
	t.Helper()
	var list []Set
	for _, p := range readPorts(t) {
		if !slices.Contains(list, p.set) {
			list = append(list, p.set)
		}
	}
	if len(list) < 50 {
		t.Fatalf("only %d sets", len(list))
	}
	return list
}

// bareNames are the arguments that a bare name stands for, each a call to be
// tried: those that matter to a filter, of what libc and programs make.
var bareNames = map[string][]string{
	"chmod":       {`"own" 0644`},
	"fchmod":      {"-1 0644"},
	"fchown":      {"-1 UID GID", "-1 -1 GID"},
	"mkdir":       {`"own" 0755`},
	"mkdirat":     {`AT_FDCWD "own" 0755`},
	"mknodat":     {`AT_FDCWD "own" S_IFIFO+0644 0`},
	"mmap":        {"NULL 4096 PROT_READ+PROT_WRITE MAP_PRIVATE+MAP_ANONYMOUS -1 0", "NULL 4096 PROT_NONE MAP_PRIVATE+MAP_ANONYMOUS -1 0"},
	"mprotect":    {"BUF 4096 PROT_READ", "BUF 4096 PROT_READ+PROT_WRITE", "BUF 4096 PROT_NONE"},
	"newfstatat":  {`-1 "" BUF AT_EMPTY_PATH`},
	"unlinkat":    {`AT_FDCWD "own" 0`, `AT_FDCWD "own" AT_REMOVEDIR`},
	"utimensat":   {`AT_FDCWD "own" BUF 0`, "-1 NULL BUF 0"},
	"getpriority": {"PRIO_PROCESS 0"},
}

// opening are the opens that promises are for: all that a program with them
// makes of open(2), of its own files.
var opening = []struct{ promises, args string }{
	{"rpath", `AT_FDCWD "own" O_RDONLY+O_CLOEXEC`},
	{"rpath", `AT_FDCWD "own" O_RDONLY+O_NONBLOCK`},
	{"wpath", `AT_FDCWD "own" O_WRONLY`},
	{"rpath wpath", `AT_FDCWD "own" O_RDWR`},
	{"wpath", `AT_FDCWD "own" O_WRONLY+O_TRUNC`},
	{"wpath cpath", `AT_FDCWD "own" O_WRONLY+O_CREAT+O_TRUNC 0666`},
	{"wpath cpath", `AT_FDCWD "own" O_WRONLY+O_CREAT+O_EXCL 0600`},
	{"rpath wpath cpath", `AT_FDCWD "own" O_RDWR+O_CREAT+O_EXCL 0600`},
}

// otherwise are the calls that arm64 has in place of others.
var otherwise = map[string]func(a []string) (string, []string){
	"access":     func(a []string) (string, []string) { return "faccessat", at(a) },
	"alarm":      func([]string) (string, []string) { return "setitimer", nil },
	"chmod":      func(a []string) (string, []string) { return "fchmodat", at(a) },
	"dup2":       func(a []string) (string, []string) { return "dup3", a },
	"epoll_wait": func(a []string) (string, []string) { return "epoll_pwait", a },
	"getpgrp":    func([]string) (string, []string) { return "getpgid", nil },
	"link":       func(a []string) (string, []string) { return "linkat", at(a) },
	"mkdir":      func(a []string) (string, []string) { return "mkdirat", at(a) },
	"poll":       func([]string) (string, []string) { return "ppoll", nil },
	"readlink":   func(a []string) (string, []string) { return "readlinkat", at(a) },
	"rename":     func(a []string) (string, []string) { return "renameat2", nil },
	"rmdir": func([]string) (string, []string) {
		return "unlinkat", strings.Split(`AT_FDCWD "own" AT_REMOVEDIR`, " ")
	},
	"symlink": func(a []string) (string, []string) { return "symlinkat", nil },
	"unlink":  func(a []string) (string, []string) { return "unlinkat", at(a) },
	"vfork":   func([]string) (string, []string) { return "clone", []string{"CLONE_VM+CLONE_VFORK+SIGCHLD"} },
}

func at(a []string) []string {
	if len(a) == 0 {
		a = []string{`"own"`}
	}
	return append([]string{"AT_FDCWD"}, a...)
}

// A harmless answer is an errno that who makes the call goes on with. Each was
// tried: the call was made to fail so in a program that makes it.
type harmless struct {
	name, argument string // the argument is one of the call's, or "" for any
	errnos         []unix.Errno
	reason         string
}

var harmlessAnswers = []harmless{
	{"clone3", "", []unix.Errno{unix.ENOSYS}, "libc falls back to clone, which is tried beside"},
	{"socket", "SOCK_STREAM+SOCK_CLOEXEC+SOCK_NONBLOCK", []unix.Errno{unix.EACCES}, "libc goes on without nscd"},
	{"connect", `"/var/run/nscd/socket"`, []unix.Errno{unix.EACCES}, "libc goes on without nscd"},
	{"socket", "SOCK_DGRAM+SOCK_CLOEXEC", []unix.Errno{unix.EACCES}, "syslog(3): the library has connected it before, or the message is lost"},
	{"connect", `"/dev/log"`, []unix.Errno{unix.EACCES}, "as the socket"},
	{"newfstatat", `"/etc/nsswitch.conf"`, []unix.Errno{unix.EACCES}, "libc takes the default, files"},
	{"newfstatat", `"/etc/resolv.conf"`, []unix.Errno{unix.EACCES}, "libc looks whether it has changed, and takes it for unchanged"},
	{"setsockopt", "SO_SNDLOWAT", []unix.Errno{unix.ENOPROTOOPT}, "what Linux itself says of it"},
}

// harmlessPaths are those that a program goes on without when the open, for
// reading, fails with EACCES.
var harmlessPaths = map[string]string{
	"/etc/ld.so.cache":         "libc goes on without libnss_db, which the default does not name",
	"/lib/libnss_db.so.2":      "the same",
	"/usr/lib/ssl/openssl.cnf": "OpenSSL takes its defaults",
}

// replayOptions are how the library compiles a set: bound to the image and
// with no layer of Landlock where the next image is to be free.
func replayOptions(set Set, arch Arch, on Violation) Options {
	o := Options{Arch: arch, OnViolation: on, KeepHandler: true, Pid: factPid, UID: factUID, GID: factGID}
	if set.Has(words("exec")) {
		o.KeepHandler, o.NoLayer, o.Image = false, true, factImage
	}
	return o
}

// tries are the calls that a use comes to on an architecture.
func (u *use) tries(t *testing.T, p *port, arch Arch) []fact {
	t.Helper()
	lists := [][]string{u.args}
	switch {
	case u.args != nil:
	case u.name == "openat":
		lists = nil
		for _, o := range opening {
			if p.set.Has(words(o.promises)) {
				lists = append(lists, strings.Split(o.args, " "))
			}
		}
	case bareNames[u.name] != nil:
		lists = nil
		for _, args := range bareNames[u.name] {
			lists = append(lists, strings.Split(args, " "))
		}
		if u.name == "newfstatat" && p.set.Has(words("rpath")) {
			lists = append(lists, []string{"AT_FDCWD", `"own"`, "BUF"})
		}
	}
	if u.name == "clone3" {
		return append(u.call(t, arch, u.name, u.args), u.call(t, arch, "clone", u.args)...)
	}
	var list []fact
	for _, args := range lists {
		name := u.name
		if c, ok := named(name); ok && arch == ARM64 && numbers[c].nr[1] < 0 {
			if otherwise[name] == nil {
				t.Fatalf("ports:%d: nothing in place of %s on arm64", p.line, name)
			}
			name, args = otherwise[name](args)
		}
		list = append(list, u.call(t, arch, name, args)...)
	}
	return list
}

func (u *use) call(t *testing.T, arch Arch, name string, args []string) []fact {
	t.Helper()
	f := fact{text: fmt.Sprintf("%s%v", name, args)}
	if err := f.parseCall(strings.Join(append([]string{name}, args...), " ")); err != nil {
		t.Fatalf("%s: %v", u.text, err)
	}
	return []fact{f}
}

// goesOn reports whether a program goes on after a use is answered so.
func (u *use) goesOn(f *fact, ret uint32) bool {
	for _, h := range harmlessAnswers {
		if h.name == u.name && numbers[f.call].name != "clone" && (h.argument == "" || slices.Contains(u.args, h.argument)) &&
			slices.ContainsFunc(h.errnos, func(e unix.Errno) bool { return ret == errnoAction(e) }) {
			return true
		}
	}
	if u.name != "openat" || len(u.args) < 3 || u.args[2] != "O_RDONLY" || ret != errnoAction(unix.EACCES) {
		return false
	}
	return harmlessPaths[strings.Trim(u.args[1], `"`)] != ""
}

// TestPorts replays what programs were seen to do after their pledge: each call
// is allowed, or answered with an errno that the program goes on with. Without
// the promises some of them are answered otherwise.
func TestPorts(t *testing.T) {
	ports := readPorts(t)
	if len(ports) < 184 {
		t.Errorf("%d lines: some are lost", len(ports))
	}
	compiled := plans{}
	for _, arch := range []Arch{AMD64, ARM64} {
		calls, errnos, refused := 0, 0, 0
		for i := range ports {
			p := &ports[i]
			held := false
			for _, on := range []Violation{Abort, Errno} {
				nothing := compiled.get(t, 0, replayOptions(0, arch, on))
				plan := compiled.get(t, p.set, replayOptions(p.set, arch, on))
				for _, u := range p.uses {
					for _, f := range u.tries(t, p, arch) {
						d, ok := f.data(arch)
						if !ok {
							t.Fatalf("ports:%d: %s is not on %s", p.line, f.text, arch)
						}
						ret, err := simulate(plan.program, d)
						if err != nil {
							t.Fatal(err)
						}
						if without, err := simulate(nothing.program, d); err != nil {
							t.Fatal(err)
						} else if without != ret {
							held = true
						}
						calls++
						switch {
						case u.refused:
							if refused++; on == Abort && ret&unix.SECCOMP_RET_ACTION_FULL != unix.SECCOMP_RET_TRAP {
								t.Errorf("%s: ports:%d: %s, %q: %s: %s", arch, p.line, p.program, p.set, f.text, action(ret))
							}
						case ret == unix.SECCOMP_RET_ALLOW:
						case u.goesOn(&f, ret):
							errnos++
						default:
							t.Errorf("%s: ports:%d: %s, %q: %s: %s", arch, p.line, p.program, p.set, f.text, action(ret))
						}
					}
				}
			}
			if !held {
				t.Errorf("%s: ports:%d: no promise makes a difference", arch, p.line)
			}
		}
		t.Logf("%s: %d calls, %d answered with an errno, %d refused", arch, calls, errnos, refused)
	}
}

// TestPortsPaths holds that what libc opens by itself is there for it: the
// promise rpath, which those programs hold that do not unveil, or one that
// implies the path; and else that the program goes on without.
func TestPortsPaths(t *testing.T) {
	for _, p := range readPorts(t) {
		for _, u := range p.uses {
			if u.name != "openat" || len(u.args) < 3 {
				continue
			}
			path, mode := strings.Trim(u.args[1], `"`), "r"
			if strings.Contains(u.args[2], "O_RDWR") {
				mode = "rw"
			} else if strings.Contains(u.args[2], "O_WRONLY") {
				mode = "w"
			}
			if need := map[string]string{"r": "rpath", "w": "wpath", "rw": "rpath wpath"}[mode]; p.set.Has(words(need)) {
				continue
			}
			implied := slices.ContainsFunc(p.set.Paths(), func(i Path) bool {
				return (i.Name == path || strings.HasPrefix(path, i.Name+"/")) && strings.Contains(i.Perms, mode)
			})
			if !implied && (mode != "r" || harmlessPaths[path] == "") {
				t.Errorf("ports:%d: %s, %q: %s is not opened", p.line, p.program, p.set, u.text)
			}
		}
	}
}
