package escape

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

// capability numbers of capabilities(7) that the launcher may leave.
var caps = map[string]int{
	"CHOWN": unix.CAP_CHOWN, "DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH,
	"FOWNER": unix.CAP_FOWNER, "FSETID": unix.CAP_FSETID, "KILL": unix.CAP_KILL, "SETGID": unix.CAP_SETGID,
	"SETUID": unix.CAP_SETUID, "NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE, "NET_ADMIN": unix.CAP_NET_ADMIN,
	"SYS_CHROOT": unix.CAP_SYS_CHROOT, "SYS_TIME": unix.CAP_SYS_TIME,
}

// TestCapabilities holds every set of the command to what its flags ask for:
// what root has of them, and no more; and nothing at all of what another user
// was lent.
func TestCapabilities(t *testing.T) {
	need.Box(t, 1)
	onlyRoot(t)
	t.Parallel()
	tests := []struct {
		flags []string
		keeps string
	}{
		{nil, ""},
		{[]string{"-p", "stdio"}, ""},
		{[]string{"-p", "stdio rpath"}, "DAC_READ_SEARCH"},
		{[]string{"-u", "/usr:r", "-p", "stdio"}, ""},
		{[]string{"-u", "/usr:rx", "-p", "stdio rpath"}, "DAC_READ_SEARCH"},
		{[]string{"-u", "/usr:r", "-p", "stdio rpath wpath cpath"}, "DAC_READ_SEARCH"},
		{[]string{"-u", "/tmp:w", "-p", "stdio rpath wpath"}, "DAC_OVERRIDE"},
		{[]string{"-u", "/tmp:rwc", "-p", "stdio rpath wpath cpath"}, "DAC_READ_SEARCH DAC_OVERRIDE"},
		{[]string{"-u", "/usr:r", "-p", "stdio rpath fattr"}, "DAC_READ_SEARCH FOWNER"},
		{[]string{"-u", "/usr:r", "-p", "stdio rpath chown"}, "DAC_READ_SEARCH CHOWN FOWNER FSETID"},
		{[]string{"-u", "/usr:r", "-p", "stdio rpath id"}, "DAC_READ_SEARCH SETUID SETGID"},
		{[]string{"-u", "/usr:r", "-p", "stdio rpath inet"}, "DAC_READ_SEARCH NET_BIND_SERVICE"},
		{[]string{"-u", "/usr:r", "-p", "stdio rpath proc"}, "DAC_READ_SEARCH KILL"},
		{[]string{"-u", "/usr:r", "-p", "stdio rpath settime"}, "DAC_READ_SEARCH SYS_TIME"},
		{[]string{"-u", "/usr:r", "-p", "stdio rpath wroute"}, "DAC_READ_SEARCH NET_ADMIN"},
		{[]string{"-u", "/usr:r"}, "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETGID SETUID SYS_CHROOT"},
		{[]string{"-u", "/:rwxc"}, "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETGID SETUID SYS_CHROOT"},
	}
	control := statusOf(t, &syscall.SysProcAttr{}, "cat")
	for _, tt := range tests {
		var want uint64
		for _, name := range strings.Fields(tt.keeps) {
			want |= 1 << caps[name]
		}
		got := statusOf(t, &syscall.SysProcAttr{}, launch(append([]string{"-q"}, tt.flags...), "cat")...)
		for _, set := range []string{"CapPrm", "CapEff", "CapBnd"} {
			if has := hex(t, control[set]); got[set] != fmt.Sprintf("%016x", has&want) {
				t.Errorf("%q: %s %s, want %016x", tt.flags, set, got[set], has&want)
			}
			if has := hex(t, control[set]); has&^want == 0 {
				t.Errorf("%q: %s without the box is %016x: nothing to lose", tt.flags, set, has)
			}
		}
		for _, set := range []string{"CapInh", "CapAmb"} {
			if extra := hex(t, got[set]) &^ want; extra != 0 {
				t.Errorf("%q: %s has %016x beside what was asked for", tt.flags, set, extra)
			}
		}
		if got["NoNewPrivs"] != "1" {
			t.Errorf("%q: NoNewPrivs %s", tt.flags, got["NoNewPrivs"])
		}
	}

	// Lent by ambient sets, to root and to somebody else.
	for _, uid := range []uint32{0, nobody} {
		lent := &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: uid, Gid: uid},
			AmbientCaps: []uintptr{unix.CAP_NET_RAW, unix.CAP_SYS_PTRACE, unix.CAP_SYS_ADMIN},
		}
		flags := []string{"-q", "-u", "/usr:r", "-p", "stdio rpath"}
		if got := statusOf(t, lent, "cat"); hex(t, got["CapAmb"]) == 0 || hex(t, got["CapEff"]) == 0 {
			t.Fatalf("uid %d: nothing was lent: %v", uid, got)
		}
		got := statusOf(t, lent, launch(flags, "cat")...)
		for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapAmb"} {
			if extra := hex(t, got[set]) &^ (1 << unix.CAP_DAC_READ_SEARCH); extra != 0 {
				t.Errorf("uid %d: %s has %016x of what was lent", uid, set, extra)
			}
		}
	}
}

