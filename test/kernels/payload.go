package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
	"github.com/unveil-run/unveil-run/test/kernels/report"
	"github.com/unveil-run/unveil-run/test/made"
)

const module = "github.com/unveil-run/unveil-run"

// A payload is what machines of one architecture are given: programs, built
// on the host.
type payload struct {
	arch string
	dir  string // of programs, on the host
}

// programs are those beside the launcher and the test binaries, in /tools.
var programs = []string{"test/abishim", "test/kernels/launches/target", "test/kernels/init"}

// A toolchain builds C for an architecture, and knows its C library.
type toolchain struct {
	prefix string // of the names of gcc, nm and the others
	loader string // of its dynamic programs
	lib    string // the directory of the C library
}

var toolchains = map[string]toolchain{
	"amd64": {"x86_64-linux-gnu-", "usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/"},
	"arm64": {"aarch64-linux-gnu-", "usr/lib/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu/"},
}

// libraries are those that dynamic programs of the machines are linked with
// or open: pthread_exit(3) opens libgcc_s, and a trial libm.
var libraries = []string{"libc.so.6", "libm.so.6", "libgcc_s.so.1"}

// buildPayload builds the programs. Those in Go are without cgo.
func buildPayload(dir, arch string) (*payload, error) {
	p := &payload{arch: arch, dir: filepath.Join(dir, arch)}
	if err := os.RemoveAll(p.dir); err != nil {
		return nil, err
	}
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
		if s.c != nil {
			continue
		}
		if _, err := os.Stat(p.test(s)); err == nil {
			continue // another suite of the package
		}
		if err := p.goRun("test", "-c", "-o", p.test(s), module+"/"+s.pkg); err != nil {
			return nil, err
		}
		// Of the same moment: the tree may be edited while machines run.
		if s.data {
			if err := os.CopyFS(p.testdata(s), os.DirFS(filepath.Join(s.pkg, "testdata"))); err != nil {
				return nil, err
			}
		}
	}
	return p, p.buildC()
}

// buildC builds the C library and the launcher as they are installed, the
// programs of cgo/ctest, and what else is in C.
func (p *payload) buildC() error {
	tc := toolchains[p.arch]
	lib := filepath.Join(p.dir, "lib")
	err := p.command("make", "-s", "LIB_BUILD="+lib, "CC="+tc.prefix+"gcc", "AR="+tc.prefix+"ar", "NM="+tc.prefix+"nm", "OBJCOPY="+tc.prefix+"objcopy",
		lib+"/libunveil.so.0", lib+"/libunveil.a", lib+"/unveil-run")
	if err != nil {
		return err
	}
	gcc := func(out string, args ...string) {
		if err == nil {
			err = p.command(tc.prefix+"gcc", append(append([]string{"-std=gnu11", "-O1", "-pthread", "-Icgo", "-Icgo/ctest", "-o", filepath.Join(p.dir, out)}, args...), "-lpthread")...)
		}
	}
	shared := func(out, program string) {
		gcc(out, "cgo/ctest/"+program+".c", "-L"+lib, "-Wl,-rpath,/tests/lib", "-Wl,--no-as-needed", "-lunveil")
	}
	for _, s := range suites {
		for _, program := range s.c {
			if out := s.name + "-" + program; s.static {
				gcc(out, "-static", "cgo/ctest/"+program+".c", lib+"/libunveil.a")
			} else {
				shared(out, program)
			}
		}
	}
	shared("c-probe", "probe")
	image := []string{"cgo/ctest/image.c", "cgo/image.c"}
	for _, source := range made.FilterSources {
		image = append(image, "cgo/"+source)
	}
	gcc("image", image...)
	gcc("probe", "-static", "test/escape/testdata/probe.c")
	gcc("probe-dynamic", "test/escape/testdata/probe.c")
	gcc("preload.so", "-shared", "-fPIC", "test/escape/testdata/preload.c")
	// The numbers of the kernel's header, for a test that cannot include it.
	if err == nil {
		cmd := exec.Command(tc.prefix+"gcc", "-E", "-dM", "-x", "c", "-")
		cmd.Stdin = strings.NewReader("#include <asm/unistd.h>\n")
		var text []byte
		if text, err = cmd.Output(); err == nil {
			err = os.WriteFile(filepath.Join(p.dir, "numbers"), text, 0o644)
		}
	}
	// Programs of their own, so that a rule of one is not one of the other.
	for name, status := range map[string]string{"true": "0", "false": "1"} {
		source := filepath.Join(p.dir, name+".c")
		err = errors.Join(err, os.WriteFile(source, []byte("int main(void) { return "+status+"; }\n"), 0o644))
		gcc(name, source)
	}
	return err
}

