package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A section measures one table.
type section struct {
	name    string // of the table
	measure func(*bench) (table, error)
}

var sections = []section{
	{"launch", (*bench).launch},
	{"rules", (*bench).rules},
	{"policy", (*bench).policy},
	{"library", (*bench).libraryCalls},
	{"calls", (*bench).systemCalls},
	{"work", (*bench).work},
	{"memory", (*bench).memory},
	{"trace", (*bench).trace},
	{"files", (*bench).files},
}

func main() {
	var (
		rounds = flag.Int("n", 300, "`rounds` that count; of what takes longer, fewer")
		warm   = flag.Int("warm", 10, "`rounds` before them")
		only   = flag.String("only", "", "measure these `sections` alone, separated by commas")
		asJSON = flag.Bool("json", false, "print JSON instead of tables")
		budget = flag.Bool("budget", false, "exit with 1 where a budget is missed, or not measured")
		plots  = flag.String("svg", "", "write plots into a `directory` too")
		readme = flag.Bool("readme", false, "write the figures into README.md and .github/bench too")
		execs  = flag.Int("execs", 0, "count over `N` execs how often an image falls into the ranges of its parent, and do nothing else")
	)
	flag.Parse()
	chosen, err := choose(*only)
	if err != nil || flag.NArg() > 0 || *rounds < 1 || *warm < 0 || *execs < 0 || *only != "" && (*readme || *plots != "") {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		flag.Usage()
		os.Exit(2)
	}
	b, err := newBench(*rounds, *warm)
	if err == nil {
		if *execs > 0 {
			err = b.countExecs(*execs)
		} else {
			err = b.run(chosen, *asJSON, *budget, *plots, *readme)
		}
		err = errors.Join(err, b.close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// choose returns the sections of a list of names, and all for an empty one.
func choose(only string) (list []section, err error) {
	if only == "" {
		return sections, nil
	}
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only: no section %q", name)
		}
		list = append(list, sections[i])
	}
	return list, nil
}

func (b *bench) run(chosen []section, asJSON, budget bool, plots string, readme bool) error {
	for _, m := range b.missing {
		fmt.Fprintln(os.Stderr, "*** SKIPPED:", m)
	}
	r := report{Machine: b.machine, Command: fmt.Sprintf("go run ./test/bench -n %d", b.rounds)}
	for _, s := range chosen {
		fmt.Fprintln(os.Stderr, "measuring:", s.name)
		t, err := s.measure(b)
		if err != nil {
			return err
		}
		r.Tables = append(r.Tables, t)
	}
	r.Verdicts = judge(r.Tables)
	if asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	} else {
		r.print(os.Stdout)
	}
	if plots != "" {
		if err := r.writePlots(plots); err != nil {
			return err
		}
	}
	missing := len(b.missing) > 0
	if readme {
		// Figures that lack a launcher would look like a choice.
		if missing {
			return errors.New("-readme: not all is measured, and nothing is written")
		}
		if err := r.publish(b.root); err != nil {
			return err
		}
	}
	if missing && os.Getenv("CI") != "" {
		return errors.New("not all is measured")
	}
	if budget && slices.ContainsFunc(r.Verdicts, func(v verdict) bool { return !v.Holds }) {
		return errors.New("a budget is missed, or not measured")
	}
	return nil
}
