package unveil_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/unveil"
)

// TestFound holds that Found follows no link, where Need does.
func TestFound(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "real/file")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link": file, "dir": "real"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		path  string
		plain bool
	}{{"real/file", true}, {"real", true}, {"link", false}, {"dir", false}, {"dir/file", false}} {
		for _, found := range []bool{true, false} {
			var r unveil.Rules
			if path := filepath.Join(dir, tt.path); found {
				r.Found(path, "", unveil.ReadFile, "a test")
			} else {
				r.Need(path, unveil.ReadFile, "a test")
			}
			plan, err := r.Compile(unveil.Options{Kernel: kernel.Landlock(7), Dir: dir, Kinds: unveil.All})
			if err != nil {
				t.Fatal(err)
			}
			want := tt.plain || !found
			if got := plan.Access(file)&unveil.ReadFile != 0; got != want || (len(plan.Notices) == 0) != want {
				t.Errorf("%s, found %t: granted %t, notices %q", tt.path, found, got, plan.Notices)
			}
			plan.Close()
		}
	}
}
