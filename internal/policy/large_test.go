package policy_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/policy"
)

func BenchmarkRead10000(b *testing.B) {
	var text strings.Builder
	for i := range 10000 {
		text.WriteString("unveil /usr/share/doc/package" + strconv.Itoa(i) + " rx\n")
	}
	b.ReportAllocs()
	for b.Loop() {
		var p policy.Policy
		if err := p.Read("box", text.String()); err != nil {
			b.Fatal(err)
		}
	}
}
