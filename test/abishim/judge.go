package main

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// A call is a system call that has stopped before the kernel runs it.
type call struct {
	nr   uint64
	args [6]uint64
	// read fills b from the caller's memory at addr. EFAULT is the caller's
	// mistake; any other error is a failure of abishim.
	read func(addr uint64, b []byte) error
}

// A verdict is what becomes of a call: it goes to the real kernel, or it is
// skipped and returns ret (negative: an errno).
type verdict struct {
	pass bool
	ret  int64
}

var pass = verdict{pass: true}

func answer(ret int) verdict          { return verdict{ret: int64(ret)} }
func refuse(errno unix.Errno) verdict { return verdict{ret: -int64(errno)} }

// allow passes a call whose arguments the ABI knows, and else says EINVAL.
func allow(known bool) verdict {
	if known {
		return pass
	}
	return refuse(unix.EINVAL)
}

// judge returns the argument checks of a kernel with Landlock ABI n (0: none,
// -1: off). They follow security/landlock/syscalls.c; what depends on state,
// such as descriptors and no_new_privs, is left to the real kernel.
func judge(n int) func(call) (verdict, error) {
	abi := kernel.Lookup(n)
	return func(c call) (verdict, error) {
		switch c.nr {
		case unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF:
		default:
			return pass, nil // stopped by a filter of the command's own
		}
		if n < 0 {
			return refuse(unix.EOPNOTSUPP), nil
		}
		if n == 0 {
			return refuse(unix.ENOSYS), nil
		}
		switch c.nr {
		case unix.SYS_LANDLOCK_CREATE_RULESET:
			return createRuleset(abi, c)
		case unix.SYS_LANDLOCK_ADD_RULE:
			return addRule(abi, c), nil
		default:
			return restrictSelf(abi, c), nil
		}
	}
}

// Sizes of struct landlock_ruleset_attr, in bytes.
const (
	firstSize = 8  // ABI 1: all that a caller must give
	knownSize = 48 // ABI 11
)

// createRuleset judges landlock_create_ruleset(attr, size, flags).
func createRuleset(abi kernel.ABI, c call) (verdict, error) {
	addr, size, flags := c.args[0], c.args[1], uint32(c.args[2])
	switch {
	case flags != 0 && (addr != 0 || size != 0):
		return refuse(unix.EINVAL), nil
	case flags == unix.LANDLOCK_CREATE_RULESET_VERSION:
		return answer(abi.Number), nil
	case flags == unix.LANDLOCK_CREATE_RULESET_ERRATA:
		return pass, nil // back-ported to kernels of any ABI
	case flags != 0:
		return refuse(unix.EINVAL), nil
	case addr == 0:
		return refuse(unix.EFAULT), nil
	case size < firstSize:
		return refuse(unix.EINVAL), nil
	case size > uint64(os.Getpagesize()):
		return refuse(unix.E2BIG), nil
	}
	buf := make([]byte, max(size, knownSize))
	if err := c.read(addr, buf[:size]); err == unix.EFAULT {
		return refuse(unix.EFAULT), nil
	} else if err != nil {
		return verdict{}, err
	}
	for _, b := range buf[abi.Size:] {
		if b != 0 {
			return refuse(unix.E2BIG), nil
		}
	}
	// A field that the ABI does not have is part of the tail, hence 0 here.
	fs := binary.NativeEndian.Uint64(buf[0:])
	net := binary.NativeEndian.Uint64(buf[8:])
	scoped := binary.NativeEndian.Uint64(buf[16:])
	return allow(fs&^abi.FS == 0 && net&^abi.Net == 0 && scoped&^abi.Scopes == 0), nil
}

// Rule types of include/uapi/linux/landlock.h; golang.org/x/sys v0.50 does
// not have the second.
const (
	rulePathBeneath = unix.LANDLOCK_RULE_PATH_BENEATH
	ruleNetPort     = 2
)

// addRule judges landlock_add_rule(ruleset, type, attr, flags). The rights in
// attr need no look: they must be among those that the ruleset handles.
func addRule(abi kernel.ABI, c call) verdict {
	kind, flags := uint32(c.args[1]), uint32(c.args[3])
	return allow(flags&^abi.RuleFlags == 0 && (kind == rulePathBeneath || kind == ruleNetPort && abi.Net != 0))
}

// restrictSelf judges landlock_restrict_self(ruleset, flags).
func restrictSelf(abi kernel.ABI, c call) verdict {
	return allow(uint32(c.args[1])&^abi.RestrictFlags == 0)
}
