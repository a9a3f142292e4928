package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/unveil-run/unveil-run/test/derived"
)

var update = flag.Bool("update", false, "draw anew what is drawn from the figures")

// TestFigures holds README.md, the page of figures and the plots to the figures
// of the last run, and that run to every section and every budget.
func TestFigures(t *testing.T) {
	const root = "../.."
	text, err := os.ReadFile(filepath.Join(root, figuresDir, figuresFile))
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	files, err := r.drawn(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		derived.Hold(t, filepath.Join(root, name), text, *update, "go test ./test/bench -run Figures -update")
	}
	for _, s := range sections {
		if _, err := r.table(s.name); err != nil {
			t.Error(err)
		}
	}
	if verdicts := judge(r.Tables); !slices.Equal(verdicts, r.Verdicts) {
		t.Errorf("the budgets of the figures are %+v, not %+v: make bench-readme", r.Verdicts, verdicts)
	}
	for _, v := range r.Verdicts {
		if !v.Measured {
			t.Errorf("not measured: %s", v.What)
		}
	}
	if len(r.Verdicts) != len(budgets) {
		t.Errorf("%d verdicts of %d budgets: a budget names no table", len(r.Verdicts), len(budgets))
	}
}
