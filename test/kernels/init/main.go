// Init is process 1 of a machine of test/kernels. It makes what programs take
// for granted (mounts, the loopback device), runs the jobs one by one, says on
// the second serial line how they went, and turns the machine off.
//
// It is built without cgo, so that no machine needs a C library or a shell,
// and no host a compiler for the other architecture.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/kernels/report"
)

func main() {
	notes := prepare()
	out := &channel{w: os.Stdout}
	if err := out.open(); err != nil {
		notes = append(notes, err)
	}
	out.send(report.Event{Boot: boot()})
	for _, err := range notes {
		out.send(report.Event{Note: err.Error()})
	}
	jobs, err := readJobs()
	if err != nil {
		out.send(report.Event{Note: err.Error()})
	}
	for _, j := range jobs {
		run(out, j)
	}
	out.send(report.Event{End: err == nil})
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("init: power off:", err)
	}
}

// prepare returns what failed: a test will miss it, and the note says why.
func prepare() (notes []error) {
	note := func(what string, err error) {
		if err != nil {
			notes = append(notes, fmt.Errorf("%s: %w", what, err))
		}
	}
	note("leaving rootfs", leaveRootfs())
	for _, m := range []struct{ kind, dir, options string }{
		{"proc", "/proc", ""},
		{"sysfs", "/sys", ""},
		{"devtmpfs", "/dev", ""},
		{"devpts", "/dev/pts", "ptmxmode=0666"},
		{"tmpfs", "/dev/shm", "mode=1777"},
		{"tmpfs", "/tmp", "mode=1777"},
		{"tmpfs", "/run", "mode=0755"},
		{"securityfs", "/sys/kernel/security", ""},
		{"cgroup2", "/sys/fs/cgroup", ""},
	} {
		note(m.dir, os.MkdirAll(m.dir, 0o755))
		if err := unix.Mount(m.kind, m.dir, m.kind, 0, m.options); err != nil && err != unix.EBUSY {
			note("mount "+m.dir, err)
		}
	}
	for name, target := range map[string]string{"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"} {
		note("/dev/"+name, os.Symlink("/proc/self/fd"+target, "/dev/"+name))
	}
	note("loopback", loopback())
	// Package syscall hands on a limit that it was told, and the kernel's own
	// is less than some tests hold open.
	note("random addresses", randomise())
	note("limit of open files", syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1024, Max: 20000}))
	return notes
}

// randomise has addresses be as random as the kernel can. A filter that is
// bound to an image tells others by their addresses, and with the 18 bits that
// arm64 begins with some of the programs that a run executes lie where their
// parent does: pledge(3), CAVEATS.
func randomise() error {
	var err error
	for bits := 33; bits > 28; bits-- {
		if err = os.WriteFile("/proc/sys/vm/mmap_rnd_bits", []byte(strconv.Itoa(bits)), 0); err == nil {
			return nil
		}
	}
	return err
}

// leaveRootfs makes / a mount of its own: pivot_root(2) from the kernel's
// first one is EINVAL, and mount namespaces of tests would start from it.
func leaveRootfs() error {
	const dir = "/.root"
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/", dir, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	if err := unix.Chdir(dir); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return err
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return errors.Join(unix.Chdir("/"), os.Remove(dir))
}

func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

func boot() *report.Boot {
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		return strings.TrimSpace(string(data))
	}
	b := &report.Boot{
		Release: read("/proc/sys/kernel/osrelease"),
		LSM:     read("/sys/kernel/security/lsm"),
		CPUs:    runtime.NumCPU(),
	}
	b.Uptime, _, _ = strings.Cut(read("/proc/uptime"), " ")
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		b.Errno = unix.ErrnoName(errno)
	} else {
		b.ABI = int(abi)
	}
	return b
}

func readJobs() (jobs []report.Job, err error) {
	data, err := os.ReadFile(report.Jobs)
	if err != nil {
		return nil, err
	}
	return jobs, json.Unmarshal(data, &jobs)
}

// A channel takes events from several goroutines.
type channel struct {
	mu sync.Mutex
	w  io.Writer
}

// open turns to the serial line that the kernel's command line names.
func (c *channel) open() error {
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	for _, word := range strings.Fields(string(line)) {
		name, ok := strings.CutPrefix(word, report.Channel+"=")
		if !ok {
			continue
		}
		f, err := os.OpenFile("/dev/"+name, os.O_WRONLY|unix.O_NOCTTY, 0)
		if err != nil {
			return err
		}
		c.w = f
		return raw(int(f.Fd()))
	}
	return errors.New("no " + report.Channel + " on the kernel's command line")
}

// raw lets bytes pass as they are: no CR before an LF.
func raw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

func (c *channel) send(e report.Event) {
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers only
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.w.Write(append(data, '\n'))
}

// grace is what a job that is over may leave behind and still be heard.
const grace = 2 * time.Second

func run(out *channel, j report.Job) {
	out.send(report.Event{Job: j.Name, Start: true})
	start := time.Now()
	status, err := wait(out, j)
	if err != nil {
		out.send(report.Event{Job: j.Name, Note: err.Error()})
	}
	out.send(report.Event{Job: j.Name, Exit: &report.Exit{Status: status, Seconds: time.Since(start).Seconds()}})
}

// wait runs a job to its end and returns its status, and what else there is
// to say.
func wait(out *channel, j report.Job) (status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(j.Seconds)*time.Second)
	defer cancel()
	// A pipe, for no test shall have the serial line for a terminal.
	r, w, err := os.Pipe()
	if err != nil {
		return 125, err
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		defer r.Close()
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadString('\n')
			if line != "" {
				line = strings.TrimSuffix(line, "\n")
				out.send(report.Event{Job: j.Name, Line: &line})
			}
			if err != nil {
				return
			}
		}
	}()
	cmd := exec.CommandContext(ctx, j.Argv[0], j.Argv[1:]...)
	cmd.Dir, cmd.Env = j.Dir, j.Env
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if j.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(j.UID), Gid: uint32(j.UID)}
	}
	err = cmd.Run()
	w.Close()
	select {
	case <-heard:
	case <-time.After(grace): // a process that outlived it has the pipe
	}
	exit := new(exec.ExitError)
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 128 + int(unix.SIGKILL), fmt.Errorf("killed after its %d s", j.Seconds)
	case errors.As(err, &exit):
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			return 128 + int(ws.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 126, err
}
