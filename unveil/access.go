package unveil

import (
	"strconv"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Access is a set of Landlock's file-system rights, LANDLOCK_ACCESS_FS_* of
// include/uapi/linux/landlock.h.
type Access uint64

// The rights. Each is documented in Documentation/userspace-api/landlock.rst.
const (
	Execute     Access = ll.AccessFSExecute
	WriteFile   Access = ll.AccessFSWriteFile
	ReadFile    Access = ll.AccessFSReadFile
	ReadDir     Access = ll.AccessFSReadDir
	RemoveDir   Access = ll.AccessFSRemoveDir
	RemoveFile  Access = ll.AccessFSRemoveFile
	MakeChar    Access = ll.AccessFSMakeChar
	MakeDir     Access = ll.AccessFSMakeDir
	MakeReg     Access = ll.AccessFSMakeReg
	MakeSock    Access = ll.AccessFSMakeSock
	MakeFifo    Access = ll.AccessFSMakeFifo
	MakeBlock   Access = ll.AccessFSMakeBlock
	MakeSym     Access = ll.AccessFSMakeSym
	Refer       Access = ll.AccessFSRefer       // ABI 2
	Truncate    Access = ll.AccessFSTruncate    // ABI 3
	IoctlDev    Access = ll.AccessFSIoctlDev    // ABI 5
	ResolveUnix Access = ll.AccessFSResolveUnix // ABI 9
)

// onFile holds the rights that a rule on a non-directory may have; any other
// is EINVAL.
const onFile = Execute | WriteFile | ReadFile | Truncate | IoctlDev | ResolveUnix

// OnFile returns the rights that a rule on a non-directory may have.
func OnFile() Access { return onFile }

// Changes returns the rights that change a directory.
func Changes() Access { return changes }

// accessNames is indexed by the number of the bit.
var accessNames = [...]string{
	"EXECUTE", "WRITE_FILE", "READ_FILE", "READ_DIR", "REMOVE_DIR", "REMOVE_FILE",
	"MAKE_CHAR", "MAKE_DIR", "MAKE_REG", "MAKE_SOCK", "MAKE_FIFO", "MAKE_BLOCK", "MAKE_SYM",
	"REFER", "TRUNCATE", "IOCTL_DEV", "RESOLVE_UNIX",
}

// String returns the kernel's names, joined by "|", in the order of the bits:
// "READ_FILE|READ_DIR". The empty set is "none", bits without a name are a
// hexadecimal number.
func (a Access) String() string { return bitNames(uint64(a), accessNames[:]) }

var netNames = [...]string{"BIND_TCP", "CONNECT_TCP", "BIND_UDP", "CONNECT_SEND_UDP"}

var scopeNames = [...]string{"ABSTRACT_UNIX_SOCKET", "SIGNAL"}

func bitNames(bits uint64, names []string) string {
	if bits == 0 {
		return "none"
	}
	var b []byte
	for i, name := range names {
		if bits&(1<<i) == 0 {
			continue
		}
		bits &^= 1 << i
		if b != nil {
			b = append(b, '|')
		}
		b = append(b, name...)
	}
	if bits != 0 {
		if b != nil {
			b = append(b, '|')
		}
		b = append(b, "0x"...)
		b = strconv.AppendUint(b, bits, 16)
	}
	return string(b)
}
