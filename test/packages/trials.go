package main

import (
	"fmt"
	"strings"
)

const (
	nobody = 65534
	abort  = 128 + 6 // what a shell says of SIGABRT
)

// A trial is a line of the shell in a root, and what must come of it.
type trial struct {
	uid     int
	command string
	status  int
	says    string // in what it prints
}

// trials are played in this order.
var trials = []trial{
	{0, "unveil-run --version", 127, "not found"},
	{0, "pkg-config --exists unveil", 1, ""},
	{0, "dpkg -i /root/debs/*.deb", 0, "Setting up libunveil-dev"},
	{0, "dpkg --verify unveil-run libunveil0 libunveil-dev", 0, ""},

	{0, "unveil-run --check", 0, "stdio      enforced"},
	{nobody, "unveil-run --check", 0, "stdio      enforced"},
	{nobody, "cat /etc/hostname /etc/debian_version", 0, ""},
	{0, "unveil-run -u /usr:rx -p 'stdio rpath' -- cat /etc/debian_version", 1, "Permission denied"},
	{nobody, "unveil-run -u /usr:rx -p 'stdio rpath' -- cat /etc/debian_version", 1, "Permission denied"},
	{nobody, "unveil-run -u /etc:r -p 'stdio rpath' -- cat /etc/debian_version", 0, ""},
	{nobody, "touch /tmp/free && rm /tmp/free", 0, ""},
	{nobody, "unveil-run -u /tmp:r -p 'stdio rpath wpath cpath' -- touch /tmp/free", 1, "Permission denied"},
	{nobody, "unveil-run -u /tmp:rwc -p 'stdio rpath wpath cpath fattr' -- touch /tmp/free && rm /tmp/free", 0, ""},
	{0, "test -f /usr/share/man/man1/unveil-run.1.gz -a -f /usr/share/man/man3/pledge.3.gz -a -f /usr/share/man/man3/unveil.3.gz", 0, ""},
	{0, "test -f /usr/share/bash-completion/completions/unveil-run -a -f /usr/share/zsh/vendor-completions/_unveil-run -a -f /usr/share/fish/vendor_completions.d/unveil-run.fish", 0, ""},

	{0, "cc -Wall -Werror -o /tmp/confined /tmp/confined.c $(pkg-config --cflags --libs unveil)", 0, ""},
	{0, "ldd /tmp/confined", 0, "libunveil.so.0 => /lib/"},
	{0, "cc -Wall -Werror -static -o /tmp/static /tmp/confined.c $(pkg-config --static --cflags --libs unveil)", 0, ""},
	{nobody, "/tmp/confined free read", 0, "done"},
	{nobody, "/tmp/confined bound read", 1, "/etc/debian_version: Permission denied"},
	{0, "/tmp/confined bound read", 1, "/etc/debian_version: Permission denied"},
	{nobody, "/tmp/confined free socket", 0, "done"},
	{nobody, "/tmp/confined bound socket", abort, `pledge "inet", syscall socket`},
	{nobody, "/tmp/static free read", 0, "done"},
	{nobody, "/tmp/static bound read", 1, "/etc/debian_version: Permission denied"},
	{nobody, "/tmp/static bound socket", abort, `pledge "inet", syscall socket`},

	{0, "dpkg -L unveil-run libunveil0 libunveil-dev | grep . | while read -r f; do test -d $f || echo $f; done >/root/files; grep -c unveil /root/files", 0, ""},
	{0, "dpkg --purge libunveil-dev libunveil0 unveil-run", 0, "Removing unveil-run"},
	{0, "while read -r f; do test ! -e $f || { echo $f is left; exit 1; }; done </root/files", 0, ""},
	{0, "unveil-run --version", 127, "not found"},
	{nobody, "/tmp/confined free read", 127, "libunveil.so.0"},
}

// wrong says what is wrong with a result, or nothing.
func (t trial) wrong(got result) string {
	if got.status != t.status {
		return fmt.Sprintf("exit status %d, want %d", got.status, t.status)
	}
	if !strings.Contains(got.output, t.says) {
		return fmt.Sprintf("does not say %q", t.says)
	}
	return ""
}