// statusOf starts a command that copies its input, and tells what
// /proc/PID/status says of it once it does.
func statusOf(t *testing.T, attr *syscall.SysProcAttr, argv ...string) map[string]string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.SysProcAttr = "/", attr
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	defer func() { stdin.Close(); io.Copy(io.Discard, stdout); cmd.Wait() }()
	io.WriteString(stdin, "here\n")
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "here\n" {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("%q does not run: %v\n%s", argv, err, stderr.String())
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		status[name] = strings.TrimSpace(value)
	}
	return status
}

func hex(t *testing.T, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSetID holds that neither set-id bits nor file capabilities give the
// command what its user has not.
func TestSetID(t *testing.T) {
	need.Box(t, 1)
	onlyRoot(t)
	t.Parallel()
	r := run{user: user{"nobody", nobody}, dir: newTree(t, user{"nobody", nobody})}
	dir := newTree(t, user{"root", 0})
	setuid, filecap := filepath.Join(dir, "in/setuid"), filepath.Join(dir, "in/filecap")
	for _, path := range []string{setuid, filecap} {
		if err := copyExecutable(tool("probe"), path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(setuid, os.ModeSetuid|0o755); err != nil {
		t.Fatal(err)
	}
	// struct vfs_cap_data, revision 2, with the effective bit.
	var data [20]byte
	binary.LittleEndian.PutUint32(data[0:], 0x02000001)
	binary.LittleEndian.PutUint32(data[4:], 1<<unix.CAP_NET_RAW)
	if err := unix.Setxattr(filecap, "security.capability", data[:], 0); err != nil {
		t.Fatal(err)
	}
	const euid, packet = "euid0", "socket 17 3 0"
	for _, tt := range []struct {
		program, act string
		flags        []string
		want         string
	}{
		{setuid, euid, []string{"-p", "stdio"}, "EPERM"},
		{setuid, euid, []string{"-u", "/:rx"}, "EPERM"},
		{filecap, packet, []string{"-u", "/:rx"}, "EPERM"},
		{filecap, packet, []string{"-p", "stdio"}, "EAFNOSUPPORT"},
	} {
		r.command(t, tt.program, tt.act).want(t, "without the box", 0, "ok", "")
		r.command(t, launch(append([]string{"-q"}, tt.flags...), tt.program, tt.act)...).want(t, tt.program, 0, tt.want, "")
		// And by a program in it.
		inner := []string{"sh", "-c", `exec "$0" "$1"`, tt.program, tt.act}
		r.command(t, inner...).want(t, "by a shell", 0, "ok", "")
		if len(tt.flags) == 2 && tt.flags[0] == "-u" {
			r.command(t, launch(append([]string{"-q"}, tt.flags...), inner...)...).want(t, tt.program+" by a shell", 0, tt.want, "")
		}
	}
}

// TestOwners holds that root uses what its -u names, whoever owns it, and
// keeps owners with chown only.
func TestOwners(t *testing.T) {
	need.Box(t, 1)
	onlyRoot(t)
	t.Parallel()
	r := run{user: user{"root", 0}, dir: newTree(t, user{"nobody", nobody})}
	in := filepath.Join(r.dir, "in")
	for _, path := range []string{in, filepath.Join(in, "own")} {
		if err := os.Chmod(path, 0o700&^0o077); err != nil {
			t.Fatal(err)
		}
	}
	own := []string{"-q", "-u", in + ":rwc", "-p", "stdio rpath wpath cpath"}
	acts := []string{tool("probe"), "read " + in + "/own", "rdwr " + in + "/own", "creat " + in + "/new", "unlink " + in + "/new", "read " + r.dir + "/out/secret"}
	r.command(t, launch(own, acts...)...).want(t, "files of another", 0, "ok\nok\nok\nok\nEACCES", "")
	// Without -u for it the capability is not there.
	r.command(t, launch([]string{"-q", "-u", "/usr:r", "-p", "stdio"}, acts...)...).want(t, "not unveiled", 0, "EACCES\nEACCES\nEACCES\nEACCES\nEACCES", "")

	archive := filepath.Join(in, "a.tar")
	r.command(t, "tar", "-cf", archive, "-C", in, "own").want(t, "tar -c", 0, "", "")
	extract := func(flags []string) int {
		dir, err := os.MkdirTemp(in, "x")
		if err != nil {
			t.Fatal(err)
		}
		argv := []string{"tar", "-x", "-f", archive, "-C", dir}
		if flags != nil {
			argv = launch(flags, argv...)
		}
		got := r.command(t, argv...)
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, "own"), &st); err != nil {
			t.Fatalf("tar -x: %v, %+v", err, got)
		}
		return int(st.Uid)
	}
	box := func(promises string) []string {
		return []string{"-q", "-u", in + ":rwc", "-u", "/etc/passwd:r", "-u", "/etc/group:r", "-p", promises}
	}
	const everyday = "stdio rpath wpath cpath fattr"
	for _, tt := range []struct {
		name  string
		flags []string
		owner int
	}{
		{"without the box", nil, nobody}, {everyday, box(everyday), 0}, {"with chown", box(everyday + " chown"), nobody},
	} {
		if got := extract(tt.flags); got != tt.owner {
			t.Errorf("%s: owner %d, want %d", tt.name, got, tt.owner)
		}
	}
}
