package escape

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/unveil-run/unveil-run/test/need"
)

// A learnt command: what it runs in a folder of its own, set up twice, once to
// learn and once to run under the policy.
type learnt struct {
	name  string
	needs string // a program
	files map[string]string
	setup string // a script, in the folder
	argv  []string
	pty   bool   // on a terminal
	made  string // a file that it makes, "" for none
	again bool   // it is learnt a second time
	slow  bool   // it may take minutes

	network string // the lines of its policy about ports; "" for none
}

const program = `#include <stdio.h>
#include "name.h"
int main(void) { printf("hello %s\n", NAME); return 0; }
`

var learntCommands = []learnt{
	{name: "git", needs: "git", setup: `git init -q src && cd src && echo text >file && git add . && git -c user.name=a -c user.email=a@b commit -qm first`,
		argv: []string{"git", "clone", "-q", "src", "copy"}, made: "copy/file", again: true},
	{name: "make", needs: "make", files: map[string]string{"main.c": program, "name.h": "#define NAME \"make\"\n", "other.c": "int other;\n",
		"Makefile": "all: main\n\t./main\nmain: main.o other.o\n\tgcc -o $@ $^\n%.o: %.c\n\tgcc -c -o $@ $<\n"}, argv: []string{"make"}, made: "main"},
	{name: "python", needs: "/usr/bin/python3", argv: []string{"/usr/bin/python3", "-c", `
import json, subprocess, hashlib, tempfile, os, threading
open("out.json", "w").write(json.dumps({"a": hashlib.sha256(b"x").hexdigest()}))
with tempfile.NamedTemporaryFile() as f: f.write(b"x")
t = threading.Thread(target=lambda: print("thread")); t.start(); t.join()
print(subprocess.check_output(["/bin/echo", "from a child"]).decode(), os.listdir("."))
`}, made: "out.json"},
	{name: "node", needs: "node", argv: []string{"node", "-e", `const fs = require("fs"); fs.writeFileSync("out", "x"); console.log(fs.readFileSync("out", "utf8"), require("path").resolve("."))`}, made: "out"},
	// It builds what it needs of Go's library first.
	{name: "go build", needs: "go", files: map[string]string{"go.mod": "module example\n\ngo 1.20\n", "main.go": "package main\n\nfunc main() { println(\"hello\") }\n"},
		argv: []string{"go", "build", "-o", "prog", "."}, made: "prog", slow: true},
	{name: "tar", files: map[string]string{"a/one": "1", "a/two": "2"}, argv: []string{"tar", "czf", "a.tgz", "a"}, made: "a.tgz", again: true},
	{name: "find", files: map[string]string{"a/b/one.c": "1", "a/two.h": "2"}, argv: []string{"find", ".", "-name", "*.c", "-exec", "cat", "{}", ";"}},
	{name: "ssh-keygen", needs: "ssh-keygen", argv: []string{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"}, made: "key.pub"},
	{name: "sqlite", needs: "sqlite3", argv: []string{"sqlite3", "db", "create table t (a); insert into t values (1), (2); select sum(a) from t;"}, made: "db"},
	{name: "nginx", needs: "/usr/sbin/nginx", files: map[string]string{"html/page": "a page\n", "serve": `
/usr/sbin/nginx -p "$PWD" -c "$PWD/conf" -e "$PWD/error" &
pid=$!
curl -s --retry-connrefused --retry 50 --retry-delay 1 http://127.0.0.1:$1/page 2>/dev/null
kill -QUIT $pid
wait $pid
echo served $?
`, "conf": `
daemon off; pid nginx.pid; error_log error; worker_processes 1;
events { worker_connections 16; }
http { access_log access; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
	server { listen 127.0.0.1:$PORT; root html; } }
`}, argv: []string{"sh", "serve", "$PORT"}, made: "access", network: "connect tcp:$PORT\nbind tcp:$PORT\n"},
	{name: "vim", needs: "vim.tiny", pty: true, argv: []string{"vim.tiny", "-u", "NONE", "-c", "normal ihello", "-c", "wq", "file"}, made: "file"},
	{name: "curl", needs: "curl", argv: []string{"curl", "-sS", "http://localhost:$SERVER/"}, network: "connect tcp:$SERVER\n"},
	{name: "man", needs: "man", setup: `cp "$PAGE" page.1`, argv: []string{"man", "-P", "cat", "./page.1"}},
	{name: "less", needs: "less", pty: true, files: map[string]string{"text": "some text\n"}, argv: []string{"less", "-F", "-X", "text"}},
	{name: "gcc", files: map[string]string{"main.c": program, "name.h": "#define NAME \"gcc\"\n"}, argv: []string{"gcc", "-O2", "-o", "main", "main.c"}, made: "main"},
	{name: "perl", argv: []string{"perl", "-MPOSIX", "-MData::Dumper", "-e", `open(F, ">out"); print F "x"; close F; print Dumper([POSIX::floor(2.5)]), ` + "`echo child`"}, made: "out"},
	{name: "rsync", needs: "rsync", files: map[string]string{"a/one": "1", "a/b/two": "2"}, argv: []string{"rsync", "-a", "a/", "copy/"}, made: "copy/b/two"},
	{name: "zip", needs: "zip", files: map[string]string{"a/one": "1", "a/b/two": "2"}, argv: []string{"zip", "-q", "-r", "a.zip", "a"}, made: "a.zip"},
	{name: "openssl", needs: "openssl", files: map[string]string{"text": "some text\n"}, argv: []string{"openssl", "dgst", "-sha256", "-out", "sum", "text"}, made: "sum"},
	{name: "jq", needs: "jq", files: map[string]string{"in.json": `{"a": [1, 2]}`}, argv: []string{"jq", ".a | add", "in.json"}},
	{name: "ls", files: map[string]string{"a/one": "1"}, argv: []string{"ls", "-l", "--time-style=+", "a"}},
	{name: "sed", files: map[string]string{"text": "some text\n"}, argv: []string{"sed", "-i", "s/some/other/", "text"}, made: "text"},
	{name: "shell", files: map[string]string{"text": "b\na\n"}, argv: []string{"sh", "-c", `sort <text | tee sorted | wc -l; mkfifo pipe; (echo x >pipe &) ; cat pipe; rm pipe; exit 7`}, made: "sorted", again: true},
	// getaddrinfo(3) connects sockets of UDP that nothing is sent by.
	{name: "lookup", needs: "/usr/bin/python3", argv: []string{"/usr/bin/python3", "-c", `
import socket
print(sorted(a[4] for a in socket.getaddrinfo("localhost", 80)))`}},
	{name: "datagrams", needs: "/usr/bin/python3", network: "connect 'udp:*'\nbind 'udp:*'\n", argv: []string{"/usr/bin/python3", "-c", `
import socket
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind(("127.0.0.1", 0))
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); b.connect(a.getsockname()); b.send(b"x"); print(a.recv(1))
`}},
	{name: "crash", argv: []string{"sh", "-c", `echo before; kill -SEGV $$`}},
}

// TestLearn holds that under the policy that a run has written the same run
// ends in the same way and with the same output, and that the policy refuses
// what has nothing to do with it.
func TestLearn(t *testing.T) {
	need.Box(t, 1)
	for _, u := range users() {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			dir := schoolDir(t, u)
			w := &school{run: run{user: u, dir: dir}, home: filepath.Join(dir, "home"), work: filepath.Join(dir, "work"), policy: filepath.Join(dir, "policies")}
			w.sh(t, dir, "mkdir home home/.ssh policies other out && echo Secret >out/secret && echo Secret >home/.ssh/id && echo Secret >other/file")
			w.serve(t)
			for _, c := range learntCommands {
				t.Run(c.name, func(t *testing.T) { w.learn(t, &c) })
			}
		})
	}
}

