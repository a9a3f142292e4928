package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/unveil-run/unveil-run/test/kernels/report"
)

// A tally counts tests.
type tally struct {
	passed, failed int
	skipped        map[string]int // by reason
}

func (t *tally) skips() (n int) {
	for _, some := range t.skipped {
		n += some
	}
	return n
}

func (t *tally) skip(why string) {
	if t.skipped == nil {
		t.skipped = map[string]int{}
	}
	t.skipped[why]++
}

// A verdict is what a machine's report comes to.
type verdict struct {
	boot       *report.Boot
	tallies    map[int]*tally // by the ABI that the tests ran under
	shimmed    map[int]bool   // those ABIs that abishim gave
	skipped    []string       // each skipped test, and why
	failures   []string       // why the machine has not passed: none if it has
	transcript strings.Builder
	ended      bool               // it turned itself off, having done everything
	seconds    map[string]float64 // by job
	took       time.Duration
	processor  time.Duration // time of processors, which a busy host does not change
}

func (v *verdict) fail(format string, args ...any) {
	v.failures = append(v.failures, fmt.Sprintf(format, args...))
}

// abis are those that tests ran under, the newest first.
func (v *verdict) abis() (list []int) {
	for abi := range v.tallies {
		list = append(list, abi)
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// judge reads a report. It takes nothing for granted: a kernel that dies half
// way, another one than was meant, a job that never ran or had no test in it
// are failures, each by itself.
func judge(r io.Reader, m machine, jobs []report.Job) *verdict {
	v := &verdict{seconds: map[string]float64{}, tallies: map[int]*tally{}, shimmed: map[int]bool{}}
	v.tallies[m.abi] = &tally{}
	readers := map[string]*reader{}
	for _, j := range jobs {
		if v.tallies[j.ABI] == nil {
			v.tallies[j.ABI] = &tally{}
		}
		v.shimmed[j.ABI] = v.shimmed[j.ABI] || j.Shim
		readers[j.Name] = &reader{verdict: v, job: j, to: v.tallies[j.ABI], said: map[string]string{}}
	}
	exits := map[string]*report.Exit{}
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
			if r := readers[e.Job]; r != nil {
				r.read(*e.Line)
			}
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
			v.ended = true
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
	abi := v.boot.ABI
	if v.boot.Errno == "ENOTSUP" { // which is EOPNOTSUPP: one number, two names
		abi = -1
	}
	if abi != m.abi {
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
		case readers[j.Name].passed == 0:
			v.fail("%s: not one test passed", j.Name)
		}
	}
	if !v.ended {
		v.fail("the machine stopped before its end")
	}
	return v
}

// settle has a machine that has not passed count for a failure, also where no
// test has failed: a crash is one.
func (v *verdict) settle(m machine) {
	if len(v.failures) == 0 {
		return
	}
	for _, t := range v.tallies {
		if t.failed > 0 {
			return
		}
	}
	if v.tallies[m.abi] == nil {
		v.tallies = map[int]*tally{m.abi: {}}
	}
	v.tallies[m.abi].failed++
}

// A reader counts the tests of one job, by what it prints.
type reader struct {
	*verdict
	job    report.Job
	to     *tally
	passed int
	test   string            // that speaks
	said   map[string]string // the last line of a test
}

func (r *reader) read(line string) {
	if r.job.C {
		r.readC(line)
	} else {
		r.readGo(line)
	}
}

// Lines of `go test -v`: whose turn it is, and what it says.
var (
	turn = regexp.MustCompile(`^=== (?:RUN|NAME|CONT) +(\S+)`)
	said = regexp.MustCompile(`^ +\w+\.go:\d+: (.*)`)
)

func (r *reader) readGo(line string) {
	if m := turn.FindStringSubmatch(line); m != nil {
		r.test = m[1]
		return
	}
	if m := said.FindStringSubmatch(line); m != nil {
		r.said[r.test] = m[1]
		return
	}
	word, name, found := strings.Cut(strings.TrimLeft(line, " "), ": ")
	if !found {
		return
	}
	name, _, _ = strings.Cut(name, " ")
	switch word {
	case "--- PASS":
		r.pass()
	case "--- FAIL":
		r.to.failed++
		r.fail("%s: %s: %s", r.job.Name, name, r.said[name])
	case "--- SKIP":
		r.leave(name, r.said[name])
	}
}

// emulated is why a case of four million calls is left to real processors.
const emulated = "takes minutes where it is emulated"

// readC reads a line of cgo/ctest. A case may only be skipped for what the
// other user runs.
func (r *reader) readC(line string) {
	verdict, rest, _ := strings.Cut(line, " ")
	if verdict == "not" {
		verdict, rest = "not ok", strings.TrimPrefix(rest, "ok ")
	}
	name, why, _ := strings.Cut(rest, "\t")
	switch {
	case verdict == "ok":
		r.pass()
	case verdict == "skip" && (why == "needs root" && r.job.UID != 0 || why == emulated):
		r.leave(name, why)
	case verdict == "skip" || verdict == "not ok":
		r.to.failed++
		r.fail("%s: %s: %s", r.job.Name, name, why)
	}
}

func (r *reader) pass() {
	r.passed++
	r.to.passed++
}

func (r *reader) leave(name, why string) {
	r.to.skip(why)
	r.skipped = append(r.skipped, fmt.Sprintf("%s: %s: %s", r.job.Name, name, why))
}
