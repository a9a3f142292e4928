package compat

import (
	"strings"
	"testing"
)

// TestDifferencesCases holds that the cases of this package's tables that the
// differences name are in them.
func TestDifferencesCases(t *testing.T) {
	cases := make(map[string]bool)
	for _, e := range enforced {
		cases[strings.TrimSpace("TestEnforced/"+e.under+"/"+e.act+" "+e.env)] = true
	}
	for name := range contract {
		cases["TestContract/"+name] = true
	}
	for _, d := range Differences {
		for _, s := range d.Shown {
			if s.Dir == "compat" && !cases[s.Case] {
				t.Errorf("%q: no case %q", d.Here, s.Case)
			}
		}
	}
}
