package policy_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/unveil"
)

// What a flag says has the flag as its place, as it was typed.
func TestFlagErrors(t *testing.T) {
	long := strings.Repeat("stdio ", 200)
	tests := []struct {
		name       string
		add        func(*policy.Policy, string, string) error
		word       string
		want, hint string
		errno      error
	}{
		{"no letters", (*policy.Policy).AddUnveil, "/usr", `unveil "/usr": no letters, write PATH:LETTERS as in "/usr:r"`, "-u /usr:rx", unix.EINVAL},
		{"colon in the path", (*policy.Policy).AddUnveil, "/a:b/c", `unveil "/a:b/c": no letters after the last colon, write PATH:LETTERS as in "/a:b/c:r"`, "-u /usr:rx", unix.EINVAL},
		{"nothing", (*policy.Policy).AddUnveil, "", `unveil "": no letters`, "-u /usr:rx", unix.EINVAL},
		{"empty path", (*policy.Policy).AddUnveil, ":r", "unveil: the path is empty", "-u /usr:rx", unix.EINVAL},
		{"letter", (*policy.Policy).AddUnveil, "/usr:rq", `unveil "/usr": permissions "rq": "q" is not one of r, w, x and c`, "r (read), w (write), x (run) and c", unix.EINVAL},
		{"letters", (*policy.Policy).AddUnveil, "/usr:rrrrr", `unveil "/usr": permissions "rrrrr": more than 4 letters`, "-u /usr:rx", unix.ENAMETOOLONG},
		{"promise", (*policy.Policy).AddPledge, "stdio rpaht", `pledge: unknown promise "rpaht"`, `did you mean "rpath"?`, unix.EINVAL},
		{"tab", (*policy.Policy).AddPledge, "stdio\trpath", `pledge: unknown promise "stdio\trpath": promises are separated by blanks`, "stdio rpath", unix.EINVAL},
		{"promises", (*policy.Policy).AddPledge, long, "pledge: 1200 bytes of promises; at most 1023 are read", "stdio rpath", unix.ENAMETOOLONG},
		{"connect", (*policy.Policy).AddConnect, "70000", `port "70000" is above 65535`, "udp:*", nil},
		{"connect to 0", (*policy.Policy).AddConnect, "443,udp:0", "port 0 cannot be connected to", "udp:*", nil},
		{"bind", (*policy.Policy).AddBind, "sctp:1", `unknown protocol "sctp" in "sctp:1"`, "tcp:443", nil},
		{"socket", (*policy.Policy).AddUnix, "", "unix: the path is empty", "socket", nil},
		{"socket with NUL", (*policy.Policy).AddUnix, "/a\x00", `unix "/a\x00": NUL in the path`, "socket", nil},
		{"env", (*policy.Policy).AddEnv, "=x", "a variable without a name", "NAME=VALUE", nil},
		{"env with NUL", (*policy.Policy).AddEnv, "A=\x00", `a NUL in variable "A=\x00"`, "environment", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p policy.Policy
			err := tt.add(&p, tt.word, "-x "+tt.name)
			checkError(t, err, "-x "+tt.name+": "+tt.want, tt.hint)
			if tt.errno != nil && !errors.Is(err, tt.errno) {
				t.Errorf("%v does not wrap %v", err, tt.errno)
			}
			if p.Unveil != nil || p.Pledge != nil || p.Connect != nil || p.Bind != nil || p.Unix != nil || p.Env != nil {
				t.Errorf("a bad word was taken: %+v", p)
			}
		})
	}
}

// TestOrder: entries stay in the order in which they were said, repeated ones
// too, for the last one counts.
func TestOrder(t *testing.T) {
	var p policy.Policy
	for _, word := range []string{"/b:r", "/a:w", "/b:", "/c:xcwr"} {
		if err := p.AddUnveil(word, "-u "+word); err != nil {
			t.Fatal(err)
		}
	}
	want := []policy.Entry{
		{unveil.Entry{Path: "/b", Letters: unveil.R}, "", "-u /b:r"}, {unveil.Entry{Path: "/a", Letters: unveil.W}, "", "-u /a:w"},
		{unveil.Entry{Path: "/b"}, "", "-u /b:"}, {unveil.Entry{Path: "/c", Letters: unveil.All}, "", "-u /c:xcwr"},
	}
	for i, e := range p.Unveil {
		if e != want[i] {
			t.Errorf("entry %d is %v, want %v", i, e, want[i])
		}
	}
}

func TestPledgeAdds(t *testing.T) {
	var p policy.Policy
	for _, words := range []string{"stdio rpath", "", "inet  stdio "} {
		if err := p.AddPledge(words, "-p"); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Pledge.String(); got != "stdio rpath inet" {
		t.Errorf("pledge %q", got)
	}
}

// A file that is not UTF-8 can be named on the command line, where it is a
// matter of bytes.
func TestBytes(t *testing.T) {
	var p policy.Policy
	if err := p.AddUnveil("/caf\xe9:r", "-u"); err != nil || p.Unveil[0].Path != "/caf\xe9" {
		t.Errorf("%+v, %v", p.Unveil, err)
	}
}
