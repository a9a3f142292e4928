package notify_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/notify"
)

// TestString reads strings of this process, at and over the ends of pages.
func TestString(t *testing.T) {
	page := os.Getpagesize()
	// What comes behind the last page cannot be read.
	memory, err := unix.Mmap(-1, 0, 4*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mprotect(memory[3*page:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	base := uint64(uintptr(unsafe.Pointer(&memory[0])))
	m := notify.NewMemory()
	for _, c := range []struct {
		at   int
		text string
		err  error
	}{
		{0, "", nil},
		{10, "/etc/hosts", nil},
		{page - 5, "/etc/hosts", nil},
		{3*page - 6, "/etc\x00", nil},
		{3*page - 5, "/etc\x00", nil},
		{3*page - 4, "/etc", unix.EFAULT},
		{3 * page, "", unix.EFAULT},
		{100, strings.Repeat("a", 4095), nil},
		{100, strings.Repeat("a", 4096), unix.ENAMETOOLONG},
	} {
		clear(memory[:3*page])
		copy(memory[c.at:min(len(memory), 3*page)], c.text)
		got, err := m.String(os.Getpid(), base+uint64(c.at))
		if want := strings.TrimRight(c.text, "\x00"); !errors.Is(err, c.err) || err == nil && got != want {
			t.Errorf("%q at %#x: %q, %v; want %v", c.text, c.at, got, err, c.err)
		}
	}
	if _, err := m.String(os.Getpid(), 0); !errors.Is(err, unix.EFAULT) {
		t.Errorf("at NULL: %v", err)
	}
	copy(memory, "own")
	if err := notify.CanRead(os.Getpid(), base, "own"); err != nil {
		t.Error(err)
	}
	if err := notify.CanRead(os.Getpid(), base, "other"); err == nil {
		t.Error("read otherwise than it is, and no error")
	}
	if err := notify.CanRead(os.Getpid(), 0, "own"); err == nil {
		t.Error("read at NULL")
	}
}

// TestFlags holds that the kernel of the tests knows user notification.
func TestFlags(t *testing.T) {
	flags, err := notify.Flags()
	if err != nil || flags&unix.SECCOMP_FILTER_FLAG_NEW_LISTENER == 0 {
		t.Errorf("%#x, %v", flags, err)
	}
}
