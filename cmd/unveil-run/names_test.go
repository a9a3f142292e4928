package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/need"
)

// hostileName is the name of a file that sets the title of a terminal and
// takes its line back, and then says a line of its own.
const hostileName = "a\x1b]0;title\a\r\x1b[2K\u202e\nunveil-run: notice: all is well"

// hostileRuns are command lines that have the launcher speak of a name. $N is
// the name.
var hostileRuns = [][]string{
	{"-f", "./none $N", "--", "true"},
	{"-f", "./$N", "--", "true"},
	{"-f", "including", "--", "true"},
	{"--$N", "--", "true"},
	{"-u", "~$N:r", "--", "true"},
	{"-u", "@$N:r", "--", "true"},
	{"-u", "$N:q", "--", "true"},
	{"-u", "none/$N:r", "--", "true"},
	{"-u", "none/$N:rwc", "--", "true"},
	{"-u", "$N:rwc", "--", "true"},
	{"--learn", "none/$N", "--", "true"},
	{"--", "$N"},
	{"--", "./$N"},
	{"--", "./windows"},
	{"-n", "-u", "dir/$N:rwc", "--", "dir/$N/program", "$N"},
	{"-n", "-f", "./dir/$N/rights.toml", "--", "true"},
	{"--trace", "-u", "/usr:rx", "--", "grep", "-qs", "text", "./$N"},
}

// TestHostileNames holds that whatever the launcher says of a name is a line
// that a terminal shows as it is.
func TestHostileNames(t *testing.T) {
	need.Box(t, 1)
	dir := t.TempDir()
	file := func(name, text string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file(hostileName, "unviel /usr r\n")
	file("including", "unveil /usr r\n")
	file("windows", "#!/usr/bin/env "+"\x1btitle"+"\r\n")
	program, err := os.ReadFile(need.Program(t, "true"))
	if err != nil {
		t.Fatal(err)
	}
	file("dir/"+hostileName+"/program", string(program))
	file("dir/"+hostileName+"/rights.toml", "[[ruleset]]\nhandled_access_fs = [\"read_file\"]\n[[path_beneath]]\nallowed_access = [\"read_file\"]\nparent = [\"/usr\"]\n")
	file("including", "include './in"+strings.ReplaceAll(hostileName, "\n", "")+"'\n")
	file("in"+strings.ReplaceAll(hostileName, "\n", ""), "unviel /usr r\n")
	run := func(argv ...string) string {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C.UTF-8", "TMPDIR=")
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out)
	}
	shown := func(text string) bool {
		for line := range strings.Lines(text) {
			if line == "unveil-run: notice: all is well\n" {
				return false
			}
		}
		return !strings.ContainsAny(text, "\x1b\a\r\u202e")
	}
	if out := run("find", ".", "-printf", "%p\n"); shown(out) {
		t.Fatalf("find says what a terminal can show: %q", out)
	}
	for _, args := range hostileRuns {
		argv := []string{tools + "/unveil-run"}
		for _, a := range args {
			argv = append(argv, strings.ReplaceAll(a, "$N", hostileName))
		}
		out := run(argv...)
		if !shown(out) {
			t.Errorf("%q: %q", args, out)
		}
		if !strings.Contains(out, "title") {
			t.Errorf("%q says nothing of the name: %q", args, out)
		}
	}
}

// TestHintIsOneWord types a hint into a shell: the name of the file is a word
// of it, whatever it is.
func TestHintIsOneWord(t *testing.T) {
	dir := t.TempDir()
	const name = "x; touch ran; '"
	for _, text := range []string{"echo it runs\n", "#!/usr/bin/env no\r\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(tools+"/unveil-run", "-u", "/usr:r", "--", "./"+name)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		_, hint, _ := strings.Cut(string(out), "unveil-run: hint: ")
		_, hint, ok := strings.Cut(hint, ": ")
		if !ok {
			t.Fatalf("no hint: %q", out)
		}
		cmd = exec.Command("bash", "-c", hint)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", hint, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
			t.Errorf("%q runs a part of the name", hint)
		}
	}
}
