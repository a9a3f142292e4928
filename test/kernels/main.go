// Kernels boots real kernels in emulated machines and runs the project's
// tests in them:
//
//	go run ./test/kernels [-list] [-run REGEXP] [-suites REGEXP] [-older]
//
// It is run from the top of the module. A machine is a kernel of the matrix
// (matrix.go) on an architecture; its name is ARCH/SERIES, and -run chooses
// among them. Kernels come from the registry of Debian packages that the
// host's apt has, as signed packages of its suites, and stay in a cache
// outside the tree.
//
// It needs qemu-system-x86 and qemu-system-arm, apt, dpkg and the
// archive's keyring; not root, and no hardware for virtual machines. Logs are
// left in build/kernels.
//
// A machine has passed when its kernel is the one that was meant with the
// Landlock ABI of the matrix, and every job in it has come to its end with at
// least one test that passed and none that failed. The exit status is 1 if
// one has not. A machine whose kernel the registry has no more is skipped if
// the matrix says that this may happen.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

func main() {
	var (
		list    = flag.Bool("list", false, "print the machines and leave")
		pattern = flag.String("run", "", "only machines whose name matches this `regexp`")
		only    = flag.String("suites", "", "only suites whose name matches this `regexp`")
		dir     = flag.String("cache", "", "`directory` of kernel images (default: in the user's cache)")
		jobs    = flag.Int("j", 2, "machines at the same `time`")
		limit   = flag.Duration("limit", 45*time.Minute, "`time` that a machine may take")
		older   = flag.Bool("older", false, "run under every older Landlock ABI too, by abishim: ten times as long")
		verbose = flag.Bool("v", false, "name skipped tests and what each job took")
	)
	flag.Parse()
	if flag.NArg() > 0 || *jobs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	r := runner{jobs: *jobs, limit: *limit, verbose: *verbose, older: *older, out: "build/kernels"}
	err := r.choose(*pattern, *only)
	if err == nil && *list {
		r.list()
		return
	}
	if err == nil {
		r.cache, err = openCache(*dir)
	}
	if err == nil {
		err = r.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

type runner struct {
	machines []machine
	suites   *regexp.Regexp
	cache    *cache
	jobs     int
	limit    time.Duration
	verbose  bool
	older    bool
	out      string

	mu                                sync.Mutex
	passed, failed, skipped, machined int
	bad, absent                       int
}

// choose takes the machines that are asked for. None is a mistake, not a run
// in which nothing failed.
func (r *runner) choose(pattern, only string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	if r.suites, err = regexp.Compile(only); err != nil {
		return err
	}
	for _, m := range machines() {
		if re.MatchString(m.String()) && len(r.chosen(m)) > 0 {
			r.machines = append(r.machines, m)
		}
	}
	if len(r.machines) == 0 {
		return fmt.Errorf("no machine matches %q with suites %q", pattern, only)
	}
	return nil
}

func (r *runner) chosen(m machine) (list []suite) {
	for _, s := range m.suites() {
		if r.suites.MatchString(s.name) {
			list = append(list, s)
		}
	}
	return list
}

func (r *runner) list() {
	for _, m := range r.machines {
		must := "required"
		if m.optional {
			must = "optional"
		}
		fmt.Printf("%-14s ABI %-2d %s:", m, m.abi, must)
		for _, s := range r.chosen(m) {
			fmt.Print(" ", s.name)
		}
		fmt.Println()
	}
	for _, s := range suites {
		if s.skip != "" {
			fmt.Printf("%s: without %s, which needs %s\n", s.name, s.skip, s.why)
		}
		if s.lacks != "" {
			fmt.Printf("%s: lacks %s\n", s.name, s.lacks)
		}
	}
}

func (r *runner) run() error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	start := time.Now()
	payloads := map[string]*payload{}
	slots := make(chan struct{}, r.jobs)
	var all sync.WaitGroup
	for _, m := range r.machines {
		// Fetching and building are one at a time; machines run meanwhile.
		image, err := r.cache.image(m)
		if err != nil {
			r.miss(m, err)
			continue
		}
		p := payloads[m.arch]
		if p == nil {
			if p, err = buildPayload(filepath.Join(r.out, "payload"), m.arch, r.cache); err != nil {
				return err
			}
			payloads[m.arch] = p
			if p.noProbes != nil {
				fmt.Printf("*** SKIPPED on %s: the tests that need probes in C: %v\n", m.arch, p.noProbes)
			}
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			r.one(m, p, image)
		})
	}
	all.Wait()
	fmt.Printf("%d machines in %.0f s: %d tests passed, %d failed, %d skipped; %d machines failed, %d are missing\n",
		r.machined, time.Since(start).Seconds(), r.passed, r.failed, r.skipped, r.bad, r.absent)
	if r.machined == 0 {
		return fmt.Errorf("no machine has run")
	}
	if r.bad > 0 {
		return fmt.Errorf("%d of %d machines failed; their logs are in %s", r.bad, len(r.machines), r.out)
	}
	return nil
}

// miss is of a kernel that cannot be had.
func (r *runner) miss(m machine, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.optional {
		r.absent++
		fmt.Printf("*** SKIPPED: %s: %v\n", m, err)
		return
	}
	r.bad++
	fmt.Printf("FAIL %s: %v\n", m, err)
}

func (r *runner) one(m machine, p *payload, image string) {
	chosen := r.chosen(m)
	if p.noProbes != nil {
		chosen = slices.DeleteFunc(chosen, func(s suite) bool { return s.probes })
	}
	ramdisk, jobs, err := p.initramfs(chosen, r.older)
	v, took := &verdict{}, time.Duration(0)
	if err == nil {
		v, took, err = boot(m, image, r.out, ramdisk, jobs, r.limit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.machined++
	if err != nil {
		r.bad++
		fmt.Printf("FAIL %s: %v\n", m, err)
		return
	}
	r.passed, r.failed, r.skipped = r.passed+v.passed, r.failed+v.failed, r.skipped+v.skips
	word := "ok  "
	if len(v.failures) > 0 {
		r.bad++
		word = "FAIL"
	}
	release := "?"
	if v.boot != nil {
		release = v.boot.Release
	}
	fmt.Printf("%s %-14s ABI %-2d %5.0f s  %d passed, %d failed, %d skipped  (%s)\n",
		word, m, m.abi, took.Seconds(), v.passed, v.failed, v.skips, release)
	for _, f := range v.failures {
		fmt.Println("     ", f)
	}
	if r.verbose {
		for _, j := range jobs {
			fmt.Printf("      %s: %.1f s\n", j.Name, v.seconds[j.Name])
		}
		for _, s := range v.skipped {
			fmt.Println("      skipped", s)
		}
	}
}
