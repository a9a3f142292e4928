// Packages builds the Debian packages of this tree, lets lintian look at them,
// installs them in new roots of Debian releases, and uses them there: the
// launcher, and a C program that is compiled and linked with what pkg-config
// says. Every act that must be refused is first done without confinement.
//
//	go run ./test/packages [-keep] [SUITE...]
//
// The suites are bookworm and trixie unless others are named. It is run from
// the top of the module by root, and needs debhelper, lintian, mmdebstrap and
// the archive that the machine's apt uses. The kernel is the machine's own:
// other kernels are what test/kernels is for.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	keep := flag.Bool("keep", false, "leave the roots, and say where they are")
	flag.Parse()
	suites := flag.Args()
	if len(suites) == 0 {
		suites = []string{"bookworm", "trixie"}
	}
	if err := run(suites, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

func run(suites []string, keep bool) error {
	if os.Getuid() != 0 {
		return fmt.Errorf("it makes roots of Debian, and so has to be run by root")
	}
	if out, err := exec.Command("make", "deb").CombinedOutput(); err != nil {
		return fmt.Errorf("make deb: %w\n%s", err, out)
	}
	changes, _ := filepath.Glob("build/deb/*.changes")
	debs, _ := filepath.Glob("build/deb/*.deb")
	if len(changes) != 1 || len(debs) != 3 {
		return fmt.Errorf("make deb has made %q and %q", changes, debs)
	}
	out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", changes[0]).CombinedOutput()
	if err != nil {
		return fmt.Errorf("lintian: %w\n%s", err, out)
	}
	fmt.Printf("lintian: nothing to say of %d packages\n", len(debs))
	failed := 0
	for _, suite := range suites {
		n, err := inRoot(suite, debs, keep)
		if err != nil {
			return fmt.Errorf("%s: %w", suite, err)
		}
		failed += n
	}
	if failed > 0 {
		return fmt.Errorf("%d trials failed", failed)
	}
	return nil
}

// inRoot makes a root of a suite and plays the trials in it. It returns how
// many failed.
func inRoot(suite string, debs []string, keep bool) (failed int, err error) {
	start := time.Now()
	dir, err := os.MkdirTemp("", "unveil-run-"+suite+"-")
	if err != nil {
		return 0, err
	}
	if keep {
		fmt.Printf("%s: %s\n", suite, dir)
	} else {
		defer os.RemoveAll(dir)
	}
	r := root{dir: filepath.Join(dir, "root")}
	if err := r.make(suite); err != nil {
		return 0, err
	}
	if err := r.copy("/root/debs", debs...); err != nil {
		return 0, err
	}
	if err := r.copy("/tmp", "test/packages/testdata/confined.c"); err != nil {
		return 0, err
	}
	made := time.Since(start)
	for _, t := range trials {
		got, err := r.do(t.uid, t.command)
		if err != nil {
			return failed, fmt.Errorf("%s: %w", t.command, err)
		}
		if why := t.wrong(got); why != "" {
			failed++
			fmt.Printf("%s: FAILED: %s\n\tuid %d: %s\n\t%s\n", suite, why, t.uid, t.command, strings.ReplaceAll(strings.TrimSpace(got.output), "\n", "\n\t"))
		}
	}
	fmt.Printf("%s: %d passed, %d failed, in %.0f s after %.0f s for the root\n", suite, len(trials)-failed, failed,
		(time.Since(start) - made).Seconds(), made.Seconds())
	return failed, nil
}
