// Kernels boots real kernels in emulated machines and runs the project's
// tests in them:
//
//	go run ./test/kernels [-list] [-all] [-run REGEXP]
//
// It is run from the top of the module. A machine is a kernel of the matrix
// (matrix.go) on an architecture; its name is ARCH/SERIES, and -run chooses
// among them. Without -all they are those of every run. Kernels come from the
// registry of Debian packages that the host's apt has, as signed packages of
// its suites, and stay in a cache outside the tree. A Landlock ABI that no
// kernel of the run has is given by abishim, on the newest one.
//
// It needs qemu-system-x86 and qemu-system-arm, gcc for both architectures,
// apt, dpkg and the archive's keyring; not root, and no hardware for virtual
// machines. Logs are left in build/kernels.
//
// A machine has passed when its kernel is the one that was meant with the
// Landlock ABI of the matrix, and every job in it has come to its end with at
// least one test that passed and none that failed. The exit status is 1 if
// one has not, or if an ABI has been run nowhere. A machine whose kernel the
// registry has no more is skipped if the matrix says that this may happen.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/kernels/report"
)

func main() {
	var (
		list    = flag.Bool("list", false, "print the machines and leave")
		all     = flag.Bool("all", false, "every machine of the matrix, and every suite in it")
		pattern = flag.String("run", "", "only machines whose name matches this `regexp`")
		dir     = flag.String("cache", "", "`directory` of kernel images (default: in the user's cache)")
		jobs    = flag.Int("j", 2, "how `many` machines at the same time")
		limit   = flag.Duration("limit", 45*time.Minute, "`time` that a machine may take")
		verbose = flag.Bool("v", false, "name skipped tests and what each job took")
	)
	flag.Parse()
	if flag.NArg() > 0 || *jobs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	r := runner{jobs: *jobs, limit: *limit, verbose: *verbose, all: *all, out: "build/kernels", missing: map[string]error{}}
	err := r.choose(*pattern)
	if err == nil && *list {
		r.list()
		return
	}
	if err == nil {
		r.caches, err = openCaches(*dir)
	}
	if err == nil {
		err = r.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
	if r.close(os.Stdout) > 0 {
		os.Exit(1)
	}
}

type runner struct {
	machines []machine // that are asked for
	chosen   bool      // by a pattern
	all      bool
	caches   map[string]*cache
	jobs     int
	limit    time.Duration
	verbose  bool
	out      string

	payloads map[string]*payload // by architecture
	missing  map[string]error    // machines whose kernel cannot be had

	mu    sync.Mutex
	table []line
}

// choose takes the machines that are asked for. None is a mistake, not a run
// in which nothing failed.
func (r *runner) choose(pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	r.chosen = pattern != ""
	for _, m := range machines() {
		if re.MatchString(m.String()) && (r.all || !m.rarer) {
			r.machines = append(r.machines, m)
		}
	}
	if len(r.machines) == 0 {
		return fmt.Errorf("no machine matches %q", pattern)
	}
	return nil
}

func (r *runner) list() {
	for _, m := range r.machines {
		must := "required"
		if m.optional {
			must = "optional"
		}
		fmt.Printf("%-14s ABI %-2d %s:", m, m.abi, must)
		for _, s := range m.suites(r.all) {
			fmt.Print(" ", s.name)
		}
		if shims := r.shims(m); len(shims) > 0 {
			fmt.Print("; by abishim ABI", fmt.Sprint(shims))
		}
		fmt.Println()
	}
	r.leftOut(os.Stdout)
}

// leftOut says which tests no machine of the run has, and why.
func (r *runner) leftOut(to io.Writer) {
	for _, s := range suites {
		if !slices.ContainsFunc(r.machines, func(m machine) bool { return slices.ContainsFunc(m.suites(r.all), s.is) }) {
			continue
		}
		if s.skip != "" {
			fmt.Fprintf(to, "%s: without %s, which needs %s\n", s.name, s.skip, s.why)
		}
		if s.long != "" && !r.all {
			fmt.Fprintf(to, "%s: without %s, which takes -all\n", s.name, s.long)
		}
		if s.moreOn != "" && !r.all {
			fmt.Fprintf(to, "%s: as user %d on %s alone, elsewhere with -all\n", s.name, s.more[0], s.moreOn)
		}
		if s.shimOn != "" && !r.all {
			fmt.Fprintf(to, "%s: under abishim on %s alone, elsewhere with -all\n", s.name, s.shimOn)
		}
		if s.lacks != "" {
			fmt.Fprintf(to, "%s: lacks %s\n", s.name, s.lacks)
		}
	}
}

// shims are the ABIs that a machine stands in for: the newest, for those that
// no kernel of its architecture has, be it not in the matrix or not in the
// registry.
func (r *runner) shims(m machine) (list []int) {
	if m.name != newest {
		return nil
	}
	for abi := -1; abi <= kernel.Newest; abi++ {
		if !slices.ContainsFunc(machines(), func(other machine) bool {
			return other.arch == m.arch && other.abi == abi && (r.all || !other.rarer) && r.missing[other.String()] == nil
		}) {
			list = append(list, abi)
		}
	}
	return list
}

func (r *runner) run() error {
	start := time.Now()
	if err := r.prepare(); err != nil {
		return err
	}
	fmt.Printf("kernels fetched and tests built in %.0f s\n", time.Since(start).Seconds())
	slots := make(chan struct{}, r.jobs)
	var all sync.WaitGroup
	for _, m := range r.machines {
		if err := r.missing[m.String()]; err != nil {
			r.miss(m, err)
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			r.one(m)
		})
	}
	all.Wait()
	fmt.Printf("%d machines in %.0f s\n", len(r.machines), time.Since(start).Seconds())
	return nil
}

