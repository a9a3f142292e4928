package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/unveil-run/unveil-run/internal/check"
	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/internal/launch"
)

// Exit statuses of --check.
const (
	statusUsable   = 0
	statusUnusable = 1 // Landlock or seccomp is missing as a whole
)

// printCheck prints what this kernel can hold, and returns the exit status.
func printCheck(words *launch.Words, speech launch.Speech) int {
	if !words.Check {
		speech.Fail(&launch.Failure{Status: launch.StatusFailed, Err: fmt.Errorf("--json: it belongs to --check"), Hints: []string{"unveil-run --check --json"}})
		return launch.StatusFailed
	}
	if len(words.Command)+len(words.Unveil)+len(words.Pledge)+len(words.File) > 0 {
		speech.Fail(&launch.Failure{Status: launch.StatusFailed, Err: fmt.Errorf("--check: it tells of the kernel, not of a box or a command"), Hints: []string{"-n prints the plan of a command and what this kernel cannot hold of it"}})
		return launch.StatusFailed
	}
	k := kernel.Probe()
	report := check.New(k, check.Blocked())
	var err error
	if words.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		_, err = fmt.Print(k, "\n", report)
	}
	if err != nil {
		speech.Fail(&launch.Failure{Status: launch.StatusFailed, Err: fmt.Errorf("standard output: %w", err)})
		return launch.StatusFailed
	}
	if !report.Usable() {
		return statusUnusable
	}
	return statusUsable
}
