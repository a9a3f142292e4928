package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// Ports is a range of ports of one protocol.
type Ports struct {
	UDP         bool
	First, Last uint16 // both included; 0 to 65535 is every port
}

// All reports whether the range is every port of its protocol.
func (p Ports) All() bool { return p.First == 0 && p.Last == 65535 }

func (p Ports) String() string {
	proto := "tcp:"
	if p.UDP {
		proto = "udp:"
	}
	switch {
	case p.All():
		return proto + "*"
	case p.First == p.Last:
		return proto + strconv.Itoa(int(p.First))
	}
	return fmt.Sprintf("%s%d-%d", proto, p.First, p.Last)
}

// ParsePorts reads a list of ports: [tcp:|udp:]PORT[-PORT] or *, separated by
// commas. What has no protocol is TCP; a protocol holds for the item that it
// stands before.
func ParsePorts(word string) ([]Ports, error) {
	if len(word) > 4096 {
		return nil, fmt.Errorf("%d bytes of ports are too many", len(word))
	}
	var list []Ports
	for _, item := range strings.Split(word, ",") {
		if item == "" {
			return nil, fmt.Errorf("an empty item in ports %q", clip(word))
		}
		p, err := parsePort(item)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func parsePort(item string) (p Ports, err error) {
	number := item
	if proto, rest, ok := strings.Cut(item, ":"); ok {
		switch proto {
		case "tcp":
		case "udp":
			p.UDP = true
		default:
			return p, fmt.Errorf("unknown protocol %q in %q", clip(proto), clip(item))
		}
		number = rest
	}
	if number == "*" {
		p.Last = 65535
		return p, nil
	}
	first, last, isRange := strings.Cut(number, "-")
	if p.First, err = portNumber(first, item); err != nil {
		return p, err
	}
	p.Last = p.First
	if isRange {
		if p.Last, err = portNumber(last, item); err != nil {
			return p, err
		}
	}
	if p.Last < p.First {
		return p, fmt.Errorf("port range %q is empty", clip(item))
	}
	return p, nil
}

func portNumber(s, item string) (uint16, error) {
	if s == "" {
		return 0, fmt.Errorf("a port is missing in %q", clip(item))
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("port %q is no number", clip(item))
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("port %q is above 65535", clip(item))
	}
	return uint16(n), nil
}
