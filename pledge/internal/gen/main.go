// Command gen writes what is derived from the table of promises: the system
// call numbers, and the promise blocks of the manual and of the README.
//
// It is run by go generate ./pledge, and with -check by the test that says
// when something derived is stale.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "write nothing; fail when a file is stale")
	root := flag.String("root", "..", "root of the repository")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run brings every derived file below root up to date, or with check reports
// the first that is not.
func run(root string, check bool) error {
	numbers, err := sysnum()
	if err != nil {
		return err
	}
	if err := put(filepath.Join(root, "pledge", "zsysnum.go"), numbers, check); err != nil {
		return err
	}
	for _, b := range blocks {
		file := filepath.Join(root, b.file)
		old, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text, err := b.replace(old)
		if err != nil {
			return fmt.Errorf("%s: %w", b.file, err)
		}
		if err := put(file, text, check); err != nil {
			return err
		}
	}
	return nil
}

// put writes data to file when it differs from what is there.
func put(file string, data []byte, check bool) error {
	old, err := os.ReadFile(file)
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	if check {
		return fmt.Errorf("%s is stale: run go generate ./pledge", filepath.Base(file))
	}
	return os.WriteFile(file, data, 0o666)
}
