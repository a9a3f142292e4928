package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A launch of a dynamic command may cost 150 us more, on the machine on which
// the budget was set and landrun took 2360 us. On a slower one both take longer.
const (
	stageTwoBudget  = 150
	landrunAtBudget = 2360
)

// A stage is what stage two costs: the launcher with libunveil.so inside beside
// the one without, for a dynamic command that does nothing. Times are in
// microseconds, of the whole process. Where landrun is missing the budget is
// what it is on that machine.
type stage struct {
	With    float64 `json:"with_us"`
	Without float64 `json:"without_us"`
	Ratio   float64 `json:"ratio"`
	Budget  float64 `json:"budget_us"` // of the difference
	Holds   bool    `json:"holds"`
}

func measureStageTwo(root, dir string, rounds, warm int, peers []result) (stage, error) {
	with, without, target := filepath.Join(root, "build/unveil-run"), filepath.Join(dir, "unveil-run-plain"), filepath.Join(dir, "dynamic")
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=exe", "-ldflags", "-s -w", "-o", without, "./cmd/unveil-run")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return stage{}, fmt.Errorf("go build: %w\n%s", err, out)
	}
	if err := compile([]string{"-O2", "-o", target, filepath.Join(root, "test/bench/testdata/nothing.c")}); err != nil {
		return stage{}, err
	}
	box := []string{"-p", "stdio rpath", "--"}
	// Held to be what they are measured for.
	for launcher, want := range map[string]bool{with: true, without: false} {
		out, err := exec.Command(launcher, append([]string{"-n"}, append(box, target)...)...).Output()
		if err != nil {
			return stage{}, fmt.Errorf("%s: %w", launcher, err)
		}
		if got := strings.Contains(string(out), "when the loader is done: "); got != want {
			return stage{}, fmt.Errorf("%s: stage two: %v", launcher, got)
		}
	}
	results, err := measure([]row{
		{"with", append([]string{with}, box...), nil},
		{"without", append([]string{without}, box...), nil},
	}, target, rounds, warm)
	if err != nil {
		return stage{}, err
	}
	s := stage{With: results[0].Median, Without: results[1].Median, Budget: stageTwoBudget}
	for _, r := range peers {
		if r.Name == landrun {
			s.Budget *= r.Median / landrunAtBudget
		}
	}
	s.Ratio = s.With / s.Without
	s.Holds = s.With-s.Without <= s.Budget
	return s, nil
}

func printStageTwo(s stage) {
	fmt.Printf("\na dynamic command: %.0f us with stage two, %.0f us without: %.2f, %.0f us more, budget %.0f: %s\n",
		s.With, s.Without, s.Ratio, s.With-s.Without, s.Budget, word(s.Holds))
}
