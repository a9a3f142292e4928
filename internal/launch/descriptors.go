package launch

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/descriptors"
)

// firstPassed is the first descriptor that is not standard input, output or error.
const firstPassed = 3

// maxPassed is above every descriptor number that the kernel can give
// (fs.nr_open).
const maxPassed = 1 << 30

// inherited returns the descriptors from 3 up that the command shall have:
// those of PassFD, those that systemd has handed over (sd_listen_fds(3)), and
// those that an argument of the command names as /dev/fd/N or
// /proc/self/fd/N, as `diff <(a) <(b)` does.
//
// It must run before the launcher opens anything: only then is a descriptor
// without close-on-exec one that was inherited.
func (r *Request) inherited(env environment) ([]int, *Failure) {
	var keep []int
	for _, fd := range r.PassFD {
		if fd < 0 || fd >= maxPassed {
			return nil, failedf("--pass-fd %d: no such descriptor", fd).hinted("write it as in: --pass-fd 7 7<file")
		}
		if !open(fd) {
			return nil, failedf("--pass-fd %d: the descriptor is not open", fd).hinted("open it in the shell, as in: --pass-fd %d %d<file", fd, fd)
		}
		keep = append(keep, fd)
	}
	for i := range env.listenFDs() {
		keep = append(keep, firstPassed+i)
	}
	for _, arg := range r.Command {
		for _, fd := range namedIn(arg) {
			if open(fd) {
				keep = append(keep, fd)
			}
		}
	}
	keep = slices.DeleteFunc(keep, func(fd int) bool { return fd < firstPassed })
	slices.Sort(keep)
	return slices.Compact(keep), nil
}

// open reports whether a descriptor is open and was not opened by this
// process: nothing with close-on-exec comes through an exec.
func open(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC == 0
}

// listenFDs returns how many sockets systemd has passed to this process.
func (e environment) listenFDs() int {
	const most = 4096
	pid, _ := e.lookup("LISTEN_PID")
	count, _ := e.lookup("LISTEN_FDS")
	if pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > most {
		return 0
	}
	return n
}

// namedIn returns the descriptors that a word names by path.
func namedIn(word string) []int {
	var list []int
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		for rest := word; ; {
			_, after, ok := strings.Cut(rest, dir)
			if !ok {
				break
			}
			end := 0
			for end < len(after) && after[end] >= '0' && after[end] <= '9' {
				end++
			}
			if fd, err := strconv.Atoi(after[:end]); err == nil && fd < maxPassed {
				list = append(list, fd)
			}
			rest = after
		}
	}
	return list
}

// keepOnly closes every descriptor from 3 up at the coming exec, but those
// that are kept.
func keepOnly(keep []int) error {
	if err := descriptors.CloseAtExec(firstPassed); err != nil {
		return err
	}
	for _, fd := range keep {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("descriptor %d: %w", fd, err)
		}
	}
	return nil
}
