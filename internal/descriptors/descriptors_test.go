package descriptors

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestCloseAtExec holds that what is below stays, and that both ways do the same.
func TestCloseAtExec(t *testing.T) {
	for name, close := range map[string]func(int) error{"close_range": CloseAtExec, "each": closeEach} {
		t.Run(name, func(t *testing.T) {
			var pair [2]int
			if err := unix.Pipe2(pair[:], 0); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pair[0])
			defer unix.Close(pair[1])
			low, high := min(pair[0], pair[1]), max(pair[0], pair[1])
			flags := func(fd int) int {
				f, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			if flags(low)|flags(high) != 0 {
				t.Fatal("closed at exec from the start")
			}
			if err := close(high); err != nil {
				t.Fatal(err)
			}
			if flags(low) != 0 || flags(high) != unix.FD_CLOEXEC {
				t.Errorf("from %d up: %d has %d, %d has %d", high, low, flags(low), high, flags(high))
			}
		})
	}
}
