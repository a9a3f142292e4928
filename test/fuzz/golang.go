package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// A goTarget is a function FuzzX of a test.
type goTarget struct{ pkg, function string }

func (t goTarget) name() string { return path.Base(t.pkg) + "." + t.function }

var fuzzFunction = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// goTargets finds the functions in the tests of every package.
func goTargets() (list []target, err error) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		for _, name := range append(p.TestGoFiles, p.XTestGoFiles...) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			for _, m := range fuzzFunction.FindAllSubmatch(text, -1) {
				list = append(list, goTarget{p.ImportPath, string(m[1])})
			}
		}
	}
}

// spare is for what go test and clang do before and after, or for inputs.
const spare = 5 * time.Minute

var (
	execs = regexp.MustCompile(`(?:execs|baseline coverage): (\d+)`) // the latter are inputs that were known
	runs  = regexp.MustCompile(`Done (\d+) runs`)
)

// fuzz lets go test do it. An input that is merely new is not made small for
// long: that is not counted, and can take all of the time.
func (t goTarget) fuzz(l limit) (int, error) {
	return tried(execs, l, "go", "test", "-run", "^$", "-fuzz", "^"+t.function+"$", "-fuzztime", l.String(), "-fuzzminimizetime", "1s", t.pkg)
}

// tried runs a fuzzer and reads the last count of inputs from what it says.
func tried(count *regexp.Regexp, l limit, name string, args ...string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.time+spare)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	all := count.FindAllSubmatch(out, -1)
	if len(all) == 0 {
		return 0, fmt.Errorf("it does not say what it did\n%s", out)
	}
	return strconv.Atoi(string(all[len(all)-1][1]))
}
