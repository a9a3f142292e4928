package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/policy"
)

func TestParsePorts(t *testing.T) {
	tcp := func(first, last uint16) policy.Ports { return policy.Ports{First: first, Last: last} }
	udp := func(first, last uint16) policy.Ports { return policy.Ports{UDP: true, First: first, Last: last} }
	tests := []struct {
		word string
		want []policy.Ports
	}{
		{"443", []policy.Ports{tcp(443, 443)}},
		{"tcp:443", []policy.Ports{tcp(443, 443)}},
		{"udp:53", []policy.Ports{udp(53, 53)}},
		{"udp:*", []policy.Ports{udp(0, 65535)}},
		{"tcp:*", []policy.Ports{tcp(0, 65535)}},
		{"*", []policy.Ports{tcp(0, 65535)}},
		{"8000-8010", []policy.Ports{tcp(8000, 8010)}},
		{"udp:8000-8010", []policy.Ports{udp(8000, 8010)}},
		{"80-80", []policy.Ports{tcp(80, 80)}},
		{"80,443", []policy.Ports{tcp(80, 80), tcp(443, 443)}},
		{"udp:53,80", []policy.Ports{udp(53, 53), tcp(80, 80)}},
		{"0", []policy.Ports{tcp(0, 0)}},
		{"65535", []policy.Ports{tcp(65535, 65535)}},
		{"0-65535", []policy.Ports{tcp(0, 65535)}},
		{"00443", []policy.Ports{tcp(443, 443)}},
	}
	for _, tt := range tests {
		if got, err := policy.ParsePorts(tt.word); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.word, got, err, tt.want)
		}
	}
}

func TestParsePortsErrors(t *testing.T) {
	for word, want := range map[string]string{
		"":                            `an empty item in ports ""`,
		",":                           `an empty item in ports ","`,
		"80,":                         `an empty item in ports "80,"`,
		"70000":                       `port "70000" is above 65535`,
		"65536":                       `port "65536" is above 65535`,
		"99999999999999999999":        `port "99999999999999999999" is above 65535`,
		"1-65536":                     `port "1-65536" is above 65535`,
		"10-5":                        `port range "10-5" is empty`,
		"-5":                          `a port is missing in "-5"`,
		"5-":                          `a port is missing in "5-"`,
		"-":                           `a port is missing in "-"`,
		"80--5":                       `port "80--5" is no number`,
		"+80":                         `port "+80" is no number`,
		" 80":                         `port " 80" is no number`,
		"80, 443":                     `port " 443" is no number`,
		"80 443":                      `port "80 443" is no number`,
		"0x50":                        `port "0x50" is no number`,
		"http":                        `port "http" is no number`,
		"**":                          `port "**" is no number`,
		"*-80":                        `port "*-80" is no number`,
		"٤٤٣":                         `port "٤٤٣" is no number`,
		"tcp:":                        `a port is missing in "tcp:"`,
		"TCP:80":                      `unknown protocol "TCP" in "TCP:80"`,
		":80":                         `unknown protocol "" in ":80"`,
		"udp:tcp:80":                  `port "udp:tcp:80" is no number`,
		strings.Repeat("80,", 2000):   "6000 bytes of ports are too many",
		"x" + strings.Repeat("é", 40): `port "x` + strings.Repeat("é", 30) + `..." is no number`,
	} {
		if got, err := policy.ParsePorts(word); err == nil || err.Error() != want || got != nil {
			t.Errorf("%.40q: %v, %v\nwant %s", word, got, err, want)
		}
	}
}

func TestPortsString(t *testing.T) {
	for word, want := range map[string]string{
		"443": "tcp:443", "*": "tcp:*", "udp:0-65535": "udp:*", "udp:1-2": "udp:1-2", "0": "tcp:0", "5-5": "tcp:5",
	} {
		p, err := policy.ParsePorts(word)
		if err != nil {
			t.Fatal(err)
		}
		if p[0].String() != want || p[0].All() != strings.HasSuffix(want, "*") {
			t.Errorf("%s: %s, all %v", word, p[0], p[0].All())
		}
	}
}

// FuzzParsePorts: what is read can be written, and read again as the same.
func FuzzParsePorts(f *testing.F) {
	for _, s := range []string{"443", "tcp:443,udp:53", "udp:*", "8000-8010", "10-5", "-", ":", ",", "70000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		list, err := policy.ParsePorts(word)
		if err != nil {
			return
		}
		if len(list) != strings.Count(word, ",")+1 {
			t.Fatalf("%q: %d ports", word, len(list))
		}
		for _, p := range list {
			if p.Last < p.First {
				t.Fatalf("%q: %v", word, p)
			}
			if again, err := policy.ParsePorts(p.String()); err != nil || len(again) != 1 || again[0] != p {
				t.Fatalf("%q: %v is read again as %v, %v", word, p, again, err)
			}
		}
	})
}
