package main

import (
	"fmt"
	"io"
)

// A report is all that a run has found.
type report struct {
	Machine  machine   `json:"machine"`
	Command  string    `json:"command"` // that measures it again
	Tables   []table   `json:"tables"`
	Verdicts []verdict `json:"budgets"`
}

// where says in one line what the figures are of, and how to have them again.
func (r report) where() string { return r.Machine.caption() + ". Again: " + r.Command }

// table returns one by its name.
func (r report) table(name string) (table, error) {
	for _, t := range r.Tables {
		if t.Name == name {
			return t, nil
		}
	}
	return table{}, fmt.Errorf("the table %q is not measured", name)
}

func (r report) print(w io.Writer) {
	fmt.Fprintln(w, r.where())
	for _, t := range r.Tables {
		t.print(w)
	}
	printVerdicts(w, r.Verdicts)
}

// print prints a row for each figure, under its act. A ratio is that of the
// medians.
func (t table) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s; rounds: %d\n", t.Title, t.Rounds)
	var first figure
	for _, f := range t.Figures {
		if f.Act != first.Act {
			first = f
			title := f.Act
			if f.Unit != "" {
				title += ", " + f.Unit
			}
			fmt.Fprintf(w, "  %-42s %9s %21s\n", title, "median", "quartiles")
		}
		fmt.Fprintf(w, "    %-40s %9s %21s", f.Way, digits(f.Median), digits(f.Low)+" to "+digits(f.High))
		if f != first && first.Median > 0 {
			fmt.Fprintf(w, " %7.2f", f.Median/first.Median)
		}
		fmt.Fprintln(w)
	}
}

// digits writes a figure with those that mean something.
func digits(f float64) string {
	if f == float64(int(f)) || f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}
