package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/format"
	"github.com/unveil-run/unveil-run/test/need"
)

// plan is what the launcher would give to the kernel: rules without their
// reasons, and the answers to all calls.
func plan(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(tools+"/unveil-run", slices.Concat([]string{"-q", "-n"}, args, []string{"--", "ls", "/usr"})...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	var rules, calls []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		switch word, _, _ := strings.Cut(line, " "); word {
		case "path":
			line = regexp.MustCompile(` \(.*`).ReplaceAllString(line, "")
			line = strings.Replace(line, `path "."`, fmt.Sprintf("path %q", dir), 1)
			rules = append(rules, strings.Replace(line, `path "`+dir+"/", `path "`, 1))
		case "files:", "network:", "scopes:", "port":
			rules = append(rules, line)
		case "kernel:", "command:", "arguments:", "promises:", "to", "exec:", "descriptors:", "capabilities:", "environment:", "in", "notice:", "gap:":
		default:
			calls = append(calls, line)
		}
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	if len(rules) < 10 || len(calls) < 20 {
		t.Fatalf("%q: %d rules, %d lines of calls\n%s", args, len(rules), len(calls), out)
	}
	return append(rules, calls...)
}

// TestRoundTrip prints policies as landlockconfig and reads them again: with
// the same promises the plan is the same, rule by rule and call by call.
func TestRoundTrip(t *testing.T) {
	need.Box(t, 1)
	dir := t.TempDir()
	for _, name := range []string{"a/b", "a/hidden", `odd $x "y" é`} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := func(promises string) []string { return []string{"-p", promises} }
	for _, tt := range []struct{ box, promises []string }{
		{[]string{"-u", "/usr:rx"}, nil},
		{[]string{"-u", "/usr:rx", "-u", ".:rwc", "-u", "a:r", "-u", "a/hidden:"}, nil},
		{[]string{"-u", "/usr:rx", "-u", ".:rwxc", "-u", "/dev/null:rw"}, p("stdio rpath wpath cpath fattr proc exec prot_exec")},
		{[]string{"-u", "/usr:rx", "-u", ".:rwc"}, p("stdio rpath")},
		{[]string{"-u", "/usr:r", "-u", ".:wc"}, p("stdio wpath cpath dpath unix")},
		{[]string{"-u", ".:rwc", "--connect", "443,80", "--bind", "8000-8003"}, p("stdio rpath wpath cpath inet")},
		{[]string{"-u", ".:r", "--connect", "443"}, nil},
		{[]string{"-u", ".:r", "--bind", "*"}, nil},
		{[]string{"-u", `odd $x "y" é:rw`, "-u", "@tls:r"}, p("stdio rpath wpath")},
		{nil, p("stdio rpath")},
		{nil, p("stdio rpath wpath cpath inet dns")},
	} {
		for _, format := range []string{"toml", "json"} {
			args := slices.Concat(tt.box, tt.promises)
			cmd := exec.Command(tools+"/unveil-run", slices.Concat([]string{"-q", "--print", "landlockconfig-" + format}, args, []string{"--", "ls", "/usr"})...)
			cmd.Dir = dir
			text, err := cmd.Output()
			if err != nil {
				t.Fatalf("%q: %v", args, err)
			}
			file := filepath.Join(t.TempDir(), "box."+format)
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
			want, got := plan(t, dir, args...), plan(t, dir, append([]string{"-f", file}, tt.promises...)...)
			if !slices.Equal(got, want) {
				for _, line := range want {
					if !slices.Contains(got, line) {
						t.Errorf("%s: %q: lost: %s", format, args, line)
					}
				}
				for _, line := range got {
					if !slices.Contains(want, line) {
						t.Errorf("%s: %q: new: %s", format, args, line)
					}
				}
			}
		}
	}
	// Policies that differ are told apart.
	if slices.Equal(plan(t, dir, "-u", "/usr:rx"), plan(t, dir, "-u", "/usr:r")) {
		t.Error("two policies have one plan")
	}
}

// TestPrintFormats runs every format, with a command and without one, and
// holds that the manual has an entry for each.
func TestPrintFormats(t *testing.T) {
	page := readManual(t, manual)
	for _, name := range format.Names() {
		if !strings.Contains(page, "\n.It Cm "+name+"\n") {
			t.Errorf("the manual has no entry of %s", name)
		}
		for _, command := range [][]string{nil, {"--", "ls"}} {
			for _, box := range [][]string{{"-u", "/usr:rx"}, {"-p", "stdio rpath"}, {"-f", "agent"}} {
				args := slices.Concat([]string{"-q", "--print", name}, box, command)
				if out, err := exec.Command(tools+"/unveil-run", args...).CombinedOutput(); err != nil || len(out) < 100 {
					t.Errorf("%q: %v\n%s", args, err, out)
				}
			}
		}
	}
	out, err := exec.Command(tools+"/unveil-run", "--print", "yaml", "-u", "/usr:r").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `error: --print: unknown format "yaml"`) || !strings.Contains(string(out), "hint: the formats are: landlockconfig-toml, ") {
		t.Errorf("%v\n%s", err, out)
	}
}
