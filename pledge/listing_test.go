package pledge

import (
	"flag"
	"os"
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
		if p.String() != string(want) {
			t.Errorf("%s is not what the tables say; look at the difference, then go test ./pledge -run Listing -update:\n%s", file, p)
		}
	}
}
