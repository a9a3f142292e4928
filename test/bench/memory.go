package main

import "path/filepath"

const (
	threads    = "threads"
	notLinked  = "not linked"
	linked     = "linked to " + library
	itConfines = linked + ", both called"
)

// memory measures the memory and the threads of a C program that does nothing
// but look at itself.
func (b *bench) memory() (table, error) {
	plain, err := b.compile("memory-plain", "memory.c", "empty.c")
	if err != nil {
		return table{}, err
	}
	with, err := b.compile("memory", append([]string{"memory.c"}, b.link()...)...)
	if err != nil {
		return table{}, err
	}
	var trials []trial
	for _, t := range []struct {
		way  string
		argv []string
	}{
		{notLinked, []string{plain, "bare"}},
		{linked, []string{with, "bare"}},
		{itConfines, []string{with, "confine"}},
		{notLinked + ", by " + both, []string{b.launcher, "-u", filepath.Dir(plain) + ":r", "-u", "/proc:r", "-p", "stdio rpath", "--", plain, "bare"}},
	} {
		trials = append(trials, trial{t.way, func() (map[string]float64, error) { return linesOf(t.argv...) }})
	}
	acts := []act{{"resident (RSS)", "KiB"}, {"its share of that (PSS)", "KiB"}, {"private and written", "KiB"}, {threads, ""}}
	return interleave("memory", "Memory of a C program", acts, trials, b.some(10), 1)
}
