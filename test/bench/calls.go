package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

const (
	openClose = "open, close"
	read      = "read"
	write     = "write"
	stat      = "stat"
)

// systemCalls measures calls of a running C program in its box. The program
// that links libunveil confines itself, the others are started in a box.
func (b *bench) systemCalls() (table, error) {
	program, err := b.compile("calls", append([]string{"calls.c"}, b.link()...)...)
	if err != nil {
		return table{}, err
	}
	dir := filepath.Join(b.dir, "calls.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return table{}, err
	}
	x := box{read: []string{"/usr", "/lib", b.root + "/build"}, write: []string{dir}, promises: "stdio rpath wpath cpath inet"}
	ways := slices.Concat([]way{{name: noBox}}, x.ours(b.launcher), x.theirs(b.peers, landrun, bwrap))
	if err := b.holds(x, ways); err != nil {
		return table{}, err
	}
	// The library's box, by the program itself.
	for _, attack := range []string{"write", "fifo"} {
		if _, err := linesOf(program, "bare", attack, dir); err != nil {
			return table{}, fmt.Errorf("outside the box: %w", err)
		}
		if _, err := linesOf(program, library, attack, dir); err == nil {
			return table{}, fmt.Errorf("libunveil does not refuse %q", attack)
		}
	}
	var trials []trial
	for _, w := range ways {
		trials = append(trials, trial{w.name, func() (map[string]float64, error) { return linesOf(w.argv(program, "bare", "measure", dir)...) }})
	}
	own := trial{library, func() (map[string]float64, error) { return linesOf(program, library, "measure", dir) }}
	trials = slices.Insert(trials, 4, own)
	acts := []act{
		{"getpid", "ns"}, {openClose, "ns"}, {stat, "ns"}, {read, "ns"}, {write, "ns"},
		{"socket, close", "ns"}, {"mmap, munmap", "ns"},
	}
	return interleave("calls", "A system call in the box", acts, trials, b.some(3), 3)
}
