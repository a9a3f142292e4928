package trace

import (
	"os"
	"testing"
)

// TestNumber reads fields of a status file.
func TestNumber(t *testing.T) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if got := number(string(text), "Pid", 10); got != uint64(os.Getpid()) {
		t.Errorf("Pid %d, want %d", got, os.Getpid())
	}
	const status = "Name:\tx\nSigBlk:\t0000000040000000\nThreads:\t3\n"
	for field, want := range map[string]uint64{"SigBlk": 1 << 30, "NoSuch": 0} {
		if got := number(status, field, 16); got != want {
			t.Errorf("%s %#x, want %#x", field, got, want)
		}
	}
	if got := number(status, "Threads", 10); got != 3 {
		t.Errorf("Threads %d", got)
	}
	// This process runs, and has no more filters than itself.
	if parent(os.Getpid()) != os.Getppid() {
		t.Errorf("parent %d, want %d", parent(os.Getpid()), os.Getppid())
	}
}
