package launch

import (
	"slices"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// The network is open as far as the promises go, or it is a list: as soon as
// one port is named by --connect or --bind, what is not named is refused, both
// ways, TCP and UDP.

const dnsPort = 53

const (
	tcpKnown = ll.AccessNetBindTCP | ll.AccessNetConnectTCP     // Landlock ABI 4
	udpKnown = ll.AccessNetBindUDP | ll.AccessNetConnectSendUDP // Landlock ABI 10
)

// A network is what the ports come to for one kernel.
type network struct {
	listed bool // the network is a list
	udp    bool // seccomp lets UDP sockets through
	listen bool // seccomp lets listen(2) through
	vc     bool // the resolver of libc has to use TCP

	handled uint64 // LANDLOCK_ACCESS_NET_*
	ports   []netPort
}

type netPort struct {
	access      uint64
	first, last uint16
}

// network decides what Landlock holds of the ports, and what seccomp does.
func (r *Request) network(k kernel.Kernel) network {
	set, pledged := r.granted()
	n := network{udp: true, listen: true}
	dns := pledged && set.Has(promises.dns)
	if len(r.Connect) == 0 && len(r.Bind) == 0 && !r.Listed {
		if dns && !set.Has(promises.inet) {
			// Names are looked up at port 53, and nothing else is promised.
			// What this kernel cannot hold of it is a limit of the promise.
			n.handled = (tcpKnown | udpKnown) & k.Net()
			n.resolver()
		}
		return n
	}
	n.listed = true
	n.handled = tcpKnown
	// listen(2) without bind(2) takes a port of the kernel's choice, past
	// every rule: without a port to bind there is nothing to listen on.
	n.listen = slices.ContainsFunc(r.Bind, tcp)
	n.udp = slices.ContainsFunc(r.Connect, udp) || slices.ContainsFunc(r.Bind, udp)
	if one := func(p policy.Ports) bool { return p.UDP && !p.All() }; n.udp &&
		(k.UDP() || slices.ContainsFunc(r.Connect, one) || slices.ContainsFunc(r.Bind, one)) {
		n.handled |= udpKnown
	}
	n.allow(r.Connect, ll.AccessNetConnectTCP, ll.AccessNetConnectSendUDP)
	n.allow(r.Bind, ll.AccessNetBindTCP, ll.AccessNetBindUDP)
	if slices.ContainsFunc(r.Connect, udp) {
		// A socket that sends without bind(2) is bound to port 0.
		n.ports = append(n.ports, netPort{ll.AccessNetBindUDP, 0, 0})
	}
	if dns {
		n.resolver()
		switch {
		case k.UDP():
			n.udp = true
			n.handled |= udpKnown
		case !n.udp:
			n.vc = true
		}
	}
	return n
}

// refused is what seccomp refuses of the network.
func (n *network) refused() pledge.Network {
	if !n.listed {
		return 0
	}
	refused := pledge.Listed
	if !n.udp {
		refused |= pledge.NoUDP
	}
	if !n.listen {
		refused |= pledge.NoListen
	}
	return refused
}

// allow names ports. A right on every port is one that is not handled.
func (n *network) allow(list []policy.Ports, tcp, udp uint64) {
	for _, p := range list {
		access := tcp
		if p.UDP {
			access = udp
		}
		if p.All() {
			n.handled &^= access
		} else {
			n.ports = append(n.ports, netPort{access, p.First, p.Last})
		}
	}
}

// resolver lets names be looked up, by TCP and, where UDP is handled, by UDP.
func (n *network) resolver() {
	n.ports = append(n.ports, netPort{ll.AccessNetConnectTCP | ll.AccessNetConnectSendUDP, dnsPort, dnsPort}, netPort{ll.AccessNetBindUDP, 0, 0})
}

// rules hands the ports over to Landlock.
func (n *network) rules(rules *unveil.Rules) {
	rules.HandleNet(n.handled)
	for _, p := range n.ports {
		access := p.access & n.handled
		if access == 0 {
			continue
		}
		for port := int(p.first); port <= int(p.last); port++ {
			rules.Port(access, uint16(port))
		}
	}
}

func udp(p policy.Ports) bool { return p.UDP }
func tcp(p policy.Ports) bool { return !p.UDP }

// checkNetwork refuses a list that no promise gives a meaning.
func (r *Request) checkNetwork() *Failure {
	set, pledged := r.granted()
	if !pledged {
		return nil
	}
	switch {
	case len(r.Connect) > 0 && !set.Has(promises.inet) && !set.Has(promises.dns):
		return failedf("--connect %s: the network is not promised", r.Connect[0]).hinted("-p %q", (set | promises.inet).String())
	case len(r.Bind) > 0 && !set.Has(promises.inet):
		return failedf("--bind %s: the network is not promised", r.Bind[0]).hinted("-p %q", (set | promises.inet).String())
	case len(r.Unix) > 0 && !set.Has(promises.unix):
		return failedf("--unix %q: UNIX sockets are not promised", r.Unix[0]).hinted("-p %q", (set | promises.unix).String())
	}
	return nil
}

// unixSockets lets the sockets of --unix be connected to. Each must be there:
// Landlock knows no names.
func (r *Request) unixSockets(rules *unveil.Rules) *Failure {
	for _, path := range r.Unix {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return failedf("--unix %q: %w", path, err).hinted("name the directory that the socket will be in")
		}
		rules.Grant(path, unveil.ResolveUnix, "--unix")
	}
	return nil
}

// explain says what is held of the network beside the promises.
func (n *network) explain(line func(format string, args ...any)) {
	if !n.listed {
		return
	}
	switch {
	case !n.udp:
		line("network: a list of TCP ports; no UDP")
	default:
		line("network: a list of ports")
	}
	if !n.listen {
		line("network: nothing may listen, not on UNIX sockets either (--bind names ports)")
	}
}
