package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/kernels/report"
)

const module = "github.com/unveil-run/unveil-run"

// A payload is what machines of one architecture are given: programs, built
// on the host.
type payload struct {
	arch     string
	dir      string // of programs, on the host
	noProbes error  // why there are none
}

// programs are those beside the test binaries, in /tools.
var programs = []string{"cmd/unveil-run", "test/abishim", "test/kernels/launches/target", "test/kernels/init"}

// buildPayload builds all of it without cgo: the machines have no C library.
func buildPayload(dir, arch string, c *cache) (*payload, error) {
	p := &payload{arch: arch, dir: filepath.Join(dir, arch)}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, err
	}
	packages := []string{}
	for _, name := range programs {
		packages = append(packages, module+"/"+name)
	}
	if err := p.goRun(append([]string{"build", "-o", p.dir + "/"}, packages...)...); err != nil {
		return nil, err
	}
	for _, s := range suites {
		if err := p.goRun("test", "-c", "-o", p.test(s), module+"/"+s.pkg); err != nil {
			return nil, err
		}
		// Of the same moment: the tree may be edited while machines run.
		if s.data {
			if err := os.RemoveAll(p.testdata(s)); err != nil {
				return nil, err
			}
			if err := os.CopyFS(p.testdata(s), os.DirFS(filepath.Join(s.pkg, "testdata"))); err != nil {
				return nil, err
			}
		}
	}
	if p.noProbes = p.buildProbes(); p.noProbes != nil && os.Getenv("CI") != "" {
		return nil, p.noProbes
	}
	busybox, err := c.busybox(arch)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(busybox)
	if err != nil {
		return nil, err
	}
	return p, os.WriteFile(filepath.Join(p.dir, "busybox"), data, 0o755)
}

// toolchains build C for the architectures, and say where their dynamic
// programs look for the loader and for the C library.
var toolchains = map[string]struct{ compiler, loader, libc string }{
	"amd64": {"x86_64-linux-gnu-gcc", "usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/libc.so.6"},
	"arm64": {"aarch64-linux-gnu-gcc", "usr/lib/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu/libc.so.6"},
}

// buildProbes makes those of test/escape, as it does by itself elsewhere.
func (p *payload) buildProbes() error {
	compiler := toolchains[p.arch].compiler
	for _, argv := range [][]string{
		{"test/escape/testdata/probe.c", "-static", "-o", filepath.Join(p.dir, "probe")},
		{"test/escape/testdata/probe.c", "-o", filepath.Join(p.dir, "probe-dynamic")},
		{"test/escape/testdata/preload.c", "-shared", "-fPIC", "-o", filepath.Join(p.dir, "preload.so")},
	} {
		argv = append([]string{"-O1", "-pthread"}, argv...)
		if out, err := exec.Command(compiler, argv...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w %s", compiler, err, out)
		}
	}
	return nil
}

// addProbes adds them, and what the dynamic one starts with.
func (p *payload) addProbes(add func(name, from string) error) error {
	tc := toolchains[p.arch]
	for _, name := range []string{"probe", "probe-dynamic", "preload.so"} {
		if err := add("tools/"+name, filepath.Join(p.dir, name)); err != nil {
			return err
		}
	}
	for _, to := range []string{tc.loader, tc.libc} {
		from, err := exec.Command(tc.compiler, "-print-file-name="+filepath.Base(to)).Output()
		if err != nil {
			return err
		}
		if err := add(to, strings.TrimSpace(string(from))); err != nil {
			return err
		}
	}
	return nil
}

func (p *payload) test(s suite) string { return filepath.Join(p.dir, s.name+".test") }

func (p *payload) testdata(s suite) string { return filepath.Join(p.dir, s.name+".testdata") }

