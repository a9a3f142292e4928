package pledge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/derived"
)

// TestBlocks holds the lists of promises in README.md and in the manuals.
func TestBlocks(t *testing.T) {
	for file, list := range map[string]func() string{
		"../README.md": markdown, "../cmd/unveil-run/unveil-run.1": mdoc, "../cgo/pledge.3": mdoc,
	} {
		derived.HoldBlock(t, file, "promises", list(), *update, "go generate ./pledge")
	}
}

func markdown() string {
	var b strings.Builder
	b.WriteString("| promise | grants |\n|---|---|\n")
	for _, p := range Promises() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.Name, p.Doc)
	}
	return b.String()
}

func mdoc() string {
	var b strings.Builder
	b.WriteString(".Bl -tag -width prot_exec -compact\n")
	for _, p := range Promises() {
		fmt.Fprintf(&b, ".It Cm %s\n%s.\n", p.Name, strings.ToUpper(p.Doc[:1])+p.Doc[1:])
	}
	b.WriteString(".El\n")
	return b.String()
}
