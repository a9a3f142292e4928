package pledge

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestListing holds what -n prints of an everyday set: a diff of these files
// is what a change of the tables means to a user.
func TestListing(t *testing.T) {
	for _, arch := range []Arch{AMD64, ARM64} {
		p, err := Compile(words("stdio rpath inet"), Options{Arch: arch, Pid: 1234, UID: 1000, GID: 1000})
		if err != nil {
			t.Fatal(err)
		}
		file := "testdata/listing-" + string(arch)
		if *update {
			if err := os.WriteFile(file, []byte(p.String()), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, old := strings.Split(p.String(), "\n"), strings.Split(string(want), "\n")
		for i := range max(len(got), len(old)) {
			if i >= len(got) || i >= len(old) || got[i] != old[i] {
				t.Errorf("%s:%d is not what the tables say: go test ./pledge -run Listing -update, and look at the difference", file, i+1)
				break
			}
		}
	}
}
