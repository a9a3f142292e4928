package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/need"
)

// envInside has the test binary, run again, make the Landlock calls and print
// what it got.
const envInside = "ABISHIM_TEST_INSIDE"

func TestMain(m *testing.M) {
	if os.Getenv(envInside) != "" {
		inside()
		return
	}
	os.Exit(m.Run())
}

// attributes of each ABI, in 64-bit fields: all that it knows.
var attributes = [][]uint64{
	{0x1fff}, {0x3fff}, {0x7fff}, {0x7fff, 0x3}, {0xffff, 0x3}, {0xffff, 0x3, 0x3}, {0xffff, 0x3, 0x3}, {0xffff, 0x3, 0x3},
	{0x1ffff, 0x3, 0x3}, {0x1ffff, 0xf, 0x3, 0, 0, 0}, {0x1ffff, 0xf, 0x3, 0, 0, 0},
}

// answers makes the calls and tells what came back, one a line.
func answers() string {
	var out strings.Builder
	say := func(what string, r uintptr, errno syscall.Errno) {
		switch {
		case errno != 0:
			fmt.Fprintf(&out, "%s: %s\n", what, unix.ErrnoName(errno))
		case what == "version":
			fmt.Fprintf(&out, "%s: %d\n", what, r)
		default:
			fmt.Fprintf(&out, "%s: ok\n", what)
		}
	}
	create := func(addr unsafe.Pointer, size uintptr) (uintptr, syscall.Errno) {
		r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(addr), size, 0)
		return r, errno
	}
	r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1)
	say("version", r, errno)
	for i, a := range attributes {
		r, errno := create(unsafe.Pointer(&a[0]), uintptr(len(a))*8)
		say(fmt.Sprintf("attributes %d", i+1), r, errno)
		if errno == 0 {
			unix.Close(int(r))
		}
	}
	var long [16]uint64
	long[0] = unix.LANDLOCK_ACCESS_FS_EXECUTE
	ruleset, errno := create(unsafe.Pointer(&long[0]), 128)
	say("zero tail", ruleset, errno)
	long[15] = 1
	r, errno = create(unsafe.Pointer(&long[0]), 128)
	say("tail", r, errno)

	// Attributes that end where the next page cannot be read.
	page := os.Getpagesize()
	if mem, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE); err == nil {
		if err := unix.Mprotect(mem[page:], unix.PROT_NONE); err == nil {
			r, errno = create(unsafe.Pointer(&mem[page-8]), 16)
			say("half attributes", r, errno)
		}
	}
	port := struct{ access, port uint64 }{unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, 443}
	net := [2]uint64{0, unix.LANDLOCK_ACCESS_NET_CONNECT_TCP}
	withNet, errno := create(unsafe.Pointer(&net[0]), 16)
	if errno != 0 {
		withNet = ruleset // refused for its type then
	}
	r, _, errno = unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, withNet, 2, uintptr(unsafe.Pointer(&port)), 0, 0, 0)
	say("port rule", r, errno)
	r, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 1<<31, 0)
	say("unknown flag", r, errno)
	// With no ruleset it is only the logging that changes.
	r, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ^uintptr(0), unix.LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF, 0)
	say("logging", r, errno)
	return out.String()
}

// expected is what answers says under ABI n.
func expected(n int) string {
	var out strings.Builder
	say := func(what, answer string) {
		switch {
		case n == 0:
			answer = "ENOSYS"
		case n < 0:
			answer = unix.ErrnoName(unix.EOPNOTSUPP) // one number, two names
		}
		fmt.Fprintf(&out, "%s: %s\n", what, answer)
	}
	since := func(abi int, answer string) string {
		if n >= abi {
			return "ok"
		}
		return answer
	}
	say("version", fmt.Sprint(n))
	for i := range attributes {
		answer := "ok"
		if n > 0 {
			own := attributes[n-1]
			for j, v := range attributes[i] {
				switch {
				case j >= len(own) && v != 0:
					answer = "E2BIG"
				case j < len(own) && v&^own[j] != 0 && answer == "ok":
					answer = "EINVAL"
				}
			}
		}
		say(fmt.Sprintf("attributes %d", i+1), answer)
	}
	say("zero tail", "ok")
	say("tail", "E2BIG")
	say("half attributes", "EFAULT")
	say("port rule", since(4, "EINVAL"))
	say("unknown flag", "EINVAL")
	say("logging", since(7, "EINVAL"))
	return out.String()
}

// inside prints the answers that the first thread gets, another thread, and a
// program that was executed.
func inside() {
	own := answers()
	fmt.Print(own)
	if os.Getenv(envInside) == "child" {
		return
	}
	other := make(chan string)
	runtime.LockOSThread()
	go func() {
		runtime.LockOSThread()
		other <- answers()
	}()
	if got := <-other; got != own {
		fmt.Printf("another thread:\n%s", got)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envInside+"=child")
	if got, err := cmd.CombinedOutput(); err != nil || string(got) != own {
		fmt.Printf("an executed child, %v:\n%s", err, got)
	}
}

// TestCalls makes the calls for real, under every ABI that can be had.
func TestCalls(t *testing.T) {
	abis := shimtest.ABIs(t)
	self := shimtest.Self(t)
	asUsers(t, func(t *testing.T, uid int) {
		for _, n := range abis {
			t.Run(fmt.Sprintf("ABI %d", n), func(t *testing.T) {
				cmd := command(t, uid, n, self)
				cmd.Env = append(os.Environ(), envInside+"=1")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				got, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v: %s", err, stderr.Bytes())
				}
				if want := expected(n); string(got) != want {
					t.Errorf("got\n%swant\n%s", got, want)
				}
			})
		}
	})
}

// TestForks: children that do not execute anything, and what their children
// execute. A child that hides from ptrace gets no Landlock at all, rather
// than the real one.
func TestForks(t *testing.T) {
	const version = "syscall(444, 0, 0, 1)"
	clone := map[string]int{"amd64": 56, "arm64": 220}[runtime.GOARCH]
	for name, script := range map[string]string{
		"itself":     "exit " + version,
		"child":      "if (!fork) { exit " + version + " } wait; exit $? >> 8",
		"grandchild": "if (!fork) { if (!fork) { exit " + version + " } wait; exit $? >> 8 } wait; exit $? >> 8",
		"executed":   `exit system("perl", "-e", "exit ` + version + `") >> 8`,
		"by a shell": `exit system("true; (perl -e 'exit ` + version + `'; exit \$?)") >> 8`,
		"untraced": fmt.Sprintf("my $pid = syscall(%d, 0x00800000 | 17, 0, 0, 0, 0);", clone) +
			"if ($pid == 0) { exit(" + version + " == -1 && $! == 38 ? 1 : 99) } waitpid($pid, 0); exit $? >> 8",
	} {
		t.Run(name, func(t *testing.T) {
			need.Program(t, "perl")
			asUsers(t, func(t *testing.T, uid int) {
				cmd := command(t, uid, 1, "perl", "-e", script)
				out, _ := cmd.CombinedOutput()
				if got := cmd.ProcessState.ExitCode(); got != 1 {
					t.Errorf("ABI %d, want 1: %s", got, out)
				}
			})
		})
	}
}
