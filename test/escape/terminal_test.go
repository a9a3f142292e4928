package escape

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

const (
	cloneNewNS = unix.CLONE_NEWNS
	goarch     = runtime.GOARCH
)

// terminal returns the lower side of a new pty, that belongs to the user.
func terminal(t testing.TB, u user) *os.File {
	t.Helper()
	upper, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		need.Missing(t, "%v", err)
	}
	t.Cleanup(func() { upper.Close() })
	if err := unix.IoctlSetPointerInt(int(upper.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(upper.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	path := "/dev/pts/" + strconv.Itoa(n)
	if os.Getuid() != u.uid {
		if err := os.Chown(path, u.uid, u.uid); err != nil {
			t.Fatal(err)
		}
	}
	lower, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lower.Close() })
	return lower
}

// typing are the calls that put bytes into a terminal, or change how it reads.
func typing(setd string) []way {
	return []way{
		{act: "tiocsti", answer: "EPERM", absent: "EIO"},
		{act: "tioclinux 2", answer: "EPERM", control: "ENOTTY|ok"},
		{act: "tioclinux 3", answer: "EPERM", control: "ENOTTY|ok"},
		{act: "tiocsetd", answer: setd, control: "ok"},
	}
}

var terminalBoxes = []box{
	{name: "terminal, tty promised", flags: []string{"-q", "-p", "stdio tty proc"}, stdin: "terminal", ways: typing("EPERM")},
	// TIOCSETD of an ordinary user can only set what is set; it is no part of the floor.
	{name: "terminal, paths alone", flags: []string{"-q", "-u", "$IN:rwc"}, strict: 2, refusal: refusesRefer, stdin: "terminal", ways: typing("EPERM")[:3]},
}
