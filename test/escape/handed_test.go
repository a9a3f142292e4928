package escape

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

// TestHandedOver holds which descriptors the command gets from 3 up: those
// that were asked for, in any of three ways.
func TestHandedOver(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		secret := r.dir + "/out/secret"
		shell := func(script string, argv []string) []string {
			return append([]string{"bash", "-c", script + ` exec "$@"`, "bash"}, argv...)
		}
		boxed := func(flags []string, act string) []string {
			return launch(append([]string{"-q", "-u", tools + ":r"}, flags...), tool("probe"), act)
		}
		const opens = "exec 7<out/secret 8<out/secret 3<out/secret 4<out/secret 5<out/secret;"
		for _, tt := range []struct {
			script string
			flags  []string
			act    string
			want   string
		}{
			{opens, nil, "fd 7", "EBADF"},
			{opens, nil, "fds", "EBADF"},
			{opens, []string{"--pass-fd", "7"}, "fdread 7", "ok"},
			{opens, []string{"--pass-fd", "7"}, "fds 7", "EBADF"},
			{opens, []string{"--pass-fd", "7", "--pass-fd", "8"}, "fds 7 8", "EBADF"},
			// sd_listen_fds(3): to this process, from 3 up.
			{opens + " export LISTEN_FDS=2 LISTEN_PID=$$;", nil, "fdread 4", "ok"},
			{opens + " export LISTEN_FDS=2 LISTEN_PID=$$;", nil, "fds 3 4", "EBADF"},
			{opens + " export LISTEN_FDS=2 LISTEN_PID=1;", nil, "fds", "EBADF"},
			{opens + " export LISTEN_FDS=2;", nil, "fds", "EBADF"},
			{opens + " export LISTEN_FDS=-1 LISTEN_PID=$$;", nil, "fds", "EBADF"},
			{opens + " export LISTEN_FDS=99999999999 LISTEN_PID=$$;", nil, "fds", "EBADF"},
			// Named by path, as <(cmd) is.
			{opens, nil, "read /dev/fd/7", "EACCES"},
			{opens, nil, "fds /proc/self/fd/8", "ok"},
			{opens, nil, "fds /dev/fd/99999999999999999999", "EBADF"},
			{opens, nil, "fds /dev/fd/x7", "EBADF"},
			{opens, nil, "fds /proc/1/fd/7", "EBADF"},
			{opens, nil, "fds /dev/fd/", "EBADF"},
		} {
			r.command(t, shell(tt.script, boxed(tt.flags, tt.act))...).want(t, tt.script+tt.act, 0, tt.want, "")
		}
		r.command(t, shell(opens, []string{tool("probe"), "fds"})...).want(t, "without the box", 0, "ok", "")
		r.command(t, boxed([]string{"--pass-fd", "9"}, "fds")...).want(t, "not open", 125, "", "--pass-fd 9")

		for _, script := range []string{
			`diff <(echo a) <(echo a)`, `"$0" -u /usr:rx -- diff <(echo a) <(echo a)`,
			`"$0" -p "stdio rpath" -u /usr:r -- diff <(echo a) <(echo a)`,
		} {
			r.command(t, "bash", "-c", script, tool("unveil-run")).want(t, script, 0, "", "")
			differ := strings.Replace(script, "<(echo a)", "<(echo b)", 1)
			r.command(t, "bash", "-c", differ, tool("unveil-run")).want(t, differ, 1, "1c1\n< b\n---\n> a", "")
		}
		if text, err := os.ReadFile(secret); err != nil || string(text) != "Secret" {
			t.Errorf("the file outside is %q, %v", text, err)
		}
	})
}

// TestSentDirectory holds that a directory that comes by SCM_RIGHTS opens
// nothing beneath it: its user has sent it, and has not unveiled it.
func TestSentDirectory(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		for _, tt := range []struct {
			argv func(act string) []string
			want string
		}{
			{func(act string) []string { return []string{tool("probe"), act} }, "ok"},
			{func(act string) []string {
				return launch([]string{"-q", "-u", r.dir + "/in:r", "-p", "stdio rpath"}, tool("probe"), act)
			}, "EACCES"},
			{func(act string) []string { return launch([]string{"-q", "-u", r.dir + "/in:r"}, tool("probe"), act) }, "EACCES"},
		} {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			near, far := os.NewFile(uintptr(pair[0]), "near"), os.NewFile(uintptr(pair[1]), "far")
			dir, err := os.Open(r.dir + "/out")
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Sendmsg(pair[0], []byte{'x'}, unix.UnixRights(int(dir.Fd())), nil, 0); err != nil {
				t.Fatal(err)
			}
			r := r
			r.stdin = far
			argv := tt.argv("recvat 0 secret")
			r.command(t, argv...).want(t, fmt.Sprint(argv), 0, tt.want, "")
			near.Close()
			far.Close()
			dir.Close()
		}
	})
}

