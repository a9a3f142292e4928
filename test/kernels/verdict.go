package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/unveil-run/unveil-run/test/kernels/report"
)

// A verdict is what a machine's report comes to.
type verdict struct {
	boot                  *report.Boot
	passed, failed, skips int
	skipped               []string // lines of skipped tests
	failures              []string // why the machine has not passed: none if it has
	transcript            strings.Builder
	seconds               map[string]float64 // by job
}

func (v *verdict) fail(format string, args ...any) {
	v.failures = append(v.failures, fmt.Sprintf(format, args...))
}

// judge reads a report. It takes nothing for granted: a kernel that dies half
// way, another one than was meant, a job that never ran or had no test in it
// are failures, each by itself.
func judge(r io.Reader, m machine, jobs []report.Job) *verdict {
	v := &verdict{seconds: map[string]float64{}}
	exits, passed := map[string]*report.Exit{}, map[string]int{}
	ended := false
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e report.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			v.fail("the report has a line that is no event: %.200q", lines.Text())
			continue
		}
		switch {
		case e.Boot != nil:
			v.boot = e.Boot
		case e.Line != nil:
			fmt.Fprintf(&v.transcript, "%s\n", *e.Line)
			v.count(*e.Line, e.Job, passed)
		case e.Start:
			fmt.Fprintf(&v.transcript, "=== %s\n", e.Job)
		case e.Exit != nil:
			fmt.Fprintf(&v.transcript, "=== %s: status %d after %.1f s\n", e.Job, e.Exit.Status, e.Exit.Seconds)
			exits[e.Job] = e.Exit
			v.seconds[e.Job] = e.Exit.Seconds
		case e.Note != "":
			fmt.Fprintf(&v.transcript, "=== note: %s %s\n", e.Job, e.Note)
			if e.Job == "" {
				v.fail("init: %s", e.Note)
			}
		case e.End:
			ended = true
		}
	}
	if err := lines.Err(); err != nil {
		v.fail("the report: %v", err)
	}
	if v.boot == nil {
		v.fail("process 1 never spoke")
		return v
	}
	if s := v.boot.Release; !strings.HasPrefix(s, m.series+".") && !strings.HasPrefix(s, m.series+"-") {
		v.fail("the kernel is %s, want %s", s, m.series)
	}
	if v.boot.ABI != m.abi {
		v.fail("Landlock ABI %d %s, the matrix says %d", v.boot.ABI, v.boot.Errno, m.abi)
	}
	if len(jobs) == 0 {
		v.fail("there was nothing to run")
	}
	for _, j := range jobs {
		switch exit := exits[j.Name]; {
		case exit == nil:
			v.fail("%s: has not come to its end", j.Name)
		case exit.Status != 0:
			v.fail("%s: status %d", j.Name, exit.Status)
		case passed[j.Name] == 0:
			v.fail("%s: not one test passed", j.Name)
		}
	}
	if !ended {
		v.fail("the machine stopped before its end")
	}
	return v
}

// count knows the lines of `go test -v`.
func (v *verdict) count(line, job string, passed map[string]int) {
	switch word := strings.TrimLeft(line, " "); {
	case strings.HasPrefix(word, "--- PASS: "):
		v.passed++
		passed[job]++
	case strings.HasPrefix(word, "--- FAIL: "):
		v.failed++
	case strings.HasPrefix(word, "--- SKIP: "):
		v.skips++
		v.skipped = append(v.skipped, job+": "+strings.TrimPrefix(word, "--- SKIP: "))
	}
}
