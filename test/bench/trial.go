package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A trial does acts in one way, once, and returns a figure for each by name.
type trial struct {
	way string
	run func() (map[string]float64, error)
}

// launchTrial starts a command without what os/exec does beside.
func (b *bench) launchTrial(w way, act, command string) (trial, error) {
	argv := w.argv(command)
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return trial{}, err
	}
	null := b.null.Fd()
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{null, null, null}}
	return trial{w.name, func() (map[string]float64, error) {
		took, usage, err := once(path, argv, attr)
		figures := map[string]float64{act: float64(took) / 1e3}
		if act == static && err == nil {
			figures[faults] = float64(usage.Minflt)
		}
		return figures, err
	}}, nil
}

func once(path string, argv []string, attr *syscall.ProcAttr) (time.Duration, *syscall.Rusage, error) {
	var status syscall.WaitStatus
	var usage syscall.Rusage
	start := time.Now()
	pid, err := syscall.ForkExec(path, argv, attr)
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

// processor names the act of a command by the time that it and its children ran,
// which hardly depends on what else the machine does.
func processor(act string) string { return act + ", processor" }

// commandTrial runs a command, and reads what it says when it fails.
func commandTrial(w way, act string, command ...string) trial {
	argv := w.argv(command...)
	return trial{w.name, func() (map[string]float64, error) {
		cmd := exec.Command(argv[0], argv[1:]...)
		var wrong strings.Builder
		cmd.Stderr = &wrong
		start := time.Now()
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%q: %w\n%s", argv, err, wrong.String())
		}
		took, ran := time.Since(start), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
		return map[string]float64{act: took.Seconds() * 1e3, processor(act): ran.Seconds() * 1e3}, nil
	}}
}

// linesOf runs a program of testdata, which prints lines of a name, a tab and a
// figure.
func linesOf(argv ...string) (map[string]float64, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var wrong strings.Builder
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%q: %w\n%s", argv, err, wrong.String())
	}
	figures := map[string]float64{}
	for line := range strings.Lines(string(out)) {
		name, text, _ := strings.Cut(line, "\t")
		var f float64
		if _, err := fmt.Sscanf(text, "%g\n", &f); err != nil {
			return nil, fmt.Errorf("%q: %q: %w", argv, line, err)
		}
		figures[name] = f
	}
	return figures, nil
}
