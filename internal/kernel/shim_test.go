package kernel_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
)

// nobody is the unprivileged user and group of the tests.
const nobody = 65534

// TestProbeUnderABIs runs the probe under every ABI that can be had here, as
// root and as another user.
func TestProbeUnderABIs(t *testing.T) {
	if testing.Short() {
		t.Skip("short: on the kernel as it is only")
	}
	abis := shimtest.ABIs(t)
	self := shimtest.Self(t)
	real := kernel.Probe()
	users := []int{os.Getuid()}
	if os.Getuid() == 0 {
		users = append(users, nobody)
	} else {
		t.Log("not root: as this user only")
	}
	for _, uid := range users {
		for _, n := range abis {
			t.Run(fmt.Sprintf("uid %d/ABI %d", uid, n), func(t *testing.T) {
				cmd := shimtest.Command(t, n, self)
				if uid != os.Getuid() {
					id := uint32(uid)
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
				}
				checkABI(t, n, uid, real, runInside(t, cmd))
			})
		}
	}
}

func checkABI(t *testing.T, n, uid int, real kernel.Kernel, in inside) {
	t.Helper()
	want := kernel.Landlock(n)
	if in.ABI != want.ABI || in.Reported != want.Reported || in.Landlock != word(want.Landlock) {
		t.Errorf("ABI %d of %d, %s; want %d, %v", in.ABI, in.Reported, in.LandlockDetail, want.ABI, want.Landlock)
	}
	if n > 0 && in.Errata != real.Errata || n <= 0 && in.Errata != 0 {
		t.Errorf("errata %#x; the real kernel's are %#x", in.Errata, real.Errata)
	}
	if in.Seccomp != "" || in.TSYNC != real.TSYNC || in.UserNotif != real.UserNotif || in.Actions != real.Actions {
		t.Errorf("seccomp is not the real kernel's: %s", in.Line)
	}
	if len(in.Notes) != 0 {
		t.Errorf("notes: %q", in.Notes)
	}
	if in.UID != uid {
		t.Errorf("ran as uid %d, want %d", in.UID, uid)
	}
	// As root abishim leaves no_new_privs to the command, so that both ways
	// of a probe are run.
	own, err := processState()
	if err != nil {
		t.Fatal(err)
	}
	inherited := strings.Contains(own, "NoNewPrivs:\t1")
	if want := uid != 0 || inherited; in.NoNewPrivs != want {
		t.Errorf("no_new_privs %v as uid %d, want %v", in.NoNewPrivs, uid, want)
	}
}