// A school is where commands are run to be learnt from.
type school struct {
	run
	home, work, policy string
	server, port       string // ports
}

// schoolDir is a folder of a user that is not below /tmp, which many programs
// make files in.
func schoolDir(t *testing.T, u user) string {
	t.Helper()
	parent := "/srv"
	if os.Getuid() != 0 {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		parent = home
	}
	dir, err := os.MkdirTemp(parent, "escape-school")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Lchown(dir, u.uid, u.uid); err != nil {
		t.Fatal(err)
	}
	return dir
}

// serve answers on a port that is not one of those that everybody gets.
func (w *school) serve(t *testing.T) {
	t.Helper()
	free := func() (net.Listener, string) {
		for port := 21000 + os.Getpid()%1000 + w.user.uid%2000*4; port < 32000; port++ {
			if l, err := net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
				return l, strconv.Itoa(port)
			}
		}
		t.Fatal("no free port")
		return nil, ""
	}
	l, port := free()
	w.server = port
	server := &http.Server{Handler: http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, "served") })}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	other, port := free()
	other.Close()
	w.port = port
}

// sh runs a script in a folder.
func (w *school) sh(t *testing.T, dir, script string) {
	t.Helper()
	s := *w
	s.run.dir = dir
	if got := s.start(t, "sh", "-ec", script); got.status != 0 {
		t.Fatalf("%s: %d %s", script, got.status, got.stderr)
	}
}

func (w *school) start(t *testing.T, argv ...string) result {
	t.Helper()
	page, err := filepath.Abs("../../cmd/unveil-run/unveil-run.1")
	if err != nil {
		t.Fatal(err)
	}
	w.env = []string{"HOME=" + w.home, "PATH=/usr/local/go/bin:/usr/bin:/bin", "TERM=xterm", "PAGE=" + page, "GOTOOLCHAIN=local", "GOFLAGS=", "GOPROXY=off",
		"GOCACHE=", "GOPATH=", "GOENV=off", "MANWIDTH=80", "TMPDIR=", "GIT_CONFIG_NOSYSTEM=1", "LESSHISTFILE=-"}
	return w.command(t, argv...)
}

