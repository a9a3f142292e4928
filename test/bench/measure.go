package main

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
)

// An act is one thing that is measured, and the unit of its figures.
type act struct{ name, unit string }

// A figure is what the rounds gave for an act done in one way: the median, and
// the quartiles, between which half of the rounds lie.
type figure struct {
	Act    string  `json:"act"`
	Unit   string  `json:"unit"`
	Way    string  `json:"way"`
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// A table is what was measured in the same rounds. The first way of an act is
// the one that the others are held against.
type table struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Rounds  int      `json:"rounds"`
	Figures []figure `json:"figures"`
}

// find returns the figure of an act done in one way.
func (t table) find(act, way string) (figure, bool) {
	i := slices.IndexFunc(t.Figures, func(f figure) bool { return f.Act == act && f.Way == way })
	if i < 0 {
		return figure{}, false
	}
	return t.Figures[i], true
}

// interleave runs every trial once a round, in a new random order, so that
// what else the machine does meets all of them alike. The first rounds, which
// warm the caches, do not count.
func interleave(name, title string, acts []act, trials []trial, rounds, warm int) (table, error) {
	type key struct{ act, way string }
	got := map[key][]float64{}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for round := range warm + rounds {
		for _, i := range rand.Perm(len(trials)) {
			figures, err := trials[i].run()
			if err != nil {
				return table{}, fmt.Errorf("%s, %s: %w", name, trials[i].way, err)
			}
			if round < warm {
				continue
			}
			for act, figure := range figures {
				k := key{act, trials[i].way}
				got[k] = append(got[k], figure)
			}
		}
	}
	t := table{Name: name, Title: title, Rounds: rounds}
	for _, a := range acts {
		var ways []string
		for _, trial := range trials {
			list := got[key{a.name, trial.way}]
			if list == nil || slices.Contains(ways, trial.way) {
				continue
			}
			if len(list) != rounds {
				return table{}, fmt.Errorf("%s, %s, %s: %d figures of %d rounds", name, trial.way, a.name, len(list), rounds)
			}
			ways = append(ways, trial.way)
			t.Figures = append(t.Figures, figure{a.name, a.unit, trial.way, quantile(list, 0.5), quantile(list, 0.25), quantile(list, 0.75)})
		}
		if ways == nil {
			return table{}, fmt.Errorf("%s: nothing has measured %q", name, a.name)
		}
	}
	return t, nil
}

// quantile sorts list.
func quantile(list []float64, q float64) float64 {
	slices.Sort(list)
	return list[int(q*float64(len(list)-1)+0.5)]
}
