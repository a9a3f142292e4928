package unveil_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// TestNarrower: an entry below another takes away right by right, and only
// what it lacks. The tree is top/way/deep, the way has neighbours.
func TestNarrower(t *testing.T) {
	dir := newTree(t, "top/way/deep/f", "top/way/beside/f", "top/way/g", "top/beside/f", "top/g", "top/link -> g", "top/out -> ../outside", "outside/f")
	for wide := range unveil.All + 1 {
		for narrow := range unveil.All + 1 {
			// The order of the entries does not matter.
			words := []string{"top:" + wide.String(), "top/way/deep:" + narrow.String()}
			q := compile(t, in(dir), words[1], words[0])
			p := compile(t, in(dir), words...)
			if a, b := p.String(), q.String(); a != b {
				t.Errorf("%q:\n%s\nin the other order:\n%s", words, a, b)
			}
			w, n := rights(wide.String()), rights(narrow.String())
			left := w & n // what stays on the directories of the way
			wantAccess(t, p, dir, map[string]unveil.Access{
				".":                 0,
				"outside":           0, // though a link in top leads there
				"top":               left,
				"top/way":           left,
				"top/way/deep":      n,
				"top/way/deep/f":    n & onFile,
				"top/way/beside":    w,
				"top/way/beside/f":  w & onFile,
				"top/way/g":         w & onFile,
				"top/beside":        w,
				"top/g":             w & onFile,
				"top/link":          w & onFile, // it leads to top/g
				"top/way/new":       left,
				"top/beside/new":    w,
				"top/way/deep/new":  n,
				"top/way/deep/./..": left,
			})
			if left == w {
				wantNotices(t, p)
			} else {
				wantNotices(t, p, fmt.Sprintf("%q is narrowed by %q: directly in %q and %q ", words[0], words[1], dir+"/top", dir+"/top/way"))
			}
			if t.Failed() {
				t.Fatalf("with %q:\n%s", words, p)
			}
		}
	}
}

// TestNarrowerFile is the same for a file: what is only a directory's right
// is taken off the way as well, but not the list.
func TestNarrowerFile(t *testing.T) {
	dir := newTree(t, "top/f", "top/g", "top/d/")
	p := compile(t, in(dir), "top:rwxc", "top/f:r")
	wantAccess(t, p, dir, map[string]unveil.Access{
		"top": unveil.ReadFile | unveil.ReadDir, "top/f": unveil.ReadFile, "top/g": rights("rwx") & onFile, "top/d": rights("rwxc"),
	})
	// Hidden without its name: the list of a directory shows no contents.
	p = compile(t, in(dir), "top:r", "top/f:")
	wantAccess(t, p, dir, map[string]unveil.Access{"top": unveil.ReadDir, "top/f": 0, "top/g": unveil.ReadFile, "top/d": rights("r")})
}

// TestWider: an entry that has all that the one above it has takes nothing.
func TestWider(t *testing.T) {
	dir := newTree(t, "top/way/deep/f", "top/g")
	p := compile(t, in(dir), "top:r", "top/way/deep:rw", "top/g:rx")
	wantAccess(t, p, dir, map[string]unveil.Access{
		"top": rights("r"), "top/way": rights("r"), "top/way/deep": rights("rw"), "top/g": rights("rx") & onFile,
	})
	wantNotices(t, p)
}

// TestOrderOfNames: characters below "/" in ASCII must not come between a
// directory and what is in it.
func TestOrderOfNames(t *testing.T) {
	dir := newTree(t, "top/a/hidden/f", "top/a/g", "top/a.b/f", "top/a-b/f", "top/a!/f", "top/ab/f", "top/a/hidden.d/f")
	words := []string{"top:r", "top/a:rw", "top/a/hidden:", "top/a.b:", "top/a-b:rx", "top/a!:w", "top/ab:r"}
	for range words {
		words = append(words[1:], words[0])
		p := compile(t, in(dir), words...)
		wantAccess(t, p, dir, map[string]unveil.Access{
			"top": 0, "top/a": 0, "top/a/g": rights("rw") & onFile, "top/a/hidden": 0, "top/a/hidden/f": 0, "top/a/hidden.d": rights("rw"),
			"top/a.b": 0, "top/a-b": rights("rx"), "top/a!": rights("w"), "top/ab": rights("r"),
		})
	}
}

