// Package profiles_test runs the profiles that come with the launcher on the
// real programs: everyday use goes on, and theft by whatever runs in their
// place is refused.
package profiles_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

const nobody = 65534

// launcher is the path of the binary, where every user may run it.
var launcher string

func TestMain(m *testing.M) {
	var dir string
	os.Exit(made.Main(m, &dir, "", func() error {
		launcher = filepath.Join(dir, "unveil-run")
		return made.Build(dir, "unveil-run")
	}))
}

// A machine is a home directory with secrets and a project, and two servers:
// one that a profile is let connect to, and one that it is not.
type machine struct {
	t         *testing.T
	uid       int
	home      string
	port      string // of the one
	elsewhere string // of the other
}

var files = map[string]string{
	".ssh/id":          "the key\n",
	".aws/credentials": "the key\n",
	".bashrc":          "# as it was\n",
	".gitconfig":       "[user]\n\tname = me\n\temail = me@example.org\n[init]\n\tdefaultBranch = main\n",
	".cache/.keep":     "",
	"proj/src/main.c":  "#include <stdio.h>\nint main(void) { puts(\"built\"); return 0; }\n",
	"proj/Makefile":    "all: prog\n\t./prog\nprog: src/main.c\n\tcc -o prog src/main.c\n",
	"proj/go.mod":      "module example.org/proj\n\ngo 1.21\n",
	"proj/main.go":     "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"built\") }\n",
	"proj/main_test.go": "package main\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n" +
		"func TestIt(t *testing.T) {\n\tif err := os.WriteFile(t.TempDir()+\"/f\", nil, 0o644); err != nil {\n\t\tt.Fatal(err)\n\t}\n}\n",
	"proj/app.js":                 "const fs = require('fs'); fs.writeFileSync('out', 'built\\n'); console.log(require('child_process').execFileSync('cat', ['out']).toString().trim())\n",
	"proj/app.py":                 "import subprocess, tempfile, json\nopen('out', 'w').write('built\\n')\ntempfile.TemporaryFile().write(b'x')\nprint(subprocess.check_output(['cat', 'out'], text=True).strip())\n",
	"proj/node_modules/.bin/tool": "#!/bin/sh\necho built\n",
	"proj/.venv/bin/tool":         "#!/bin/sh\necho built\n",
}

func newMachine(t *testing.T, uid int) *machine {
	t.Helper()
	m := &machine{t: t, uid: uid}
	// Not below a directory that only its owner may enter.
	var err error
	if m.home, err = os.MkdirTemp("", "unveil-run-home"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(m.home) })
	echo, err := os.ReadFile("/bin/echo")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"dropped": string(echo), "proj/dropped": string(echo)}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(text, "\x7fELF") || strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(m.home, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(m.home, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := filepath.WalkDir(m.home, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, uid, uid)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	m.port, m.elsewhere = m.serve(), m.serve()
	return m
}

// serve starts a web server on a port of loopback.
func (m *machine) serve() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		m.t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "built") })}
	go server.Serve(l)
	m.t.Cleanup(func() { server.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// run runs words in the project; PORT, ELSEWHERE and HOME in them are those of
// the machine.
func (m *machine) run(argv ...string) (string, error) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	argv = slices.Clone(argv)
	for i := range argv {
		argv[i] = strings.NewReplacer("PORT", m.port, "ELSEWHERE", m.elsewhere, "HOME", m.home).Replace(argv[i])
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = filepath.Join(m.home, "proj")
	// Nothing of the one who runs the tests: only the programs of the system.
	cmd.Env = []string{"HOME=" + m.home, "PATH=/usr/local/go/bin:/usr/bin:/bin", "LC_ALL=C", "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false"}
	if dir, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		cmd.Env[1] = "PATH=" + filepath.Join(strings.TrimSpace(string(dir)), "bin") + ":/usr/bin:/bin"
	}
	if os.Getuid() == 0 && m.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(m.uid), Gid: uint32(m.uid)}}
	}
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// A trial is a profile with its everyday use, and flags that the tests need.
type trial struct {
	profile  string
	program  string // that must be there
	flags    []string
	everyday [][]string
	shows    string // what each of them prints in a line
	thefts   [][]string
}

func sh(script string) []string { return []string{"bash", "-c", script} }

