package kernel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// inside is what the test binary, run again, found: under an older ABI, or
// under an outer seccomp profile.
type inside struct {
	Line           string
	ABI, Reported  int
	Errata         int
	Landlock       string // the word of landlockErrors
	Seccomp        string
	Actions        kernel.Actions
	TSYNC          bool
	UserNotif      bool
	NoINET         bool
	Notes          []string
	UID            int
	NoNewPrivs     bool // before the probe
	Before, After  string
	LandlockDetail string
}

// The environment of the binary run again: what to print, and which profile
// of outerProfiles to be under.
const (
	envProbe   = "KERNEL_TEST_PROBE"
	envProfile = "KERNEL_TEST_PROFILE"
)

func TestMain(m *testing.M) {
	if os.Getenv(envProbe) == "" {
		os.Exit(m.Run())
	}
	runtime.LockOSThread()
	in, err := look(os.Getenv(envProfile))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(in)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// look probes under the outer profile of that name, "" for none.
func look(profile string) (inside, error) {
	probe := kernel.Probe
	for _, p := range outerProfiles {
		if p.name != profile {
			continue
		}
		if p.filter == nil {
			probe = probeWithoutDescriptors
		} else if err := enter(p.filter); err != nil {
			return inside{}, err
		}
	}
	before, err := processState()
	if err != nil {
		return inside{}, err
	}
	k := probe()
	after, err := processState()
	return inside{
		Line: k.String(), ABI: k.ABI, Reported: k.Reported, Errata: k.Errata,
		Landlock: word(k.Landlock), Seccomp: word(k.Seccomp), LandlockDetail: fmt.Sprint(k.Landlock),
		Actions: k.Actions, TSYNC: k.TSYNC, UserNotif: k.UserNotif, NoINET: k.NoINET, Notes: k.Notes,
		UID: os.Getuid(), NoNewPrivs: strings.Contains(before, "NoNewPrivs:\t1"), Before: before, After: after,
	}, err
}

// probeWithoutDescriptors probes while the process may open nothing.
func probeWithoutDescriptors() kernel.Kernel {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	none := unix.Rlimit{Cur: 0, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		panic(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	return kernel.Probe()
}

// word names an error of the package, "" for none.
func word(err error) string {
	for name, e := range map[string]error{
		"not built": kernel.ErrNotBuilt, "disabled": kernel.ErrDisabled, "blocked": kernel.ErrBlocked,
		"no seccomp": kernel.ErrNoSeccomp, "seccomp blocked": kernel.ErrSeccompBlocked,
	} {
		if errors.Is(err, e) {
			return name
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// runInside runs the test binary again, by the command given, and returns
// what it found. That it changed nothing is checked for each.
func runInside(t *testing.T, cmd *exec.Cmd, env ...string) inside {
	t.Helper()
	cmd.Env = append(append(os.Environ(), envProbe+"=1"), env...)
	cmd.Dir = "/"
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	var in inside
	if err := json.Unmarshal(out, &in); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	if in.Before != in.After {
		t.Errorf("the probe changed the process from\n%s\nto\n%s", in.Before, in.After)
	}
	return in
}

// An outerProfile is what a container's seccomp profile may do to the probe.
type outerProfile struct {
	name   string
	filter []unix.SockFilter // nil: no filter, but no descriptor left
	check  func(t *testing.T, real kernel.Kernel, in inside)
}

// on answers a system call with errno; with arg2 set only if its third
// argument, the flags of landlock_create_ruleset(2), is *arg2.
func on(nr uint32, arg2 *uint32, errno unix.Errno) []unix.SockFilter {
	const (
		load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret     = unix.BPF_RET | unix.BPF_K
		nrAt    = 0
		argTwo  = 16 + 2*8 // low half: both architectures are little endian
		failing = unix.SECCOMP_RET_ERRNO
	)
	f := []unix.SockFilter{{Code: load, K: nrAt}}
	if arg2 == nil {
		f = append(f, unix.SockFilter{Code: equal, K: nr, Jf: 1})
	} else {
		f = append(f, unix.SockFilter{Code: equal, K: nr, Jf: 3},
			unix.SockFilter{Code: load, K: argTwo}, unix.SockFilter{Code: equal, K: *arg2, Jf: 1})
	}
	return append(f, unix.SockFilter{Code: ret, K: failing | uint32(errno)}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW})
}

// enter puts the thread under a filter, for good.
func enter(filter []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

var noFlags uint32

func wantBlocked(t *testing.T, _ kernel.Kernel, in inside) {
	if in.ABI != 0 || in.Landlock != "blocked" || in.Errata != 0 {
		t.Errorf("ABI %d, %s, errata %#x; want none, blocked", in.ABI, in.LandlockDetail, in.Errata)
	}
}

func wantNoSeccomp(word string) func(*testing.T, kernel.Kernel, inside) {
	return func(t *testing.T, real kernel.Kernel, in inside) {
		if in.Seccomp != word || in.TSYNC || in.UserNotif || in.Actions != 0 {
			t.Errorf("seccomp: %q, %q; want %q", in.Seccomp, in.Line, word)
		}
		if in.ABI != real.ABI {
			t.Errorf("ABI %d, want %d", in.ABI, real.ABI)
		}
	}
}

var outerProfiles = []outerProfile{
	{name: "landlock ENOSYS", filter: on(unix.SYS_LANDLOCK_CREATE_RULESET, nil, unix.ENOSYS), check: func(t *testing.T, _ kernel.Kernel, in inside) {
		if in.ABI != 0 || in.Landlock != "not built" {
			t.Errorf("ABI %d, %s", in.ABI, in.LandlockDetail)
		}
	}},
	{name: "landlock EPERM", filter: on(unix.SYS_LANDLOCK_CREATE_RULESET, nil, unix.EPERM), check: wantBlocked},
	{name: "landlock skipped", filter: on(unix.SYS_LANDLOCK_CREATE_RULESET, nil, 0), check: wantBlocked},
	{name: "no ruleset, EPERM", filter: on(unix.SYS_LANDLOCK_CREATE_RULESET, &noFlags, unix.EPERM), check: wantBlocked},
	{name: "no ruleset, EINVAL", filter: on(unix.SYS_LANDLOCK_CREATE_RULESET, &noFlags, unix.EINVAL), check: wantBlocked},
	{name: "no restricting", filter: on(unix.SYS_LANDLOCK_RESTRICT_SELF, nil, unix.ENOSYS), check: wantBlocked},
	{name: "no rules", filter: on(unix.SYS_LANDLOCK_ADD_RULE, nil, unix.ENOSYS), check: func(t *testing.T, real kernel.Kernel, in inside) {
		if real.TCP() { // else no rule is tried
			wantBlocked(t, real, in)
		}
	}},
	{name: "no TCP/IP", filter: on(unix.SYS_LANDLOCK_ADD_RULE, nil, unix.EAFNOSUPPORT), check: func(t *testing.T, real kernel.Kernel, in inside) {
		if in.ABI != real.ABI || in.NoINET != real.TCP() || in.Landlock != "" {
			t.Errorf("ABI %d, no TCP/IP %v, %s", in.ABI, in.NoINET, in.LandlockDetail)
		}
		if real.TCP() && (len(in.Notes) != 1 || !strings.Contains(in.Notes[0], "TCP/IP")) {
			t.Errorf("notes: %q", in.Notes)
		}
	}},
	{name: "seccomp EPERM", filter: on(unix.SYS_SECCOMP, nil, unix.EPERM), check: wantNoSeccomp("seccomp blocked")},
	{name: "seccomp ENOSYS", filter: on(unix.SYS_SECCOMP, nil, unix.ENOSYS), check: wantNoSeccomp("no seccomp")},
	{name: "no descriptor left", check: func(t *testing.T, real kernel.Kernel, in inside) {
		if in.ABI != real.ABI || in.Landlock != "" {
			t.Errorf("ABI %d, %s", in.ABI, in.LandlockDetail)
		}
		if len(in.Notes) != 1 || !strings.Contains(in.Notes[0], "not tried") {
			t.Errorf("notes: %q", in.Notes)
		}
	}},
}

func TestOuterProfiles(t *testing.T) {
	real := kernel.Probe()
	if real.Landlock != nil || real.Seccomp != nil {
		t.Skip("needs Landlock and seccomp:", real)
	}
	for _, p := range outerProfiles {
		t.Run(p.name, func(t *testing.T) {
			p.check(t, real, runInside(t, exec.Command("/proc/self/exe"), envProfile+"="+p.name))
		})
	}
}
