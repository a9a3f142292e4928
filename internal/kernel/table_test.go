package kernel_test

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// TestTableNumbers compares the table with the numbers of the kernel's
// documentation, written out.
func TestTableNumbers(t *testing.T) {
	want := []kernel.ABI{
		{Number: 1, Linux: "5.13", Size: 8, FS: 0x1fff},
		{Number: 2, Linux: "5.19", Size: 8, FS: 0x3fff},
		{Number: 3, Linux: "6.2", Size: 8, FS: 0x7fff},
		{Number: 4, Linux: "6.7", Size: 16, FS: 0x7fff, Net: 0x3},
		{Number: 5, Linux: "6.10", Size: 16, FS: 0xffff, Net: 0x3},
		{Number: 6, Linux: "6.12", Size: 24, FS: 0xffff, Net: 0x3, Scopes: 0x3},
		{Number: 7, Linux: "6.15", Size: 24, FS: 0xffff, Net: 0x3, Scopes: 0x3, RestrictFlags: 0x7},
		{Number: 8, Linux: "7.0", Size: 24, FS: 0xffff, Net: 0x3, Scopes: 0x3, RestrictFlags: 0xf},
		{Number: 9, Linux: "7.1", Size: 24, FS: 0x1ffff, Net: 0x3, Scopes: 0x3, RestrictFlags: 0xf},
		{Number: 10, Linux: "7.2", Size: 48, FS: 0x1ffff, Net: 0xf, Scopes: 0x3, RuleFlags: 0x1, RestrictFlags: 0xf},
		{Number: 11, Linux: "7.3", Size: 48, FS: 0x1ffff, Net: 0xf, Scopes: 0x3, RuleFlags: 0x1, RestrictFlags: 0x1f},
	}
	got := kernel.Table()
	if len(got) != len(want) || len(got) != kernel.Newest {
		t.Fatalf("%d rows, want %d and Newest = %d", len(got), len(want), kernel.Newest)
	}
	for i, w := range want {
		g := got[i]
		if g.Adds == "" {
			t.Errorf("ABI %d: does not say what it adds", g.Number)
		}
		g.Adds = ""
		if g != w {
			t.Errorf("ABI %d:\n got %+v\nwant %+v", w.Number, g, w)
		}
	}
}

// TestTableGrows: an ABI never loses anything, and each one adds a right, a
// scope or a flag.
func TestTableGrows(t *testing.T) {
	prev := kernel.Lookup(0)
	for _, a := range kernel.Table() {
		if a.Number != prev.Number+1 {
			t.Errorf("ABI %d follows %d", a.Number, prev.Number)
		}
		if a.Size < prev.Size || prev.FS&^a.FS != 0 || prev.Net&^a.Net != 0 || prev.Scopes&^a.Scopes != 0 ||
			prev.RuleFlags&^a.RuleFlags != 0 || prev.RestrictFlags&^a.RestrictFlags != 0 {
			t.Errorf("ABI %d loses something of ABI %d", a.Number, prev.Number)
		}
		if a.FS == prev.FS && a.Net == prev.Net && a.Scopes == prev.Scopes && a.RestrictFlags == prev.RestrictFlags {
			t.Errorf("ABI %d adds nothing to ABI %d", a.Number, prev.Number)
		}
		prev = a
	}
	if size := unsafe.Sizeof(unix.LandlockRulesetAttr{}); prev.Size != size {
		t.Errorf("the newest ABI has %d bytes of attributes, x/sys %d", prev.Size, size)
	}
}

func TestTableIsACopy(t *testing.T) {
	kernel.Table()[0].FS = 0
	if kernel.Lookup(1).FS == 0 {
		t.Error("the table was changed through the slice")
	}
}

func TestLookup(t *testing.T) {
	for abi, want := range map[int]int{-1: 0, 0: 0, 1: 1, kernel.Newest: kernel.Newest, kernel.Newest + 1: kernel.Newest} {
		if got := kernel.Lookup(abi).Number; got != want {
			t.Errorf("Lookup(%d) = ABI %d, want %d", abi, got, want)
		}
	}
}

func TestNeeds(t *testing.T) {
	tests := []struct {
		name            string
		fs, net, scopes uint64
		flags           uint32
		linux           string
		ok              bool
	}{
		{"nothing", 0, 0, 0, 0, "", true},
		{"execute", unix.LANDLOCK_ACCESS_FS_EXECUTE, 0, 0, 0, "5.13", true},
		{"refer", unix.LANDLOCK_ACCESS_FS_REFER, 0, 0, 0, "5.19", true},
		{"tcp", 0, unix.LANDLOCK_ACCESS_NET_BIND_TCP, 0, 0, "6.7", true},
		{"tcp and signals", 0, unix.LANDLOCK_ACCESS_NET_BIND_TCP, unix.LANDLOCK_SCOPE_SIGNAL, 0, "6.12", true},
		{"all threads", 0, 0, 0, unix.LANDLOCK_RESTRICT_SELF_TSYNC, "7.0", true},
		{"udp", 0, unix.LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP, 0, 0, "7.2", true},
		{"no_new_privs", 0, 0, 0, kernel.RestrictNoNewPrivs, "7.3", true},
		{"the unknown", 1 << 63, 0, 0, 0, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := kernel.Needs(tt.fs, tt.net, tt.scopes, tt.flags)
			if got.Linux != tt.linux || ok != tt.ok {
				t.Errorf("Linux %q, %v; want %q, %v", got.Linux, ok, tt.linux, tt.ok)
			}
		})
	}
}
