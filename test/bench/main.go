package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// budgets are the highest ratios of unveil-run to a peer: the table of
// budgets of the design.
var budgets = map[string]float64{landrun: 0.75, bwrap: 0.80}

func main() {
	var (
		rounds = flag.Int("n", 300, "`rounds` that count")
		warm   = flag.Int("warm", 10, "`rounds` before them")
		asJSON = flag.Bool("json", false, "print JSON instead of a table")
		budget = flag.Bool("budget", false, "exit with 1 where a budget is broken")
		execs  = flag.Int("execs", 0, "count over `N` execs how often an image falls into the ranges of its parent, and do nothing else")
	)
	flag.Parse()
	if flag.NArg() > 0 || *rounds < 1 || *warm < 0 || *execs < 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *execs > 0 {
		if err := countExecs(*execs); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	skipped, broken, err := run(*rounds, *warm, *asJSON)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if *budget && broken || skipped && (*budget || os.Getenv("CI") != "") {
		os.Exit(1)
	}
}

func run(rounds, warm int, asJSON bool) (skipped, broken bool, err error) {
	dir, err := os.MkdirTemp("", "unveil-run-bench")
	if err != nil {
		return false, false, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return false, false, err
	}
	target := filepath.Join(dir, "nop")
	if err := writeNop(target); err != nil {
		return false, false, err
	}
	root, err := build()
	if err != nil {
		return false, false, err
	}
	rows, missing := rowsFor(filepath.Join(root, "build/unveil-run"))
	for _, m := range missing {
		fmt.Fprintln(os.Stderr, "*** SKIPPED:", m)
	}
	for _, r := range rows {
		if err := r.confines(dir, target); err != nil {
			return false, false, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	results, err := measure(rows, target, rounds, warm)
	if err != nil {
		return false, false, err
	}
	list, err := measureLibrary(root, dir, rounds, warm)
	if err != nil {
		return false, false, err
	}
	policy, err := measurePolicy(root, dir, target)
	if err != nil {
		return false, false, err
	}
	trace, lacks, err := measureTrace(root, dir)
	if err != nil {
		return false, false, err
	}
	if lacks != "" {
		missing = append(missing, lacks)
		fmt.Fprintln(os.Stderr, "*** SKIPPED:", lacks)
	}
	verdicts, broken := judge(results)
	broken = broken || !policy.Holds
	broken = broken || trace != nil && !trace.Holds
	for _, c := range list {
		broken = broken || !c.Holds
	}
	if asJSON {
		err = json.NewEncoder(os.Stdout).Encode(report{release(), rounds, results, verdicts, list, policy, trace})
	} else {
		printTable(results, verdicts, rounds)
		printCosts(list)
		printPolicy(policy)
		if trace != nil {
			printTrace(trace)
		}
	}
	return len(missing) > 0, broken, err
}

// build makes the launcher and the library as they are shipped, and returns
// the root of the repository: they are in its folder build.
func build() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	cmd := exec.Command("make", "-s", "-C", root, "build")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return root, cmd.Run()
}

type report struct {
	Kernel   string    `json:"kernel"`
	Rounds   int       `json:"rounds"`
	Rows     []result  `json:"rows"`
	Verdicts []verdict `json:"budgets"`
	Library  []cost    `json:"library"`
	Policy   large     `json:"policy"`
	Trace    *traced   `json:"trace"`
}

// A verdict is a row of unveil-run against one peer.
type verdict struct {
	Row    string  `json:"row"`
	Peer   string  `json:"peer"`
	Ratio  float64 `json:"ratio"`
	Budget float64 `json:"budget"`
	Holds  bool    `json:"holds"`
}

func judge(results []result) (list []verdict, broken bool) {
	for _, r := range results {
		for _, peer := range results {
			limit, ok := budgets[peer.Name]
			if !ok || !strings.HasPrefix(r.Name, ours) {
				continue
			}
			ratio := r.Median / peer.Median
			list = append(list, verdict{r.Name, peer.Name, ratio, limit, ratio <= limit})
			broken = broken || ratio > limit
		}
	}
	return list, broken
}

func printTable(results []result, verdicts []verdict, rounds int) {
	fmt.Printf("Linux %s, %d rounds, microseconds\n\n", release(), rounds)
	fmt.Printf("%-28s %8s %8s %8s\n", "", "median", "p95", "faults")
	for _, r := range results {
		fmt.Printf("%-28s %8.0f %8.0f %8.0f\n", r.Name, r.Median, r.P95, r.Faults)
	}
	fmt.Println()
	for _, v := range verdicts {
		fmt.Printf("%-28s %.2f of %s, budget %.2f: %s\n", v.Row, v.Ratio, v.Peer, v.Budget, word(v.Holds))
	}
}

func word(holds bool) string {
	if holds {
		return "holds"
	}
	return "BROKEN"
}

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
