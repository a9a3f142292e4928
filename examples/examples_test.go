// Package examples_test runs the examples: each does what its sentence says,
// and a hostile program in its place does nothing else.
package examples_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// tools is a directory with the launcher and the Go programs.
var tools string

func TestMain(m *testing.M) { os.Exit(made.Main(m, &tools, "", build)) }

func build() error {
	if err := made.Build(tools, "unveil-run"); err != nil {
		return err
	}
	for _, name := range []string{"wordcount", "jail", "fileserver"} {
		if err := made.Go(filepath.Join(tools, name), "./"+name); err != nil {
			return err
		}
	}
	return nil
}

// A home is a home directory with a secret, a file that must not change, a
// checkout, notes, and a server that must not be reached.
type home struct {
	dir   string
	port  string
	bin   string // before everything else in PATH
	extra []string
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{dir: t.TempDir()}
	h.bin = filepath.Join(h.dir, "bin")
	for name, text := range map[string]string{
		"secret":           "secret\n",
		"victim":           "as it was\n",
		"notes/today":      "buy milk\n",
		"site/index":       "welcome\n",
		"site/a":           "three words here\n",
		"work/main.c":      "int main(void) { return 0; }\n",
		"work/Makefile":    "build/main: main.c\n\tcc -o build/main main.c\n",
		"work/build/.keep": "",
		"bin/.keep":        "",
	} {
		h.write(t, name, text, 0o644)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, h.port, _ = net.SplitHostPort(listener.Addr().String())
	return h
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

func (h *home) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path(name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func (h *home) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(h.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// command makes an example, or what stands in its place, a command of the
// directory work.
func (h *home) command(argv ...string) *exec.Cmd {
	cmd := exec.Command("timeout", append([]string{"60"}, argv...)...)
	cmd.Dir = h.path("work")
	cmd.Env = append([]string{
		"HOME=" + h.dir, "PATH=" + h.bin + ":" + tools + ":/usr/local/bin:/usr/bin:/bin", "LC_ALL=C",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b",
	}, h.extra...)
	return cmd
}

// run returns what an example prints, and wants it to succeed.
func (h *home) run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := h.command(argv...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// example is the path of an example.
func example(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// acts are what a hostile program tries, by bash alone.
var acts = map[string]string{
	"read":    `read -r line <SECRET && [ "$line" = secret ]`,
	"write":   `echo changed >VICTIM`,
	"create":  `echo new >VICTIM.new`,
	"history": `echo changed >WORK/.git/config`,
	"connect": `exec 9<>/dev/tcp/127.0.0.1/PORT`,
	"run":     `/usr/bin/true`,
}

// hostile puts a program in the place of name that makes one act, and says
// whether it came through.
func (h *home) hostile(t *testing.T, name, act string) {
	t.Helper()
	script := strings.NewReplacer("SECRET", h.path("secret"), "VICTIM", h.path("victim"), "WORK", h.path("work"), "PORT", h.port).Replace(acts[act])
	h.write(t, "bin/"+name, "#!/bin/bash\necho begins\n"+script+" && echo came through\n", 0o755)
}

// TestHostile puts a hostile program in the place of the one that each example
// confines. The control run is the same program without the example.
func TestHostile(t *testing.T) {
	need.Box(t, 4)
	for _, tt := range []struct {
		name    string
		program string
		argv    []string
		allows  string // of the acts
	}{
		{"boxed.mk", "sh", nil, "run"},
		{"build.sh", "make", nil, "run connect"},
		{"fetch.sh", "curl", nil, ""},
		{"git.sh", "git", []string{"."}, "run history"},
		{"notes", "ed", []string{"ed"}, ""},
		{"offline.sh", "any", []string{"any"}, "read write create history run"},
		{"serve.sh", "python3", []string{".", "8080"}, ""},
		{"untar.sh", "tar", []string{"."}, "history"},
		{"web.service", "python3", nil, ""},
		{"jail", "any", []string{".", "any"}, ""},
	} {
		for act := range acts {
			t.Run(tt.name+"/"+act, func(t *testing.T) {
				h := newHome(t)
				h.write(t, "work/.git/config", "as it was\n", 0o644)
				h.hostile(t, tt.program, act)
				control, err := h.command(tt.program).CombinedOutput()
				if err != nil || !bytes.Contains(control, []byte("came through")) {
					t.Fatalf("control: %v\n%s", err, control)
				}
				h.write(t, "victim", "as it was\n", 0o644)
				h.write(t, "work/.git/config", "as it was\n", 0o644)
				os.Remove(h.path("victim.new"))

				path := example(t, tt.name)
				switch tt.name {
				case "boxed.mk":
					path, tt.argv = "make", []string{"-f", path}
				case "web.service":
					words := unitCommand(t, path, map[string]string{"DIR": h.path("site")})
					path, tt.argv = words[0], words[1:]
				case "jail":
					// Its command needs what it names itself.
					path = filepath.Join(tools, "jail")
					if err := os.Rename(h.path("bin/any"), h.path("work/any")); err != nil {
						t.Fatal(err)
					}
					tt.argv = []string{".", "bash", "any"}
				}
				out, _ := h.command(append([]string{path}, tt.argv...)...).CombinedOutput()
				if !bytes.Contains(out, []byte("begins")) {
					t.Fatalf("it has not run:\n%s", out)
				}
				allowed := strings.Contains(" "+tt.allows+" ", " "+act+" ")
				if came := bytes.Contains(out, []byte("came through")); came != allowed {
					t.Errorf("came through: %v, want %v\n%s", came, allowed, out)
				}
				if !allowed {
					if h.read(t, "victim") != "as it was\n" || h.read(t, "work/.git/config") != "as it was\n" {
						t.Error("a file has changed")
					}
					if _, err := os.Stat(h.path("victim.new")); err == nil {
						t.Error("a file was made")
					}
				}
			})
		}
	}
}

func TestGit(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	git := example(t, "git.sh")
	h.run(t, git, ".", "init", "-q")
	h.run(t, git, ".", "add", "main.c")
	h.run(t, git, ".", "commit", "-qm", "one")
	if out := h.run(t, git, ".", "log", "--format=%s"); out != "one\n" {
		t.Errorf("log: %q", out)
	}
	h.run(t, git, h.path("work"), "gc", "-q")
}

func TestBuild(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	h.run(t, "git", "init", "-q")
	h.run(t, example(t, "build.sh"))
	h.run(t, "build/main")
}

// TestBoxed builds by a Makefile whose shell is the launcher, and sees that a
// recipe of it is refused what the shell of another would do.
func TestBoxed(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	h.run(t, "make", "-f", example(t, "boxed.mk"))
	h.run(t, "build/main")

	text, err := os.ReadFile("boxed.mk")
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, "work/more.mk", string(text)+"\nmore:\n\techo changed >../victim\n", 0o644)
	if out, err := h.command("make", "-f", "more.mk", "more").CombinedOutput(); err == nil || h.read(t, "victim") != "as it was\n" {
		t.Errorf("a recipe has written outside: %v\n%s", err, out)
	}
	if out := h.run(t, "make", "-f", "more.mk", "SHELL=/bin/sh", ".SHELLFLAGS=-c", "more"); h.read(t, "victim") != "changed\n" {
		t.Errorf("control: nothing is written\n%s", out)
	}
}

func TestFetch(t *testing.T) {
	need.Box(t, 4)
	h := newHome(t)
	page := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page "+r.URL.Path) }))
	defer page.Close()
	_, port, _ := net.SplitHostPort(page.Listener.Addr().String())
	address := "https://localhost:" + port + "/x"
	h.extra = []string{"PORT=" + port}
	if out := h.run(t, example(t, "fetch.sh"), "-k", address); out != "page /x" {
		t.Errorf("%q", out)
	}
	h.extra = nil // 443
	if out, err := h.command(example(t, "fetch.sh"), "-k", address).CombinedOutput(); err == nil {
		t.Errorf("another port is reached: %s", out)
	}
}

func TestNotes(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	h.extra = []string{"SECRET=1", "TERM=dumb"}
	h.run(t, example(t, "notes"), "sed", "-i", "s/milk/bread/", h.path("notes/today"))
	if got := h.read(t, "notes/today"); got != "buy bread\n" {
		t.Errorf("%q", got)
	}
	out := h.run(t, example(t, "notes"), "env")
	if !strings.Contains(out, "TERM=dumb\n") || !strings.Contains(out, "HOME=") || strings.Contains(out, "SECRET") {
		t.Errorf("environment:\n%s", out)
	}
}

func TestOffline(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	if out := h.run(t, example(t, "offline.sh"), "sh", "-c", "echo new >made; cat made; ls main.c"); out != "new\nmain.c\n" {
		t.Errorf("%q", out)
	}
}

func TestServe(t *testing.T) {
	need.Box(t, 4)
	h := newHome(t)
	port := freePort(t)
	serves(t, h, port, example(t, "serve.sh"), h.path("site"), port)
}

// TestUnit runs the command line of the systemd unit, as systemd would.
func TestUnit(t *testing.T) {
	need.Box(t, 4)
	h := newHome(t)
	port := freePort(t)
	serves(t, h, port, unitCommand(t, "web.service", map[string]string{"DIR": h.path("site"), "PORT": port})...)
}

// TestOrchestrators runs the command lines of the files for Kubernetes and
// Nomad, with a folder and a port of the test, as their containers would.
func TestOrchestrators(t *testing.T) {
	need.Box(t, 4)
	for name, key := range map[string]string{"kubernetes.yaml": "command: ", "nomad.hcl": "args    = "} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, list, ok := strings.Cut(string(text), key+`["/unveil/unveil-run", `)
			if !ok {
				_, list, ok = strings.Cut(string(text), key+`[`)
			}
			list, _, closed := strings.Cut(list, "]")
			if !ok || !closed {
				t.Fatal("no command line")
			}
			var argv []string
			if err := json.Unmarshal([]byte("["+list+"]"), &argv); err != nil {
				t.Fatal(err)
			}
			h := newHome(t)
			port := freePort(t)
			for i := range argv {
				argv[i] = strings.NewReplacer("/srv/site", h.path("site"), "8080", port).Replace(argv[i])
			}
			serves(t, h, port, append([]string{"unveil-run"}, argv...)...)
		})
	}
}

// unitCommand is the ExecStart of a unit with the variables of its
// Environment, or those of with, and the launcher that is tested. It knows of
// systemd.service(5) what the unit uses, and no more.
func unitCommand(t *testing.T, name string, with map[string]string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	section := ""
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			section = line
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if key = section + key; !ok || fields[key] != "" {
			t.Fatalf("%s: %q", name, line)
		}
		fields[key] = value
	}
	values := map[string]string{}
	for _, set := range strings.Fields(fields["[Service]Environment"]) {
		key, value, _ := strings.Cut(set, "=")
		values[key] = value
	}
	for key, value := range with {
		if values[key] == "" {
			t.Fatalf("%s has no variable %s", name, key)
		}
		values[key] = value
	}
	var words []string
	for _, word := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(fields["[Service]ExecStart"], -1) {
		word = os.Expand(strings.Trim(word, `"`), func(key string) string {
			if values[key] == "" {
				t.Fatalf("%s has no variable %s", name, key)
			}
			return values[key]
		})
		words = append(words, word)
	}
	if len(words) == 0 || words[0] != "/usr/local/bin/unveil-run" {
		t.Fatalf("%s starts %q", name, words)
	}
	words[0] = filepath.Join(tools, "unveil-run")
	return words
}

func freePort(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	_, port, _ := net.SplitHostPort(free.Addr().String())
	return port
}

// serves starts a server of the site at port, and asks it for a file.
func serves(t *testing.T, h *home, port string, argv ...string) {
	t.Helper()
	server := h.command(argv...)
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	for {
		answer, err := http.Get("http://127.0.0.1:" + port + "/a")
		if err == nil {
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil || string(body) != "three words here\n" {
				t.Errorf("%q, %v", body, err)
			}
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("the server has ended: %v\n%s", err, said.String())
		case <-time.After(50 * time.Millisecond): // timeout(1) ends it
		}
	}
	server.Process.Signal(os.Interrupt) // timeout(1) hands it on
	<-ended
}

func TestUntar(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range []tar.Header{
		{Name: "good/file", Mode: 0o600, Size: 5, Typeflag: tar.TypeReg},
		{Name: "link", Linkname: h.dir, Typeflag: tar.TypeSymlink},
		{Name: "link/victim", Mode: 0o600, Size: 5, Typeflag: tar.TypeReg},
	} {
		if err := w.WriteHeader(&f); err != nil {
			t.Fatal(err)
		}
		if f.Size > 0 {
			io.WriteString(w, "hello")
		}
	}
	w.Close()
	untar := h.command(example(t, "untar.sh"), "new")
	untar.Stdin = &archive
	out, _ := untar.CombinedOutput() // it may complain about the link
	if got := h.read(t, "work/new/good/file"); got != "hello" {
		t.Errorf("%q\n%s", got, out)
	}
	if got := h.read(t, "victim"); got != "as it was\n" {
		t.Errorf("victim: %q", got)
	}
}

func TestWordcount(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	if out := h.run(t, "wordcount", h.path("site/a")); out != "3\n" {
		t.Errorf("%q", out)
	}
	if out, err := h.command("wordcount", h.path("none")).CombinedOutput(); err == nil {
		t.Errorf("a file that does not exist is counted: %s", out)
	}
}

func TestJail(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	if out := h.run(t, "jail", h.path("site"), "cat", h.path("site/a")); out != "three words here\n" {
		t.Errorf("%q", out)
	}
}

func TestFileserver(t *testing.T) {
	need.Box(t, 1)
	h := newHome(t)
	if err := os.Symlink(h.path("secret"), h.path("site/link")); err != nil {
		t.Fatal(err)
	}
	// get asks for a file of the site.
	get := func(site, name string) (status int, body string) {
		t.Helper()
		answer, err := http.Get(site + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	control := httptest.NewServer(http.FileServer(http.Dir(h.path("site"))))
	defer control.Close()
	if status, body := get(control.URL, "link"); status != http.StatusOK || body != "secret\n" {
		t.Fatalf("control: %d %q", status, body)
	}

	server := h.command("fileserver", h.path("site"), "127.0.0.1:0")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Signal(os.Interrupt) // timeout(1) hands it on
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", address, err)
	}
	site := strings.TrimSpace(address)
	for range 20 { // whatever thread answers
		if status, body := get(site, "a"); status != http.StatusOK || body != "three words here\n" {
			t.Fatalf("%d %q", status, body)
		}
		if status, body := get(site, "link"); status != http.StatusForbidden || strings.Contains(body, "secret") {
			t.Fatalf("a link leads out: %d %q", status, body)
		}
	}
}

// sentence is the first paragraph of the comment at the head of a file.
var sentence = regexp.MustCompile(`\A(?:#!.*\n|/\*\n)?((?:(?://|#| \*) .*\n)+)`)

// TestReadme holds that the list has each example, with its own sentence.
func TestReadme(t *testing.T) {
	list, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, pattern := range []string{"*", "*/main.go", "c/*.c"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, names...)
	}
	rows := 0
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.IsDir() || name == "README.md" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head := sentence.FindSubmatch(text)
		if head == nil {
			t.Errorf("%s has no sentence", name)
			continue
		}
		said := strings.Join(strings.Fields(regexp.MustCompile(`(?m)^(//|#| \*) `).ReplaceAllString(string(head[1]), "")), " ")
		row := fmt.Sprintf("| [%s](%s) | %s |\n", name, name, said)
		if !bytes.Contains(list, []byte(row)) {
			t.Errorf("README.md lacks %s", strconv.Quote(row))
		}
		rows++
	}
	if got := bytes.Count(list, []byte("\n| [")); got != rows || rows < 9 {
		t.Errorf("README.md has %d rows, there are %d examples", got, rows)
	}
}
