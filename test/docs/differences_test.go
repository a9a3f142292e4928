package docs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/compat"
)

// TestDifferences holds the list in README.md of what a C program may do here
// and could not on OpenBSD.
func TestDifferences(t *testing.T) {
	var b strings.Builder
	for _, d := range compat.Differences {
		if d.Kind == compat.More && d.Of != compat.Go {
			fmt.Fprintf(&b, "- %s.\n", d.Here)
		}
	}
	if b.Len() == 0 {
		t.Fatal("no difference allows more")
	}
	holdBlock(t, readme, "differences", b.String())
}
