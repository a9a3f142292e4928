package escape

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A partner is who stands outside the box: a process of the same user to be
// signalled and looked into, and servers.
type partner struct {
	pid     int
	address string // of something in its memory
	stdin   io.WriteCloser
	stdout  *bufio.Reader

	tcp, other, udp         int // ports
	stream, dgram           string
	abstract, abstractDgram string
}

// newPartner starts one that lives as long as the test.
func newPartner(t testing.TB, u user) *partner {
	t.Helper()
	p := &partner{}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, tool("probe"), "partner")
	cmd.Env = []string{"SECRET=of the partner"}
	held, err := os.Open(tool("probe")) // its descriptor 3
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != u.uid {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.uid)}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); cmd.Wait() })
	p.pid, p.stdout = cmd.Process.Pid, bufio.NewReader(stdout)
	p.address = p.line(t)
	p.serve(t, u)
	return p
}

func (p *partner) line(t testing.TB) string {
	t.Helper()
	late := time.AfterFunc(patience, func() { syscall.Kill(p.pid, syscall.SIGKILL) })
	defer late.Stop()
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("the process outside: %v", err)
	}
	return strings.TrimSpace(line)
}

// signals tells how many SIGIO have come. What was sent before is counted: a
// signal is taken before the answer is written.
func (p *partner) signals(t testing.TB) int {
	t.Helper()
	if _, err := p.stdin.Write([]byte{'\n'}); err != nil {
		t.Fatalf("the process outside: %v", err)
	}
	n, err := strconv.Atoi(p.line(t))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// serve opens what can be reached from the box, if it can.
func (p *partner) serve(t testing.TB, u user) {
	t.Helper()
	dir, err := os.MkdirTemp("", "escape-sockets")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p.stream, p.dgram = filepath.Join(dir, "stream"), filepath.Join(dir, "dgram")
	p.abstract, p.abstractDgram = fmt.Sprintf("@escape-%d", p.pid), fmt.Sprintf("@escape-%d-dgram", p.pid)
	listen := func(network, address string) net.Addr {
		var lc net.ListenConfig
		lc.SetMultipathTCP(false)
		l, err := lc.Listen(context.Background(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err == nil {
					c.Close()
				}
			}
		}()
		return l.Addr()
	}
	packets := func(network, address string) net.Addr {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			for buf := make([]byte, 64); ; {
				if _, _, err := c.ReadFrom(buf); errors.Is(err, net.ErrClosed) {
					return
				}
			}
		}()
		return c.LocalAddr()
	}
	p.tcp = listen("tcp4", "127.0.0.1:0").(*net.TCPAddr).Port
	p.other = listen("tcp4", "127.0.0.1:0").(*net.TCPAddr).Port
	p.udp = packets("udp4", "127.0.0.1:0").(*net.UDPAddr).Port
	listen("unix", p.stream)
	listen("unix", p.abstract)
	packets("unixgram", p.dgram)
	packets("unixgram", p.abstractDgram)
	for _, path := range []string{p.stream, p.dgram} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
}
