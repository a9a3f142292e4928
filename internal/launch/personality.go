package launch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// readImpliesExec is READ_IMPLIES_EXEC of linux/personality.h.
const readImpliesExec = 0x0400000

// dropReadImpliesExec takes back a personality under which every readable
// mapping is executable: a filter that looks for PROT_EXEC sees none of it.
// exec keeps it, so it may come from whoever started the launcher.
func dropReadImpliesExec() error {
	const ask = 0xffffffff
	now, _, errno := unix.Syscall(unix.SYS_PERSONALITY, ask, 0, 0)
	if errno == 0 && now&readImpliesExec != 0 {
		_, _, errno = unix.Syscall(unix.SYS_PERSONALITY, now&^readImpliesExec, 0, 0)
	}
	if errno != 0 {
		return fmt.Errorf("personality: %w", errno)
	}
	return nil
}
