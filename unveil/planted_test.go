package unveil_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/unveil"
)

// TestUnplanted holds which links are refused as entries, and that none is
// where it is not asked for.
func TestUnplanted(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tree/sub", "tree/real/narrow", "out"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"tree/link": "../out", "tree/root": "/", "tree/sub/up": "../..", "tree/inside": "real", "tree/none": "../out/none", "alias": "tree"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		words   []string
		kinds   unveil.Letters
		planted string // the path that is refused
	}{
		{words: []string{"tree:rwc", "tree/link:r"}, planted: "tree/link"},
		{words: []string{"tree:rwc", "tree/root:rwxc"}, planted: "tree/root"},
		{words: []string{"tree:rwc", "tree/sub/up/out:r"}, planted: "tree/sub/up/out"},
		{words: []string{"tree:rwc", "tree/none:rwc"}, planted: "tree/none"},
		{words: []string{"alias:rwc", "alias/link:r"}, planted: "alias/link"},
		{words: []string{"alias:rwc", "tree/link:r"}, planted: "tree/link"},
		{words: []string{"tree:rwc", "tree/link:rx", "out:r"}, planted: "tree/link"},
		{words: []string{"tree:rwc", "tree/link:r", "tree/sub/up/out:r"}, planted: "tree/link"},
		{words: []string{"tree:rwc", "tree/inside:rwxc", "tree/real:r"}, planted: "tree/inside"},
		{words: []string{"tree:rwc", "tree/inside/narrow:rw", "tree/real/narrow:r"}, planted: "tree/inside/narrow"},

		{words: []string{"tree:rwc", "tree/link:r", "out:r"}},
		{words: []string{"tree:rwc", "tree/link:"}},
		{words: []string{"tree:rwc", "tree/inside:rwxc"}},
		{words: []string{"tree:rwc", "tree/sub/up/tree/real:rwxc"}},
		{words: []string{"tree:rw", "tree/link:rwc"}},
		{words: []string{"tree/link:rwc"}},
		{words: []string{"tree/root:rwc"}},
		{words: []string{"tree:rwc", "tree/link:r"}, kinds: unveil.R | unveil.W},
	} {
		for _, ask := range []bool{true, false} {
			var r unveil.Rules
			for _, w := range tt.words {
				path, letters, err := unveil.ParseRule(w)
				if err != nil {
					t.Fatal(err)
				}
				if err := r.Add(unveil.Entry{Path: path, Letters: letters}); err != nil {
					t.Fatal(err)
				}
			}
			kinds := tt.kinds
			if kinds == 0 {
				kinds = unveil.All
			}
			plan, err := r.Compile(unveil.Options{Kernel: kernel.Landlock(7), Dir: dir, Kinds: kinds, Unplanted: ask, Create: true})
			if err == nil {
				plan.Close()
			}
			var e *unveil.PathError
			refused := errors.As(err, &e) && e.Reason == unveil.Planted
			switch {
			case err != nil && !refused:
				t.Errorf("%q: %v", tt.words, err)
			case refused != (ask && tt.planted != ""):
				t.Errorf("%q, asked for %t: %v", tt.words, ask, err)
			case refused && (e.Path != tt.planted || !errors.Is(err, unix.ELOOP)):
				t.Errorf("%q: %v, want %q", tt.words, err, tt.planted)
			}
		}
	}
}

// TestUnplantedGrant holds the same of rights that are granted as Landlock has
// them, which no word says.
func TestUnplantedGrant(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tree/sub", "out"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../out", filepath.Join(dir, "tree/link")); err != nil {
		t.Fatal(err)
	}
	type grants []struct {
		path   string
		access unveil.Access
	}
	for _, tt := range []struct {
		name    string
		word    string
		grants  grants
		planted bool
	}{
		{"a link below a word", "tree:rwc", grants{{"tree/link", unveil.ReadFile}}, true},
		{"to a socket", "tree:rwc", grants{{"tree/link", unveil.ResolveUnix}}, true},
		{"below another grant", "out/none:r", grants{{"tree", unveil.MakeSym}, {"tree/link", unveil.ReadDir}}, true},
		{"a word below a grant", "tree/link:r", grants{{"tree", unveil.MakeSym}}, true},
		{"where no link can be made", "tree:rw", grants{{"tree/link", unveil.ReadFile}}, false},
		{"no link", "tree:rwc", grants{{"tree/sub", unveil.ReadFile}, {"out", unveil.ReadFile}}, false},
		{"what it leads to has a word", "out:r", grants{{"tree", unveil.MakeSym}, {"tree/link", unveil.ReadFile}}, false},
	} {
		for _, ask := range []bool{true, false} {
			var r unveil.Rules
			path, letters, err := unveil.ParseRule(tt.word)
			if err == nil {
				err = r.Add(unveil.Entry{Path: path, Letters: letters, Optional: true})
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range tt.grants {
				r.Grant(g.path, g.access, "a test")
			}
			plan, err := r.Compile(unveil.Options{Kernel: kernel.Landlock(9), Dir: dir, Kinds: unveil.All, ResolveUnix: true, Unplanted: ask})
			if err == nil {
				plan.Close()
			}
			var e *unveil.PathError
			if refused := errors.As(err, &e) && e.Reason == unveil.Planted; refused != (ask && tt.planted) || err != nil && !refused {
				t.Errorf("%s, asked for %t: %v", tt.name, ask, err)
			}
		}
	}
}
