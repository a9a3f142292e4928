package ports

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is a program that runs in a pseudo-terminal of its own.
type terminal struct {
	cmd    *exec.Cmd
	master *os.File
	ended  chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

// start runs cmd in a terminal.
func start(cmd *exec.Cmd) (*terminal, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	t := &terminal{cmd: cmd, master: master, ended: make(chan struct{})}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			t.mu.Lock()
			t.text.Write(buffer[:n])
			t.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		cmd.Wait()
		close(t.ended)
	}()
	return t, nil
}

// shown is what the program has written.
func (t *terminal) shown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// until waits for a condition, at most for a time.
func (t *terminal) until(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return holds()
}

// over reports whether the program has ended.
func (t *terminal) over() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

// kill ends the program, if it has not ended, and all of its session's leader's group.
func (t *terminal) kill() {
	syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL)
	<-t.ended
	t.master.Close()
}

// play types what the lines of a script say: "send TEXT" and "expect TEXT",
// with TEXT as Go writes strings. An expected text is looked for behind the
// one before.
func (t *terminal) play(script string) error {
	seen := 0
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		verb, quoted, _ := strings.Cut(line, " ")
		text, err := strconv.Unquote(quoted)
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		switch verb {
		case "send":
			if _, err := t.master.WriteString(text); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
		case "expect":
			if !t.until(20*time.Second, func() bool { return strings.Contains(t.shown()[seen:], text) }) {
				return fmt.Errorf("%s: not in %q", line, t.shown()[seen:])
			}
			seen += strings.Index(t.shown()[seen:], text) + len(text)
		default:
			return fmt.Errorf("%s: no such word", line)
		}
	}
	return nil
}
