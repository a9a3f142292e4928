package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/need"
)

// A console is a dialogue with a shell, as a document shows it: lines that
// begin with "$ ", those that go on with "> ", and what is printed then.
type console struct {
	line  int // where it begins
	abi   int // the Landlock ABI that it needs, 0 for any
	lines []string
}

// A step is one command of a console.
type step struct {
	command string
	output  []string // "..." in a line is anything, a line of its own any lines
}

// steps takes a console apart.
func (c console) steps() (list []step, err error) {
	for i, line := range c.lines {
		last := len(list) - 1
		switch command, isCommand := strings.CutPrefix(line, "$ "); {
		case isCommand:
			list = append(list, step{command: command})
		case last < 0:
			return nil, fmt.Errorf("line %d: output without a command", c.line+i)
		case strings.HasPrefix(line, "> ") && list[last].output == nil:
			list[last].command += "\n" + line[2:]
		default:
			list[last].output = append(list[last].output, line)
		}
	}
	if list == nil {
		return nil, fmt.Errorf("line %d: a console without a command", c.line)
	}
	return list, nil
}

// accepts reports whether output is what the step shows.
func (s step) accepts(output string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for _, line := range s.output {
		if line == "..." {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `.*`) + `\n`)
	}
	pattern.WriteString(`\z`)
	return regexp.MustCompile(pattern.String()).MatchString(output)
}

// killed is how bash tells of a command that a signal ended when nobody sits
// at a terminal; there it prints the group alone.
var killed = regexp.MustCompile(`(?m)^.*: line \d+: +\d+ ([A-Z][a-z ]+?)( \(core dumped\))?  .*$`)

const endOfStep = "\x01end of step\x01"

// play runs every command of a console by one bash, from the directory home,
// and compares what it prints.
func (c console) play(home string, env []string) error {
	steps, err := c.steps()
	if err != nil {
		return err
	}
	var script strings.Builder
	for _, s := range steps {
		// The status goes on to the next command, for its $?.
		fmt.Fprintf(&script, "%s\nstatus=$?; printf '\\1end of step\\1'; (exit $status)\n", s.command)
	}
	cmd := exec.Command("timeout", "300", "bash", "--norc", "-c", script.String())
	cmd.Dir, cmd.Env = home, env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second // what it left behind may hold the pipe
	// Statuses are shown by the document, as $?.
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		return err
	}
	parts := strings.Split(out.String(), endOfStep)
	if len(parts) != len(steps)+1 || parts[len(steps)] != "" {
		return fmt.Errorf("line %d: %d of %d commands came to their end:\n%s", c.line, len(parts)-1, len(steps), out.String())
	}
	for i, s := range steps {
		got := killed.ReplaceAllString(parts[i], "$1")
		if !s.accepts(got) {
			return fmt.Errorf("line %d: $ %s\nprints:\n%s\nthe document shows:\n%s", c.line, s.command, got, strings.Join(s.output, "\n"))
		}
	}
	return nil
}

// newHome makes the home directory that documents speak of, and the
// environment that their commands run in.
func newHome(t *testing.T) (home string, env []string) {
	t.Helper()
	need.Box(t, 1)
	home = t.TempDir()
	archive, err := txtar.ParseFile("testdata/home.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(f.Data, []byte("#!")) {
			mode = 0o755
		}
		name := filepath.Join(home, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
	env = []string{
		"HOME=" + home,
		"PATH=" + tools + ":" + os.Getenv("PATH"),
		"LC_ALL=C",
		"USER=" + cmp.Or(os.Getenv("USER"), strconv.Itoa(os.Getuid())),
	}
	// Another home is none of the go command's settings and caches.
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN").Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(string(out), "\n")
	for i, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN"} {
		env = append(env, name+"="+values[i])
	}
	return home, env
}

// playAll runs the consoles of a document one after the other in one home.
func playAll(t *testing.T, consoles []console, home string, env []string) {
	t.Helper()
	if len(consoles) == 0 {
		t.Fatal("no console found")
	}
	for _, c := range consoles {
		t.Run("line "+strconv.Itoa(c.line), func(t *testing.T) {
			if abi := kernel.Probe().ABI; abi < c.abi {
				need.Missing(t, "Landlock ABI %d: it has %d", c.abi, abi)
			}
			if err := c.play(home, env); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestConsole holds that a document that is wrong is found out.
func TestConsole(t *testing.T) {
	home, env := t.TempDir(), os.Environ()
	for _, tt := range []struct {
		name, text, want string
	}{
		{"right", "$ echo a\na\n$ false\n$ echo $?\n1", ""},
		{"any lines", "$ seq 5\n1\n...\n5\n$ echo a.b.c; echo d\na...c\nd", ""},
		{"two lines", "$ echo a \\\n> b\na b", ""},
		{"a signal", "$ bash -c 'kill -SYS $$'\nBad system call\n$ echo $?\n159", ""},
		{"standard error", "$ ls /none 2>&1 >/dev/null\n...No such file or directory", ""},
		{"other output", "$ echo a\nb", `line 7: \$ echo a\nprints:\na\n`},
		{"more output", "$ echo a; echo b\na", "prints:\na\nb"},
		{"less output", "$ echo a\na\nb", "the document shows:\na\nb"},
		{"silence", "$ echo a", "prints:\na"},
		{"a point is a point", "$ echo axb\na.b", "prints:\naxb"},
		{"the first of two", "$ echo a\nb\n$ echo c\nc", `\$ echo a`},
		{"the second of two", "$ echo a\na\n$ echo c\nd", `\$ echo c`},
		{"an end before the end", "$ exit 0\n$ echo a\na", "0 of 2 commands"},
		{"a quote left open", "$ echo 'a\na", "0 of 1 commands"},
		{"output first", "a\n$ echo a", "output without a command"},
		{"nothing", "", "output without a command"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := console{line: 7, lines: strings.Split(tt.text, "\n")}.play(home, env)
			if tt.want == "" && err != nil {
				t.Error(err)
			}
			if tt.want != "" && (err == nil || !regexp.MustCompile(tt.want).MatchString(err.Error())) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}
