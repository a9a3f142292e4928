package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/kernels/report"
)

// good is the report of a machine that has passed.
func good() []report.Event {
	line := func(s string) report.Event { return report.Event{Job: "one", Line: &s} }
	return []report.Event{
		{Boot: &report.Boot{Release: "7.3.4-cloud", ABI: 11}},
		{Job: "one", Start: true},
		line("=== RUN   TestOne"),
		line("--- PASS: TestOne (0.00s)"),
		line("=== RUN   TestOne/part"),
		line("    one_test.go:7: not here"),
		line("    --- SKIP: TestOne/part (0.00s)"),
		line("PASS"),
		{Job: "one", Exit: &report.Exit{Seconds: 1}},
		{End: true},
	}
}

// TestJudge: whatever is missing from a good report fails the machine.
func TestJudge(t *testing.T) {
	tests := []struct {
		name   string
		change func([]report.Event) []report.Event
		raw    string // behind it
		want   string // "" passes
	}{
		{name: "good"},
		{name: "nothing", change: func([]report.Event) []report.Event { return nil }, want: "process 1 never spoke"},
		{name: "no boot", change: without(0), want: "process 1 never spoke"},
		{name: "no test", change: without(3), want: "one: not one test passed"},
		{name: "no exit", change: without(8), want: "one: has not come to its end"},
		{name: "no end", change: without(9), want: "the machine stopped before its end"},
		{name: "another kernel", change: func(e []report.Event) []report.Event { e[0].Boot.Release = "7.31.1"; return e }, want: "the kernel is 7.31.1, want 7.3"},
		{name: "a candidate of it", change: func(e []report.Event) []report.Event { e[0].Boot.Release = "7.3-cloud"; return e }},
		{name: "another ABI", change: func(e []report.Event) []report.Event { e[0].Boot.ABI = 10; return e }, want: "Landlock ABI 10 , the matrix says 11"},
		{name: "a failure", change: func(e []report.Event) []report.Event { e[8].Exit.Status = 1; return e }, want: "one: status 1"},
		{name: "a note of init", change: func(e []report.Event) []report.Event { return append(e, report.Event{Note: "no /proc"}) }, want: "init: no /proc"},
		{name: "half a line", raw: `{"Job":"on`, want: "no event"},
		{name: "another job", change: func(e []report.Event) []report.Event { e[3].Job = "two"; return e }, want: "one: not one test passed"},
	}
	m := machine{row: row{name: "7.3", series: "7.3", abi: 11}, arch: "amd64"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events := good()
			if tt.change != nil {
				events = tt.change(events)
			}
			var text strings.Builder
			for _, e := range events {
				if err := json.NewEncoder(&text).Encode(e); err != nil {
					t.Fatal(err)
				}
			}
			v := judge(strings.NewReader(text.String()+tt.raw), m, []report.Job{{Name: "one", ABI: 11}})
			got := strings.Join(v.failures, "; ")
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if n := v.tallies[11]; tt.want == "" && (n.passed != 1 || n.failed != 0 || n.skipped["not here"] != 1) {
				t.Errorf("%d passed, %d failed, %d skipped", n.passed, n.failed, n.skips())
			}
		})
	}
}

// TestJudgeC: the lines of cgo/ctest. What is skipped there is skipped for a
// reason that is known, or has failed.
func TestJudgeC(t *testing.T) {
	for _, tt := range []struct {
		line                    string
		uid                     int
		passed, failed, skipped int
	}{
		{"ok a name", 0, 1, 0, 0},
		{"not ok a name\twhy", 0, 0, 1, 0},
		{"skip a name\tneeds root", nobody, 0, 0, 1},
		{"skip a name\tneeds root", 0, 0, 1, 0},
		{"skip a name\tno io_uring", nobody, 0, 1, 0},
		{"okay", 0, 0, 0, 0},
		{"--- PASS: TestOne (0.00s)", 0, 0, 0, 0},
	} {
		v := &verdict{}
		r := &reader{verdict: v, job: report.Job{UID: tt.uid, C: true}, to: &tally{}}
		r.read(tt.line)
		if r.to.passed != tt.passed || r.passed != tt.passed || r.to.failed != tt.failed || r.to.skips() != tt.skipped || len(v.failures) != tt.failed {
			t.Errorf("%q: %+v, %q", tt.line, r.to, v.failures)
		}
	}
}

func without(i int) func([]report.Event) []report.Event {
	return func(e []report.Event) []report.Event { return append(e[:i], e[i+1:]...) }
}
