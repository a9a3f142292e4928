package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A cost is one figure of libunveil. Budget is the table of budgets of the
// design: of microseconds, or of the ratio to the same without confinement.
type cost struct {
	Name   string  `json:"name"`
	Median float64 `json:"median_us"`
	Empty  float64 `json:"empty_us"` // with a library that does nothing
	Ratio  float64 `json:"ratio"`
	Budget float64 `json:"budget"`
	Unit   string  `json:"unit"`
	Holds  bool    `json:"holds"`
}

const ratio = "of bare"

// costs are what the program prints, in the order of the table.
var costs = []struct {
	name, kind string
	budget     float64
	unit       string
}{
	{"pledge(), first call", "stays", 100, "us"},
	{"pledge(), later call", "stays", 60, "us"},
	{"pledge() with exec, first call", "executes", 100, "us"},
	{"pledge() with exec, later call", "executes", 60, "us"},
	{"unveil() of a directory", "directories", 5, "us"},
	{"unveil() that locks 10 of a directory", "directories", 40, "us"},
	{"unveil() of a file", "files", 5, "us"},
	{"unveil() that locks 10 of a file", "files", 40, "us"},
	{"open+close", "running", 1.5, ratio},
	{"read", "running", 1.15, ratio},
	{"write", "running", 1.15, ratio},
	{"stat", "running", 1.15, ratio},
}

// buildC compiles a program of testdata, and the library that it is linked to
// where there is a source for one.
func buildC(root, dir, name, source, library string) (string, error) {
	in := func(file string) string { return filepath.Join(root, "test/bench/testdata", file) }
	cc := []string{"-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-I" + filepath.Join(root, "cgo")}
	libraries := filepath.Join(root, "build")
	if library != "" {
		libraries = filepath.Join(dir, name+".d")
		if err := os.Mkdir(libraries, 0o755); err != nil {
			return "", err
		}
		if err := compile(append(cc, "-shared", "-fPIC", "-o", filepath.Join(libraries, "libunveil.so"), in(library))); err != nil {
			return "", err
		}
	}
	out := filepath.Join(dir, name)
	return out, compile(append(cc, "-pie", "-fPIE", "-o", out, in(source), "-L"+libraries, "-Wl,-rpath,"+libraries, "-lunveil"))
}

func compile(args []string) error {
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("gcc: %w\n%s", err, out)
	}
	return nil
}

// measureLibrary runs each kind of measurement once a round, with the library
// and with the empty one, in a random order.
func measureLibrary(root, dir string, rounds, warm int) ([]cost, error) {
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, make([]byte, 64), 0o644); err != nil {
		return nil, err
	}
	type row struct {
		program, kind string
		confined      string
	}
	var rows []row
	for _, p := range []struct{ name, library, confined string }{{"library", "", "1"}, {"empty", "empty.c", "0"}} {
		program, err := buildC(root, dir, p.name, "library.c", p.library)
		if err != nil {
			return nil, err
		}
		for _, kind := range []string{"stays", "executes", "directories", "files", "running"} {
			rows = append(rows, row{program, kind, p.confined})
		}
	}
	times := map[string][]float64{} // by program and name
	for round := range warm + rounds {
		for _, i := range rand.Perm(len(rows)) {
			r := rows[i]
			out, err := exec.Command(r.program, r.kind, file).CombinedOutput()
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w\n%s", r.program, r.kind, err, out)
			}
			for line := range strings.Lines(string(out)) {
				name, figure, _ := strings.Cut(strings.TrimSpace(line), "\t")
				if name == "confined" {
					// Else the figures are of something else.
					if figure != r.confined {
						return nil, fmt.Errorf("%s: confined is %s", r.program, figure)
					}
					continue
				}
				took, err := strconv.ParseFloat(figure, 64)
				if err != nil {
					return nil, fmt.Errorf("%s %s: %q", r.program, r.kind, line)
				}
				if key := filepath.Base(r.program) + "\t" + name; round >= warm {
					times[key] = append(times[key], took)
				}
			}
		}
	}
	var list []cost
	for _, c := range costs {
		with, without := times["library\t"+c.name], times["empty\t"+c.name]
		if len(with) != rounds || len(without) != rounds {
			return nil, fmt.Errorf("%s: %d and %d figures of %d rounds", c.name, len(with), len(without), rounds)
		}
		got := cost{Name: c.name, Median: quantile(with, 0.5), Empty: quantile(without, 0.5), Budget: c.budget, Unit: c.unit}
		got.Ratio = got.Median / got.Empty
		if c.unit == ratio {
			got.Holds = got.Ratio <= c.budget
		} else {
			got.Holds = got.Median <= c.budget
		}
		list = append(list, got)
	}
	return list, nil
}

func printCosts(list []cost) {
	fmt.Printf("\n%-38s %10s %10s\n", "", "libunveil", "empty")
	for _, c := range list {
		fmt.Printf("%-38s %10.2f %10.2f   ", c.Name, c.Median, c.Empty)
		if c.Unit == ratio {
			fmt.Printf("%.2f %s, ", c.Ratio, c.Unit)
		}
		fmt.Printf("budget %g", c.Budget)
		if c.Unit != ratio {
			fmt.Printf(" %s", c.Unit)
		}
		fmt.Printf(": %s\n", word(c.Holds))
	}
}
