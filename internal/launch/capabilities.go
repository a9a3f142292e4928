package launch

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A capSet is a set of capabilities by their numbers, capabilities(7).
type capSet uint64

func capsOf(caps ...int) (s capSet) {
	for _, c := range caps {
		s |= 1 << c
	}
	return s
}

// unpledgedCaps are what root keeps when only paths are unveiled: what its
// everyday work needs. None that reaches outside of the box: with SYS_ADMIN or
// PERFMON /proc/PID/environ of every process can be read, SYS_PTRACE,
// SYS_MODULE, SYS_RAWIO, BPF and MKNOD give the machine away, NET_RAW passes
// the port rules.
var unpledgedCaps = capsOf(unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
	unix.CAP_NET_BIND_SERVICE, unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SYS_CHROOT)

// letterCaps let root use what its own -u names, whoever owns it.
var letterCaps = []struct {
	letters unveil.Letters
	caps    capSet
}{
	{unveil.R | unveil.X, capsOf(unix.CAP_DAC_READ_SEARCH)},
	{unveil.W | unveil.C, capsOf(unix.CAP_DAC_OVERRIDE)},
}

// promiseCaps let root do what it promised.
var promiseCaps = []struct {
	promise pledge.Set
	caps    capSet
}{
	{promise("fattr"), capsOf(unix.CAP_FOWNER)},
	{promise("chown"), capsOf(unix.CAP_CHOWN, unix.CAP_FOWNER, unix.CAP_FSETID)},
	{promise("id"), capsOf(unix.CAP_SETUID, unix.CAP_SETGID)},
	{promise("inet"), capsOf(unix.CAP_NET_BIND_SERVICE)},
	{promise("proc"), capsOf(unix.CAP_KILL)},
	{promise("settime"), capsOf(unix.CAP_SYS_TIME)},
	{promise("wroute"), capsOf(unix.CAP_NET_ADMIN)},
}

// capabilities returns the most that the command may have; it never gets one
// that the launcher does not have.
func (r *Request) capabilities() capSet {
	set, pledged := r.granted()
	switch {
	case r.Learn != "":
		return learningCaps()
	case !pledged:
		return unpledgedCaps
	}
	letters := r.letters() & r.kinds()
	var keep capSet
	for _, row := range letterCaps {
		if letters&row.letters != 0 {
			keep |= row.caps
		}
	}
	for _, row := range promiseCaps {
		if set.Has(row.promise) {
			keep |= row.caps
		}
	}
	return keep
}

// learningCaps are what any box may have.
func learningCaps() capSet {
	keep := unpledgedCaps
	for _, row := range letterCaps {
		keep |= row.caps
	}
	for _, row := range promiseCaps {
		keep |= row.caps
	}
	return keep
}

// keepCapabilities takes every capability but those of keep from the calling
// thread: from the bounding set, the ambient set, and the three others. Under
// no_new_privs exec gives none of them back, not to root either.
func keepCapabilities(keep capSet) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	if capSet(data[0].Effective).has(unix.CAP_SETPCAP) {
		for c := range 64 {
			if keep.has(c) {
				continue
			}
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err == unix.EINVAL {
				break // above the last one that the kernel knows
			} else if err != nil {
				return fmt.Errorf("capability %d: bounding set: %w", c, err)
			}
		}
	}
	// What leaves the permitted or the inheritable set leaves the ambient set.
	for i := range data {
		mask := uint32(keep >> (32 * i))
		data[i].Effective &= mask
		data[i].Permitted &= mask
		data[i].Inheritable &= mask
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}

func (s capSet) has(c int) bool { return s&(1<<c) != 0 }

// capNames is indexed by the number, in the order of linux/capability.h.
var capNames = [...]string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME",
}

// names returns the capabilities as capabilities(7) has them, without CAP_.
func (s capSet) names() (names []string) {
	for c, name := range capNames {
		if s.has(c) {
			names = append(names, name)
		}
	}
	return names
}

// String lists the names.
func (s capSet) String() string {
	names := s.names()
	if len(names) == 0 {
		return "none"
	}
	return "at most " + strings.Join(names, " ")
}
