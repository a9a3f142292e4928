package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/unveil-run/unveil-run/internal/launch"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/test/need"
)

const (
	manual       = "unveil-run.1"
	policyManual = "unveil-policy.5"
)

func readManual(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestManualLint holds that mandoc finds nothing to say.
func TestManualLint(t *testing.T) {
	need.Program(t, "mandoc")
	out, err := exec.Command("mandoc", "-Tlint", "-W", "warning", manual, policyManual).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
	// A page that it would find fault with is found fault with.
	wrong := exec.Command("mandoc", "-Tlint", "-W", "warning")
	wrong.Stdin = strings.NewReader(strings.Replace(readManual(t, manual), ".Sh NAME\n", ".Sh NAME\n.Xx\n", 1))
	if out, err := wrong.CombinedOutput(); err == nil {
		t.Errorf("a wrong page passes:\n%s", out)
	}
}

// manualFlags returns the flags that a page names, and those that have an
// entry of their own.
func manualFlags(page string) (named, entries map[string]bool) {
	named, entries = map[string]bool{}, map[string]bool{}
	flag := regexp.MustCompile(`\bFl (-?[a-z][a-z-]*)`)
	for _, line := range strings.Split(page, "\n") {
		if !strings.HasPrefix(line, ".") || strings.HasPrefix(line, `.\"`) {
			continue
		}
		for _, m := range flag.FindAllStringSubmatch(line, -1) {
			flags := []string{m[1]}
			if m[1][0] != '-' {
				flags = strings.Split(m[1], "") // -nq
			}
			for _, f := range flags {
				named[f] = true
			}
		}
		item, ok := strings.CutPrefix(line, ".It Fl ")
		if !ok {
			continue
		}
		for _, word := range strings.Split(item, " , ") {
			f := strings.Fields(word)[0]
			entries[f], named[f] = true, true
		}
	}
	return named, entries
}

// TestManualFlags holds that every flag has an entry in the manual, and that
// every flag that the manual names exists.
func TestManualFlags(t *testing.T) {
	parser, err := kong.New(new(launch.Words))
	if err != nil {
		t.Fatal(err)
	}
	named, entries := manualFlags(readManual(t, manual))
	known := map[string]bool{}
	for _, f := range parser.Model.Flags {
		if f.Name == "help" {
			continue
		}
		known["-"+f.Name] = true
		if f.Short != 0 {
			known[string(f.Short)] = true
		}
	}
	if len(known) < 20 {
		t.Fatalf("only %d flags: %v", len(known), known)
	}
	for f := range known {
		if !entries[f] {
			t.Errorf("-%s has no entry", f)
		}
	}
	known["r"] = true // of uname(1)
	for f := range named {
		if !known[f] {
			t.Errorf("-%s does not exist", f)
		}
	}
	named, entries = manualFlags(".It Fl x , -ex Ar a\n.Op Fl nq and Fl -no-such\nFl -text\n.\\\" Fl -comment")
	if len(named) != 5 || !named["x"] || !named["-ex"] || !named["n"] || !named["q"] || !named["-no-such"] || len(entries) != 2 {
		t.Errorf("named %v, entries %v", named, entries)
	}
}

// manualConsoles returns the consoles of the section EXAMPLES.
func manualConsoles(page string) (list []console) {
	in, literal := false, false
	for i, line := range strings.Split(page, "\n") {
		switch {
		case strings.HasPrefix(line, ".Sh "):
			in = line == ".Sh EXAMPLES"
		case !in:
		case strings.HasPrefix(line, ".Bd -literal"):
			literal = true
			list = append(list, console{line: i + 2})
		case line == ".Ed":
			literal = false
		case literal:
			c := &list[len(list)-1]
			c.lines = append(c.lines, strings.NewReplacer(`\&`, "", `\e`, `\`).Replace(line))
		}
	}
	return list
}

// TestManualExamples runs every command of the sections EXAMPLES.
func TestManualExamples(t *testing.T) {
	for page, least := range map[string]int{manual: 5, policyManual: 3} {
		t.Run(page, func(t *testing.T) {
			consoles := manualConsoles(readManual(t, page))
			if len(consoles) < least {
				t.Fatalf("%d examples found", len(consoles))
			}
			home, env := newHome(t)
			playAll(t, consoles, home, env)
		})
	}
}

// TestManualCommands holds that no command stands in the manual but where it
// is run, and that each example is one.
func TestManualCommands(t *testing.T) {
	page := readManual(t, manual) + readManual(t, policyManual)
	all := len(regexp.MustCompile(`(?m)^(\.D[l1] )?\$ `).FindAllString(page, -1))
	run := 0
	for _, c := range manualConsoles(page) {
		steps, err := c.steps()
		if err != nil {
			t.Error(err)
		}
		run += len(steps)
	}
	if all == 0 || all != run {
		t.Errorf("%d commands, %d of them are run", all, run)
	}
}

// TestManualPaths holds that the section on what is opened by itself names
// each path that is, with and without promises, and none other.
func TestManualPaths(t *testing.T) {
	_, section, ok := strings.Cut(readManual(t, manual), "\n.Ss What is opened by itself\n")
	section, _, _ = strings.Cut(section, "What an interpreter loads")
	list := regexp.MustCompile(`(?m)^\.Pa (\S+)`).FindAllStringSubmatch(section, -1)
	if !ok || len(list) < 10 {
		t.Fatalf("%d paths found", len(list))
	}
	need.Box(t, 1)
	opened := map[string]bool{"/dev/tty": true} // where there is a terminal
	for _, box := range [][]string{{"-u", "/none:r"}, {"-u", "/none:r", "-p", "stdio"}} {
		out, err := exec.Command(tools+"/unveil-run", append(append([]string{"-n"}, box...), "true")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^path "(.*)" .*harmless`).FindAllStringSubmatch(string(out), -1) {
			opened[m[1]] = true
		}
	}
	named := map[string]bool{}
	for _, m := range list {
		named[m[1]] = true
		if _, err := os.Stat(m[1]); err == nil && !opened[m[1]] {
			t.Errorf("%s is not opened", m[1])
		}
	}
	for path := range opened {
		if !named[path] {
			t.Errorf("%s is opened, and the section does not name it", path)
		}
	}
}

// TestManualPolicy holds that the page names each keyword that a policy file
// knows: an unknown one is an error that lists them.
func TestManualPolicy(t *testing.T) {
	page := readManual(t, policyManual)
	file := t.TempDir() + "/policy"
	if err := os.WriteFile(file, []byte("zzzzzzzz\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(tools+"/unveil-run", "-f", file, "true").CombinedOutput()
	m := regexp.MustCompile(`hint: a line begins with (.*)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("no list of keywords:\n%s", out)
	}
	for _, word := range regexp.MustCompile(`[a-z]+`).FindAllString(strings.ReplaceAll(string(m[1]), " or ", " "), -1) {
		if !regexp.MustCompile(`\n\.It Cm ` + word + ` (Op )?Ar `).MatchString(page) {
			t.Errorf("%s has no entry", word)
		}
	}
}

// TestManualProfiles holds that the page has an entry for each profile and each
// token.
func TestManualProfiles(t *testing.T) {
	page := readManual(t, policyManual)
	words := policy.Profiles()
	for _, token := range policy.Tokens() {
		words = append(words, string(token))
	}
	if len(words) < 15 {
		t.Fatalf("%q", words)
	}
	for _, word := range words {
		if !strings.Contains(page, "\n.It Cm "+word+"\n") {
			t.Errorf("%s has no entry", word)
		}
	}
}

// TestManualSignals holds which signals stay ignored, and which stay blocked,
// as CAVEATS has it. The control run has no launcher.
func TestManualSignals(t *testing.T) {
	need.Box(t, 1)
	const (
		hup, intr, quit, usr1, usr2, pipe, alrm, term = 1 << 0, 1 << 1, 1 << 2, 1 << 9, 1 << 11, 1 << 12, 1 << 13, 1 << 14
		chld, cont, tstp, ttin, ttou, urg, prof       = 1 << 16, 1 << 17, 1 << 19, 1 << 20, 1 << 21, 1 << 22, 1 << 26
	)
	for _, tt := range []struct {
		field, flag string
		kept, lost  uint64
	}{
		{"SigIgn", "--ignore-signal", hup | intr | cont | tstp | ttin | ttou, quit | usr1 | usr2 | pipe | alrm | term | chld | urg | prof},
		{"SigBlk", "--block-signal", usr1 | usr2 | pipe | alrm | cont | tstp | ttin | ttou, hup | intr | quit | term | chld | urg | prof},
	} {
		for _, run := range []struct {
			launcher []string
			want     uint64
		}{{nil, tt.kept | tt.lost}, {[]string{tools + "/unveil-run", "-u", "/proc:r"}, tt.kept}} {
			argv := append(append([]string{tt.flag}, run.launcher...), "grep", "^"+tt.field, "/proc/self/status")
			out, err := exec.Command("env", argv...).CombinedOutput()
			if err != nil {
				t.Fatalf("%q: %v\n%s", argv, err, out)
			}
			mask, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(string(out), tt.field+":")), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			if got := mask & (tt.kept | tt.lost); got != run.want {
				t.Errorf("%q: %#x, want %#x", argv, got, run.want)
			}
		}
	}
}

// TestManualJSON holds that the manual names every field of --check --json.
func TestManualJSON(t *testing.T) {
	out, err := exec.Command(tools+"/unveil-run", "--check", "--json").Output()
	var report struct {
		Kernel  map[string]any
		Letters []map[string]any
	}
	var top map[string]any
	if err := errors.Join(json.Unmarshal(out, &report), json.Unmarshal(out, &top)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err != nil || len(report.Letters) == 0 || len(report.Kernel) == 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	page := readManual(t, manual)
	for _, object := range []map[string]any{top, report.Kernel, report.Letters[0]} {
		for key := range object {
			if !regexp.MustCompile(`(?m)^\.(It )?Li (.* , )?` + key + `( |$)`).MatchString(page) {
				t.Errorf("the manual does not name %s", key)
			}
		}
	}
}