func (p *payload) goRun(args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+p.arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// applets are the names that busybox answers to in the machines.
var applets = []string{"cat", "cp", "echo", "env", "false", "id", "kill", "ln", "ls", "mkdir", "mv", "rm", "sh", "sleep", "touch", "true"}

// toolsVariable names the directory of programs to the tests.
const toolsVariable = "UNVEIL_RUN_TOOLS"

// initramfs is the machine's first root file system, with the jobs in it.
func (p *payload) initramfs(chosen []suite, older bool) ([]byte, []report.Job, error) {
	a := newArchive()
	for _, dir := range []string{"dev", "proc", "sys", "tmp", "run", "root", "usr/bin", "usr/lib", "usr/lib64", "usr/share"} {
		a.dir(dir, 0o755)
	}
	for _, dir := range []string{"bin", "lib", "lib64"} { // as distributions have it
		a.link(dir, "usr/"+dir)
	}
	// Standard output of process 1 before it mounts /dev.
	a.device("dev/console", 0o600, 5, 1)
	a.file("etc/passwd", 0o644, []byte("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n"))
	a.file("etc/group", 0o644, []byte("root:x:0:\nnogroup:x:65534:\n"))
	a.file("etc/hosts", 0o644, []byte("127.0.0.1 localhost\n::1 localhost\n"))
	for _, applet := range applets {
		a.link("usr/bin/"+applet, "busybox")
	}
	add := func(name, from string) error {
		data, err := os.ReadFile(from)
		if err == nil {
			a.file(name, 0o755, data)
		}
		return err
	}
	if err := add("init", filepath.Join(p.dir, "init")); err != nil {
		return nil, nil, err
	}
	if err := add("usr/bin/busybox", filepath.Join(p.dir, "busybox")); err != nil {
		return nil, nil, err
	}
	a.link("tools/busybox", "/bin/busybox")
	for _, tool := range []string{"unveil-run", "abishim", "target"} {
		if err := add("tools/"+tool, filepath.Join(p.dir, tool)); err != nil {
			return nil, nil, err
		}
	}
	var jobs []report.Job
	for _, s := range chosen {
		dir := "tests/" + s.name
		if err := add(dir+"/"+s.name+".test", p.test(s)); err != nil {
			return nil, nil, err
		}
		if s.probes {
			if err := p.addProbes(add); err != nil {
				return nil, nil, err
			}
		}
		if s.data {
			if err := addTree(a, dir+"/testdata", p.testdata(s)); err != nil {
				return nil, nil, err
			}
		}
		for _, uid := range s.users {
			jobs = append(jobs, s.job(uid, older))
		}
	}
	list, err := json.Marshal(jobs)
	if err != nil {
		return nil, nil, err
	}
	a.file(strings.TrimPrefix(report.Jobs, "/"), 0o644, list)
	return a.bytes(), jobs, nil
}

func addTree(a *archive, name, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			a.file(name+strings.TrimPrefix(path, from), 0o644, data)
		}
		return err
	})
}

// job runs the tests of a suite as a user. For root CI is set, so that a test
// that finds its machine wanting fails: what is left out is said in the matrix.
func (s suite) job(uid int, older bool) report.Job {
	argv := []string{"/tests/" + s.name + "/" + s.name + ".test", "-test.v", fmt.Sprintf("-test.timeout=%ds", s.seconds)}
	if !older || uid != 0 { // root plays nobody as well
		argv = append(argv, "-test.short")
	}
	if s.skip != "" {
		argv = append(argv, "-test.skip="+s.skip)
	}
	home, env := "/root", []string{"CI=1"}
	if uid != 0 {
		home = "/tmp"
	}
	if uid != 0 || s.lacks != "" {
		env = nil
	}
	return report.Job{
		Name: fmt.Sprintf("%s as %d", s.name, uid), Argv: argv, Dir: "/tests/" + s.name, UID: uid, Seconds: s.seconds + 10,
		Env: append(env, "PATH=/usr/bin:/bin:/tools", "HOME="+home, "TMPDIR=/tmp", toolsVariable+"=/tools", shimtest.Prebuilt+"=/tools/abishim"),
	}
}
