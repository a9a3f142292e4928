package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// A line is what one kernel, or one ABI on it, came to.
type line struct {
	release, arch string
	abi           int
	shim          bool // abishim gave the ABI
	note          string
	tally
}

// name of an ABI, as the table has it.
func (l line) name() string {
	word := strconv.Itoa(l.abi)
	switch l.abi {
	case 0:
		word = "none"
	case -1:
		word = "off"
	}
	if l.shim {
		word += ", by abishim"
	}
	return word
}

// print writes the table, the oldest ABI first, and returns its sums. A
// machine without its kernel has a note in the place of numbers.
func (r *runner) print(to io.Writer) (passed, failed, skipped int) {
	slices.SortStableFunc(r.table, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.arch, b.arch), cmp.Compare(max(a.abi, 0), max(b.abi, 0)), -cmp.Compare(a.abi, b.abi), cmp.Compare(a.release, b.release))
	})
	fmt.Fprintln(to)
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "release\tLandlock ABI\tarchitecture\tpassed\tfailed\tskipped")
	for _, l := range r.table {
		passed, failed, skipped = passed+l.passed, failed+l.failed, skipped+l.skips()
		if l.note != "" {
			fmt.Fprintf(w, "%s\t%s\t%s\t-\t-\t%s\n", l.release, l.name(), l.arch, l.note)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d%s\n", l.release, l.name(), l.arch, l.passed, l.failed, l.skips(), l.reasons())
	}
	w.Flush()
	return passed, failed, skipped
}

// close prints the table and, as the last line, how the run went. It returns
// the number of failures: a run of which nothing can be said is one.
func (r *runner) close(to io.Writer) int {
	passed, failed, skipped := r.print(to)
	r.leftOut(to)
	var err error
	switch {
	case failed > 0:
		fmt.Fprintf(to, "logs are in %s\n", r.out)
	case passed == 0:
		err = errors.New("no test has run")
	default:
		err = r.covered()
	}
	if err != nil {
		fmt.Fprintln(to, "FAIL", err)
		failed++
	}
	fmt.Fprintf(to, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	return failed
}

// reasons are those of the skipped tests, the most frequent first.
func (t *tally) reasons() (s string) {
	list := slices.SortedFunc(maps.Keys(t.skipped), func(a, b string) int {
		return cmp.Or(-cmp.Compare(t.skipped[a], t.skipped[b]), cmp.Compare(a, b))
	})
	for _, why := range list {
		s += fmt.Sprintf("; %d: %s", t.skipped[why], why)
	}
	return s
}

// covered holds that every ABI was run, on both architectures: unless
// machines were chosen.
func (r *runner) covered() error {
	if r.chosen {
		return nil
	}
	for _, arch := range architectures {
		for abi := -1; abi <= kernel.Newest; abi++ {
			if !slices.ContainsFunc(r.table, func(l line) bool { return l.arch == arch && l.abi == abi && l.passed > 0 }) {
				return fmt.Errorf("no test has run under Landlock ABI %s on %s", line{abi: abi}.name(), arch)
			}
		}
	}
	return nil
}
