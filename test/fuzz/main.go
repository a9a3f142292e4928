// Fuzz runs every fuzz target of the project for a time: those of Go, which
// stand in the tests of their packages, and those of libFuzzer over the C
// library, which are in cgo/ctest/fuzz.
//
//	go run ./test/fuzz [-time 1m|500x] [-run REGEXP] [-list]
//
// It is run from the top of the module. A target of Go is PACKAGE.FuzzNAME,
// one of C is cgo.NAME. Those of C need clang and its run-time library. As
// with go test, 500x is a number of inputs in place of a time.
//
// An input that fails is left where it is tried again: by go test in
// testdata/fuzz of the package, of C in build/fuzz, from where it belongs into
// cgo/ctest/fuzz/corpus when what it found is mended. The exit status is 1
// when a target has failed, or could not be run.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A target is one fuzz target.
type target interface {
	name() string
	// fuzz runs it and returns how many inputs it tried.
	fuzz(l limit) (tried int, err error)
}

// A limit is how long a target is run, or for how many inputs.
type limit struct {
	time   time.Duration
	inputs int
}

// Set reads it, for package flag.
func (l *limit) Set(s string) (err error) {
	n, isNumber := strings.CutSuffix(s, "x")
	if *l = (limit{}); isNumber {
		l.inputs, err = strconv.Atoi(n)
	} else {
		l.time, err = time.ParseDuration(s)
	}
	if err != nil || l.inputs < 1 && l.time < time.Second {
		return errors.New("neither a time of a second or more, as 1m, nor a number of inputs, as 500x")
	}
	return nil
}

func (l *limit) String() string {
	if l.inputs > 0 {
		return strconv.Itoa(l.inputs) + "x"
	}
	return l.time.String()
}

func main() {
	var (
		long    = limit{time: time.Minute}
		pattern = flag.String("run", "", "only targets whose name matches this `regexp`")
		list    = flag.Bool("list", false, "print the targets and leave")
	)
	flag.Var(&long, "time", "`time` for each target, or number of inputs")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(long, *pattern, *list); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(long limit, pattern string, list bool) error {
	only, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	targets, err := goTargets()
	if err != nil {
		return err
	}
	more, err := cTargets()
	if err != nil {
		return err
	}
	passed, failed := 0, 0
	for _, t := range append(targets, more...) {
		if !only.MatchString(t.name()) {
			continue
		}
		if list {
			fmt.Println(t.name())
			continue
		}
		start := time.Now()
		tried, err := t.fuzz(long)
		if err == nil && tried == 0 {
			err = fmt.Errorf("no input was tried")
		}
		if err != nil {
			failed++
			fmt.Printf("FAILED %s: %v\n", t.name(), err)
			continue
		}
		passed++
		fmt.Printf("ok %s: %d inputs in %.1f s\n", t.name(), tried, time.Since(start).Seconds())
	}
	if list {
		return nil
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		return fmt.Errorf("%d targets failed, of %d", failed, passed+failed)
	}
	return nil
}
