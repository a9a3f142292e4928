package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// TestMatrix: a row that cannot match anything, or a suite that is gone, would
// be found out only by who has the time for machines.
func TestMatrix(t *testing.T) {
	names := map[string]bool{}
	for _, m := range machines() {
		if names[m.String()] {
			t.Errorf("%s is there twice", m)
		}
		names[m.String()] = true
		if _, err := regexp.Compile(m.packagePattern()); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		if _, ok := emulators[m.arch]; !ok {
			t.Errorf("%s: no emulator", m)
		}
		if len(m.suites(false)) == 0 {
			t.Errorf("%s runs nothing", m)
		}
		if m.name == newest && !slices.ContainsFunc(m.suites(false), func(s suite) bool { return s.shim != "" && m.on(s.shimOn, false) }) {
			t.Errorf("%s runs nothing under abishim", m)
		}
		if m.abi < -1 || m.abi > kernel.Newest {
			t.Errorf("%s: no such ABI: %d", m, m.abi)
		}
	}
	for _, r := range rows {
		for _, arch := range strings.Fields(r.every + " " + r.rest) {
			if !names[arch+"/"+r.name] {
				t.Errorf("%s: no such architecture: %s", r.name, arch)
			}
		}
		if r.every == "" && r.rest == "" {
			t.Errorf("%s is never run", r.name)
		}
	}
	for _, arch := range architectures {
		if !names[arch+"/"+newest] {
			t.Errorf("%s has no machine for abishim", arch)
		}
		if _, ok := toolchains[arch]; !ok {
			t.Errorf("%s has no C compiler", arch)
		}
	}
	for _, s := range suites {
		if _, err := os.Stat("../../" + s.pkg); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		for _, program := range s.c {
			if _, err := os.Stat("../../" + s.pkg + "/" + program + ".c"); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
		for what, pattern := range map[string]string{"all": s.on, "its other users": s.moreOn, "other ABIs": s.shimOn} {
			if !slices.ContainsFunc(machines(), func(m machine) bool { return !m.rarer && m.on(s.on, false) && m.on(pattern, false) }) {
				t.Errorf("%s, with %s, is part of no run", s.name, what)
			}
		}
		if (s.more == nil) != (s.moreOn == "") || s.shim == "" && s.shimOn != "" {
			t.Errorf("%s: machines of nothing", s.name)
		}
		if (s.skip == "") != (s.why == "") {
			t.Errorf("%s: what is left out and why belong together", s.name)
		}
		for _, tests := range []string{s.run, s.skip, s.long, s.shim} {
			if _, err := regexp.Compile(tests); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
		if len(s.users) == 0 || s.seconds == 0 {
			t.Errorf("%s would not be run", s.name)
		}
	}
}

// TestShims: in every run each ABI is that of a machine, or abishim gives it;
// and one whose kernel is gone is given too.
func TestShims(t *testing.T) {
	for _, gone := range []string{"", "amd64/7.1", "arm64/7.0"} {
		r := runner{missing: map[string]error{gone: os.ErrNotExist}}
		if err := r.choose(""); err != nil {
			t.Fatal(err)
		}
		for _, m := range r.machines {
			if m.String() == gone {
				continue
			}
			for _, abi := range append(r.shims(m), m.abi) {
				r.table = append(r.table, line{arch: m.arch, abi: abi, tally: tally{passed: 1}})
			}
		}
		if err := r.covered(); err != nil {
			t.Errorf("without %q: %v", gone, err)
		}
		r.table = slices.DeleteFunc(r.table, func(l line) bool { return l.arch == "arm64" && l.abi == 5 })
		if err := r.covered(); err == nil || !strings.Contains(err.Error(), "no test has run under Landlock ABI 5 on arm64") {
			t.Errorf("without ABI 5: %v", err)
		}
	}
}

// TestRequired: a kernel that cannot be had fails the run, unless it may go:
// then the table says so.
func TestRequired(t *testing.T) {
	for _, m := range machines() {
		r := runner{chosen: true, table: []line{{release: "7.3.4", arch: "amd64", abi: 11, tally: tally{passed: 1}}}}
		r.miss(m, os.ErrNotExist)
		var out strings.Builder
		failed := r.close(&out)
		want, note, last := 1, "FAILED: not in the registry", "1 passed, 1 failed, 0 skipped"
		if m.optional {
			want, note, last = 0, "SKIPPED: not in the registry", "1 passed, 0 failed, 0 skipped"
		}
		if failed != want || !strings.Contains(out.String(), note) || !strings.HasSuffix(out.String(), "\n"+last+"\n") {
			t.Errorf("%s: %d failures, want %d\n%s", m, failed, want, &out)
		}
	}
}

// TestClose: a run without a test, and one that leaves an ABI out, have failed.
func TestClose(t *testing.T) {
	var all []line
	for _, arch := range architectures {
		for abi := -1; abi <= kernel.Newest; abi++ {
			all = append(all, line{release: "7.3.4", arch: arch, abi: abi, tally: tally{passed: 2}})
		}
	}
	crash := &verdict{}
	crash.fail("status 139")
	crash.settle(machine{row: row{abi: 11}})
	for _, tt := range []struct {
		name  string
		table []line
		last  string
	}{
		{"all", all, "52 passed, 0 failed, 0 skipped"},
		{"nothing", nil, "0 passed, 1 failed, 0 skipped"},
		{"one left out", all[1:], "50 passed, 1 failed, 0 skipped"},
		{"a failure", append(slices.Clone(all), line{tally: tally{failed: 3}}), "52 passed, 3 failed, 0 skipped"},
		{"a crash", append(slices.Clone(all), line{tally: *crash.tallies[11]}), "52 passed, 1 failed, 0 skipped"},
	} {
		r := runner{table: tt.table}
		var out strings.Builder
		failed := r.close(&out)
		if !strings.HasSuffix(out.String(), "\n"+tt.last+"\n") || (failed == 0) != strings.Contains(tt.last, " 0 failed") {
			t.Errorf("%s: %d failures, want %s\n%s", tt.name, failed, tt.last, &out)
		}
	}
}

// TestSeries: packages of other series and flavours are not meant.
func TestSeries(t *testing.T) {
	for name, want := range map[string]string{
		"linux-image-5.10.0-35-cloud-amd64":              "5.10",
		"linux-image-6.1.0-44-cloud-amd64":               "6.1",
		"linux-image-6.1.0-44-amd64":                     "6.1-full",
		"linux-image-6.1.0-44-rt-amd64":                  "",
		"linux-image-6.1.0-44-amd64-dbg":                 "",
		"linux-image-6.12.117+deb13-cloud-amd64":         "6.12",
		"linux-image-6.12.117+deb13-cloud-amd64-dbg":     "",
		"linux-binary-7.1.13+deb13-cloud-amd64":          "7.1",
		"linux-image-7.1.13+deb13-cloud-amd64":           "",
		"linux-binary-unsigned-7.2.12+deb13-cloud-amd64": "7.2",
		"linux-headers-7.3.4+deb13-cloud-amd64":          "",
	} {
		got := ""
		for _, r := range rows {
			m := machine{row: r, arch: "amd64"}
			if r.args == "" && regexp.MustCompile(m.packagePattern()).MatchString(name) {
				got += r.name
			}
		}
		if got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}
