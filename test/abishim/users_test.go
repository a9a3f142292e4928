package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/need"
)

// nobody is the unprivileged user and group of the tests.
const nobody = 65534

// asUsers runs a test as root, where abishim needs no no_new_privs, and as
// nobody, where it does.
func asUsers(t *testing.T, test func(t *testing.T, uid int)) {
	for _, uid := range []int{0, nobody} {
		t.Run(fmt.Sprintf("uid %d", uid), func(t *testing.T) {
			if own := os.Getuid(); own != 0 && uid != own {
				need.Missing(t, "root, to become uid %d", uid)
			}
			test(t, uid)
		})
	}
}

// command is argv under ABI n, as a user. The working directory is one that
// every user may enter.
func command(t *testing.T, uid, n int, argv ...string) *exec.Cmd {
	t.Helper()
	cmd := shimtest.Command(t, n, argv...)
	cmd.Dir = "/"
	if uid != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	return cmd
}
