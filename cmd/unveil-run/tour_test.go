package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/unveil-run/unveil-run/test/need"
)

var cold = flag.Bool("cold", false, "let TestTour build with an empty cache, as a newcomer does")

// TestTour is a newcomer: what the README says of installing, from a clone of
// the last commit on, and the commands of its picture, one of which is refused
// something. What the launcher then says would allow it does. How long each
// took is told.
func TestTour(t *testing.T) {
	if _, err := os.Stat("../../.git"); err != nil {
		need.Missing(t, "a clone: %v", err)
	}
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	home, env := newHome(t)
	// What is installed is run, and not what the tests have built.
	env = slices.DeleteFunc(env, func(v string) bool {
		return strings.HasPrefix(v, "PATH=") || *cold && strings.HasPrefix(v, "GOCACHE=")
	})
	env = cloneFrom(append(env, "PATH="+home+"/.local/bin:"+os.Getenv("PATH")), repository)
	start := time.Now()
	told := func(what string) {
		t.Helper()
		t.Logf("%6.1f s: %s", time.Since(start).Seconds(), what)
	}
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	consoles, err := consolesOf(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var installs, pictured []console
	for _, c := range consoles {
		if slices.Contains(c.lines, "$ make") {
			installs = append(installs, c)
		}
		// Two lines above the first is what is said of the console.
		if strings.Split(string(text), "\n")[c.line-3] == "<!-- in the picture -->" {
			pictured = append(pictured, c)
		}
	}
	if len(installs) != 1 || len(pictured) == 0 {
		t.Fatalf("%d consoles install, %d are in the picture", len(installs), len(pictured))
	}
	var refused string
	for _, c := range append(installs, pictured...) {
		if err := c.play(home, env); err != nil {
			t.Fatal(err)
		}
		steps, err := c.steps()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			told(s.command)
			if strings.HasPrefix(s.command, "unveil-run --trace ") {
				refused = s.command
			}
		}
	}

	again := func(command string) string {
		t.Helper()
		cmd := exec.Command("timeout", "60", "bash", "--norc", "-c", command)
		cmd.Dir, cmd.Env = filepath.Join(home, "project"), env
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out)
	}
	secret, err := os.ReadFile(filepath.Join(home, ".ssh/id_ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	said := again(refused)
	m := regexp.MustCompile(`(?m)^unveil-run: summary: (.*)$`).FindStringSubmatch(said)
	if m == nil || strings.Contains(said, string(secret)) {
		t.Fatalf("%s\nprints\n%s", refused, said)
	}
	if out := again(m[1]); out != string(secret) {
		t.Errorf("%s\nprints\n%s\nand should what was refused", m[1], out)
	}
	told(m[1])
}
