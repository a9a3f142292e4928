package docs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/unveil-run/unveil-run/"

// packages returns what each package of the module imports of it, by their
// directories.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]string)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		var in []string
		for _, i := range p.Imports {
			if dir, ok := strings.CutPrefix(i, module); ok {
				in = append(in, dir)
			}
		}
		all[strings.TrimPrefix(p.ImportPath, module)] = in
	}
}

// drawn reports whether a package is part of what is shipped.
func drawn(dir string) bool {
	return !strings.HasPrefix(dir, "test/") && !strings.HasPrefix(dir, "examples/")
}

// reaches reports whether from comes to dir by way of others.
func reaches(all map[string][]string, from, dir string) bool {
	return slices.ContainsFunc(all[from], func(i string) bool { return i == dir || reaches(all, i, dir) })
}

// graph draws the imports, without those that follow from others.
func graph(all map[string][]string) string {
	var lines []string
	for dir, imports := range all {
		if !drawn(dir) {
			continue
		}
		for _, i := range imports {
			far := slices.ContainsFunc(imports, func(j string) bool { return j != i && reaches(all, j, i) })
			if !far {
				lines = append(lines, fmt.Sprintf("    %s --> %s\n", dir, i))
			}
		}
	}
	slices.Sort(lines)
	return "```mermaid\ngraph LR\n" + strings.Join(lines, "") + "```\n"
}

// TestImports holds the graph in CONTRIBUTING.md to the imports.
func TestImports(t *testing.T) { holdBlock(t, contributing, "imports", graph(packages(t))) }

// TestApart holds that neither of the two packages knows the other.
func TestApart(t *testing.T) {
	all := packages(t)
	if !reaches(all, "compat", "pledge") || !reaches(all, "compat", "unveil") {
		t.Fatal("the imports of compat are not seen")
	}
	if reaches(all, "pledge", "unveil") || reaches(all, "unveil", "pledge") {
		t.Error("pledge and unveil know each other")
	}
}

// TestLayout holds that the layout in CONTRIBUTING.md has every package, by
// itself or by the directory that it is in.
func TestLayout(t *testing.T) {
	text := read(t, contributing)
	for dir := range packages(t) {
		for d := dir; ; {
			if strings.Contains(text, "| `"+d+"` |") {
				break
			}
			i := strings.LastIndexByte(d, '/')
			if i < 0 {
				t.Errorf("%s: no row of the layout has it", dir)
				break
			}
			d = d[:i]
		}
	}
}