// thefts are what a program would do that is hostile, or was taken over; the
// shell has the place of the program. It starts nothing for them: profiles
// that may not exec are to refuse the act itself.
var thefts = [][]string{
	sh(`read -r x <HOME/.ssh/id && [ "$x" = "the key" ]`),
	sh(`read -r x <HOME/.aws/credentials && [ "$x" = "the key" ]`),
	sh(`: >>HOME/.bashrc`),
	sh(`: >HOME/new`),
	sh(`exec HOME/dropped ran`),
	sh(`: <>/dev/tcp/127.0.0.1/ELSEWHERE`),
}

// ofTree runs what was dropped into the project.
var ofTree = sh(`exec ./dropped ran`)

var trials = []trial{
	{
		profile: "git", program: "git",
		everyday: [][]string{
			{"git", "init", "-q"},
			sh(`git init -q; git add -A; git commit -q -m built; git log --format=%s`),
			sh(`git init -q; git add Makefile; git commit -q -m built; git branch b; git switch -q b; git stash -q -u; git stash pop -q; git diff --stat; git gc -q; git clone -q . clone; git -C clone log --format=%s`),
			{"git", "ls-remote", "--exit-code", "."},
		},
		thefts: [][]string{
			ofTree,
			{"git", "-c", "alias.steal=!cat HOME/.ssh/id", "steal"},
			{"git", "-c", "core.fsmonitor=HOME/dropped", "-c", "alias.run=!HOME/dropped ran", "run"},
			{"git", "-c", "protocol.allow=always", "hash-object", "HOME/.ssh/id"},
		},
	},
	{
		profile: "make", program: "make", shows: "built",
		everyday: [][]string{{"make", "-s"}, sh("make -s && rm prog && make -s -j2")},
		thefts: [][]string{
			{"make", "-s", "--eval", "steal: ; cat HOME/.ssh/id", "steal"},
			{"make", "-s", "--eval", "steal: ; HOME/dropped ran", "steal"},
		},
	},
	{
		profile: "build", program: "gcc", shows: "",
		everyday: [][]string{{"make", "-s", "prog"}, sh("gcc -c src/main.c && gcc -o x main.o && touch -d yesterday x && chmod 755 x && rm x main.o")},
		thefts:   [][]string{ofTree, {"make", "-s", "all"}},
	},
	{
		profile: "go", program: "go", shows: "",
		everyday: [][]string{{"go", "build", "-o", "prog"}, {"go", "vet", "./..."}, {"go", "test", "./..."}, sh(`[ "$(go run .)" = built ]`), {"go", "mod", "tidy"}, {"gofmt", "-l", "."}},
		thefts:   [][]string{ofTree},
	},
	{
		profile: "node", program: "node", shows: "built", flags: []string{"--connect", "PORT"},
		everyday: [][]string{
			{"node", "app.js"}, {"node_modules/.bin/tool"},
			{"node", "-e", "fetch('http://localhost:PORT/').then(r => r.text()).then(t => console.log(t.trim()))"},
		},
		thefts: [][]string{
			ofTree,
			{"node", "-e", "require('fs').readFileSync('HOME/.ssh/id')"},
			{"node", "-e", "require('child_process').execFileSync('HOME/dropped', ['ran'])"},
			{"node", "-e", "require('net').connect(ELSEWHERE, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"},
		},
	},
	{
		profile: "python", program: "/usr/bin/python3", shows: "built", flags: []string{"--connect", "PORT"},
		everyday: [][]string{
			{"/usr/bin/python3", "app.py"}, {".venv/bin/tool"},
			{"/usr/bin/python3", "-c", "import urllib.request as u; print(u.urlopen('http://localhost:PORT/').read().decode().strip())"},
			{"/usr/bin/python3", "-c", "import ctypes, sqlite3, threading, ssl; ssl.create_default_context(); sqlite3.connect('db').execute('create table if not exists t(a)'); print('built')"},
		},
		thefts: [][]string{
			ofTree,
			{"/usr/bin/python3", "-c", "open('HOME/.ssh/id').read()"},
			{"/usr/bin/python3", "-c", "import subprocess; subprocess.check_call(['HOME/dropped', 'ran'])"},
			{"/usr/bin/python3", "-c", "import socket; socket.create_connection(('127.0.0.1', ELSEWHERE))"},
		},
	},
	{
		profile: "curl", program: "curl", flags: []string{"--connect", "PORT"}, shows: "built",
		everyday: [][]string{{"curl", "-sS", "http://localhost:PORT/"}, {"curl", "-sS", "-R", "-o", "page", "-w", "built\n", "http://127.0.0.1:PORT/page"}},
		thefts: [][]string{
			ofTree,
			sh("exec cat Makefile"),
			{"curl", "-sS", "file://HOME/.ssh/id"},
			{"curl", "-sS", "http://127.0.0.1:ELSEWHERE/"},
			{"curl", "-sS", "-o", "HOME/page", "http://127.0.0.1:PORT/"},
		},
	},
	{
		profile: "agent", program: "git", flags: []string{"--connect", "PORT"}, shows: "built",
		everyday: [][]string{
			sh(`git init -q && git -c user.name=a -c user.email=a@b add src && make -s prog && go build -o /dev/null . && ls && grep -q main src/main.c && sed -i s/x/x/ src/main.c && echo built`),
			sh(`curl -sS http://localhost:PORT/`),
			sh(`cd && touch mine && mktemp && [ "$PWD" = "$TMPDIR" ] && echo built`),
			{"node", "app.js"},
		},
		thefts: [][]string{ofTree, sh(`cat HOME/.gitconfig`), sh(`ls HOME/.ssh`)},
	},
}

