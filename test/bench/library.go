package main

// libraryCalls measures pledge(2) and unveil(2) in C, each kind in a process
// of its own.
func (b *bench) libraryCalls() (table, error) {
	program, err := b.compile("library", append([]string{"library.c"}, b.link()...)...)
	if err != nil {
		return table{}, err
	}
	var trials []trial
	for _, kind := range []string{"stays", "executes", "directories", "files"} {
		trials = append(trials, trial{library, func() (map[string]float64, error) { return linesOf(program, kind) }})
	}
	acts := []act{
		{"pledge(), first call", "us"}, {"pledge(), later call", "us"},
		{"pledge() with exec, first call", "us"}, {"pledge() with exec, later call", "us"},
		{"unveil() of a directory", "us"}, {"unveil() that locks 10 of a directory", "us"},
		{"unveil() of a file", "us"}, {"unveil() that locks 10 of a file", "us"},
	}
	return interleave("library", "pledge() and unveil() of libunveil, in a C program", acts, trials, b.rounds, b.warm)
}
