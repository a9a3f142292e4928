package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// ruleCounts are how many paths the launcher is given, to see what they cost.
var ruleCounts = []int{1, 10, 100, 1000}

// rulesAlone is what the kernel takes for the same rules.
const rulesAlone = "the rules alone, in C"

// rulesWay names a launch with so many rules.
func rulesWay(n int) string {
	if n == 1 {
		return "1 rule"
	}
	return strconv.Itoa(n) + " rules"
}

// rules measures a launch by the number of rules: directories, of which one has
// the command. Each launcher is an act, so that its ratios are to its own one rule.
func (b *bench) rules() (table, error) {
	dirs, err := b.directories(ruleCounts[len(ruleCounts)-1])
	if err != nil {
		return table{}, err
	}
	alone, err := b.compile("rules", "rules.c")
	if err != nil {
		return table{}, err
	}
	command := filepath.Join(dirs[0], "nop")
	if err := writeNop(command); err != nil {
		return table{}, err
	}
	acts := []act{{paths, "us"}, {both, "us"}, {rulesAlone, "us"}}
	for _, name := range []string{landrun, setpriv} {
		if b.peers[name] != nil {
			acts = append(acts, act{name, "us"})
		}
	}
	var trials []trial
	for _, n := range ruleCounts {
		x := box{read: dirs[:n], promises: "stdio rpath"}
		ours := []way{find(x.ours(b.launcher), paths), find(x.ours(b.launcher), both)}
		if err := b.holds(x, ours); err != nil {
			return table{}, err
		}
		own := way{name: rulesAlone, prefix: []string{alone, filepath.Dir(dirs[0]), strconv.Itoa(n)}}
		for _, w := range slices.Concat(ours, []way{own}, x.theirs(b.peers, landrun, setpriv)) {
			act := w.name
			w.name = rulesWay(n)
			t, err := b.launchTrial(w, act, command)
			if err != nil {
				return table{}, err
			}
			trials = append(trials, t)
		}
	}
	return interleave("rules", "Launch by the number of rules", acts, trials, b.some(4), b.warm)
}

// directories makes so many in a directory.
func (b *bench) directories(n int) (list []string, err error) {
	for i := range n {
		dir := filepath.Join(b.dir, "directories", strconv.Itoa(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		list = append(list, dir)
	}
	return list, nil
}
