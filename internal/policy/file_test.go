package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/policy"
)

const everything = `#!/usr/bin/env -S unveil-run -f
# a policy of every keyword

unveil /usr rx
	unveil "/path with blanks" r	# indented, and with a comment
unveil ~/src rwc
unveil '/a$b' ""
pledge stdio rpath
pledge "wpath cpath"
connect 443 tcp:80,udp:53
bind 8080 udp:*
env HOME PATH=/bin "X=a b" EMPTY=
`

func TestRead(t *testing.T) {
	for name, text := range map[string]string{
		"LF":   everything,
		"CRLF": strings.ReplaceAll(everything, "\n", "\r\n"),
	} {
		p := policy.Policy{Home: "/home/me"}
		if err := p.Read("box", text); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		entries := []policy.Entry{
			{Path: "/usr", Perms: "rx", From: "box:4:8"},
			{Path: "/path with blanks", Perms: "r", From: "box:5:9"},
			{Path: "/home/me/src", Perms: "rwc", From: "box:6:8"},
			{Path: "/a$b", Perms: "", From: "box:7:8"},
		}
		if !reflect.DeepEqual(p.Unveil, entries) {
			t.Errorf("%s: unveil\n got %+v\nwant %+v", name, p.Unveil, entries)
		}
		if p.Pledge == nil || p.Pledge.String() != "stdio rpath wpath cpath" {
			t.Errorf("%s: pledge %v", name, p.Pledge)
		}
		if want := []policy.Ports{{First: 443, Last: 443}, {First: 80, Last: 80}, {UDP: true, First: 53, Last: 53}}; !reflect.DeepEqual(p.Connect, want) {
			t.Errorf("%s: connect %v", name, p.Connect)
		}
		if want := []policy.Ports{{First: 8080, Last: 8080}, {UDP: true, Last: 65535}}; !reflect.DeepEqual(p.Bind, want) {
			t.Errorf("%s: bind %v", name, p.Bind)
		}
		if want := []string{"HOME", "PATH=/bin", "X=a b", "EMPTY="}; !reflect.DeepEqual(p.Env, want) {
			t.Errorf("%s: env %q", name, p.Env)
		}
	}
}

// TestReadPledge tells a policy that promises nothing from one that does not
// speak of promises.
func TestReadPledge(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "nil",
		"unveil /usr r":                 "nil",
		"pledge":                        "",
		"pledge # nothing":              "",
		`pledge ""`:                     "",
		"pledge stdio\npledge":          "stdio",
		"pledge inet\npledge stdio\r\n": "stdio inet",
	} {
		var p policy.Policy
		if err := p.Read("box", text); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := "nil"
		if p.Pledge != nil {
			got = p.Pledge.String()
		}
		if got != want {
			t.Errorf("%q: pledge %q, want %q", text, got, want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	tests := []struct{ name, text, want, hint string }{
		{"nearest", "unvail /usr r", `box:1:1: unknown word "unvail"`, `did you mean "unveil"?`},
		{"case", "PLEDGE stdio", `box:1:1: unknown word "PLEDGE"`, `did you mean "pledge"?`},
		{"flag", "  --connect 443", `box:1:3: unknown word "--connect"`, `did you mean "connect"?`},
		{"unknown", "/usr rx", `box:1:1: unknown word "/usr"`, "a line begins with unveil, pledge, connect, bind or env"},
		{"empty word", `"" a`, `box:1:1: unknown word ""`, "a line begins with"},
		{"third line", "unveil /usr r\n\n  unveil /x q\nunvail", `box:3:13: unveil "/x": permissions "q": "q" is not one of r, w, x and c`, "unveil /usr rx"},
		{"third line of CRLF", "unveil /usr r\r\n\r\nunveil /x rrrrr\r\n", `box:3:11: unveil "/x": permissions "rrrrr": more than 4 letters`, "unveil /usr rx"},
		{"upper case", "unveil /usr RX", `box:1:13: unveil "/usr": permissions "RX": write "R" in lower case`, "unveil /usr rx"},
		{"no letters", "unveil /usr", `box:1:8: unveil "/usr": no letters`, `"" hides the path`},
		{"as a flag", "unveil /usr:rx", `box:1:8: unveil "/usr:rx": no letters`, "unveil /usr rx"},
		{"empty path", `unveil "" r`, "box:1:8: unveil: the path is empty", "unveil /usr rx"},
		{"long path", "unveil /" + strings.Repeat("a", 4096) + " r", `box:1:8: unveil "/` + strings.Repeat("a", 63) + `…": the path is longer than 4095 bytes`, ""},
		{"blanks in a path", "unveil /my documents r", `box:1:22: "r" after the letters of unveil "/my"`, "quoted"},
		{"nothing unveiled", "unveil", "box:1:1: unveil of what?", "unveil /usr rx"},
		{"nothing connected", "connect # 443", "box:1:1: connect of what?", "connect 443"},
		{"nothing bound", "bind", "box:1:1: bind of what?", "bind 8080"},
		{"no variables", "env", "box:1:1: env of what?", "env HOME PATH"},
		{"promise", "pledge stdio rpaht", `box:1:14: pledge: unknown promise "rpaht"`, `did you mean "rpath"?`},
		{"no promise", "pledge stdio everything", `box:1:14: pledge: unknown promise "everything"`, "the promises are: stdio rpath"},
		{"promises with commas", "pledge stdio,rpath", `box:1:8: pledge: unknown promise "stdio,rpath": promises are separated by blanks`, "as in: stdio rpath"},
		{"blank before promises", `pledge " stdio"`, "box:1:8: pledge: a blank before the first promise", "as in: stdio rpath"},
		{"ports", "connect 80 443,", `box:1:12: an empty item in ports "443,"`, "write ports as 443"},
		{"bound ports", "bind 80 x", `box:1:9: port "x" is no number`, "write ports as 443"},
		{"variable without a name", "env A =b", "box:1:7: a variable without a name", "NAME=VALUE"},
		{"empty variable", `env ""`, "box:1:5: a variable without a name", "NAME=VALUE"},
		{"include", "include git", "box:1:1: include is not supported", "-f"},
		{"include of nothing", "include", "box:1:1: include is not supported", "-f"},
		{"variable", "unveil $HOME/src rwc", "box:1:8: variables are not supported", "~ for the home directory"},
		{"quote", "pledge stdio\nunveil \"/a b r\r\nenv A", "box:2:8: a quote is not closed", "on the line"},
		{"no continuation", "unveil /usr \\\r\nrx", "box:1:13: a backslash with nothing behind it", "repeated"},
		{"NUL", "unveil /usr r\nunveil /\x00 r", "box:2:9: a NUL", "text"},
		{"UTF-16", "u\x00n\x00v\x00", "box:1:2: a NUL", "text"},
		{"not UTF-8", "unveil /caf\xe9 r", "box:1:12: not UTF-8", "command line"},
		{"long line", "# " + strings.Repeat("a", 9000), "box:1:8192: the line is longer than 8192 bytes", "next line"},
		{"large", strings.Repeat("\n", 64<<10+1), "box: larger than 65536 bytes", "policy file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := policy.Policy{Home: "/home/me"}
			checkError(t, p.Read("box", tt.text), tt.want, tt.hint)
		})
	}
}

// checkError compares an error and a part of its hint. Every error has one.
func checkError(t *testing.T, err error, want, hint string) {
	t.Helper()
	var e *policy.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v; want an Error: %s", err, want)
	}
	if e.Error() != want {
		t.Errorf("error %q\n want %q", e.Error(), want)
	}
	if e.Hint == "" || !strings.Contains(e.Hint, hint) {
		t.Errorf("hint %q of %q, want %q in it", e.Hint, e.Error(), hint)
	}
}

