package escape

import (
	"fmt"
	"slices"
)

// Of sys/socket.h and netinet/in.h, the same on both architectures.
const (
	stream, dgram, raw, seqpacket = 1, 2, 3, 5
	mptcp                         = 262
)

// past are the sockets that no port rule of Landlock holds, by a listed port
// and by another: the filter holds them on every kernel.
var past = []way{
	{act: fmt.Sprintf("connect %d %d $TCP", stream, mptcp), answer: "EPROTONOSUPPORT", absent: "EPROTONOSUPPORT"},
	{act: fmt.Sprintf("connect %d %d $OTHER", stream, mptcp), answer: "EPROTONOSUPPORT", absent: "EPROTONOSUPPORT"},
	{act: "bind 1 262 0", answer: "EPROTONOSUPPORT", absent: "EPROTONOSUPPORT"},
	{act: "socket 10 1 262", answer: "EPROTONOSUPPORT", absent: "EPROTONOSUPPORT"},
	{act: "socket 2 5 132", answer: "EPROTONOSUPPORT", absent: "ESOCKTNOSUPPORT|EPROTONOSUPPORT"},       // SCTP
	{act: "socket 2 1 132", answer: "EPROTONOSUPPORT", absent: "EPROTONOSUPPORT"},                       // SCTP
	{act: "socket 2 1 256", answer: "EPROTONOSUPPORT", absent: "EPROTONOSUPPORT"},                       // SMC
	{act: "socket 2 6 33", answer: "EPROTONOSUPPORT", absent: "ESOCKTNOSUPPORT|EPROTONOSUPPORT|EINVAL"}, // DCCP
	{act: "socket 2 2 136", answer: "EPROTONOSUPPORT", absent: "EPROTONOSUPPORT"},                       // UDP-Lite
	{act: "socket 2 3 1", answer: "EPROTONOSUPPORT", root: true},                                        // raw ICMP
	{act: "socket 2 3 255", answer: "EPROTONOSUPPORT", root: true},                                      // raw IP
	{act: "socket 10 3 58", answer: "EPROTONOSUPPORT", root: true},
	{act: "socket 43 1 0", answer: "EAFNOSUPPORT", absent: "EAFNOSUPPORT"}, // SMC
	{act: "socket 17 3 0", answer: "EAFNOSUPPORT", root: true},             // packet
	{act: "socket 17 2 0", answer: "EAFNOSUPPORT", root: true},
	{act: "socket 40 1 0", answer: "EAFNOSUPPORT", absent: "EAFNOSUPPORT"},             // vsock
	{act: "socket 38 5 0", answer: "EAFNOSUPPORT", absent: "EAFNOSUPPORT"},             // AF_ALG
	{act: "socket 44 3 0", answer: "EAFNOSUPPORT", absent: "EAFNOSUPPORT", root: true}, // XDP
	{act: "socket 31 3 1", answer: "EAFNOSUPPORT", absent: "EAFNOSUPPORT"},             // Bluetooth
	{act: "fastopen sendto $OTHER", answer: "EOPNOTSUPP|ENOTSUP"},
	{act: "fastopen sendmsg $OTHER", answer: "EOPNOTSUPP|ENOTSUP"},
	{act: "fastopen sendmmsg $OTHER", answer: "EOPNOTSUPP|ENOTSUP"},
	{act: "socket 2 10 3", answer: "EPROTONOSUPPORT", root: true}, // SOCK_PACKET, of AF_PACKET by its old name
	{act: "ulp smc", answer: "ENOPROTOOPT", absent: "ENOENT"},     // makes an SMC socket of one of TCP
	{act: "ringsocket 2 1 0", answer: "ENOSYS", absent: "EPERM"},
}

// noUDP are the datagrams where the list names no port of UDP.
var noUDP = []way{
	{act: "udp connect $UDP", answer: "EACCES"},
	{act: "udp sendto $UDP", answer: "EACCES"},
	{act: "udp sendmsg $UDP", answer: "EACCES"},
	{act: "udp sendmmsg $UDP", answer: "EACCES"},
	{act: "udp unspec $UDP", answer: "EACCES"},
	{act: "socket 10 2 0", answer: "EACCES"},
	{act: "bind 2 0 0", answer: "EACCES"},
}

// others are what Landlock holds of the other ports.
var others = []way{
	{act: "connect 1 0 $OTHER", answer: "EACCES"},
	{act: "connect 1 6 $OTHER", answer: "EACCES"},
	{act: "connect6 $OTHER", answer: "EACCES"},
	{act: "fastopen connect $OTHER", answer: "EACCES|ENOPROTOOPT"},
	{act: "bind 1 0 0", answer: "EACCES"},
	{act: "bindunspec", answer: "EACCES"},
	// listen without bind takes a free port, past every rule.
	{act: "listen 0", answer: "EACCES"},
	{act: "accept", answer: "EACCES"},
}

const refusesTCP = "cannot hold TCP ports"

