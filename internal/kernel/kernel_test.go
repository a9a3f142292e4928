package kernel_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// TestAbilities: each ability begins with one ABI and never ends.
func TestAbilities(t *testing.T) {
	tests := []struct {
		name  string
		has   func(kernel.Kernel) bool
		since int
	}{
		{"Refer", kernel.Kernel.Refer, 2},
		{"Truncate", kernel.Kernel.Truncate, 3},
		{"TCP", kernel.Kernel.TCP, 4},
		{"IoctlDev", kernel.Kernel.IoctlDev, 5},
		{"Scoped", kernel.Kernel.Scoped, 6},
		{"Logging", kernel.Kernel.Logging, 7},
		{"LandlockTSYNC", kernel.Kernel.LandlockTSYNC, 8},
		{"ResolveUnix", kernel.Kernel.ResolveUnix, 9},
		{"UDP", kernel.Kernel.UDP, 10},
		{"Quiet", kernel.Kernel.Quiet, 10},
		{"LandlockNoNewPrivs", kernel.Kernel.LandlockNoNewPrivs, 11},
	}
	for _, tt := range tests {
		for abi := -1; abi <= kernel.Newest+1; abi++ {
			if got, want := tt.has(kernel.Landlock(abi)), abi >= tt.since; got != want {
				t.Errorf("ABI %d: %s() = %v", abi, tt.name, got)
			}
		}
	}
}

func TestLandlock(t *testing.T) {
	tests := []struct {
		abi, used int
		reported  int
		landlock  error
		notes     int
		line      string
	}{
		{-1, 0, 0, kernel.ErrDisabled, 0, "Linux 5.13, no Landlock (not enabled at boot), seccomp with TSYNC and user notification"},
		{0, 0, 0, kernel.ErrNotBuilt, 0, "Linux 5.10, no Landlock (not built in), seccomp with TSYNC and user notification"},
		{1, 1, 1, nil, 0, "Linux 5.13, Landlock ABI 1, seccomp with TSYNC and user notification"},
		{7, 7, 7, nil, 0, "Linux 6.15, Landlock ABI 7, seccomp with TSYNC and user notification"},
		{11, 11, 11, nil, 0, "Linux 7.3, Landlock ABI 11, seccomp with TSYNC and user notification"},
		{12, 11, 12, nil, 1, "Linux 7.3, Landlock ABI 11, seccomp with TSYNC and user notification"},
	}
	for _, tt := range tests {
		k := kernel.Landlock(tt.abi)
		if k.ABI != tt.used || k.Reported != tt.reported || !errors.Is(k.Landlock, tt.landlock) || len(k.Notes) != tt.notes {
			t.Errorf("Landlock(%d) = ABI %d of %d, %v, notes %q", tt.abi, k.ABI, k.Reported, k.Landlock, k.Notes)
		}
		row := kernel.Lookup(tt.used)
		if k.FS() != row.FS || k.Net() != row.Net || k.Scopes() != row.Scopes || k.RuleFlags() != row.RuleFlags || k.RestrictFlags() != row.RestrictFlags {
			t.Errorf("Landlock(%d): rights are not those of row %d", tt.abi, tt.used)
		}
		if k.Seccomp != nil || k.Actions != kernel.AllActions || !k.TSYNC || !k.UserNotif {
			t.Errorf("Landlock(%d): not all of seccomp: %v", tt.abi, k)
		}
		if got := k.String(); got != tt.line {
			t.Errorf("Landlock(%d):\n got %s\nwant %s", tt.abi, got, tt.line)
		}
	}
	want := "kernel reports Landlock ABI 12; this program knows 11 and uses that"
	if got := kernel.Landlock(12).Notes[0]; got != want {
		t.Errorf("note: %q, want %q", got, want)
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		k    kernel.Kernel
		want string
	}{
		{kernel.Kernel{Release: "6.18.44", ABI: 7, Errata: 7, TSYNC: true, UserNotif: true},
			"Linux 6.18.44, Landlock ABI 7 (errata 0x7), seccomp with TSYNC and user notification"},
		{kernel.Kernel{Release: "4.19", Landlock: kernel.ErrNotBuilt, TSYNC: true},
			"Linux 4.19, no Landlock (not built in), seccomp with TSYNC"},
		{kernel.Kernel{Release: "6.1", Landlock: kernel.ErrBlocked, Seccomp: kernel.ErrSeccompBlocked},
			"Linux 6.1, no Landlock (refused by an outer seccomp profile), no seccomp (refused by an outer seccomp profile)"},
		{kernel.Kernel{Release: "6.1", ABI: 2, Seccomp: kernel.ErrNoSeccomp},
			"Linux 6.1, Landlock ABI 2, no seccomp (not built in)"},
		{kernel.Kernel{Release: "6.1", ABI: 2}, "Linux 6.1, Landlock ABI 2, seccomp"},
	}
	for _, tt := range tests {
		if got := tt.k.String(); got != tt.want {
			t.Errorf("\n got %s\nwant %s", got, tt.want)
		}
	}
}

func TestNoINET(t *testing.T) {
	k := kernel.Landlock(kernel.Newest)
	k.NoINET = true
	if k.Net() != 0 || k.TCP() || k.UDP() {
		t.Errorf("a kernel without TCP/IP has network rights %#x", k.Net())
	}
	if !k.ResolveUnix() || !k.Scoped() {
		t.Error("UNIX sockets and scopes do not need TCP/IP")
	}
}

func TestActions(t *testing.T) {
	if got, want := kernel.AllActions.String(), "kill_process kill_thread trap errno user_notif trace log allow"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	set := kernel.Errno | kernel.Allow
	if !set.Has(kernel.Errno) || set.Has(kernel.Errno|kernel.Trap) || set.Has(kernel.KillProcess) {
		t.Errorf("Has of %q is wrong", set)
	}
}

// What an unveil plan may handle on Linux 6.7, and what it misses there.
func ExampleLandlock() {
	k := kernel.Landlock(4)
	fmt.Println(k)
	fmt.Printf("fs %#x, net %#x, scopes %#x\n", k.FS(), k.Net(), k.Scopes())
	if all := kernel.Landlock(kernel.Newest); !k.Scoped() {
		row, _ := kernel.Needs(0, 0, all.Scopes(), 0)
		fmt.Printf("%s: needs Linux %s\n", row.Adds, row.Linux)
	}
	// Output:
	// Linux 6.7, Landlock ABI 4, seccomp with TSYNC and user notification
	// fs 0x7fff, net 0x3, scopes 0x0
	// scopes: abstract UNIX sockets, signals: needs Linux 6.12
}

// Saying what is missing before anything is restricted.
func ExampleProbe() {
	k := kernel.Probe()
	if k.Landlock != nil {
		fmt.Println("cannot restrict files:", k.Landlock)
		return
	}
	if !k.TCP() {
		fmt.Println("cannot restrict TCP: needs Linux", kernel.Lookup(4).Linux)
	}
	for _, note := range k.Notes {
		fmt.Println("note:", note)
	}
}
