package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

// A place is where a command is started.
type place struct {
	root string // its root directory, "" for the own
	uid  int
	attr func(*syscall.SysProcAttr)
}

// start runs a command in a place, and returns its status as a shell has it.
func (p place) start(t *testing.T, argv ...string) (status int, out string) {
	t.Helper()
	if argv[0] == "unveil-run" {
		argv[0] = filepath.Join(tools, argv[0])
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + tools + ":/usr/bin:/bin", "LC_ALL=C", "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: p.root, Credential: &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)}}
	if p.attr != nil {
		p.attr(cmd.SysProcAttr)
	}
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		status = exit.ExitCode()
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			status = 128 + int(ws.Signal())
		}
	} else if err != nil {
		t.Fatal(err)
	}
	return status, b.String()
}

// expects holds the status of a command, and what it prints somewhere.
func (p place) expects(t *testing.T, status int, says string, argv ...string) {
	t.Helper()
	got, out := p.start(t, argv...)
	if got != status || !strings.Contains(out, says) {
		t.Errorf("%q: status %d, want %d and %q\n%s", argv, got, status, says, out)
	}
}

// copyTool copies one of the tools, with a mode.
func copyTool(t *testing.T, from, to string, mode os.FileMode) string {
	t.Helper()
	if err := copyFile(filepath.Join(tools, from), to); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, mode); err != nil {
		t.Fatal(err)
	}
	return to
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

// Where no library can be preloaded, the command runs under what is set before
// exec, which ends it by SIGSYS; -n says why.
const (
	unspoken = 159
	spoken   = 134
)

// TestFileCapabilities starts a file that has capabilities: the loader drops
// what is preloaded, in silence.
func TestFileCapabilities(t *testing.T) {
	needsRoot(t)
	file := copyTool(t, "probe", filepath.Join(tools, "probe-cap"), 0o755)
	t.Cleanup(func() { os.Remove(file) })
	// struct vfs_cap_data: revision 2, effective, CAP_NET_RAW permitted.
	var value [20]byte
	binary.LittleEndian.PutUint32(value[:], 0x02000001)
	binary.LittleEndian.PutUint32(value[4:], 1<<unix.CAP_NET_RAW)
	if err := unix.Setxattr(file, "security.capability", value[:], 0); err != nil {
		need.Missing(t, "file capabilities: %v", err)
	}
	user, root := place{uid: nobody}, place{}
	user.expects(t, 0, "ok", file, "socket")
	user.expects(t, unspoken, "", "unveil-run", "-p", "stdio rpath", "--", file, "socket")
	user.expects(t, unspoken, "", "unveil-run", "-p", "stdio rpath", "--", file, "self")
	user.expects(t, 0, "runs without its file capabilities", "unveil-run", "-p", "stdio rpath", "--", file, "say")
	user.expects(t, 0, "in part: \""+file+"\" has file capabilities, for which the loader preloads nothing: the command may map executable memory",
		"unveil-run", "-n", "-p", "stdio rpath", "--", file, "say")
	user.expects(t, 125, "has file capabilities", "unveil-run", "-p", "stdio exec", "-P", "stdio", "--", file, "say")
	// Of root it is no more than that: the capability is not in the box.
	root.expects(t, 126, "operation not permitted", "unveil-run", "-p", "stdio rpath", "--", file, "socket")
}

// TestSetID starts files with set-id bits: under no_new_privs they have no
// effect, which is said, and the library is preloaded.
func TestSetID(t *testing.T) {
	needsRoot(t)
	for mode, says := range map[os.FileMode]string{
		0o755 | os.ModeSetuid: "its set-id bit has no effect",
		0o755 | os.ModeSetgid: "its set-id bit has no effect",
	} {
		file := copyTool(t, "probe", filepath.Join(tools, "probe-setid"), mode)
		t.Cleanup(func() { os.Remove(file) })
		user := place{uid: nobody}
		user.expects(t, 0, says, "unveil-run", "-p", "stdio rpath", "--", file, "say")
		user.expects(t, spoken, "pledge \"inet\", syscall socket", "unveil-run", "-q", "-p", "stdio rpath", "--", file, "socket")
	}
}

