package launch

import (
	"fmt"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/pledge"
)

// asked makes a request of flags.
func asked(t *testing.T, promises string, connect, bind []string) *Request {
	t.Helper()
	w := Words{Connect: connect, Bind: bind}
	if promises != "" {
		w.Pledge = []string{promises}
	} else {
		w.Unveil = []string{"/:r"}
	}
	r, fail := w.Request()
	if fail != nil {
		t.Fatal(fail)
	}
	return r
}

// TestNetwork: which rights Landlock handles, which ports it grants, and what
// seccomp refuses.
func TestNetwork(t *testing.T) {
	const (
		bind, connect       = ll.AccessNetBindTCP, ll.AccessNetConnectTCP
		bindUDP, connectUDP = ll.AccessNetBindUDP, ll.AccessNetConnectSendUDP
		all                 = bind | connect | bindUDP | connectUDP
	)
	tests := []struct {
		promises      string
		connect, bind []string
		abi           int
		handled       uint64
		ports         string // access:first-last
		refused       pledge.Network
		vc            bool
	}{
		{"stdio inet", nil, nil, 7, 0, "", 0, false},
		{"", nil, nil, 7, 0, "", 0, false},
		{"stdio inet", []string{"443"}, nil, 7, bind | connect, "2:443-443", pledge.Listed | pledge.NoUDP | pledge.NoListen, false},
		{"", []string{"443"}, nil, 7, bind | connect, "2:443-443", pledge.Listed | pledge.NoUDP | pledge.NoListen, false},
		{"stdio inet", nil, []string{"8080"}, 7, bind | connect, "1:8080-8080", pledge.Listed | pledge.NoUDP, false},
		{"stdio inet", nil, []string{"udp:53"}, 11, all, "4:53-53", pledge.Listed | pledge.NoListen, false},
		{"stdio inet", []string{"tcp:*"}, nil, 7, bind, "", pledge.Listed | pledge.NoUDP | pledge.NoListen, false},
		{"stdio inet", []string{"tcp:80,8000-8010"}, []string{"*"}, 7, connect, "2:80-80 2:8000-8010", pledge.Listed | pledge.NoUDP, false},
		// UDP by number is asked for whatever the kernel: below ABI 10 it is a gap.
		{"stdio inet", []string{"udp:53"}, nil, 7, all, "8:53-53 4:0-0", pledge.Listed | pledge.NoListen, false},
		{"stdio inet", []string{"udp:53"}, nil, 10, all, "8:53-53 4:0-0", pledge.Listed | pledge.NoListen, false},
		// udp:* asks for nothing that an old kernel lacks.
		{"stdio inet", []string{"udp:*"}, nil, 7, bind | connect, "4:0-0", pledge.Listed | pledge.NoListen, false},
		{"stdio inet", []string{"udp:*"}, nil, 10, bind | connect | bindUDP, "4:0-0", pledge.Listed | pledge.NoListen, false},
		// Names are looked up by TCP where UDP cannot be held to port 53.
		{"stdio inet dns", []string{"443"}, nil, 7, bind | connect, "2:443-443 10:53-53 4:0-0", pledge.Listed | pledge.NoUDP | pledge.NoListen, true},
		{"stdio inet dns", []string{"443"}, nil, 10, all, "2:443-443 10:53-53 4:0-0", pledge.Listed | pledge.NoListen, false},
		{"stdio inet dns", []string{"udp:*"}, nil, 7, bind | connect, "4:0-0 10:53-53 4:0-0", pledge.Listed | pledge.NoListen, false},
		// dns alone reaches port 53, as far as the kernel can hold it.
		{"stdio dns", nil, nil, 3, 0, "10:53-53 4:0-0", 0, false},
		{"stdio dns", nil, nil, 7, bind | connect, "10:53-53 4:0-0", 0, false},
		{"stdio dns", nil, nil, 10, all, "10:53-53 4:0-0", 0, false},
		{"stdio dns inet", nil, nil, 10, 0, "", 0, false},
	}
	for _, tt := range tests {
		n := asked(t, tt.promises, tt.connect, tt.bind).network(kernel.Landlock(tt.abi))
		ports := ""
		for i, p := range n.ports {
			if i > 0 {
				ports += " "
			}
			ports += fmt.Sprintf("%d:%d-%d", p.access, p.first, p.last)
		}
		if n.handled != tt.handled || ports != tt.ports || n.refused() != tt.refused || n.vc != tt.vc {
			t.Errorf("-p %q --connect %q --bind %q, ABI %d: handled %#x, ports %q, refused %#x, by TCP %v; want %#x, %q, %#x, %v",
				tt.promises, tt.connect, tt.bind, tt.abi, n.handled, ports, n.refused(), n.vc, tt.handled, tt.ports, tt.refused, tt.vc)
		}
	}
}

// TestNetworkWords: a list that no promise gives a meaning is an error.
func TestNetworkWords(t *testing.T) {
	for _, tt := range []struct {
		words Words
		ok    bool
		hint  string
	}{
		{Words{Pledge: []string{"stdio"}, Connect: []string{"443"}}, false, `-p "stdio inet"`},
		{Words{Pledge: []string{"stdio dns"}, Connect: []string{"443"}}, true, ""},
		{Words{Pledge: []string{"stdio dns"}, Bind: []string{"443"}}, false, `-p "stdio inet dns"`},
		{Words{Pledge: []string{"stdio inet"}, Bind: []string{"443"}}, true, ""},
		{Words{Pledge: []string{"stdio inet"}, Unix: []string{"/run/x"}}, false, `-p "stdio inet unix"`},
		{Words{Connect: []string{"443"}}, false, `-p "stdio inet"`}, // nothing asked for is stdio
		{Words{Unveil: []string{"/:r"}, Connect: []string{"443"}}, true, ""},
	} {
		r, fail := tt.words.Request()
		if fail != nil {
			t.Fatal(fail)
		}
		fail = r.checkNetwork()
		if (fail == nil) != tt.ok || fail != nil && (len(fail.Hints) != 1 || fail.Hints[0] != tt.hint) {
			t.Errorf("%+v: %v, %v", tt.words, fail, tt.hint)
		}
	}
	for _, word := range []string{"70000", "10-5", "", "udp:", "x", "0", "-1", "443x", "sctp:1"} {
		if _, fail := (&Words{Connect: []string{word}}).Request(); fail == nil || fail.Status != StatusFailed || len(fail.Hints) == 0 {
			t.Errorf("--connect %q: %v", word, fail)
		}
	}
}
