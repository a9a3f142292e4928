package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A trait is a row of the comparison in README.md: what this launcher does
// with the test that shows it, and what others do by their own documents and
// by trials in November 2026.
type trait struct {
	name, ours string
	shown      string // a directory and a test or script in it
	others     [5]string
}

// peers are the columns of others.
var peers = [5]string{"[landrun] 0.1.18", "[bubblewrap] 0.8", "[firejail] 0.9.72", "[setpriv] 2.43-devel", "[jart's pledge] 2023-11"}

var traits = []trait{
	{"takes", "nothing", "cmd/unveil-run TestScriptsAsNobody", [5]string{"nothing", "user namespaces", "a set-user-ID root binary", "nothing", "nothing"}},
	{"paths", "`r` `w` `x` `c`", "test/escape TestWays", [5]string{"ro, rw, with or without x", "ro, rw", "ro, rw, noexec, blacklist", "rights by name", "`r` `w` `x` `c`"}},
	{"a narrower path in a wider one", "yes", "cmd/unveil-run hide.txtar", [5]string{"no", "yes", "yes", "no", "no"}},
	{"hidden names are gone (`ENOENT`)", "no", "test/conformance TestConformance", [5]string{"no", "yes", "yes", "no", "no"}},
	{"finds what the command needs to start", "yes", "cmd/unveil-run auto.txtar", [5]string{"yes, but no interpreters of scripts", "no", "by profile", "no", "in part"}},
	{"system calls", "by promise", "pledge TestEnforce", [5]string{"no", "a BPF program of yours", "lists and groups", "a BPF program of yours", "by promise"}},
	{"TCP by port", "yes", "test/escape TestPorts", [5]string{"yes", "no", "by netfilter", "yes", "no"}},
	{"what passes beside TCP: UDP, MPTCP, raw", "refused, or by port", "test/escape TestWays", [5]string{"passes", "no network, or all", "by netfilter", "MPTCP and raw pass", "no network, or all"}},
	{"the command can execute nothing more", "without `exec`", "test/escape TestWays", [5]string{"no", "no", "no", "no", "dynamic commands"}},
	{"says what was refused, and what would allow it", "`--trace`", "cmd/unveil-run watch.txtar", [5]string{"no", "no", "no", "no", "names the promise"}},
	{"writes a policy from a run", "`--learn`", "test/escape TestLearn", [5]string{"no", "no", "`--build`", "no", "no"}},
	{"a library for the program itself", "C, Go", "cgo TestC", [5]string{"no", "no", "no", "no", "with cosmopolitan libc"}},
	{"root's capabilities", "those that its words ask for", "test/escape TestCapabilities", [5]string{"all", "none", "by flag or profile", "by flag", "none"}},
}

// exists reports whether a test or a script is there.
func exists(t *testing.T, shown string) bool {
	dir, name, _ := strings.Cut(shown, " ")
	dir = filepath.Join("../..", dir)
	if strings.HasSuffix(name, ".txtar") {
		_, err := os.Stat(filepath.Join(dir, "testdata/script", name))
		return err == nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	function := regexp.MustCompile(`(?m)^func ` + name + `\(t \*testing\.T\)`)
	for _, f := range files {
		if function.MatchString(read(t, f)) {
			return true
		}
	}
	return false
}

// TestCompared holds the comparison in README.md, and that a test shows each
// of the things that we say of ourselves.
func TestCompared(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "| | unveil-run | %s |\n|---%s|\n", strings.Join(peers[:], " | "), strings.Repeat("|---", len(peers)+1))
	for _, r := range traits {
		if !exists(t, r.shown) {
			t.Errorf("%s: there is no %s", r.name, r.shown)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.name, r.ours, strings.Join(r.others[:], " | "))
	}
	holdBlock(t, readme, "compared", b.String())
}
