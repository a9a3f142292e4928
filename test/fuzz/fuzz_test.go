package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTargets holds that every parser has its target, and every target of C
// its corpus.
func TestTargets(t *testing.T) {
	t.Chdir("../..")
	targets, err := goTargets()
	if err != nil {
		t.Fatal(err)
	}
	more, err := cTargets()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, target := range append(targets, more...) {
		names = append(names, target.name())
	}
	for _, want := range []string{
		"pledge.FuzzParse", "pledge.FuzzCompile", "pledge.FuzzUnion", "pledge.FuzzImage", "pledge.FuzzC", "pledge.FuzzCWords",
		"unveil.FuzzParseRule", "unveil.FuzzCompile", "policy.FuzzRead", "image.FuzzELF", "image.FuzzShebang", "image.FuzzLdCache",
		"cgo.words", "cgo.letters", "cgo.maps", "cgo.filter", "cgo.loader",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, c := range libFuzzer {
		files, _ := filepath.Glob(filepath.Join(drivers, "corpus", c.file, "*"))
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.Size() > 4096 {
				t.Errorf("%s: %v, or more than 4 KiB", f, err)
			}
		}
		if len(files) < 3 {
			t.Errorf("%s has %d inputs to begin with", c.name(), len(files))
		}
	}
}