// noSockets are those of all families where no promise grants one.
var noSockets = []way{
	{act: "socket 2 1 0", answer: "SIGSYS"},
	{act: "socket 10 1 0", answer: "SIGSYS"},
	{act: "socket 2 2 0", answer: "SIGSYS"},
	{act: "socket 2 0x80002 0", answer: "EACCES"}, // what libc's resolver asks
	{act: "socket 10 2 0", answer: "SIGSYS"},
	{act: "socket 1 1 0", answer: "EACCES"},
	{act: "socket 1 2 0", answer: "EACCES"},
	{act: "socket 1 5 0", answer: "EACCES"},
	{act: "socket 16 3 0", answer: "EACCES"},
	{act: "socket 16 3 15", answer: "EACCES"}, // uevents
	{act: "socket 2 1 262", answer: "EPROTONOSUPPORT", absent: "EPROTONOSUPPORT"},
	{act: "socket 2 3 1", answer: "EPROTONOSUPPORT", root: true},
	{act: "socket 17 3 0", answer: "EAFNOSUPPORT", root: true},
	{act: "socket 40 1 0", answer: "EAFNOSUPPORT", absent: "EAFNOSUPPORT"},
	{act: "socket 43 1 0", answer: "EAFNOSUPPORT", absent: "EAFNOSUPPORT"},
	{act: "socket 38 5 0", answer: "EAFNOSUPPORT", absent: "EAFNOSUPPORT"},
	// An end of a pair of datagram sockets sends to every address.
	{act: "unixpair 2 $DGRAM", answer: "EACCES"},
	{act: "unixpair 2 $ABSTRACTDGRAM", answer: "EACCES"},
	{act: "unixpair 3 $DGRAM", answer: "EACCES"}, // SOCK_RAW is SOCK_DGRAM here
}

// unixOutside are the sockets of somebody outside.
var unixOutside = []way{
	{act: "unix 1 $ABSTRACT", answer: "EPERM", abi: 6, said: "scopes: .*ABSTRACT"},
	{act: "unix 2 $ABSTRACTDGRAM", answer: "EPERM", abi: 6, said: "scopes: .*ABSTRACT"},
	{act: "unixsend $ABSTRACTDGRAM", answer: "EPERM", abi: 6, said: "scopes: .*ABSTRACT"},
	{act: "unixpair 2 $ABSTRACTDGRAM", answer: "EPERM", abi: 6, said: "scopes: .*ABSTRACT"},
}

// byPath are those that have a path, which Landlock sees from ABI 9 on.
var byPath = []way{
	{act: "unix 1 $STREAM", answer: "EACCES", abi: 9, said: "UNIX sockets by path"},
	{act: "unix 2 $DGRAM", answer: "EACCES", abi: 9, said: "UNIX sockets by path"},
	{act: "unixsend $DGRAM", answer: "EACCES", abi: 9, said: "UNIX sockets by path"},
	{act: "unixpair 2 $DGRAM", answer: "EACCES", abi: 9, said: "UNIX sockets by path"},
}

var networkBoxes = []box{
	{name: "network, none promised", flags: []string{"-q", "-p", "stdio rpath"}, ways: noSockets},
	{
		name: "network, a port, promised", flags: []string{"-q", "--connect", "$TCP", "-p", "stdio rpath inet"},
		strict: 4, refusal: refusesTCP, ways: onlyFrom(4, others, slices.Concat(past, noUDP)),
	},
	{
		name: "network, a port, paths alone", flags: []string{"-q", "--connect", "$TCP", "-u", "$IN:r"}, forks: true,
		strict: 4, refusal: refusesTCP, ways: onlyFrom(4, others, slices.Concat(past, noUDP)),
	},
	{
		name: "network, a port to bind", flags: []string{"-q", "--bind", "$OTHER", "-p", "stdio rpath inet"},
		strict: 4, refusal: refusesTCP,
		ways: onlyFrom(4, []way{
			{act: "connect 1 0 $OTHER", answer: "EACCES"},
			{act: "connect 1 0 $TCP", answer: "EACCES"},
			{act: "bind 1 0 0", answer: "EACCES"},
			{act: "bindunspec", answer: "EACCES"},
			{act: "fastopen connect $TCP", answer: "EACCES|ENOPROTOOPT"},
		}, slices.Concat(past, noUDP)),
	},
	{
		// The promise alone has no ports, and still no other sockets.
		name: "network, inet", flags: []string{"-q", "-p", "stdio inet"}, ways: slices.Concat(past, []way{
			{act: "socket 1 1 0", answer: "EACCES"},
			{act: "socket 16 3 15", answer: "EACCES"},
			{act: "socket 16 3 12", answer: "EACCES", absent: "EPROTONOSUPPORT"}, // netfilter
			{act: "unixpair 2 $DGRAM", answer: "EACCES"},
		}),
	},
	{
		name: "network, dns alone", flags: []string{"-q", "-p", "stdio dns"},
		ways: slices.Concat(past, []way{
			{act: "connect 1 0 $TCP", answer: "EACCES", abi: 4, said: "dns: TCP reaches any port"},
			{act: "udp sendto $UDP", answer: "EACCES", abi: 10, said: "dns: UDP reaches any port"},
			{act: "listen 0", answer: "EACCES"},
		}),
	},
	{
		// Without -u the promise alone reaches every socket, as it does files.
		name: "network, unix", flags: []string{"-q", "-u", "$IN:rwc", "-p", "stdio rpath unix"},
		ways: slices.Concat(unixOutside, byPath, []way{
			{act: "socket 2 1 0", answer: "SIGSYS"},
			{act: "socket 17 3 0", answer: "EAFNOSUPPORT", root: true},
		}),
	},
	{
		name: "network, unix, a list", flags: []string{"-q", "--unix", "$IN", "-p", "stdio rpath wpath unix"},
		strict: 9, refusal: "cannot hold UNIX sockets by path", ways: slices.Concat(unixOutside, byPath),
	},
	{
		name: "network, paths alone, abstract sockets", flags: []string{"-q", "-u", "$IN:r"}, forks: true, ways: slices.Concat(unixOutside, byPath),
	},
}

// onlyFrom makes a list of ways that Landlock holds from an ABI on, where -n
// says so, and of those that the filter holds always.
func onlyFrom(abi int, landlock, always []way) []way {
	list := slices.Clone(always)
	for _, w := range landlock {
		if w.act != "listen 0" && w.act != "accept" {
			w.abi, w.said = abi, "TCP ports"
		}
		list = append(list, w)
	}
	return list
}
