package kernel

import "golang.org/x/sys/unix"

// Newest is the newest Landlock ABI whose rights this project knows.
// A kernel that reports a newer one is used as this one.
const Newest = 11

// An ABI is one row of the table of Landlock ABIs. Its masks hold all that
// the ABI knows, not only what it added.
type ABI struct {
	Number int    // 1 … Newest; 0 is the row of a kernel without Landlock
	Linux  string // the Linux version that brought it, "" for 0
	Adds   string // what it added, in words, "" for 0

	Size          uintptr // of struct landlock_ruleset_attr, in bytes
	FS            uint64  // LANDLOCK_ACCESS_FS_*, for handled_access_fs
	Net           uint64  // LANDLOCK_ACCESS_NET_*, for handled_access_net
	Scopes        uint64  // LANDLOCK_SCOPE_*, for scoped
	RuleFlags     uint32  // LANDLOCK_ADD_RULE_*, for landlock_add_rule(2)
	RestrictFlags uint32  // LANDLOCK_RESTRICT_SELF_*, for landlock_restrict_self(2)
}

// Sets of rights that came together, named by the ABI that brought them.
// The numbers are those of include/uapi/linux/landlock.h.
const (
	fs1 = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	fs2 = fs1 | unix.LANDLOCK_ACCESS_FS_REFER
	fs3 = fs2 | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	fs5 = fs3 | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	fs9 = fs5 | unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX

	net4  = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	net10 = net4 | unix.LANDLOCK_ACCESS_NET_BIND_UDP | unix.LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP

	scopes6 = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL

	rule10 = unix.LANDLOCK_ADD_RULE_QUIET

	restrict7 = unix.LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF |
		unix.LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON |
		unix.LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF
	restrict8  = restrict7 | unix.LANDLOCK_RESTRICT_SELF_TSYNC
	restrict11 = restrict8 | RestrictNoNewPrivs
)

// RestrictNoNewPrivs is LANDLOCK_RESTRICT_SELF_NO_NEW_PRIVS of
// include/uapi/linux/landlock.h (Linux 7.3, ABI 11): landlock_restrict_self(2)
// sets no_new_privs if it succeeds. golang.org/x/sys v0.50 does not have it.
const RestrictNoNewPrivs = 1 << 4

// table is indexed by the number of the ABI.
// Source: Documentation/userspace-api/landlock.rst, "Previous limitations".
var table = [Newest + 1]ABI{
	{},
	{1, "5.13", "files and directories", 8, fs1, 0, 0, 0, 0},
	{2, "5.19", "rename and link across directories", 8, fs2, 0, 0, 0, 0},
	{3, "6.2", "truncation", 8, fs3, 0, 0, 0, 0},
	{4, "6.7", "TCP bind and connect, by port", 16, fs3, net4, 0, 0, 0},
	{5, "6.10", "ioctl on devices", 16, fs5, net4, 0, 0, 0},
	{6, "6.12", "scopes: abstract UNIX sockets, signals", 24, fs5, net4, scopes6, 0, 0},
	{7, "6.15", "control of the audit log", 24, fs5, net4, scopes6, 0, restrict7},
	{8, "7.0", "restricting all threads at once", 24, fs5, net4, scopes6, 0, restrict8},
	{9, "7.1", "connect to UNIX sockets by path", 24, fs9, net4, scopes6, 0, restrict8},
	{10, "7.2", "UDP bind, connect and send, by port; quiet rules", 48, fs9, net10, scopes6, rule10, restrict8},
	{11, "7.3", "no_new_privs set by the call that restricts", 48, fs9, net10, scopes6, rule10, restrict11},
}

// Table returns the rows of ABI 1 … [Newest], oldest first. The slice is the
// caller's own.
func Table() []ABI {
	return append([]ABI(nil), table[1:]...)
}

// Lookup returns the row of a Landlock ABI. A number below 1 gives the row
// without any right; one above [Newest] gives that of Newest.
func Lookup(abi int) ABI {
	return table[min(max(abi, 0), Newest)]
}

// Needs returns the oldest ABI that knows all the rights, scopes and
// restrict flags given, so that a gap can be told as "needs Linux 6.7".
// It reports false if no ABI up to [Newest] knows them; nothing asked for
// needs nothing, which is the row of number 0.
func Needs(fs, net, scopes uint64, restrictFlags uint32) (ABI, bool) {
	for _, a := range table {
		if fs&^a.FS == 0 && net&^a.Net == 0 && scopes&^a.Scopes == 0 && restrictFlags&^a.RestrictFlags == 0 {
			return a, true
		}
	}
	return ABI{}, false
}