// prepare builds what the machines run, and fetches kernels meanwhile, of all
// architectures at the same time.
func (r *runner) prepare() error {
	var arches []string
	for _, m := range r.machines {
		if !slices.Contains(arches, m.arch) {
			arches = append(arches, m.arch)
		}
	}
	fetched := make(chan error, len(arches))
	for _, arch := range arches {
		go func() { fetched <- r.fetch(arch) }()
	}
	r.payloads = map[string]*payload{}
	var err error
	for _, arch := range arches {
		if err == nil {
			r.payloads[arch], err = buildPayload(filepath.Join(r.out, "payload"), arch)
		}
	}
	for range arches {
		err = errors.Join(err, <-fetched)
	}
	return err
}

// fetch has the cache filled for an architecture.
func (r *runner) fetch(arch string) error {
	c := r.caches[arch]
	for _, get := range []func() (string, error){c.busybox, c.dash} {
		if _, err := get(); err != nil {
			return err
		}
	}
	for _, m := range r.machines {
		if m.arch != arch {
			continue
		}
		if _, err := c.image(m); err != nil {
			r.mu.Lock()
			r.missing[m.String()] = err
			r.mu.Unlock()
		}
	}
	return nil
}

// miss is of a kernel that cannot be had.
func (r *runner) miss(m machine, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := line{release: m.series, abi: m.abi, arch: m.arch}
	if m.optional {
		l.note = "SKIPPED: not in the registry"
		fmt.Printf("*** SKIPPED: %s: %v\n", m, err)
	} else {
		l.note, l.failed = "FAILED: not in the registry", 1
		fmt.Printf("FAIL %s: %v\n", m, err)
	}
	r.table = append(r.table, l)
}

func (r *runner) one(m machine) {
	c := r.caches[m.arch]
	busybox, err := c.busybox()
	var dash, image string
	if err == nil {
		dash, err = c.dash()
	}
	if err == nil {
		image, err = c.image(m)
	}
	v := &verdict{}
	if err == nil {
		var ramdisk []byte
		var jobs []report.Job
		ramdisk, jobs, err = r.payloads[m.arch].initramfs(m, r.all, r.shims(m), busybox, dash)
		if err == nil {
			v, err = boot(m, image, r.out, ramdisk, jobs, r.limit)
		}
	}
	if v == nil {
		v = &verdict{}
	}
	if err != nil {
		v.fail("%v", err)
	}
	v.settle(m)
	r.mu.Lock()
	defer r.mu.Unlock()
	word := "ok  "
	if len(v.failures) > 0 {
		word = "FAIL"
	}
	release := m.series
	if v.boot != nil {
		release = v.boot.Release
	}
	fmt.Printf("%s %-14s %4.0f s, %4.0f s of processors  %s\n", word, m, v.took.Seconds(), v.processor.Seconds(), release)
	for _, f := range v.failures {
		fmt.Println("     ", f)
	}
	for _, abi := range v.abis() {
		r.table = append(r.table, line{release: release, abi: abi, arch: m.arch, shim: v.shimmed[abi], tally: *v.tallies[abi]})
	}
	if r.verbose {
		for _, job := range slices.Sorted(maps.Keys(v.seconds)) {
			fmt.Printf("      %5.1f s: %s\n", v.seconds[job], job)
		}
		for _, s := range v.skipped {
			fmt.Println("      skipped", s)
		}
	}
}
