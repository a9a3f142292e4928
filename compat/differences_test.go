package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sources joins the test files of a directory of the module.
func sources(t *testing.T, dir string) string {
	t.Helper()
	pattern := "*_test.go"
	if dir == "cgo/ctest" {
		pattern = "*.c"
	}
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no tests (%v)", dir, err)
	}
	var b strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

// TestDifferences holds that each row says both sides and names tests that
// exist: a case of a C test by its string, one of Go by its function.
func TestDifferences(t *testing.T) {
	read := make(map[string]string)
	for _, d := range Differences {
		if d.Here == "" || d.OpenBSD == "" || strings.HasSuffix(d.Here, ".") || len(d.Shown) == 0 {
			t.Errorf("%q: incomplete", d.Here)
		}
		for _, s := range d.Shown {
			if read[s.Dir] == "" {
				read[s.Dir] = sources(t, s.Dir)
			}
			want := `"` + s.Case + `"`
			if s.Dir != "cgo/ctest" {
				name, _, _ := strings.Cut(s.Case, "/")
				want = "func " + name + "(t *testing.T)"
			}
			if !strings.Contains(read[s.Dir], want) {
				t.Errorf("%q: %s has no %s", d.Here, s.Dir, want)
			}
		}
	}
}
