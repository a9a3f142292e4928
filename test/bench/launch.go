package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// The commands that do nothing.
const (
	static  = "a static command"
	dynamic = "a dynamic command"
	faults  = "page faults, a static command"
)

// withoutStageTwo is the launcher that has no libunveil.so inside.
const withoutStageTwo = both + ", without libunveil.so"

// launch measures the whole process of a command that does nothing, from before
// the fork to after the wait.
func (b *bench) launch() (table, error) {
	nothing, err := b.compile("nothing", "nothing.c")
	if err != nil {
		return table{}, err
	}
	x := box{read: []string{"/usr", "/lib", b.dir}, promises: "stdio rpath"}
	ways := slices.Concat([]way{{name: noBox}}, x.ours(b.launcher), x.theirs(b.peers, landrun, bwrap, setpriv, jail))
	if i := slices.IndexFunc(ways, func(w way) bool { return w.name == setpriv }); i >= 0 {
		w, err := b.withFilterFile(x, ways[i])
		if err != nil {
			return table{}, err
		}
		ways = slices.Insert(ways, i+1, w)
	}
	shipped, plain := find(x.ours(b.launcher), both), find(x.ours(b.plain), both)
	plain.name = withoutStageTwo
	if err := hasStageTwo(nothing, shipped, plain); err != nil {
		return table{}, err
	}
	ways = append(ways, plain)
	if err := b.holds(x, ways); err != nil {
		return table{}, err
	}
	var trials []trial
	for _, target := range []struct{ act, path string }{{static, b.nop}, {dynamic, nothing}} {
		for _, w := range ways {
			if w.name == withoutStageTwo && target.act == static {
				continue // there is none
			}
			t, err := b.launchTrial(w, target.act, target.path)
			if err != nil {
				return table{}, err
			}
			trials = append(trials, t)
		}
	}
	title := "Launch of a command that does nothing: the whole process"
	return interleave("launch", title, []act{{static, "us"}, {dynamic, "us"}, {faults, ""}}, trials, b.rounds, b.warm)
}

// hasStageTwo holds the two launchers to be what they are measured for.
func hasStageTwo(target string, with, without way) error {
	for _, w := range []way{with, without} {
		argv := w.argv(target)
		out, err := exec.Command(argv[0], slices.Insert(argv[1:], 0, "-n")...).Output()
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if got := strings.Contains(string(out), "when the loader is done: "); got != (w.name == with.name) {
			return fmt.Errorf("%s: stage two: %v", w.name, got)
		}
	}
	return nil
}