// TestManyLevels alternates down the tree, and leaves the outer entry closed
// around an inner one that opens again.
func TestManyLevels(t *testing.T) {
	dir := newTree(t, "a/b/c/d/e/f", "a/x", "a/b/x", "a/b/c/x", "a/b/c/d/x", "a/b/c/d/e/x")
	p := compile(t, in(dir), "a:rw", "a/b:", "a/b/c:r", "a/b/c/d:rwx", "a/b/c/d/e:")
	wantAccess(t, p, dir, map[string]unveil.Access{
		"a":         0,
		"a/x":       rights("rw") & onFile,
		"a/b":       0,
		"a/b/x":     0,
		"a/b/c":     0, // e below hides
		"a/b/c/x":   unveil.ReadFile,
		"a/b/c/d":   0,
		"a/b/c/d/x": rights("rwx") & onFile,
		"a/b/c/d/e": 0, "a/b/c/d/e/x": 0, "a/b/c/d/e/f": 0,
	})
}

// TestSpecialTrees: entries that come and go cannot be taken as a snapshot.
func TestSpecialTrees(t *testing.T) {
	for _, c := range []struct{ wide, narrow, dir string }{
		{"/proc", "/proc/self", "/proc"},
		{"/proc", "/proc/sys/kernel", "/proc"},
		{"/sys", "/sys/kernel", "/sys"},
		{"/dev", "/dev/null", "/dev"},
		{"/", "/dev/null", "/dev"},
		{"/", "/proc/sys/kernel", "/proc"},
	} {
		_, err := tryCompile(t, newest, c.wide+":rw", c.narrow+":")
		var pe *unveil.PathError
		if !errors.As(err, &pe) || pe.Reason != unveil.Special || pe.Path != c.narrow || pe.Other != c.wide || pe.Dir != c.dir || !errors.Is(err, unix.EOPNOTSUPP) {
			t.Errorf("%s in %s: %#v", c.narrow, c.wide, err)
			continue
		}
		checkSpeech(t, err)
	}
	// No expansion, no error; and "/" with "/proc" hidden goes through "/" only.
	compile(t, newest, "/dev:r", "/dev/null:rw")
	p := compile(t, newest, "/:r", "/proc:")
	wantAccess(t, p, "/", map[string]unveil.Access{"proc": 0, "proc/self": 0, "dev": rights("r")})
	// A name that only begins so is an ordinary one.
	dir := newTree(t, "devil/f", "devil/g")
	compile(t, in(dir), "devil:r", "devil/f:")
}

func TestListHidden(t *testing.T) {
	dir := newTree(t, "top/hidden/f", "top/beside/f")
	o := in(dir)
	o.ListHidden = true
	p := compile(t, o, "top:rw", "top/hidden:")
	wantAccess(t, p, dir, map[string]unveil.Access{
		"top": unveil.ReadDir, "top/hidden": unveil.ReadDir, "top/hidden/f": 0,
		"top/beside": rights("rw"), "top/beside/f": rights("rw") & onFile,
	})
	if all := strings.Join(p.Notices, "\n"); !strings.Contains(all, `"top/hidden:" and what is below it can be listed, because "top:rw" can`) || strings.Contains(all, "nothing can be listed") {
		t.Errorf("notices: %s", all)
	}
	// What is above cannot be listed, so neither can what is hidden.
	p = compile(t, o, "top:w", "top/hidden:")
	wantAccess(t, p, dir, map[string]unveil.Access{"top": 0, "top/hidden": 0, "top/beside": rights("w")})
}

// TestHardLinkBeside: the other name of a hidden file, where it is met.
func TestHardLinkBeside(t *testing.T) {
	dir := newTree(t, "top/secret", "top/open", "other/secret", "only-r")
	if err := grow(dir, "top/alias = top/secret", "top/outer = other/secret", "top/reader = only-r"); err != nil {
		t.Fatal(err)
	}
	p := compile(t, in(dir), "top:rw", "top/secret:", "other/secret:", "only-r:r")
	wantAccess(t, p, dir, map[string]unveil.Access{
		"top/secret": 0, "top/alias": 0, "other/secret": 0, "top/outer": 0,
		"top/reader": unveil.ReadFile, "only-r": unveil.ReadFile, "top/open": rights("rw") & onFile,
	})
	all := strings.Join(p.Notices, "\n")
	for _, name := range []string{"alias", "outer", "reader"} {
		if !strings.Contains(all, fmt.Sprintf("%q is the same object as", dir+"/top/"+name)) {
			t.Errorf("no notice of %s in:\n%s", name, all)
		}
	}
}
