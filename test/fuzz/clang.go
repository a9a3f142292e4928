package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/unveil-run/unveil-run/test/made"
)

const (
	sources = "cgo"
	drivers = "cgo/ctest/fuzz"
	built   = "build/fuzz"
)

// A cTarget is a file of cgo/ctest/fuzz.
type cTarget struct {
	file  string
	with  []string // sources of the library
	faked bool     // their system calls are the target's
}

var libFuzzer = []cTarget{
	{file: "words", with: []string{"words.c"}},
	{file: "letters", with: []string{"rights.c", "walk.c"}},
	{file: "filter", with: made.FilterSources},
	{file: "maps", with: []string{"image.c"}, faked: true},
	{file: "loader", with: []string{"loader.c"}, faked: true},
}

func (t cTarget) name() string { return "cgo." + t.file }

// cTargets returns the targets, when each file is one.
func cTargets() (list []target, err error) {
	files, err := filepath.Glob(drivers + "/*.c")
	if err != nil {
		return nil, err
	}
	for _, t := range libFuzzer {
		list = append(list, t)
	}
	if len(files) != len(list) {
		return nil, fmt.Errorf("%d files in %s, and %d targets are known", len(files), drivers, len(list))
	}
	return list, nil
}

func (t cTarget) fuzz(l limit) (int, error) {
	program, found := filepath.Join(built, t.file), filepath.Join(built, t.file+".corpus")
	if err := os.MkdirAll(found, 0o755); err != nil {
		return 0, err
	}
	args := []string{"-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"}
	if t.faked {
		args = append(args, "-include", filepath.Join(sources, "ctest/fake.h"))
	}
	args = append(args, "-o", program, filepath.Join(drivers, t.file+".c"))
	for _, s := range t.with {
		args = append(args, filepath.Join(sources, s))
	}
	if out, err := exec.Command("clang", args...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("clang %s: %w (on Debian: clang and libclang-rt-dev)\n%s", strings.Join(args, " "), err, out)
	}
	bound := fmt.Sprintf("-max_total_time=%.0f", l.time.Seconds())
	if l.inputs > 0 {
		bound = fmt.Sprintf("-runs=%d", l.inputs)
	}
	// New inputs go to the first directory, those that are kept are read.
	return tried(runs, l, program, bound, "-max_len=8192", "-timeout=20",
		"-artifact_prefix="+program+"-", found, filepath.Join(drivers, "corpus", t.file))
}
