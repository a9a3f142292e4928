package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// perImage is how often one image executes others, before a new one does.
const perImage = 500

// A stretch is executable memory of an image.
type stretch struct {
	first, last uint64
	image       int
}

// countExecs counts how often an image that is exec'd falls into the ranges of
// the one that it came from, to which a filter is bound: as it happens, and
// over every pair of the images, since it is rare.
func (b *bench) countExecs(execs int) error {
	program, err := b.compile("execs", append([]string{"execs.c"}, b.link()...)...)
	if err != nil {
		return err
	}
	var all []stretch
	images, fell := 0, 0
	for done := 0; done < execs; done += perImage {
		n := min(perImage, execs-done)
		out, err := exec.Command(program, strconv.Itoa(n)).Output()
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(program), err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		var died int
		if _, err := fmt.Sscanf(lines[len(lines)-1], "fell %d", &died); err != nil {
			return fmt.Errorf("%q: %w", lines[len(lines)-1], err)
		}
		// The first line is of the parent.
		if len(lines) != 1+n-died+1 {
			return fmt.Errorf("%d lines of %d execs", len(lines), n)
		}
		fell += died
		for _, line := range lines[:len(lines)-1] {
			for _, field := range strings.Fields(line) {
				s := stretch{image: images}
				if _, err := fmt.Sscanf(field, "%x-%x", &s.first, &s.last); err != nil {
					return fmt.Errorf("%q: %w", line, err)
				}
				all = append(all, s)
			}
			images++
		}
	}
	pairs, met := images*(images-1)/2, meetings(all)
	fmt.Printf("%d execs: %d fell into the ranges of their parent\n", execs, fell)
	fmt.Printf("%d pairs of %d images: %d met, %.1f of a million\n", pairs, images, met, 1e6*float64(met)/float64(pairs))
	return nil
}

// meetings counts the pairs of images that have a stretch in common. Those
// that touch count: the instruction pointer is behind the instruction.
func meetings(all []stretch) int {
	slices.SortFunc(all, func(a, b stretch) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	var open []stretch
	met := map[[2]int]bool{}
	for _, s := range all {
		open = slices.DeleteFunc(open, func(o stretch) bool { return o.last < s.first })
		for _, o := range open {
			if o.image != s.image {
				met[[2]int{min(o.image, s.image), max(o.image, s.image)}] = true
			}
		}
		open = append(open, s)
	}
	return len(met)
}
