package docs

import (
	"flag"
	"os"
	"testing"

	"github.com/unveil-run/unveil-run/test/derived"
)

const (
	contributing = "../../.github/CONTRIBUTING.md"
	readme       = "../../README.md"
)

var update = flag.Bool("update", false, "write what is derived anew")

const command = "go generate ./test/docs"

// read returns a document.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// holdBlock holds the lines between the two comments of a name in a document.
func holdBlock(t *testing.T, file, name, lines string) {
	t.Helper()
	derived.HoldBlock(t, file, name, lines, *update, command)
}
