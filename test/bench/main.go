package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
		svg    = flag.String("svg", "", "write plots into a `directory` too")
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
	skipped, broken, err := run(*rounds, *warm, *asJSON, *svg)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if *budget && broken || skipped && (*budget || os.Getenv("CI") != "") {
		os.Exit(1)
	}
}

func run(rounds, warm int, asJSON bool, svg string) (skipped, broken bool, err error) {
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
	many, err := rulesRows(filepath.Join(root, "build/unveil-run"), dir, target)
	if err != nil {
		return false, false, err
	}
	for _, r := range many {
		if err := r.confines(dir, target); err != nil {
			return false, false, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	byRules, err := measure(many, target, max(rounds/4, 1), warm)
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
	second, err := measureStageTwo(root, dir, rounds, warm, results)
	if err != nil {
		return false, false, err
	}
	if svg != "" {
		if err := writePlots(svg, where(), rounds, results, byRules); err != nil {
			return false, false, err
		}
	}
	verdicts, broken := judge(results)
	excess := judgeRules(byRules)
	for _, e := range excess {
		broken = broken || !e.Holds
	}
	broken = broken || !policy.Holds || !second.Holds
	broken = broken || trace != nil && !trace.Holds
	for _, c := range list {
		broken = broken || !c.Holds
	}
	if asJSON {
		err = json.NewEncoder(os.Stdout).Encode(report{where(), rounds, results, byRules, verdicts, excess, list, policy, second, trace})
	} else {
		printTable(results, verdicts, rounds)
		printRules(byRules, excess)
		printCosts(list)
		printPolicy(policy)
		printStageTwo(second)
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
	machine
	Rounds   int       `json:"rounds"`
	Rows     []result  `json:"rows"`
	Rules    []result  `json:"rules"`
	Verdicts []verdict `json:"budgets"`
	Excess   []excess  `json:"rules_budgets"`
	Library  []cost    `json:"library"`
	Policy   large     `json:"policy"`
	StageTwo stage     `json:"stage_two"`
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
	w := where()
	fmt.Printf("Linux %s, %s, %d processors, %s; microseconds\n", w.Kernel, w.Processor, w.Processors, w.Date)
	fmt.Printf("again with: go run ./test/bench -n %d\n\n", rounds)
	printResults(results, results[0])
	for _, v := range verdicts {
		fmt.Printf("%-28s %.2f of %s, budget %.2f: %s\n", v.Row, v.Ratio, v.Peer, v.Budget, word(v.Holds))
	}
}

// printResults prints rows, and how they are to the median of a first one.
func printResults(results []result, first result) {
	fmt.Printf("%-28s %8s %8s %8s %8s\n", "", "median", "p95", "faults", "ratio")
	for _, r := range results {
		fmt.Printf("%-28s %8.0f %8.0f %8.0f %8.2f\n", r.Name, r.Median, r.P95, r.Faults, r.Median/first.Median)
	}
	fmt.Println()
}

func word(holds bool) string {
	if holds {
		return "holds"
	}
	return "BROKEN"
}
