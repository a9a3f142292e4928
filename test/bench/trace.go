package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	tracedOpens  = 10000
	tracedFiles  = 1000
	tracedRounds = 7
	tracedBudget = 1.0 // of strace
)

// A traced is what a command of many opens costs that is told of, by
// unveil-run --trace and by strace, in the same rounds.
type traced struct {
	Opens  int     `json:"opens"`
	Bare   float64 `json:"bare"` // milliseconds, the medians
	Boxed  float64 `json:"boxed"`
	Ours   float64 `json:"trace"`
	Learn  float64 `json:"learn"`
	Strace float64 `json:"strace"`
	Ratio  float64 `json:"ratio"`
	Budget float64 `json:"budget"`
	Holds  bool    `json:"holds"`
}

// measureTrace measures it; missing says that there is no strace.
func measureTrace(root, dir string) (t *traced, missing string, err error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil, "strace: not found (apt-get install strace)", nil
	}
	program := filepath.Join(dir, "opens")
	if err := compile([]string{"-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2", "-o", program, filepath.Join(root, "test/bench/testdata/opens.c")}); err != nil {
		return nil, "", err
	}
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, 0o755); err != nil {
		return nil, "", err
	}
	for i := range tracedFiles {
		if err := os.WriteFile(filepath.Join(files, "f"+strconv.Itoa(i)), nil, 0o644); err != nil {
			return nil, "", err
		}
	}
	run := []string{program, strconv.Itoa(tracedOpens), files}
	launcher := filepath.Join(root, "build/unveil-run")
	boxed := []string{launcher, "-q", "-u", "/tmp:r", "-u", dir + ":r", "--"}
	ways := [][]string{
		run,
		append(slices.Clone(boxed), run...),
		append(append([]string{launcher, "--trace"}, boxed[1:]...), run...),
		append([]string{launcher, "-q", "--learn", filepath.Join(dir, "learnt"), "--"}, run...),
		append([]string{strace, "-f", "-e", "trace=%file", "-o", "/dev/null"}, run...),
	}
	times := make([][]float64, len(ways))
	for range tracedRounds {
		for i, argv := range ways {
			// What is written is read by nobody, but all of it must have been.
			cmd := exec.Command(argv[0], argv[1:]...)
			begin := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, "", fmt.Errorf("%q: %w\n%s", argv, err, out)
			}
			times[i] = append(times[i], float64(time.Since(begin).Microseconds())/1000)
		}
	}
	var medians []float64
	for _, list := range times {
		slices.Sort(list)
		medians = append(medians, list[len(list)/2])
	}
	t = &traced{tracedOpens, medians[0], medians[1], medians[2], medians[3], medians[4], medians[2] / medians[4], tracedBudget, false}
	t.Holds = t.Ratio <= t.Budget
	return t, "", nil
}

func printTrace(t *traced) {
	fmt.Printf("\n%d opens, milliseconds: bare %.0f, in a box %.0f, --trace %.0f, --learn %.0f, strace -f -e trace=%%file %.0f\n",
		t.Opens, t.Bare, t.Boxed, t.Ours, t.Learn, t.Strace)
	fmt.Printf("%-28s %.2f of strace, budget %.2f: %s\n", ours+" --trace", t.Ratio, t.Budget, word(t.Holds))
}
