package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/need"
)

// completion returns a file with the completion of a shell, which must be there.
func completion(t *testing.T, shell string) string {
	t.Helper()
	need.Program(t, shell)
	out, err := exec.Command(tools+"/unveil-run", "--completion", shell).Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "_unveil-run")
	if err := os.WriteFile(file, out, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// lines are what is completed, and what must and must not be offered.
var completed = []struct {
	line    []string
	yes, no string
}{
	{[]string{"--pri"}, "--print", "--pledge"},
	{[]string{"--print", "s"}, "setpriv systemd", "--print"},
	{[]string{"-f", "py"}, "python", "git"},
	{[]string{"--file", "ag"}, "agent", "git"},
	{[]string{"-p", "rp"}, "rpath", "--print"},
	{[]string{"-n", "-u", "/usr:r", "--conn"}, "--connect", "--create"},
	{[]string{"--on-violation", ""}, "abort errno log", "--print"},
	{[]string{"-q", "--without", "l"}, "landlock", "seccomp"},
	{[]string{"ls", "--pri"}, "", "--print"}, // a word of the command
	{[]string{"-u", "/usr:r", "--", "tes"}, "test", "--print"},
}

func checkCompleted(t *testing.T, line, got []string, yes, no string) {
	t.Helper()
	for _, want := range strings.Fields(yes) {
		if !slices.Contains(got, want) {
			t.Errorf("%q: %q without %s", line, got, want)
		}
	}
	if slices.Contains(got, no) {
		t.Errorf("%q: %q with %s", line, got, no)
	}
}

func TestBashCompletion(t *testing.T) {
	file := completion(t, "bash")
	for _, tt := range completed {
		script := `. "$0"; COMP_WORDS=(unveil-run "$@"); COMP_CWORD=$#; _unveil_run; printf '%s\n' "${COMPREPLY[@]}"`
		cmd := exec.Command("bash", append([]string{"--norc", "-c", script, file}, tt.line...)...)
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", tt.line, err, out)
		}
		checkCompleted(t, tt.line, strings.Fields(string(out)), tt.yes, tt.no)
	}
}

func TestFishCompletion(t *testing.T) {
	file := completion(t, "fish")
	for _, tt := range completed {
		cmd := exec.Command("fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", file, "unveil-run "+strings.Join(tt.line, " "))
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", tt.line, err, out)
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got = append(got, word)
		}
		if tt.yes != "test" { // fish knows it as a builtin
			checkCompleted(t, tt.line, got, tt.yes, tt.no)
		}
	}
}

// TestZshCompletion holds that zsh reads the words as they are meant: what
// _arguments(1) of zsh is given has each flag with its help and its value.
func TestZshCompletion(t *testing.T) {
	file := completion(t, "zsh")
	out, err := exec.Command("zsh", "-f", "-c", `_arguments() { print -rl -- "$@" }; . $0`, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	specs := strings.Split(string(out), "\n")
	for _, f := range flags(t) {
		for _, s := range spellings(f) {
			i := slices.IndexFunc(specs, func(spec string) bool { return strings.HasPrefix(spec, "*"+s+"[") })
			if i < 0 || !f.IsBool() != (strings.Count(strings.ReplaceAll(specs[i], `\:`, ""), ":") >= 2) {
				t.Errorf("%s: no spec, or a wrong one:\n%s", s, out)
			}
		}
	}
	for _, want := range []string{":FORMAT:(landlockconfig-toml ", ":abort|errno|log:(abort errno log)", ":PROMISES:(stdio rpath "} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q:\n%s", want, out)
		}
	}
}

func TestCompletionUnknown(t *testing.T) {
	out, err := exec.Command(tools+"/unveil-run", "--completion", "csh").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `error: --completion: "csh" is not a shell that it knows`) || !strings.Contains(string(out), "hint: the shells are bash, fish, zsh") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestHelp holds that the help is on one screen.
func TestHelp(t *testing.T) {
	out, err := exec.Command(tools+"/unveil-run", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) < 30 || len(lines) > 48 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