// TestRealUser starts the launcher with another effective user than the real
// one: the loader drops what is preloaded.
func TestRealUser(t *testing.T) {
	needsRoot(t)
	launcher := copyTool(t, "unveil-run", filepath.Join(tools, "unveil-run-setuid"), 0o755|os.ModeSetuid)
	t.Cleanup(func() { os.Remove(launcher) })
	user := place{uid: nobody}
	user.expects(t, unspoken, "", launcher, "-p", "stdio rpath", "--", "probe", "socket")
	user.expects(t, 1, "Permission denied", launcher, "-p", "stdio", "--", "probe", "read", "/etc/passwd")
	user.expects(t, 0, "in part: the real user or group is not the effective one", launcher, "-n", "-p", "stdio rpath", "--", "probe", "socket")
}

// TestChroot starts commands below a root directory that has no /proc, and
// nothing but them and their loader.
func TestChroot(t *testing.T) {
	needsRoot(t)
	dir := t.TempDir()
	for d := dir; d != "/"; d = filepath.Dir(d) { // others enter it
		if strings.HasPrefix(d, os.TempDir()+"/") {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"unveil-run", "probe-musl-dynamic", "probe-static"} {
		copyTool(t, name, filepath.Join(dir, name), 0o755)
	}
	loaders, err := filepath.Glob("/lib/ld-musl-*.so.1")
	if err != nil || len(loaders) != 1 {
		t.Fatalf("%q %v", loaders, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(loaders[0], filepath.Join(dir, loaders[0])); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []int{0, nobody} {
		p := place{root: dir, uid: uid}
		p.expects(t, 0, "ok", "/probe-musl-dynamic", "socket")
		p.expects(t, 0, "ran", "/unveil-run", "-p", "stdio rpath", "--", "/probe-musl-dynamic", "say")
		p.expects(t, unspoken, "", "/unveil-run", "-p", "stdio rpath", "--", "/probe-musl-dynamic", "socket")
		p.expects(t, unspoken, "", "/unveil-run", "-p", "stdio rpath", "--", "/probe-musl-dynamic", "execve", "/probe-static")
		p.expects(t, unspoken, "", "/unveil-run", "-p", "stdio rpath", "--", "/probe-static", "socket")
		p.expects(t, 0, "in part: there is no /proc to find the library by: ", "/unveil-run", "-n", "-p", "stdio rpath", "--", "/probe-musl-dynamic", "say")
		p.expects(t, 125, "there is no /proc", "/unveil-run", "-p", "stdio rpath exec", "-P", "stdio", "--", "/probe-musl-dynamic", "say")
	}
}

// TestNoexec starts commands where the mount of the library's memfd matters
// least: the command on a mount that executes nothing cannot start, and what
// is handed over needs no mount that does.
func TestNoexec(t *testing.T) {
	needsRoot(t)
	private := place{attr: func(a *syscall.SysProcAttr) { a.Cloneflags = syscall.CLONE_NEWNS }}
	dir := t.TempDir()
	mount := "mount --make-rprivate / && mount -t tmpfs -o noexec none " + dir + " && cp " + tools + "/probe " + dir + " && "
	if status, out := private.start(t, "sh", "-c", mount+"true"); status != 0 {
		need.Missing(t, "mounts: %s", out)
	}
	private.expects(t, 126, "cannot execute", "sh", "-c", mount+"unveil-run -p 'stdio rpath' -- "+dir+"/probe say")
	// Every mount that can be written executes nothing.
	private.expects(t, spoken, "pledge \"inet\", syscall socket", "sh", "-c",
		mount+"mount -t tmpfs -o noexec none /dev/shm && cd "+dir+" && exec unveil-run -p 'stdio rpath' -- probe socket")
}

// TestFewDescriptors starts a command with hardly a descriptor to hand over, and
// with none.
func TestFewDescriptors(t *testing.T) {
	run := place{uid: os.Getuid()}
	run.expects(t, spoken, "pledge \"inet\", syscall socket", "sh", "-c", "ulimit -n 40; exec unveil-run -p 'stdio rpath' -- probe socket")
	status, out := run.start(t, "sh", "-c", "ulimit -n 5; exec unveil-run -p 'stdio rpath' -- probe socket")
	if status != 125 && status != 126 || !strings.HasPrefix(out, "unveil-run: error: ") {
		t.Errorf("status %d\n%s", status, out)
	}
}
