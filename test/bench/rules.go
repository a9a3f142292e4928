package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// ruleCounts are how many paths the launcher is given, to see what they cost.
var ruleCounts = []int{1, 10, 100, 1000}

const (
	withoutFilter = "-u"
	withFilter    = "-u -p"
)

// rulesWay names a launch with so many rules.
func rulesWay(n int) string {
	if n == 1 {
		return "1 rule"
	}
	return strconv.Itoa(n) + " rules"
}

// rules measures a launch by the number of rules: directories, and the command.
func (b *bench) rules() (table, error) {
	dirs, err := b.directories(ruleCounts[len(ruleCounts)-1] - 1)
	if err != nil {
		return table{}, err
	}
	var ways []way
	var trials []trial
	for _, n := range ruleCounts {
		words := []string{b.launcher, "-u", b.nop + ":rx"}
		for _, dir := range dirs[:n-1] {
			words = append(words, "-u", dir+":r")
		}
		for act, end := range map[string][]string{withoutFilter: {"--"}, withFilter: {"-p", "stdio rpath", "--"}} {
			w := way{rulesWay(n), slices.Concat(words, end), true, act == withFilter}
			ways = append(ways, w)
			t, err := b.launchTrial(w, act, b.nop)
			if err != nil {
				return table{}, err
			}
			trials = append(trials, t)
		}
	}
	if err := b.holds(box{}, ways); err != nil {
		return table{}, err
	}
	title := "Launch by unveil-run, by the number of rules"
	return interleave("rules", title, []act{{withoutFilter, "us"}, {withFilter, "us"}}, trials, b.some(4), b.warm)
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
