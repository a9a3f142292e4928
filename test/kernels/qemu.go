package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/unveil-run/unveil-run/test/kernels/report"
)

// emulators boot a kernel image: by software alone, so that the machines are
// the same on every host.
var emulators = map[string]struct {
	program string
	args    []string
	report  []string // with the file's name behind it
	append  string
}{
	// What makes an emulated amd64 slower and tests nothing is off: five levels
	// of page tables, strings moved by the byte (a tenth of the time went into
	// clearing pages like that), a flag of access to change at each copy. So is
	// doubt in the counter of cycles: the clock is a device otherwise, which is
	// asked by a call of the system each time.
	"amd64": {"qemu-system-x86_64", []string{"-M", "q35", "-cpu", "max,la57=off,erms=off,fsrm=off,smap=off"},
		[]string{"-chardev", "file,id=report,path=%s", "-device", "isa-serial,chardev=report"},
		"console=ttyS0 tsc=reliable " + report.Channel + "=ttyS1"},
	// The newest arm64 takes two thirds of the time of a cortex-a72, without
	// the pointers that it authenticates and the large registers. Kernels before
	// 5.12 do not start with the large addresses.
	"arm64": {"qemu-system-aarch64", []string{"-M", "virt,gic-version=3", "-cpu", "max,pauth=off,sve=off,sme=off,lpa2=off"},
		[]string{"-chardev", "file,id=report,path=%s", "-device", "pci-serial,chardev=report"},
		"console=ttyAMA0 " + report.Channel + "=ttyS0"},
}

const (
	processors = 2 // of a machine: one would hide what threads do
	memory     = 1024
)

// boot runs a machine until it turns itself off, and judges it. Its files are
// left in dir.
func boot(m machine, image, dir string, ramdisk []byte, jobs []report.Job, limit time.Duration) (*verdict, error) {
	path := func(kind string) string {
		return filepath.Join(dir, strings.ReplaceAll(m.String(), "/", "-")+"."+kind)
	}
	for _, kind := range []string{"console", "emulator", "report", "log"} {
		if err := os.RemoveAll(path(kind)); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(path("cpio"), ramdisk, 0o644); err != nil {
		return nil, err
	}
	defer os.Remove(path("cpio"))

	e := emulators[m.arch]
	args := []string{"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-accel", "tcg,thread=multi", "-smp", fmt.Sprint(processors), "-m", fmt.Sprint(memory),
		"-kernel", image, "-initrd", path("cpio"), "-serial", "file:" + path("console"),
		// A fault within the handler of faults resets the machine with no word of the kernel's.
		"-d", "cpu_reset", "-D", path("emulator")}
	args = append(args, e.args...)
	for _, a := range e.report {
		args = append(args, strings.ReplaceAll(a, "%s", path("report")))
	}
	// A crash ends the machine at once: panic=-1 restarts, -no-reboot leaves.
	args = append(args, "-append", strings.TrimSpace("panic=-1 oops=panic quiet mitigations=off random.trust_cpu=on "+e.append+" "+m.args))

	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.program, args...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stderr, &stderr
	start := time.Now()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return nil, err
	}
	took := time.Since(start)
	processor := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()

	text, readErr := os.ReadFile(path("report"))
	v := judge(bytes.NewReader(text), m, jobs)
	switch {
	case ctx.Err() != nil:
		v.fail("killed after %v", limit)
	case err != nil:
		v.fail("%s: %v: %s", e.program, err, strings.TrimSpace(stderr.String()))
	case readErr != nil:
		v.fail("%v", readErr)
	}
	if !v.ended {
		v.fail("the console's last words: %s", lastWords(path("console"), 6000))
		v.fail("the emulator's: %s", lastWords(path("emulator"), 2000))
	}
	v.took, v.processor = took, processor
	return v, os.WriteFile(path("log"), []byte(v.transcript.String()), 0o644)
}

// lastWords are what a kernel that crashed had to say: in CI nobody can look
// for them later.
func lastWords(file string, most int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r"), nil))
	return string(text[max(0, len(text)-most):])
}
