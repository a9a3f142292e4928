package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

const (
	tracedOpens = 10000
	tracedFiles = 1000
)

const (
	tracing  = "unveil-run --trace"
	learning = "unveil-run --learn"
	strace   = "strace -f -e trace=%file"
)

// tracedAct is what the ways do that tell of it.
var tracedAct = fmt.Sprintf("%d opens", tracedOpens)

// trace measures what many opens cost that are told of.
func (b *bench) trace() (table, error) {
	program, err := b.compile("opens", "opens.c")
	if err != nil {
		return table{}, err
	}
	files := filepath.Join(b.dir, "files")
	if err := os.Mkdir(files, 0o755); err != nil {
		return table{}, err
	}
	for i := range tracedFiles {
		if err := os.WriteFile(filepath.Join(files, "f"+strconv.Itoa(i)), nil, 0o644); err != nil {
			return table{}, err
		}
	}
	u := []string{"-u", b.dir + ":r", "--"}
	ways := []way{
		{name: noBox},
		{name: paths, prefix: append([]string{b.launcher, "-q"}, u...)},
		{name: tracing, prefix: append([]string{b.launcher, "--trace"}, u...)},
		{name: learning, prefix: []string{b.launcher, "-q", "--learn", filepath.Join(b.dir, "learnt"), "--"}},
	}
	if argv := b.peers[strace]; argv != nil {
		ways = append(ways, way{name: strace, prefix: append(argv, "-f", "-e", "trace=%file", "-o", os.DevNull)})
	}
	var trials []trial
	for _, w := range ways {
		trials = append(trials, commandTrial(w, tracedAct, program, strconv.Itoa(tracedOpens), files))
	}
	return interleave("trace", "What tells of the calls of a command", []act{{tracedAct, "ms"}}, trials, b.some(40), 1)
}