// TestReadLargest: the limits themselves can be had.
func TestReadLargest(t *testing.T) {
	var p policy.Policy
	line := "unveil /usr r\n"
	n := 64 << 10 / len(line)
	text := strings.Repeat(line, n) + strings.Repeat("\n", 64<<10-n*len(line))
	if err := p.Read("box", text); err != nil || len(p.Unveil) != n {
		t.Errorf("%d entries, %v; want %d", len(p.Unveil), err, n)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(write("box", everything), link); err != nil {
		t.Fatal(err)
	}
	p := policy.Policy{Home: "/home/me"}
	if err := p.ReadFile(link); err != nil || len(p.Unveil) != 4 {
		t.Errorf("%d entries, %v", len(p.Unveil), err)
	}

	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	bad, big, missing := write("bad", "unveil /usr r\nunvail"), write("big", strings.Repeat("#\n", 512<<10)), filepath.Join(dir, "missing")
	tests := []struct{ name, path, want, hint string }{
		{"bad line", bad, bad + `:2:1: unknown word "unvail"`, "unveil"},
		{"1 MiB", big, big + ": larger than 65536 bytes", "policy file"},
		{"directory", dir, dir + ": a directory, not a policy file", "file in it"},
		{"missing", missing, missing + ": no such file or directory", "path"},
		{"below a file", bad + "/x", bad + "/x: not a directory", "path"},
		{"no name", "", ": no such file or directory", "path"},
		{"fifo", fifo, fifo + ": not a regular file", "pipes"},
		{"endless device", "/dev/zero", "/dev/zero: not a regular file", "devices"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p policy.Policy
			checkError(t, p.ReadFile(tt.path), tt.want, tt.hint)
		})
	}
}

func TestReadFileForbidden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	if err := os.WriteFile(path, nil, 0); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		if os.Getuid() == 0 {
			// Root may read anything. The thread that becomes somebody else
			// ends with this goroutine, for it is never unlocked.
			runtime.LockOSThread()
			if err := unix.Setfsuid(65534); err != nil {
				done <- err
				return
			}
		}
		var p policy.Policy
		done <- p.ReadFile(path)
	}()
	checkError(t, <-done, path+": permission denied", "able to read it")
}

// TestEnvLine: in a file, a name without a value makes the list complete.
func TestEnvLine(t *testing.T) {
	for text, clear := range map[string]bool{"env A=1": false, "env A": true, "env A=1 B": true, "pledge stdio": false} {
		var p policy.Policy
		if err := p.Read("policy", text); err != nil || p.ClearEnv != clear {
			t.Errorf("%q: ClearEnv %v, %v; want %v", text, p.ClearEnv, err, clear)
		}
	}
}
