package main

import (
	"os"
	"regexp"
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
		if len(m.suites()) == 0 {
			t.Errorf("%s runs nothing", m)
		}
		if m.abi < 0 || m.abi > kernel.Newest {
			t.Errorf("%s: no such ABI: %d", m, m.abi)
		}
	}
	for _, s := range suites {
		if _, err := os.Stat("../../" + s.pkg); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if (s.skip == "") != (s.why == "") {
			t.Errorf("%s: what is left out and why belong together", s.name)
		}
		if _, err := regexp.Compile(s.skip); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if len(s.users) == 0 || s.seconds == 0 {
			t.Errorf("%s would not be run", s.name)
		}
	}
}

// TestSeries: packages of other series and flavours are not meant.
func TestSeries(t *testing.T) {
	for name, want := range map[string]string{
		"linux-image-5.10.0-35-cloud-amd64":              "5.10",
		"linux-image-6.1.0-44-cloud-amd64":               "6.1",
		"linux-image-6.1.0-44-amd64":                     "",
		"linux-image-6.12.117+deb13-cloud-amd64":         "6.12",
		"linux-image-6.12.117+deb13-cloud-amd64-dbg":     "",
		"linux-binary-7.1.13+deb13-cloud-amd64":          "7.1",
		"linux-image-7.1.13+deb13-cloud-amd64":           "",
		"linux-binary-unsigned-7.2.12+deb13-cloud-amd64": "7.2",
		"linux-headers-7.3.4+deb13-cloud-amd64":          "",
	} {
		got := ""
		for _, r := range rows {
			m := machine{r, "amd64"}
			if r.args == "" && regexp.MustCompile(m.packagePattern()).MatchString(name) {
				got += r.name
			}
		}
		if got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}
