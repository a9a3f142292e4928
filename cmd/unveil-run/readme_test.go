package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/checkout"
)

// needsABI is a comment before a console that not every kernel can hold.
var needsABI = regexp.MustCompile(`^<!-- needs Landlock ABI (\d+) -->$`)

// consolesOf returns the consoles of a Markdown text. Whatever else looks
// like a command is an error: every command is to be run.
func consolesOf(text string) (list []console, err error) {
	fence, abi := "", 0
	for i, line := range strings.Split(text, "\n") {
		number := i + 1
		info, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && fence == "":
			fence = info
			if info == "console" {
				list = append(list, console{line: number + 1, abi: abi})
			} else if info != "text" {
				return nil, fmt.Errorf("line %d: a block of %q: console and text are known", number, info)
			}
		case isFence:
			fence = ""
		case fence == "console":
			c := &list[len(list)-1]
			c.lines = append(c.lines, line)
		case strings.HasPrefix(strings.TrimLeft(line, " \t>"), "$ "):
			return nil, fmt.Errorf("line %d: a command outside of a console is not run", number)
		case fence == "" && (strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t") || strings.Contains(line, "~~~")):
			return nil, fmt.Errorf("line %d: a block without a fence", number)
		}
		abi = 0
		if m := needsABI.FindStringSubmatch(line); m != nil {
			if abi, err = strconv.Atoi(m[1]); err != nil {
				return nil, err
			}
		}
	}
	if fence != "" {
		return nil, fmt.Errorf("a block of %q is not closed", fence)
	}
	return list, nil
}

// TestReadme runs every command of the README, in its order, and wants what
// the README shows.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	consoles, err := consolesOf(string(text))
	if err != nil {
		t.Fatal(err)
	}
	home, env := newHome(t)
	// What README clones is this tree, with what is not committed yet.
	origin := filepath.Join(t.TempDir(), "origin")
	if err := checkout.Copy(origin, "../.."); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "-A"},
		{"-c", "user.name=README", "-c", "user.email=readme@example.org", "commit", "-q", "-m", "as it is"},
	} {
		git := exec.Command("git", append([]string{"-C", origin}, args...)...)
		git.Env = env
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	env = cloneFrom(env, origin)
	playAll(t, consoles, home, env)
	if built := filepath.Join(home, "unveil-run/build/unveil-run"); !t.Failed() {
		if info, err := os.Stat(built); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("make has built nothing: %v", err)
		}
	}
}

// cloneFrom returns an environment where git has the project from a directory.
func cloneFrom(env []string, origin string) []string {
	return append(env, "GIT_CONFIG_COUNT=2",
		"GIT_CONFIG_KEY_0=url.file://"+origin+".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/unveil-run/unveil-run",
		"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*")
}

// TestConsolesOf holds that no command of a README is left out.
func TestConsolesOf(t *testing.T) {
	good := "# a\n\n```console\n$ b\nc\n```\n\n<!-- needs Landlock ABI 4 -->\n```console\n$ d\n```\n\n```text\ne\n```\n"
	list, err := consolesOf(good)
	if err != nil || len(list) != 2 || list[0].line != 4 || list[0].abi != 0 || list[1].abi != 4 || strings.Join(list[0].lines, "|") != "$ b|c" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, bad := range []string{
		"```sh\nb\n```\n", "```\n$ b\n```\n", "```text\n$ b\n```\n", "```text\n  $ b\n```\n",
		"    $ b\n", "    b\n", "\tb\n", "> $ b\n", "$ b\n", "~~~console\n$ b\n~~~\n", "```console\n$ b\n", "``` console\n$ b\n```\n",
	} {
		if list, err := consolesOf(bad); err == nil {
			t.Errorf("%q: no error: %+v", bad, list)
		}
	}
}

// TestReadmeLinks holds that what the README links to in the repository is
// there.
func TestReadmeLinks(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, m := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		links++
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Error(err)
		}
	}
	if links < 3 {
		t.Errorf("%d links found", links)
	}
}