// TestHandedSockets holds what a socket that was made outside still does in
// the box: it has no rights but those of the box.
func TestHandedSockets(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		p := newPartner(t, r.user)
		for _, tt := range []struct {
			family, kind int
			act          string
			flags        []string
			want         string
			abi          int
		}{
			{unix.AF_INET, unix.SOCK_STREAM, "connectfd 0 $TCP", []string{"-p", "stdio"}, "EACCES", 0},
			{unix.AF_INET, unix.SOCK_DGRAM, "udp connect $UDP 0", []string{"-p", "stdio"}, "EACCES", 0},
			{unix.AF_INET, unix.SOCK_DGRAM, "udp sendto $UDP 0", []string{"-p", "stdio"}, "EACCES", 0},
			{unix.AF_INET, unix.SOCK_STREAM, "connectfd 0 $TCP", []string{"-p", "stdio inet", "--connect", "1"}, "EACCES", 4},
			{unix.AF_INET, unix.SOCK_STREAM, "connectfd 0 $TCP", []string{"-u", "/usr:r", "--connect", "1"}, "EACCES", 4},
			{unix.AF_UNIX, unix.SOCK_DGRAM, "unixsend $ABSTRACTDGRAM 0", []string{"-p", "stdio"}, "EPERM", 6},
			{unix.AF_UNIX, unix.SOCK_DGRAM, "unixsend $ABSTRACTDGRAM 0", []string{"-u", "/usr:r"}, "EPERM", 6},
		} {
			if number(native) < tt.abi {
				continue // of the table, at "network, …"
			}
			act := strings.NewReplacer("$TCP", fmt.Sprint(p.tcp), "$UDP", fmt.Sprint(p.udp), "$ABSTRACTDGRAM", p.abstractDgram).Replace(tt.act)
			for _, boxed := range []bool{false, true} {
				fd, err := unix.Socket(tt.family, tt.kind|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				r := r
				r.stdin = os.NewFile(uintptr(fd), "socket")
				argv, want := []string{tool("probe"), act}, "ok"
				if boxed {
					argv, want = launch(append([]string{"-q"}, tt.flags...), argv...), tt.want
				}
				r.command(t, argv...).want(t, fmt.Sprint(argv), 0, want, "")
				r.stdin.Close()
			}
		}
	})
}

// TestPorts holds the example of the manual: a list of ports is what it says.
func TestPorts(t *testing.T) {
	if _, err := os.Stat("/usr/bin/curl"); err != nil {
		need.Missing(t, "curl")
	}
	each(t, func(t *testing.T, r run) {
		listed, other := serveHTTP(t, "127.0.0.1:0"), serveHTTP(t, "127.0.0.1:0")
		curl := func(port int) []string {
			return []string{"curl", "-sS", "--noproxy", "*", fmt.Sprintf("http://127.0.0.1:%d/", port)}
		}
		for _, abi := range abis(t) {
			r := r
			r.abi = abi
			for _, flags := range [][]string{{"-p", "stdio rpath inet"}, {"-u", "/usr:rx"}} {
				flags := append([]string{"-q", "--connect", fmt.Sprint(listed)}, flags...)
				name := fmt.Sprintf("abi %d %q", number(abi), flags)
				if number(abi) < 4 {
					r.command(t, launch(flags, curl(listed)...)...).want(t, name, 125, "", refusesTCP)
					continue
				}
				r.command(t, curl(other)...).want(t, "without the box", 0, "hello", "")
				r.command(t, launch(flags, curl(listed)...)...).want(t, name, 0, "hello", "")
				r.command(t, launch(flags, curl(other)...)...).want(t, name, 7, "", "curl: (7)")
			}
			if number(abi) < 4 || number(abi) >= 10 {
				continue
			}
			for _, flag := range []string{"--connect", "--bind"} {
				flags := []string{flag, "udp:53", "-p", "stdio rpath inet"}
				got := r.command(t, launch(flags, curl(listed)...)...)
				got.want(t, fmt.Sprint(flags), 125, "", "UDP ports")
				if !strings.Contains(got.stderr, "udp:*") {
					t.Errorf("%q: no hint of udp:* in %q", flags, got.stderr)
				}
			}
		}
	})
}

// serveHTTP answers every request with hello, and returns its port.
func serveHTTP(t *testing.T, at string) int {
	t.Helper()
	l, err := net.Listen("tcp4", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var buf [4096]byte
				if _, err := c.Read(buf[:]); err == nil {
					fmt.Fprint(c, "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}
