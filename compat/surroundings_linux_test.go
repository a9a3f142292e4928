package compat

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/need"
)

// ring makes a ring of io_uring with a thread of the kernel that serves it.
func ring() error {
	const setupSqpoll = 1 << 1
	var params [30]uint32 // struct io_uring_params
	params[2] = setupSqpoll
	_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return fmt.Errorf("no ring: %w", errno)
	}
	return nil
}

// TestRing: what serves a ring cannot be bound, so that nothing is.
func TestRing(t *testing.T) {
	needKernel(t)
	bin := shimtest.Self(t)
	for _, name := range []string{"ring", "ring, unveil"} {
		out, _ := run(t, bin, os.Getuid(), scratch(t), name, "work")
		if strings.Contains(out, "no ring") {
			need.Missing(t, "io_uring: %s", out)
		}
		if !strings.Contains(out, "not confined") || !strings.Contains(out, "io_uring cannot be bound: operation not supported") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestWithoutLandlock: ENOSYS, and the text says why.
func TestWithoutLandlock(t *testing.T) {
	bin := shimtest.Self(t)
	tried := false
	for _, abi := range shimtest.ABIs(t) {
		if abi > 0 {
			continue
		}
		tried = true
		cmd := shimtest.Command(t, abi, bin)
		cmd.Env = append(os.Environ(), envCase+"=without Landlock")
		if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
			t.Errorf("ABI %d: %v: %s", abi, err, out)
		}
	}
	if !tried {
		t.Error("no kernel without Landlock was tried")
	}
}

// TestOlderKernels tries some of what is enforced on older ABIs.
func TestOlderKernels(t *testing.T) {
	needKernel(t)
	bin := shimtest.Self(t)
	for _, abi := range shimtest.ABIs(t) {
		if abi < 1 || testing.Short() {
			continue
		}
		for _, e := range enforced {
			tried := e.under == "stdio" || e.under == "nothing left" || e.under == "unveil rwc" || e.under == "unveil, two"
			// A rename to another directory takes ABI 2.
			if !tried || e.env != "" || abi < 2 && e.act == "rename in/" {
				continue
			}
			t.Run(fmt.Sprintf("ABI %d/%s/%s", abi, e.under, e.act), func(t *testing.T) {
				t.Parallel()
				want := e.want
				if cgoLinked && withCgo(e.under, e.act) != "" {
					want = withCgo(e.under, e.act)
				}
				cmd := shimtest.Command(t, abi, bin)
				cmd.Env = append(os.Environ(), envCase+"="+e.under, envAct+"="+e.act, envDir+"="+scratch(t))
				out, _ := cmd.CombinedOutput()
				got := answer(string(out), cmd.ProcessState)
				if strings.Contains(got, "not confined") {
					got = "not confined"
				}
				if got != want {
					t.Errorf("%s, want %s", got, want)
				}
			})
		}
	}
}

// TestSetID: the environment of who starts a set-id program has no say.
func TestSetID(t *testing.T) {
	needKernel(t)
	if os.Getuid() != 0 {
		need.Missing(t, "root, for a set-id program")
	}
	dir := scratch(t)
	text, err := os.ReadFile(shimtest.Self(t))
	if err != nil {
		t.Fatal(err)
	}
	bin := dir + "/set-id"
	if err := os.WriteFile(bin, text, 0o755); err != nil {
		t.Fatal(err)
	}
	play := func() string {
		cmd := exec.Command(bin)
		cmd.Env = append(os.Environ(), envCase+"=stdio", envAct+"=socket", envDir+"="+dir, "UNVEIL_VIOLATION=errno")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, _ := cmd.CombinedOutput()
		if strings.TrimSpace(string(out)) == "EPERM" {
			return "errno"
		}
		return cmd.ProcessState.String()
	}
	if got := play(); got != "errno" {
		t.Fatalf("without the bit: %s", got)
	}
	if err := os.Chown(bin, 0, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(bin, 0o755|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Flags&unix.ST_NOSUID != 0 {
		need.Missing(t, "a directory for set-id programs: %s", dir)
	}
	if got := play(); got != "exit status 2" {
		t.Errorf("with the bit: %s, want exit status 2", got)
	}
}

func init() {
	contract["without Landlock"] = []step{
		{both("stdio", ""), unix.ENOSYS},
		{bare(promises("nonsense")), unix.EINVAL}, // words come first
		{shows("/etc", "r"), unix.ENOSYS},
		{UnveilBlock, unix.ENOSYS},
		{reading("/etc/passwd"), 0},
	}
}
