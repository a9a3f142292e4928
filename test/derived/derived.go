// Package derived holds files that tests write from the tables of a package.
package derived

import (
	"bytes"
	"os"
	"testing"
)

// Hold fails the test where a file is not text, and names the command that
// writes it anew; with update it writes the file first.
func Hold(t *testing.T, file string, text []byte, update bool, command string) {
	t.Helper()
	if update {
		if err := os.WriteFile(file, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(file); err != nil || !bytes.Equal(old, text) {
		t.Errorf("%s is stale: run %s (%v)", file, command, err)
	}
}
