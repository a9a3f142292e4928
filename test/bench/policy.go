package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	policyLines  = 10000
	policyRounds = 20
	policyBudget = 100 // milliseconds above the kernel's own cost
)

// A large is what a launch with a large policy costs, beside a program that
// makes the same rules and does nothing else. Times are in milliseconds.
type large struct {
	Lines  int     `json:"lines"`
	Median float64 `json:"median_ms"`
	Kernel float64 `json:"kernel_ms"`
	Budget float64 `json:"budget_ms"` // of the difference
	Holds  bool    `json:"holds"`
}

// measurePolicy starts the target under a policy file of as many directories
// as it has lines.
func measurePolicy(root, dir, target string) (large, error) {
	tree := filepath.Join(dir, "tree")
	file := filepath.Join(dir, "policy")
	var text strings.Builder
	text.WriteString("unveil /usr r\n")
	for i := range policyLines - 1 {
		name := filepath.Join(tree, strconv.Itoa(i))
		if err := os.MkdirAll(name, 0o755); err != nil {
			return large{}, err
		}
		text.WriteString("unveil " + name + " r\n")
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return large{}, err
	}
	bare := filepath.Join(dir, "rules")
	if err := compile([]string{"-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-o", bare, filepath.Join(root, "test/bench/testdata/rules.c")}); err != nil {
		return large{}, err
	}
	results, err := measure([]row{
		{"policy", []string{filepath.Join(root, "build/unveil-run"), "-f", file, "--"}, nil},
		{"kernel", []string{bare, tree, strconv.Itoa(policyLines - 1)}, nil},
	}, target, policyRounds, 2)
	if err != nil {
		return large{}, err
	}
	l := large{policyLines, results[0].Median / 1e3, results[1].Median / 1e3, policyBudget, false}
	l.Holds = l.Median-l.Kernel <= l.Budget
	return l, nil
}

func printPolicy(l large) {
	fmt.Printf("\na policy of %d lines: %.1f ms, the kernel's own cost %.1f ms: %.1f ms more, budget %g: %s\n",
		l.Lines, l.Median, l.Kernel, l.Median-l.Kernel, l.Budget, word(l.Holds))
}
