package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
)

// A result is a row with its figures. Times are in microseconds, of the
// whole process: from before the fork to after the wait.
type result struct {
	Name   string  `json:"name"`
	Median float64 `json:"median_us"`
	P95    float64 `json:"p95_us"`
	Faults float64 `json:"page_faults"` // minor ones, median
}

// measure runs every row once a round.
func measure(rows []row, target string, rounds, warm int) ([]result, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), null.Fd()}}
	argvs := make([][]string, len(rows))
	for i, r := range rows {
		argvs[i] = append(slices.Clone(r.prefix), target)
		if argvs[i][0], err = exec.LookPath(argvs[i][0]); err != nil {
			return nil, err
		}
	}
	times, faults := make([][]float64, len(rows)), make([][]float64, len(rows))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for round := range warm + rounds {
		for _, i := range rand.Perm(len(rows)) {
			took, usage, err := once(argvs[i], attr)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", rows[i].name, err)
			}
			if round >= warm {
				times[i] = append(times[i], float64(took)/1e3)
				faults[i] = append(faults[i], float64(usage.Minflt))
			}
		}
	}
	results := make([]result, len(rows))
	for i, r := range rows {
		results[i] = result{r.name, quantile(times[i], 0.5), quantile(times[i], 0.95), quantile(faults[i], 0.5)}
	}
	return results, nil
}

func once(argv []string, attr *syscall.ProcAttr) (time.Duration, *syscall.Rusage, error) {
	var status syscall.WaitStatus
	var usage syscall.Rusage
	start := time.Now()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, nil, err
	}
	for {
		if _, err = syscall.Wait4(pid, &status, 0, &usage); err != syscall.EINTR {
			break
		}
	}
	took := time.Since(start)
	if err == nil && status != 0 {
		err = fmt.Errorf("wait status %#x", int(status))
	}
	return took, &usage, err
}

// quantile sorts list.
func quantile(list []float64, q float64) float64 {
	slices.Sort(list)
	return list[int(q*float64(len(list)-1)+0.5)]
}
