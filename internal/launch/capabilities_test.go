package launch

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestCapabilities is the table of the manual.
func TestCapabilities(t *testing.T) {
	everyday := capsOf(unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
		unix.CAP_NET_BIND_SERVICE, unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SYS_CHROOT)
	for _, tt := range []struct {
		words Words
		want  capSet
	}{
		{Words{}, 0},
		{Words{Pledge: []string{"stdio"}}, 0},
		{Words{Unveil: []string{"/:r"}}, everyday},
		{Words{Pledge: []string{"stdio rpath"}}, capsOf(unix.CAP_DAC_READ_SEARCH)},
		{Words{Pledge: []string{"stdio"}, Unveil: []string{"/:rwxc"}}, 0},
		{Words{Pledge: []string{"stdio rpath wpath"}, Unveil: []string{"/:r"}}, capsOf(unix.CAP_DAC_READ_SEARCH)},
		{Words{Pledge: []string{"stdio rpath wpath"}, Unveil: []string{"/:rw"}}, capsOf(unix.CAP_DAC_READ_SEARCH, unix.CAP_DAC_OVERRIDE)},
		{Words{Pledge: []string{"stdio cpath"}, Unveil: []string{"/:c"}}, capsOf(unix.CAP_DAC_OVERRIDE)},
		{Words{Pledge: []string{"fattr"}, Unveil: []string{"/:r"}}, capsOf(unix.CAP_FOWNER)},
		{Words{Pledge: []string{"chown"}}, capsOf(unix.CAP_CHOWN, unix.CAP_FOWNER, unix.CAP_FSETID)},
		{Words{Pledge: []string{"id"}}, capsOf(unix.CAP_SETUID, unix.CAP_SETGID)},
		{Words{Pledge: []string{"inet"}}, capsOf(unix.CAP_NET_BIND_SERVICE)},
		{Words{Pledge: []string{"proc"}}, capsOf(unix.CAP_KILL)},
		{Words{Pledge: []string{"settime"}}, capsOf(unix.CAP_SYS_TIME)},
		{Words{Pledge: []string{"wroute"}}, capsOf(unix.CAP_NET_ADMIN)},
	} {
		r, fail := tt.words.Request()
		if fail != nil {
			t.Fatal(fail)
		}
		if got := r.capabilities(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.words, got, tt.want)
		}
	}
	never := capsOf(unix.CAP_SYS_ADMIN, unix.CAP_PERFMON, unix.CAP_SYS_PTRACE, unix.CAP_SYS_MODULE, unix.CAP_SYS_RAWIO,
		unix.CAP_BPF, unix.CAP_MKNOD, unix.CAP_NET_RAW)
	if got := unpledgedCaps & never; got != 0 {
		t.Errorf("paths only keep %s", got)
	}
	for _, row := range promiseCaps {
		if got := row.caps & never; got != 0 || row.promise == 0 {
			t.Errorf("promise %q keeps %s", row.promise, got)
		}
	}
}