// prepare makes the folder of a command anew.
func (w *school) prepare(t *testing.T, c *learnt) {
	t.Helper()
	w.sh(t, w.dir, "rm -rf work && mkdir work")
	for name, text := range c.files {
		path := filepath.Join(w.work, name)
		for dir := filepath.Dir(path); len(dir) > len(w.work); dir = filepath.Dir(dir) {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Lchown(dir, w.user.uid, w.user.uid); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, []byte(w.fill(text)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(path, w.user.uid, w.user.uid); err != nil {
			t.Fatal(err)
		}
	}
	if c.setup != "" {
		w.sh(t, w.work, c.setup)
	}
}

func (w *school) fill(text string) string {
	return strings.NewReplacer("$PORT", w.port, "$SERVER", w.server).Replace(text)
}

// try runs the command with flags of the launcher, none for the command alone.
func (w *school) try(t *testing.T, c *learnt, flags ...string) result {
	t.Helper()
	w.prepare(t, c)
	argv := make([]string, len(c.argv))
	for i, a := range c.argv {
		argv[i] = w.fill(a)
	}
	if len(flags) > 0 {
		argv = launch(flags, argv...)
	}
	if c.pty {
		for i, a := range argv {
			argv[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		argv = []string{"script", "-qec", strings.Join(argv, " "), "/dev/null"}
	}
	s := *w
	s.run.dir = w.work
	if c.slow {
		s.run.patience = 5 * time.Minute
	}
	got := s.start(t, argv...)
	if c.made != "" {
		if info, err := os.Stat(filepath.Join(w.work, c.made)); err != nil || info.Size() == 0 {
			t.Errorf("with %q: %s: %v", flags, c.made, err)
		}
	}
	got.stderr = own(got.stderr)
	return got
}

// own is what a command itself has written to standard error.
func own(stderr string) string {
	var b strings.Builder
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "unveil-run: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (w *school) learn(t *testing.T, c *learnt) {
	if c.needs != "" {
		if _, err := exec.LookPath(c.needs); err != nil {
			need.Missing(t, "%v", err)
		}
	}
	file := filepath.Join(w.policy, strings.ReplaceAll(c.name, " ", "-"))
	plain := w.try(t, c)
	learning := w.try(t, c, "-q", "--learn", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	boxed := w.try(t, c, "-q", "-f", file)
	for name, got := range map[string]result{"while learning": learning, "under the policy": boxed} {
		if got != plain {
			t.Errorf("%s: status %d, stdout %q, stderr %q\nwithout: %d, %q, %q", name, got.status, got.stdout, got.stderr, plain.status, plain.stdout, plain.stderr)
		}
	}
	ports := ""
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "connect ") || strings.HasPrefix(line, "bind ") {
			ports += line
		}
	}
	if number(native) >= 4 && number(native) < 10 && ports != w.fill(c.network) { // as kernels with TCP ports and without those of UDP have it
		t.Errorf("ports %q, want %q", ports, w.fill(c.network))
	}
	w.strangers(t, file)
	if t.Failed() {
		t.Logf("the policy:\n%s", text)
	}
	if !c.again {
		return
	}
	// What is learnt again changes nothing.
	w.try(t, c, "-q", "--learn", file)
	if again, err := os.ReadFile(file); err != nil || entries(string(again)) != entries(string(text)) {
		t.Errorf("learnt again it is\n%s\nand was\n%s", again, text)
	}
}

// entries are the lines of a policy without its comments.
func entries(policy string) string {
	var b strings.Builder
	for line := range strings.Lines(policy) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// strangers holds that a policy refuses what its command has not used.
func (w *school) strangers(t *testing.T, file string) {
	t.Helper()
	acts := []string{"read " + w.home + "/.ssh/id", "creat " + w.home + "/.ssh/new", "read " + w.dir + "/other/file", "write " + w.dir + "/other/file",
		"creat " + w.dir + "/other/new", "creat " + w.home + "/new", "read " + w.dir + "/out/secret"}
	if w.user.uid == 0 {
		acts = append(acts, "read /etc/shadow")
	}
	control := w.start(t, launch([]string{"-q", "-u", "/:rwxc"}, append([]string{tool("probe")}, acts...)...)...)
	if got := strings.Fields(control.stdout); strings.Join(got, " ") != strings.TrimSpace(strings.Repeat("ok ", len(acts))) {
		t.Fatalf("in a box of everything %q: nothing is shown", got)
	}
	w.sh(t, w.dir, "rm -f home/.ssh/new home/new other/new")
	got := w.start(t, launch([]string{"-q", "-f", file}, append([]string{tool("probe")}, acts...)...)...)
	answers := strings.Fields(got.stdout)
	if len(answers) != len(acts) {
		t.Fatalf("%d answers to %d acts: %q %q", len(answers), len(acts), got.stdout, got.stderr)
	}
	for i, a := range answers {
		if a != "EACCES" {
			t.Errorf("%s: %s, want EACCES", acts[i], a)
		}
	}
}
