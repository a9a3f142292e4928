package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// policyLines is how long a large policy is.
const policyLines = 10000

// policyAct is a launch with it.
var policyAct = fmt.Sprintf("%d lines", policyLines)

const policyFile = "unveil-run -f"

// policy measures a launch with a large policy file, beside a program that
// makes the same rules and does nothing else.
func (b *bench) policy() (table, error) {
	file := filepath.Join(b.dir, "policy")
	dirs, err := b.directories(policyLines - 1)
	if err != nil {
		return table{}, err
	}
	var text strings.Builder
	text.WriteString("unveil /usr r\n")
	for _, dir := range dirs {
		fmt.Fprintf(&text, "unveil %s r\n", dir)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return table{}, err
	}
	kernel, err := b.compile("rules", "rules.c")
	if err != nil {
		return table{}, err
	}
	var trials []trial
	for _, w := range []way{
		{name: rulesAlone, prefix: []string{kernel, filepath.Dir(dirs[0]), strconv.Itoa(len(dirs))}},
		{name: policyFile, prefix: []string{b.launcher, "-f", file, "--"}},
	} {
		t, err := b.launchTrial(w, policyAct, b.nop)
		if err != nil {
			return table{}, err
		}
		trials = append(trials, t)
	}
	return interleave("policy", "Launch with a large policy file", []act{{policyAct, "us"}}, trials, b.some(15), 2)
}