// needs ends a test that cannot run here.
func needs(t *testing.T, program string) {
	t.Helper()
	need.Box(t, 4)
	need.Program(t, program)
}

// users are those that the profiles are tried as.
func users() []int {
	if os.Getuid() == 0 {
		return []int{0, nobody}
	}
	return []int{os.Getuid()}
}

func TestProfiles(t *testing.T) {
	for _, tt := range trials {
		t.Run(tt.profile, func(t *testing.T) {
			needs(t, tt.program)
			for _, uid := range users() {
				t.Run(strconv.Itoa(uid), func(t *testing.T) { tt.try(t, uid) })
			}
		})
	}
}

func (tt *trial) try(t *testing.T, uid int) {
	box := slices.Concat([]string{launcher, "-f", tt.profile}, tt.flags, []string{"--"})
	m := newMachine(t, uid)
	for _, words := range tt.everyday {
		out, err := m.run(append(slices.Clone(box), words...)...)
		if err != nil {
			t.Errorf("%q: %v\n%s", words, err, out)
		}
		if strings.Contains(out, "unveil-run:") {
			t.Errorf("%q: the launcher speaks:\n%s", words, out)
		}
		if !slices.Contains(strings.Split(out, "\n"), tt.shows) {
			t.Errorf("%q: prints\n%swithout a line %q", words, out, tt.shows)
		}
	}
	for _, words := range slices.Concat(thefts, tt.thefts) {
		m := newMachine(t, uid)
		if out, err := m.run(append(slices.Clone(box), words...)...); err == nil {
			t.Errorf("%q: not refused\n%s", words, out)
		} else if strings.Contains(out, "unveil-run: error") {
			t.Errorf("%q: has not run\n%s", words, out)
		}
		// The control run: without the launcher it works.
		if out, err := m.run(words...); err != nil {
			t.Errorf("%q: outside: %v\n%s", words, err, out)
		}
	}
	left, err := filepath.Glob(os.TempDir() + "/unveil-run-[0-9a-f]*[0-9a-f]")
	if err != nil {
		t.Error(err)
	}
	for range 50 {
		left = slices.DeleteFunc(left, func(dir string) bool {
			var st syscall.Stat_t
			err := syscall.Lstat(dir, &st)
			return len(filepath.Base(dir)) != len("unveil-run-")+24 || err != nil || st.Uid != uint32(uid)
		})
		if len(left) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestSSH has a server of its own. The client must read the key, so that the
// theft of it is what the profile cannot refuse; of all others it does.
func TestSSH(t *testing.T) {
	needs(t, "ssh")
	const sshd = "/usr/sbin/sshd"
	needs(t, sshd)
	if os.Getuid() != 0 {
		t.Skip("the server needs root")
	}
	for _, uid := range users() {
		t.Run(strconv.Itoa(uid), func(t *testing.T) {
			m := newMachine(t, uid)
			port := m.sshd(sshd)
			box := []string{launcher, "-f", "ssh", "--connect", port, "--"}
			client := []string{"ssh", "-F", "none", "-i", "HOME/.ssh/key", "-p", port, "-o", "UserKnownHostsFile=HOME/.ssh/known_hosts",
				"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "root@127.0.0.1", "ls"}
			if out, err := m.run(append(slices.Clone(box), client...)...); err != nil || out != "answered\n" {
				t.Errorf("%v\n%s", err, out)
			}
			for _, words := range append(slices.Clone(thefts[1:]), ofTree) {
				if out, err := m.run(append(slices.Clone(box), words...)...); err == nil {
					t.Errorf("%q: not refused\n%s", words, out)
				}
				if out, err := m.run(words...); err != nil {
					t.Errorf("%q: outside: %v\n%s", words, err, out)
				}
			}
			// A ProxyCommand of the settings: ssh ends in error, in the box and outside.
			proxy := []string{"ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "ProxyCommand=touch HOME/proj/proxied", "x"}
			for _, in := range []bool{true, false} {
				words := proxy
				if in {
					words = append(slices.Clone(box), proxy...)
				}
				out, _ := m.run(words...)
				if _, err := os.Stat(filepath.Join(m.home, "proj/proxied")); (err == nil) == in {
					t.Errorf("%q: %v\n%s", words, err, out)
				}
			}
			// An agent keeps the key: then ssh can do without it.
			m.agent()
			with := []string{launcher, "-q", "-f", "ssh", "--connect", port, "-p", "unix", "-u", "HOME/agent:w", "-u", "HOME/.ssh/key:", "-e", "SSH_AUTH_SOCK=HOME/agent", "--"}
			client = slices.Delete(client, 3, 5)
			if out, err := m.run(append(slices.Clone(with), client...)...); err != nil || out != "answered\n" {
				t.Errorf("with an agent: %v\n%s", err, out)
			}
			theft := []string{"cat", "HOME/.ssh/key"}
			if out, err := m.run(append(slices.Clone(with), theft...)...); err == nil || !strings.Contains(out, "Permission denied") {
				t.Errorf("%q: %v\n%s", theft, err, out)
			}
			if out, err := m.run(append(slices.Clone(box), theft...)...); err != nil {
				t.Errorf("%q: without an agent: %v\n%s", theft, err, out)
			}
		})
	}
}

// agent starts an ssh-agent that has the key, at HOME/agent.
func (m *machine) agent() {
	m.t.Helper()
	socket := filepath.Join(m.home, "agent")
	server := exec.Command("ssh-agent", "-D", "-a", socket)
	server.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(m.uid), Gid: uint32(m.uid)}}
	if err := server.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	var out string
	var err error
	for range 100 {
		if out, err = m.run("env", "SSH_AUTH_SOCK="+socket, "ssh-add", "-q", "HOME/.ssh/key"); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatalf("ssh-add: %v\n%s", err, out)
}

// sshd starts a server that answers whoever has the key, and returns its port.
func (m *machine) sshd(path string) string {
	m.t.Helper()
	must := func(err error) {
		m.t.Helper()
		if err != nil {
			m.t.Fatal(err)
		}
	}
	dir := m.t.TempDir()
	for _, key := range []string{filepath.Join(dir, "host"), filepath.Join(m.home, ".ssh/key")} {
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput()
		if err != nil {
			m.t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	must(os.Chown(filepath.Join(m.home, ".ssh/key"), m.uid, m.uid))
	must(os.MkdirAll("/run/sshd", 0o755))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	host, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	must(err)
	must(os.WriteFile(filepath.Join(m.home, ".ssh/known_hosts"), []byte("[127.0.0.1]:"+port+" "+string(host)), 0o644))
	must(os.Chown(filepath.Join(m.home, ".ssh/known_hosts"), m.uid, m.uid))
	server := exec.Command(path, "-D", "-e", "-f", "/dev/null", "-h", filepath.Join(dir, "host"), "-p", port,
		"-o", "ListenAddress=127.0.0.1", "-o", "AuthorizedKeysFile="+filepath.Join(m.home, ".ssh/key.pub"), "-o", "StrictModes=no",
		"-o", "PermitRootLogin=yes", "-o", "ForceCommand=echo answered", "-o", "PidFile=none", "-o", "UsePAM=no")
	var log bytes.Buffer
	server.Stderr = &log
	must(server.Start())
	m.t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
		if m.t.Failed() {
			m.t.Log(log.String())
		}
	})
	for range 100 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return port
		}
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatalf("sshd does not answer:\n%s", log.String())
	return ""
}

// TestAllTried holds that each profile has a trial, but for the one that is a
// part of others.
func TestAllTried(t *testing.T) {
	tried := []string{"ssh", "system"}
	for _, tt := range trials {
		tried = append(tried, tt.profile)
	}
	slices.Sort(tried)
	if all := policy.Profiles(); len(all) < 9 || !slices.Equal(all, tried) {
		t.Errorf("tried %q of %q", tried, all)
	}
	if _, err := user.LookupId(strconv.Itoa(nobody)); err != nil {
		t.Log(err)
	}
}
