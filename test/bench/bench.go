package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A bench is what the sections have in common.
type bench struct {
	root     string // of the repository
	dir      string // for files, removed at the end
	home     string // in it, of the commands that are measured
	launcher string // as it is shipped, with libunveil.so inside
	plain    string // as the go command alone builds it
	nop      string // the smallest command
	peers    map[string][]string
	missing  []string // what is not measured, and why
	null     *os.File
	machine  machine
	rounds   int // that count, of the shortest trials
	warm     int
}

// newBench builds what is measured and looks for the peers.
func newBench(rounds, warm int) (*bench, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	b := &bench{root: filepath.Dir(strings.TrimSpace(string(mod))), machine: where(), rounds: rounds, warm: warm}
	if b.dir, err = os.MkdirTemp("", "unveil-run-bench"); err != nil {
		return nil, err
	}
	if b.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return nil, errors.Join(err, b.close())
	}
	b.launcher, b.plain, b.nop = filepath.Join(b.root, "build/unveil-run"), filepath.Join(b.dir, "unveil-run-plain"), filepath.Join(b.dir, "nop")
	plain := exec.Command("go", "build", "-trimpath", "-buildmode=exe", "-ldflags", "-s -w", "-o", b.plain, "./cmd/unveil-run")
	plain.Dir, plain.Env = b.root, append(os.Environ(), "CGO_ENABLED=0")
	if err := errors.Join(os.Chmod(b.dir, 0o755), done(exec.Command("make", "-s", "-C", b.root, "build")), done(plain), writeNop(b.nop)); err != nil {
		return nil, errors.Join(err, b.close())
	}
	b.peers, b.missing = findPeers()
	// From here on: go and findPeers keep what they have in the user's own.
	b.home = filepath.Join(b.dir, "home")
	if err := errors.Join(os.Mkdir(b.home, 0o755), os.Setenv("HOME", b.home), os.Setenv("TMPDIR", b.home)); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error {
	return errors.Join(b.null.Close(), os.RemoveAll(b.dir))
}

// some returns one in n of the rounds, for what takes longer.
func (b *bench) some(n int) int { return max(b.rounds/n, 1) }

// compile makes a program of the sources in testdata, which are named first,
// with other words for the compiler behind them.
func (b *bench) compile(name string, words ...string) (string, error) {
	out := filepath.Join(b.dir, name)
	args := []string{"-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-I" + filepath.Join(b.root, "cgo"), "-o", out}
	for _, w := range words {
		if filepath.Ext(w) == ".c" {
			w = filepath.Join(b.root, "test/bench/testdata", w)
		}
		args = append(args, w)
	}
	return out, done(exec.Command("gcc", args...))
}

// link returns the words that link a program to the libunveil that was built.
func (b *bench) link() []string {
	build := filepath.Join(b.root, "build")
	return []string{"-L" + build, "-Wl,-rpath," + build, "-lunveil"}
}

// done runs a command, whose output is of interest when it fails.
func done(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w\n%s", cmd.Args, err, out)
	}
	return nil
}
