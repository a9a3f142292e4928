package main

import (
	"errors"
	"reflect"
	"testing"
)

// TestInterleave holds that all trials run in each round, that warm rounds do
// not count, and that the table is in the order of acts and trials.
func TestInterleave(t *testing.T) {
	runs := map[string]int{}
	counting := func(way string, acts ...string) trial {
		return trial{way, func() (map[string]float64, error) {
			runs[way]++
			figures := map[string]float64{}
			for _, act := range acts {
				figures[act] = float64(runs[way])
			}
			return figures, nil
		}}
	}
	got, err := interleave("name", "title", []act{{"one", "us"}, {"two", ""}}, []trial{counting("a", "one", "two"), counting("b", "one")}, 5, 2)
	want := table{"name", "title", 5, []figure{{"one", "us", "a", 5, 4, 6}, {"one", "us", "b", 5, 4, 6}, {"two", "", "a", 5, 4, 6}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if runs["a"] != 7 || runs["b"] != 7 {
		t.Errorf("runs %v", runs)
	}
}

// TestInterleaveFails holds that no figure is made of fewer rounds than it
// says, or of none.
func TestInterleaveFails(t *testing.T) {
	once := true
	for name, run := range map[string]func() (map[string]float64, error){
		"an error": func() (map[string]float64, error) { return nil, errors.New("no") },
		"no act":   func() (map[string]float64, error) { return map[string]float64{"other": 1}, nil },
		"not every round": func() (map[string]float64, error) {
			if !once {
				return nil, nil
			}
			once = false
			return map[string]float64{"act": 1}, nil
		},
	} {
		if got, err := interleave("name", "title", []act{{"act", ""}}, []trial{{"way", run}}, 3, 0); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
