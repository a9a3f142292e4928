package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// The ways to start a command that budgets and plots ask for by name.
const (
	noBox   = "no box"
	paths   = "unveil-run -u"
	calls   = "unveil-run -p"
	both    = "unveil-run -u -p"
	library = "libunveil"
	landrun = "landrun"
	bwrap   = "bwrap"
	setpriv = "setpriv"
	jail    = "firejail"
)

// A box is a policy, for every launcher as far as it goes.
type box struct {
	read     []string // directories to read and run
	write    []string // directories to write, make and remove in, too
	promises string
}

// A way is one way to start a command.
type way struct {
	name   string
	prefix []string
	// What it holds, which is tried before it is measured.
	holdsPaths, holdsCalls bool
}

// ours returns the ways of a launcher of this repository.
func (x box) ours(launcher string) []way {
	var u []string
	for _, dir := range x.read {
		u = append(u, "-u", dir+":rx")
	}
	for _, dir := range x.write {
		u = append(u, "-u", dir+":rwc")
	}
	p := []string{"-p", x.promises}
	return []way{
		{paths, slices.Concat([]string{launcher}, u, []string{"--"}), true, false},
		{calls, slices.Concat([]string{launcher}, p, []string{"--"}), false, true},
		{both, slices.Concat([]string{launcher}, u, p, []string{"--"}), true, true},
	}
}

// theirs returns the ways of those peers of a list that are there.
func (x box) theirs(peers map[string][]string, names ...string) (list []way) {
	words := map[string][]string{
		// Without --best-effort it runs on the newest kernels only. It clears
		// the environment.
		landrun: {"--best-effort", "--env", "PATH", "--env", "HOME", "--env", "TMPDIR", "--add-exec"},
		bwrap:   {"--ro-bind", "/", "/"},
		setpriv: {"--no-new-privs", "--landlock-access", "fs"},
		jail:    {"--noprofile", "--quiet"},
	}
	const read, write = "execute,read-file,read-dir", "write-file,truncate,make-reg,make-dir,make-sym,remove-file,remove-dir,refer"
	for _, dir := range x.read {
		words[landrun] = append(words[landrun], "--rox", dir)
		words[setpriv] = append(words[setpriv], "--landlock-rule", "path-beneath:"+read+":"+dir)
		words[jail] = append(words[jail], "--read-only="+dir)
	}
	writable := x.write
	if len(writable) > 0 {
		writable = append(writable[:len(writable):len(writable)], os.DevNull) // which unveil-run adds
	}
	for _, dir := range writable {
		words[landrun] = append(words[landrun], "--rw", dir)
		words[bwrap] = append(words[bwrap], "--dev-bind", dir, dir)
		words[setpriv] = append(words[setpriv], "--landlock-rule", "path-beneath:"+read+","+write+":"+dir)
		words[jail] = append(words[jail], "--read-write="+dir)
	}
	for _, name := range names {
		if argv := peers[name]; argv != nil {
			list = append(list, way{name, slices.Concat(argv, words[name], []string{"--"}), true, false})
		}
	}
	return list
}

// find returns the way of a name that is among them.
func find(ways []way, name string) way {
	return ways[slices.IndexFunc(ways, func(w way) bool { return w.name == name })]
}

// argv returns the words to start a command in this way.
func (w way) argv(command ...string) []string {
	return slices.Concat(w.prefix, command)
}

// holds fails when one of the ways cannot run a command in its box, or lets
// through what it is measured for holding. What is refused in the box is done
// outside before: else a broken machine would be taken for a box.
func (b *bench) holds(x box, ways []way) error {
	outside, inside := filepath.Join(b.dir, "outside"), filepath.Join(slices.Concat(x.write, []string{b.dir})[0], "fifo")
	if err := os.WriteFile(outside, nil, 0o644); err != nil {
		return err
	}
	attack := func(w way, command ...string) error {
		argv := w.argv(command...)
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = b.dir
		return done(cmd)
	}
	write, fifo := []string{"tee", outside}, []string{"mkfifo", inside}
	defer os.Remove(inside)
	for _, command := range [][]string{write, fifo} {
		if err := attack(way{}, command...); err != nil {
			return fmt.Errorf("outside the box: %w", err)
		}
	}
	for _, w := range ways {
		if err := os.RemoveAll(inside); err != nil {
			return err
		}
		if err := attack(w, "cat", "/usr/bin/cat"); err != nil {
			return err
		}
		if w.holdsPaths && attack(w, write...) == nil {
			return fmt.Errorf("%s: does not refuse %q", w.name, write)
		}
		if w.holdsCalls && attack(w, fifo...) == nil {
			return fmt.Errorf("%s: does not refuse %q", w.name, fifo)
		}
	}
	return nil
}
