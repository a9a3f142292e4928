package learn

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/internal/trace"
	"github.com/unveil-run/unveil-run/pledge"
)

// socket looks at a call on a socket, and returns the family of one whose
// promise is told by what follows; 0 for every other call.
func (r *Recorder) socket(c *trace.Caller, a *trace.Act) int {
	d := &c.Data
	fd := int(int32(d.Args[0]))
	if a.Call == "socket" {
		family := int(int32(d.Args[0]))
		switch family {
		case unix.AF_INET, unix.AF_INET6, unix.AF_UNIX:
			return family
		case unix.AF_NETLINK:
			r.netlink = true
			return family
		}
		return 0
	}
	if strings.HasPrefix(a.Call, "send") && r.seen["udp"] {
		return 0 // nothing more to learn of it
	}
	family, kind := c.Socket(fd)
	switch family {
	case unix.AF_INET, unix.AF_INET6:
	case unix.AF_UNIX, unix.AF_NETLINK:
		if family == unix.AF_UNIX && a.Address != nil && !strings.HasSuffix(a.Address.Path, "/nscd/socket") {
			r.unix = true
			if a.Call == "connect" && a.Address.Path != "" && a.Address.Path[0] == 0 {
				r.record.beyond["an abstract UNIX socket is connected to: --allow-abstract, if its server is outside"] = true
			}
		}
		if a.Call == "listen" {
			r.record.listens = true
		}
		return family
	default:
		return 0
	}
	udp := kind == unix.SOCK_DGRAM
	switch {
	case a.Call == "listen":
		r.record.listens, r.inet = true, true
	case strings.HasPrefix(a.Call, "send") && udp && a.Address == nil:
		r.udpSent(c, fd)
	case a.Address == nil || a.Address.Family != unix.AF_INET && a.Address.Family != unix.AF_INET6:
	case a.Address.Local:
		r.port(r.record.bind, udp, a.Address.Port)
	case udp && a.Call == "connect" && phantom(c, fd, a.Address.Port):
		// Until something is sent.
	default:
		r.port(r.record.connect, udp, a.Address.Port)
	}
	return family
}

// dnsPort is the port of name servers.
const dnsPort = 53

// discard is the port that Go connects to, to see which address it would have.
const discard = 9

// phantom reports whether a UDP socket is connected to see which address it
// gets, as getaddrinfo(3) does to sort what it has found: nothing is sent. It
// is a blocking socket, which those of resolvers and of Go are not.
func phantom(c *trace.Caller, fd int, port uint16) bool {
	return port == discard || port != dnsPort && !c.Nonblocking(fd)
}

// udpSent notes where a connected UDP socket sends to.
func (r *Recorder) udpSent(c *trace.Caller, fd int) {
	if port, ok := c.Peer(fd); ok {
		r.port(r.record.connect, true, port)
	}
}

// port notes a port.
func (r *Recorder) port(list map[policy.Ports]bool, udp bool, port uint16) {
	if port == dnsPort {
		r.dns = true
	} else {
		r.inet = true
	}
	p := policy.Ports{UDP: udp, First: port, Last: port}
	if !list[p] {
		list[p], r.dirty = true, true
	}
}

// compact drops deferred calls that say what others have said.
func (r *Recorder) compact() {
	kept := r.later[:0]
	known := map[string]bool{}
	for _, l := range r.later {
		key := fmt.Sprint(l.name, l.family, uint32(l.data.Args[1]), uint32(l.data.Args[2]))
		if !known[key] {
			known[key] = true
			kept = append(kept, l)
		}
	}
	r.later = kept
}

// settle decides over what was deferred.
func (r *Recorder) settle() {
	r.compact()
	stream := false
	for _, l := range r.later {
		if l.name == "socket" && (l.family == unix.AF_INET || l.family == unix.AF_INET6) && l.data.Args[1]&0xf == unix.SOCK_STREAM {
			stream = true
		}
	}
	if stream && !r.inet && !r.dns {
		r.inet = true // made and not used: without the promise it would end the command
	}
	for _, l := range r.later {
		d := l.data
		switch l.family {
		case unix.AF_UNIX:
			if r.unix {
				r.need(&d, l.name, promise("unix"))
			}
		case unix.AF_NETLINK:
			if !r.inet && !r.dns {
				r.need(&d, l.name, promise("route"))
			} else {
				r.need(&d, l.name, r.network())
			}
		default:
			if r.inet || r.dns {
				r.need(&d, l.name, r.network())
			}
		}
	}
}

// network is the promise of what was seen of the network.
func (r *Recorder) network() pledge.Set {
	if r.inet {
		return promise("inet")
	}
	return promise("dns")
}
