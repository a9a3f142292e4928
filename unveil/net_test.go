package unveil_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// TestPorts: what is named and what is not, for TCP and UDP. The ABIs that
// do not restrict them let everything through.
func TestPorts(t *testing.T) { everyABI(t, "ports") }

func init() {
	scenes["ports"] = func(s *scene) {
		// Raw sockets: Go's listener would take MPTCP, which Landlock does not see.
		listen := func() (fd int, port uint16) {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
			s.must(err)
			s.must(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
			s.must(unix.Listen(fd, 64))
			name, err := unix.Getsockname(fd)
			s.must(err)
			return fd, uint16(name.(*unix.SockaddrInet4).Port)
		}
		socket := func(kind int, use func(fd int) error) error {
			fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return use(fd)
		}
		at := func(port uint16) *unix.SockaddrInet4 {
			return &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}}
		}
		connect := func(port uint16) error {
			return socket(unix.SOCK_STREAM, func(fd int) error { return unix.Connect(fd, at(port)) })
		}
		bind := func(kind int, port uint16) error {
			return socket(kind, func(fd int) error { return unix.Bind(fd, at(port)) })
		}
		send := func(port uint16) error {
			return socket(unix.SOCK_DGRAM, func(fd int) error { return unix.Sendto(fd, []byte("x"), 0, at(port)) })
		}
		if err := bind(unix.SOCK_STREAM, 0); err != nil {
			s.Missing = append(s.Missing, "a loopback interface: "+err.Error())
			return
		}
		yes, open := listen()
		no, other := listen()
		defer unix.Close(yes)
		defer unix.Close(no)
		// A port that is free now, to be bound by number.
		gone, free := listen()
		unix.Close(gone)

		s.want("control: connect", 0, connect(open))
		s.want("control: connect to the other", 0, connect(other))
		s.want("control: bind by number", 0, bind(unix.SOCK_STREAM, free))
		s.want("control: send", 0, send(other))

		tcp, udp := unix.Errno(0), unix.Errno(0)
		if s.kernel.TCP() {
			tcp = unix.EACCES
		}
		if s.kernel.UDP() {
			udp = unix.EACCES
		}
		compile := func(r *unveil.Rules) *unveil.Plan {
			p, err := r.Compile(s.here())
			s.must(err)
			return p
		}
		var lists unveil.Rules
		lists.Port(ll.AccessNetConnectTCP, open)
		lists.Port(ll.AccessNetBindTCP, 0)
		lists.Port(ll.AccessNetConnectSendUDP, open)
		lists.Port(ll.AccessNetBindUDP, 0)
		s.confined(compile(&lists), func(func(func())) {
			s.want("connect to the port that is named", 0, connect(open))
			s.want("connect to another", tcp, connect(other))
			s.want("bind to an ephemeral port", 0, bind(unix.SOCK_STREAM, 0))
			s.want("bind by number", tcp, bind(unix.SOCK_STREAM, free))
			s.want("bind where only connect is named", tcp, bindAny(bind, open, tcp))
			s.want("send to the port that is named", 0, send(open))
			s.want("send to another", udp, send(other))
			s.want("bind of UDP to an ephemeral port", 0, bind(unix.SOCK_DGRAM, 0))
			s.want("bind of UDP by number", udp, bind(unix.SOCK_DGRAM, free))
			s.want("accept on what is open", 0, acceptOne(yes))
		})
		var none unveil.Rules
		none.HandleNet(ll.AccessNetConnectTCP | ll.AccessNetConnectSendUDP)
		s.confined(compile(&none), func(func(func())) {
			s.want("connect with no port named", tcp, connect(open))
			s.want("bind, which is not handled", 0, bind(unix.SOCK_STREAM, free))
			s.want("send with no port named", udp, send(open))
		})
		// Paths alone say nothing of ports.
		s.confined(compile(new(unveil.Rules)), func(func(func())) {
			s.want("connect under paths alone", 0, connect(open))
			s.want("bind under paths alone", 0, bind(unix.SOCK_STREAM, free))
		})
	}
}

// bindAny binds to a port that is in use: EADDRINUSE is what the kernel says
// where Landlock lets it get so far.
func bindAny(bind func(int, uint16) error, port uint16, want unix.Errno) error {
	err := bind(unix.SOCK_STREAM, port)
	if want == 0 && err == unix.EADDRINUSE {
		return nil
	}
	return err
}

// acceptOne takes the connection that the control run made.
func acceptOne(listener int) error {
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// TestScopes: signals to, and abstract sockets of, who is outside.
func TestScopes(t *testing.T) { everyABI(t, "scopes") }

func init() {
	scenes["scopes"] = func(s *scene) {
		abstract := fmt.Sprintf("@unveil-test-%d", os.Getpid())
		server, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		s.must(err)
		defer unix.Close(server)
		s.must(unix.Bind(server, &unix.SockaddrUnix{Name: abstract}))
		s.must(unix.Listen(server, 8))
		connect := func(name string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Connect(fd, &unix.SockaddrUnix{Name: name})
		}
		// A child that was there before is outside of every sandbox here, and
		// stays to be signalled, as a zombie, until it is waited for. Signal 0
		// is checked and not sent.
		s.grow("p.elf")
		pid, err := syscall.ForkExec(s.dir+"/p.elf", []string{"p.elf"}, &syscall.ProcAttr{})
		s.must(err)
		defer unix.Wait4(pid, nil, 0, nil)
		signal := func() error { return unix.Kill(pid, 0) }
		s.want("control: connect", 0, connect(abstract))
		s.want("control: signal", 0, signal())
		for scopes := range uint64(4) {
			var r unveil.Rules
			r.Scope(scopes)
			p, err := r.Compile(s.here())
			s.must(err)
			held := scopes & s.kernel.Scopes()
			if gaps := len(p.Gaps); scopes != held && gaps == 0 {
				s.errorf("scopes %#x on ABI %d: no gap", scopes, s.kernel.ABI)
			}
			sig, sock := unix.Errno(0), unix.Errno(0)
			if held&ll.ScopeSignal != 0 {
				sig = unix.EPERM
			}
			if held&ll.ScopeAbstractUnixSocket != 0 {
				sock = unix.EPERM
			}
			s.confined(p, func(func(func())) {
				s.want(fmt.Sprintf("a signal out of scopes %#x", scopes), sig, signal())
				s.want(fmt.Sprintf("an abstract socket out of scopes %#x", scopes), sock, connect(abstract))
				s.want("a signal to the own thread", 0, unix.Tgkill(os.Getpid(), unix.Gettid(), 0))
				own := fmt.Sprintf("@unveil-test-%d-%d", os.Getpid(), unix.Gettid())
				fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
				s.must(err)
				defer unix.Close(fd)
				s.must(unix.Bind(fd, &unix.SockaddrUnix{Name: own}))
				s.must(unix.Listen(fd, 1))
				s.want("an abstract socket of the own", 0, connect(own))
			})
		}
	}
}
