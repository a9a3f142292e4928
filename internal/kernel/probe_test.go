package kernel_test

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// TestProbe compares the probe with calls made here.
func TestProbe(t *testing.T) {
	k := kernel.Probe()
	t.Log(k)
	r, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		if k.ABI != 0 || !errors.Is(k.Landlock, errno) {
			t.Errorf("ABI %d, %v; the version call says %v", k.ABI, k.Landlock, errno)
		}
	} else if k.Landlock != nil || k.Reported != int(r) || k.ABI != min(int(r), kernel.Newest) {
		t.Errorf("ABI %d of %d, %v; the version call says %d", k.ABI, k.Reported, k.Landlock, r)
	}
	r, _, errno = unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_ERRATA)
	if want := int(r); errno == 0 && k.Errata != want {
		t.Errorf("errata %#x, want %#x", k.Errata, want)
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	if want := unix.ByteSliceToString(u.Release[:]); k.Release != want {
		t.Errorf("release %q, want %q", k.Release, want)
	}
	// Every kernel that has Landlock has all of seccomp, if it is built in.
	if k.ABI > 0 && k.Seccomp == nil && (!k.TSYNC || !k.UserNotif) {
		t.Errorf("seccomp without TSYNC or user notification: %v", k)
	}
}

// TestProbeActions holds the shortcut of the probe against the kernel's list
// and against asking for each action.
func TestProbeActions(t *testing.T) {
	k := kernel.Probe()
	if got := kernel.AskActions(); got != k.Actions {
		t.Errorf("actions %q; asked one by one %q", k.Actions, got)
	}
	list, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil {
		t.Skip(err)
	}
	for _, word := range strings.Fields(k.Actions.String()) {
		if !strings.Contains(" "+strings.TrimSpace(string(list))+" ", " "+word+" ") {
			t.Errorf("action %s is not in actions_avail: %s", word, list)
		}
	}
}

// TestProbeChangesNothing compares the thread and the open descriptors before
// and after.
func TestProbeChangesNothing(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	kernel.Probe() // what the runtime opens once is open now
	before, err := processState()
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		kernel.Probe()
	}
	if after, err := processState(); err != nil || after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	// A domain would refuse this, were one entered by mistake.
	if err := os.WriteFile(t.TempDir()+"/file", nil, 0o600); err != nil {
		t.Error(err)
	}
}

// processState is what a probe must leave alone: the thread's privileges and
// filters, and the process's descriptors.
func processState() (string, error) {
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return "", err
	}
	var state []string
	for line := range strings.Lines(string(status)) {
		for _, key := range []string{"NoNewPrivs:", "Seccomp", "Cap", "Uid:", "Gid:"} {
			if strings.HasPrefix(line, key) {
				state = append(state, strings.TrimSpace(line))
			}
		}
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		link, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if strings.HasPrefix(link, "/proc/") {
			continue // the directory being read
		}
		state = append(state, e.Name()+" "+link)
	}
	return strings.Join(state, "\n"), nil
}

// TestVerifyGoesDown: a kernel that reports more than it does is used as what
// it does.
func TestVerifyGoesDown(t *testing.T) {
	real := kernel.Probe()
	if real.Landlock != nil {
		t.Skip(real.Landlock)
	}
	if real.ABI == kernel.Newest {
		t.Skip("no ABI above the kernel's own is known")
	}
	if os.Geteuid() != 0 {
		t.Skip("the flags of restricting can only be tried by root")
	}
	k := kernel.Verify(kernel.Newest)
	if k.ABI != real.ABI || k.Reported != kernel.Newest || k.Landlock != nil {
		t.Errorf("ABI %d of %d, %v; want %d", k.ABI, k.Reported, k.Landlock, real.ABI)
	}
	if len(k.Notes) != 1 || !strings.Contains(k.Notes[0], "does only") {
		t.Errorf("notes: %q", k.Notes)
	}
}

func BenchmarkProbe(b *testing.B) {
	for b.Loop() {
		kernel.Probe()
	}
}
