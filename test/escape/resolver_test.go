package escape

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/need"
)

// envInside tells the test binary that it runs in namespaces of its own.
const envInside = "ESCAPE_TEST_INSIDE"

// resolvedName is a name that only the DNS server of the test knows.
const resolvedName = "escape.example"

// TestResolver looks names up under a list of ports, in a network of its own
// with a DNS server that counts.
func TestResolver(t *testing.T) {
	need.Box(t, 1)
	onlyRoot(t)
	t.Parallel()
	cmd := exec.Command(shimtest.Self(t), "-test.run=^TestResolverInside$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), envInside+"=1", envTools+"="+tools, shimtest.Prebuilt+"="+shimtest.Build(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: TestResolverInside") {
		t.Fatalf("no test has run:\n%s", out)
	}
}

func TestResolverInside(t *testing.T) {
	if os.Getenv(envInside) == "" {
		t.Skip("a part of TestResolver")
	}
	if err := loopbackUp(); err != nil {
		t.Fatal(err)
	}
	bindFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\n")
	bindFile(t, "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
	dns := serveDNS(t)
	port := serveHTTP(t, "127.0.0.1:0")
	getent := []string{"getent", "hosts", resolvedName}
	curl := []string{"curl", "-sS", "--noproxy", "*", fmt.Sprintf("http://%s:%d/", resolvedName, port)}
	other := []string{"curl", "-sS", "--noproxy", "*", fmt.Sprintf("http://%s:%d/", resolvedName, serveHTTP(t, "127.0.0.1:0"))}

	for _, u := range users() {
		r := run{user: u, dir: "/"}
		asked := func(name string, argv []string, status int, says string, datagrams bool) {
			t.Helper()
			dns.settle(t)
			udp, tcp := dns.udp.Load(), dns.tcp.Load()
			got := r.command(t, argv...)
			dns.settle(t)
			udp, tcp = dns.udp.Load()-udp, dns.tcp.Load()-tcp
			if got.status != status || !strings.Contains(got.stdout+got.stderr, says) {
				t.Errorf("%s %s: %+v", u.name, name, got)
			}
			if udp > 0 != datagrams || tcp > 0 == datagrams {
				t.Errorf("%s %s: %d datagrams, %d questions by TCP", u.name, name, udp, tcp)
			}
		}
		asked("getent without the box", getent, 0, "127.0.0.1", true)
		asked("curl without the box", curl, 0, "hello", true)
		for _, abi := range abis(t) {
			if number(abi) < 4 || number(abi) >= 10 {
				continue // no list of ports, or one that has UDP
			}
			r.abi = abi
			name := fmt.Sprint(" abi ", number(abi))
			flags := []string{"-q", "-p", "stdio rpath inet dns", "--connect", fmt.Sprint(port)}
			asked("getent"+name, launch(flags, getent...), 0, "127.0.0.1", false)
			asked("curl"+name, launch(flags, curl...), 0, "hello", false)
			asked("curl, another port"+name, launch(flags, other...), 7, "curl: (7)", false)
			// What a program with its own resolver would do.
			r.command(t, launch(flags, tool("probe"), "udp sendto 53", "udp connect 53", "connect 1 0 53")...).want(t, name, 0, "EACCES\nEACCES\nok", "")
		}
		r.abi = native
		r.command(t, tool("probe"), "udp sendto 53", "udp connect 53", "connect 1 0 53").want(t, "without the box", 0, "ok\nok\nok", "")
	}
}

// loopbackUp brings up the one interface of a new network namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// bindFile puts a file in the place of another, in this mount namespace.
func bindFile(t *testing.T, path, text string) {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(file, path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	// Gone with the namespace; until then the directory cannot be removed.
	t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
}

// A dnsServer answers at 127.0.0.1:53, and counts the datagrams and the
// questions by TCP.
type dnsServer struct {
	udp, tcp atomic.Int64
	settled  chan struct{}
}

// settling is a datagram of the test's own.
const settling = "settle"

// settle waits until every datagram sent before is counted: they come in the
// order in which they were sent.
func (d *dnsServer) settle(t *testing.T) {
	t.Helper()
	c, err := net.Dial("udp4", "127.0.0.1:53")
	if err == nil {
		_, err = c.Write([]byte(settling))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	select {
	case <-d.settled:
	case <-time.After(patience):
		t.Fatal("the DNS server of the test hangs")
	}
}

func serveDNS(t *testing.T) *dnsServer {
	t.Helper()
	d := &dnsServer{settled: make(chan struct{})}
	packets, err := net.ListenPacket("udp4", "127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { packets.Close() })
	l, err := net.Listen("tcp4", "127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for buf := make([]byte, 1500); ; {
			n, from, err := packets.ReadFrom(buf)
			if err != nil {
				return
			}
			if string(buf[:n]) == settling {
				d.settled <- struct{}{}
				continue
			}
			d.udp.Add(1)
			if reply := answer(buf[:n]); reply != nil {
				packets.WriteTo(reply, from)
			}
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.connection(c)
		}
	}()
	return d
}

func (d *dnsServer) connection(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		d.tcp.Add(1)
		reply := answer(query)
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	}
}

// answer is the reply to a query of one question (RFC 1035, 4.1): 127.0.0.1
// where it asks for type A of the name, and else nothing.
func answer(query []byte) []byte {
	const header, typeA = 12, 1
	if len(query) < header {
		return nil
	}
	end, name := header, ""
	for end < len(query) && query[end] != 0 {
		next := end + 1 + int(query[end])
		if next >= len(query) {
			return nil
		}
		name += string(query[end+1:next]) + "."
		end = next
	}
	end += 1 + 4 // the root, type and class
	if end > len(query) {
		return nil
	}
	reply := append([]byte{}, query[:end]...)
	copy(reply[2:], []byte{0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // a reply, authoritative; one question
	if name != resolvedName+"." {
		reply[3] |= 3 // no such name
		return reply
	}
	if binary.BigEndian.Uint16(query[end-4:]) != typeA {
		return reply
	}
	reply[7] = 1 // one answer: the name of the question, A, IN, 60 s, 4 bytes
	return append(reply, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
}
