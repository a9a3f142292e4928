package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// ruleCounts are how many paths the launcher is given, to see what they cost.
var ruleCounts = []int{1, 10, 100, 1000}

// rulesRows returns the launcher with so many rules, without and with a
// filter. The rules are directories below dir; the last unveils the target.
func rulesRows(launcher, dir, target string) (rows []row, err error) {
	var words []string
	for i := range ruleCounts[len(ruleCounts)-1] - 1 {
		path := filepath.Join(dir, "directories", fmt.Sprint(i))
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, err
		}
		words = append(words, "-u", path+":r")
	}
	for _, n := range ruleCounts {
		prefix := append([]string{launcher, "-u", target + ":rx"}, words[:2*(n-1)]...)
		none := []string{"cat", "/etc/hostname"}
		rows = append(rows,
			row{fmt.Sprintf("%d rules", n), append(prefix[:len(prefix):len(prefix)], "--"), none},
			row{fmt.Sprintf("%d rules -p", n), append(prefix[:len(prefix):len(prefix)], "-p", "stdio rpath", "--"), none})
	}
	return rows, nil
}

// rulesBudget is how much longer a launch may take with the most rules than
// with one, in microseconds: the table of budgets of the design.
const rulesBudget = 4000

// An excess is what the most rules cost more than one.
type excess struct {
	Row    string  `json:"row"`
	More   float64 `json:"more_us"`
	Budget float64 `json:"budget_us"`
	Holds  bool    `json:"holds"`
}

// judgeRules holds the rows of the most rules, which are the last two, against
// those of one.
func judgeRules(byRules []result) (list []excess) {
	for i, few := range byRules[:2] {
		many := byRules[len(byRules)-2+i]
		more := many.Median - few.Median
		list = append(list, excess{many.Name, more, rulesBudget, more <= rulesBudget})
	}
	return list
}

func printRules(byRules []result, list []excess) {
	fmt.Println()
	printResults(byRules, byRules[0])
	for _, e := range list {
		fmt.Printf("%-28s %.0f us more than one, budget %.0f us: %s\n", e.Row, e.More, e.Budget, word(e.Holds))
	}
}
