package main

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

const (
	size         = "size"
	needed       = "libraries needed"
	loader       = "loaders asked for"
	pie          = "relocatable"
	libraryFile  = "libunveil.so"
	launcherFile = "unveil-run"
)

// files looks at what was built.
func (b *bench) files() (table, error) {
	t := table{Name: "files", Title: "Files", Rounds: 1}
	for _, name := range []string{launcherFile, libraryFile} {
		path := filepath.Join(b.root, "build", name)
		info, err := os.Stat(path)
		if err != nil {
			return table{}, err
		}
		file, err := elf.Open(path)
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", path, err)
		}
		defer file.Close()
		libraries, err := file.ImportedLibraries()
		if err != nil {
			return table{}, fmt.Errorf("%s: %w", path, err)
		}
		for _, f := range []struct {
			act, unit string
			value     float64
		}{
			{size, "KiB", float64(info.Size()) / 1024},
			{needed, "", float64(len(libraries))},
			{loader, "", count(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })},
			{pie, "", count([]*elf.File{file}, func(f *elf.File) bool { return f.Type == elf.ET_DYN })},
		} {
			t.Figures = append(t.Figures, figure{f.act, f.unit, name, f.value, f.value, f.value})
		}
	}
	// By act, as everywhere.
	order := []string{size, needed, loader, pie}
	slices.SortStableFunc(t.Figures, func(a, b figure) int { return slices.Index(order, a.Act) - slices.Index(order, b.Act) })
	return t, nil
}

func count[T any](list []T, is func(T) bool) (n float64) {
	for _, e := range list {
		if is(e) {
			n++
		}
	}
	return n
}