// addC adds the loader and the libraries of dynamic programs.
func (p *payload) addC(add func(name, from string) error) error {
	tc := toolchains[p.arch]
	files := []string{tc.loader}
	for _, l := range libraries {
		files = append(files, tc.lib+l)
	}
	for _, to := range files {
		from, err := exec.Command(tc.prefix+"gcc", "-print-file-name="+filepath.Base(to)).Output()
		if err != nil {
			return err
		}
		if err := add(to, strings.TrimSpace(string(from))); err != nil {
			return err
		}
	}
	return nil
}

// test is the test binary of a suite, which others of its package share.
func (p *payload) test(s suite) string { return filepath.Join(p.dir, s.inside(), "test") }

func (p *payload) testdata(s suite) string { return filepath.Join(p.dir, s.inside(), "testdata") }

// inside is the directory of a package's tests in a machine.
func (s suite) inside() string { return "tests/" + s.pkg }

func (p *payload) goRun(args ...string) error {
	return p.command("go", args...)
}

func (p *payload) command(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+p.arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// applets are the names that busybox answers to in the machines.
var applets = []string{"cat", "cp", "echo", "env", "id", "kill", "ln", "ls", "mkdir", "mv", "rm", "sleep", "timeout", "touch"}

// toolsVariable names the directory of programs to the tests.
const toolsVariable = "UNVEIL_RUN_TOOLS"

// abiVariable has what the matrix says of the ABI.
const abiVariable = "UNVEIL_RUN_ABI"

// initramfs is the machine's first root file system, with the jobs in it.
func (p *payload) initramfs(m machine, all bool, shims []int, busybox, dash string) ([]byte, []report.Job, error) {
	a := newArchive()
	for _, dir := range []string{"dev", "proc", "sys", "tmp", "run", "root", "usr/bin", "usr/lib", "usr/lib64", "usr/share", "etc/ld.so.conf.d", "var/log"} {
		a.dir(dir, 0o755)
	}
	for _, dir := range []string{"bin", "lib", "lib64"} { // as distributions have it
		a.link(dir, "usr/"+dir)
	}
	// Standard output of process 1 before it mounts /dev.
	a.device("dev/console", 0o600, 5, 1)
	for name, text := range map[string]string{
		"etc/passwd":        "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
		"etc/group":         "root:x:0:\nnogroup:x:65534:\n",
		"etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"etc/ld.so.conf":    "include /etc/ld.so.conf.d/*.conf\n",
		"etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
	} {
		a.file(name, 0o644, []byte(text))
	}
	for _, applet := range applets {
		a.link("usr/bin/"+applet, "busybox")
	}
	a.link("usr/bin/sh", "dash")
	var err error
	add := func(name, from string) error {
		data, e := os.ReadFile(from)
		if e == nil {
			a.file(name, 0o755, data)
		}
		err = errors.Join(err, e)
		return e
	}
	add("init", filepath.Join(p.dir, "init"))
	add("usr/bin/busybox", busybox)
	add("usr/bin/dash", dash)
	a.link("tools/busybox", "/usr/bin/busybox")
	a.link("tools/dash", "/usr/bin/dash")
	add("tools/unveil-run", filepath.Join(p.dir, "lib/unveil-run"))
	for _, tool := range []string{"abishim", "target", "probe-dynamic", "image", "numbers"} {
		add("tools/"+tool, filepath.Join(p.dir, tool))
	}
	add("usr/bin/true", filepath.Join(p.dir, "true"))
	add("usr/bin/false", filepath.Join(p.dir, "false"))
	p.addC(add)
	add("tests/lib/libunveil.so.0", filepath.Join(p.dir, "lib/libunveil.so"))
	add("tests/c/probe", filepath.Join(p.dir, "c-probe"))
	there := map[string]bool{}
	once := func(name string, do func(string)) {
		if !there[name] {
			there[name] = true
			do(name)
		}
	}
	var jobs []report.Job
	for _, s := range m.suites(all) {
		if s.c != nil {
			for _, program := range s.c {
				add("tests/c/"+s.name+"-"+program, filepath.Join(p.dir, s.name+"-"+program))
			}
		} else {
			once(s.inside()+"/test", func(name string) { add(name, p.test(s)) })
		}
		if s.probes {
			for _, name := range []string{"probe", "preload.so"} {
				once("tools/"+name, func(to string) { add(to, filepath.Join(p.dir, name)) })
			}
		}
		if s.data {
			once(s.inside()+"/testdata", func(name string) { err = errors.Join(err, addTree(a, name, p.testdata(s))) })
		}
		for _, uid := range s.usersOn(m, all) {
			jobs = append(jobs, s.jobs(uid, m.abi, false, all)...)
		}
		for _, abi := range shims {
			if s.shim != "" && m.on(s.shimOn, all) {
				jobs = append(jobs, s.jobs(s.users[0], abi, true, all)...)
			}
		}
	}
	list, e := json.Marshal(jobs)
	if err = errors.Join(err, e); err != nil {
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

// jobs run a suite as a user: one of a package, one of each program in C. For
// its first user CI is set, so that a test that finds its machine wanting
// fails: what is left out is said in the matrix.
func (s suite) jobs(uid, abi int, shim, all bool) (list []report.Job) {
	job := func(name, dir string, argv, env []string) {
		home := "/root"
		if uid != 0 {
			home = "/tmp"
		}
		name = fmt.Sprintf("%s as %d", name, uid)
		if shim {
			name += fmt.Sprintf(", ABI %d", abi)
			argv = append([]string{"/tools/abishim", strconv.Itoa(abi)}, argv...)
		}
		list = append(list, report.Job{
			Name: name, Argv: argv, Dir: dir, UID: uid, Seconds: s.seconds + 10, ABI: abi, Shim: shim, C: s.c != nil,
			Env: append(env, "PATH=/usr/bin:/bin:/tools", "HOME="+home, "TMPDIR=/tmp", "LC_ALL=C.UTF-8",
				toolsVariable+"=/tools", abiVariable+"="+strconv.Itoa(abi), shimtest.Prebuilt+"=/tools/abishim"),
		})
	}
	for _, program := range s.c {
		// Emulated, a case takes a hundred times as long.
		job(s.name+" "+program, "/", []string{"/tests/c/" + s.name + "-" + program},
			[]string{"CT_PROBE=/tests/c/probe", "CT_CHILDREN=100", "CT_LIMIT_MS=120000"})
	}
	if s.c != nil {
		return list
	}
	dir := "/" + s.inside()
	argv := []string{dir + "/test", "-test.v", "-test.short", fmt.Sprintf("-test.timeout=%ds", s.seconds)}
	switch {
	case shim:
		argv = append(argv, "-test.run="+s.shim)
	case s.run != "":
		argv = append(argv, "-test.run="+s.run)
	}
	skip := s.skip
	if s.long != "" && !all {
		skip = strings.TrimPrefix(skip+"|"+s.long, "|")
	}
	if skip != "" {
		argv = append(argv, "-test.skip="+skip)
	}
	var env []string
	if uid == s.users[0] && s.lacks == "" {
		env = []string{"CI=1"}
	}
	job(s.name, dir, argv, env)
	return list
}
