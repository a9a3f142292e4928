package main

import (
	"fmt"
	"io"
	"strings"
)

// A budget is the most that a figure may be, or that a ratio or a difference of
// two figures may be.
type budget struct {
	table, act, way string
	how             comparison
	peer            string
	most            float64
}

type comparison int

const (
	itself comparison = iota // in the unit of the act
	times                    // of the peer
	more                     // than the peer, in the unit of the act
	part                     // more than the peer, as a part of what landrun takes for a static command
)

// budgets are set on a machine on which landrun took 2360 us. Where a budget
// is of microseconds a slower machine breaks it, where it is a ratio not.
var budgets = []budget{
	{"launch", static, paths, times, landrun, 0.75},
	{"launch", static, both, times, landrun, 0.75},
	{"launch", static, paths, times, bwrap, 0.8},
	{"launch", static, both, times, bwrap, 0.8},
	{"launch", dynamic, both, part, withoutStageTwo, 150. / 2360},
	{"rules", paths, rulesWay(1000), more, rulesWay(1), 4000},
	{"rules", both, rulesWay(1000), more, rulesWay(1), 4000},
	{"policy", policyAct, policyFile, more, rulesAlone, 100e3},
	{"library", "pledge(), first call", library, itself, "", 100},
	{"library", "pledge(), later call", library, itself, "", 60},
	{"library", "pledge() with exec, first call", library, itself, "", 100},
	{"library", "pledge() with exec, later call", library, itself, "", 60},
	{"library", "unveil() of a directory", library, itself, "", 5},
	{"library", "unveil() that locks 10 of a directory", library, itself, "", 40},
	{"library", "unveil() of a file", library, itself, "", 5},
	{"library", "unveil() that locks 10 of a file", library, itself, "", 40},
	{"calls", openClose, both, times, noBox, 1.5},
	{"calls", openClose, library, times, noBox, 1.5},
	{"calls", stat, both, times, noBox, 1.15},
	{"calls", stat, library, times, noBox, 1.15},
	{"calls", read, both, times, noBox, 1.15},
	{"calls", read, library, times, noBox, 1.15},
	{"calls", write, both, times, noBox, 1.15},
	{"calls", write, library, times, noBox, 1.15},
	{"trace", tracedAct, tracing, times, strace, 1},
	{"memory", threads, itConfines, itself, "", 1},
	{"files", size, libraryFile, itself, "", 64},
	{"files", needed, libraryFile, itself, "", 0},
	{"files", needed, launcherFile, itself, "", 0},
	{"files", loader, launcherFile, itself, "", 0},
	{"files", pie, launcherFile, itself, "", 0},
}

// A verdict is what became of a budget.
type verdict struct {
	What   string  `json:"what"`
	Figure float64 `json:"figure"`
	Budget float64 `json:"budget"`
	Unit   string  `json:"unit"`
	// Measured is false where a peer is missing; then nothing holds.
	Measured bool `json:"measured"`
	Holds    bool `json:"holds"`
}

// judge holds the tables to the budgets; those of tables that are not among
// them are left out.
func judge(tables []table) (list []verdict) {
	for _, t := range tables {
		for _, b := range budgets {
			if b.table == t.Name {
				list = append(list, b.judge(t))
			}
		}
	}
	return list
}

func (b budget) judge(t table) verdict {
	of, found := t.find(b.act, b.way)
	v := verdict{What: b.act + ", " + b.way, Figure: of.Median, Budget: b.most, Unit: of.Unit, Measured: found}
	if b.how != itself {
		peer, has := t.find(b.act, b.peer)
		v.Measured = v.Measured && has
		switch b.how {
		case times:
			v.Figure, v.Unit = of.Median/peer.Median, "of "+b.peer
		case more:
			v.Figure, v.Unit = of.Median-peer.Median, of.Unit+" beyond "+b.peer
		case part:
			whole, has := t.find(static, landrun)
			v.Measured = v.Measured && has
			v.Figure, v.Unit = (of.Median-peer.Median)/whole.Median, "of "+landrun+", beyond "+b.peer
		}
	}
	if !v.Measured {
		v.Figure = 0 // and not a quotient of nothing, which JSON has no word for
	}
	v.Holds = v.Measured && v.Figure <= v.Budget
	return v
}

func printVerdicts(w io.Writer, list []verdict) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w, "\nBudgets")
	for _, v := range list {
		word, figure := "MISSED", digits(v.Figure)
		if !v.Measured {
			word, figure = "NOT MEASURED", "-"
		} else if v.Holds {
			word = "holds"
		}
		fmt.Fprintf(w, "  %-12s %7s, budget %6s %s\n", word, figure, digits(v.Budget), strings.TrimPrefix(v.Unit+": "+v.What, ": "))
	}
}
