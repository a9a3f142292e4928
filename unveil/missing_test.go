package unveil_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// TestMissingWithoutC: no rule and a notice; what is above is narrowed all
// the same, so that the name stays closed when it appears.
func TestMissingWithoutC(t *testing.T) {
	dir := newTree(t, "top/f")
	for _, perms := range []string{"", "r", "rw", "x"} {
		p := compile(t, in(dir), "gone:"+perms)
		wantAccess(t, p, dir, map[string]unveil.Access{".": 0, "gone": 0})
		wantNotices(t, p, `"gone:`+perms+`" does not exist: it gets no rule, and stays closed if it appears`)
	}
	p := compile(t, in(dir), "top:rwc", "top/gone:r", "top/no/dir:r")
	wantAccess(t, p, dir, map[string]unveil.Access{"top": rights("r"), "top/f": rights("rw") & onFile, "top/gone": rights("r"), "top/no/dir": rights("r")})
	// It can be read when it appears, as was asked for: that is no news.
	wantNotices(t, p, `"top:rwc" is narrowed by "top/gone:r" and "top/no/dir:r"`)

	p = compile(t, in(dir), "top:rwc", "top/gone:")
	wantAccess(t, p, dir, map[string]unveil.Access{"top": 0, "top/gone": 0, "top/f": rights("rw") & onFile})
	wantNotices(t, p, `"top/gone:" does not exist: it gets no rule, and stays closed if it appears`, "is narrowed by")

	p = compile(t, in(dir), "top/f/x:r")
	wantNotices(t, p, "cannot exist: what is above it is not a directory")
}

func TestMissingWithC(t *testing.T) {
	dir := newTree(t, "d/f", "dangling -> d/target", "loose -> no/where")
	for _, c := range []struct {
		word     string
		reason   unveil.Reason
		in       string
		mendable bool
	}{
		{"d/new:rwc", unveil.Missing, "d", true},
		{"d/new/:c", unveil.Missing, "d", true},
		{"dangling:rwc", unveil.Missing, "d", true},
		{"no/dir:rwc", unveil.MissingDir, "", false},
		{"loose:c", unveil.MissingDir, "", false},
	} {
		_, err := tryCompile(t, in(dir), c.word)
		var pe *unveil.PathError
		if !errors.As(err, &pe) || pe.Reason != c.reason || !errors.Is(err, unix.ENOENT) || pe.Create != c.mendable || pe.Widen != c.mendable {
			t.Errorf("%s: %#v", c.word, err)
			continue
		}
		if c.in != "" && pe.Dir != dir+"/"+c.in {
			t.Errorf("%s: would widen %s", c.word, pe.Dir)
		}
		checkSpeech(t, err)
	}
	// An entry above grants as much.
	p := compile(t, in(dir), "d:rwc", "d/new:rwc")
	wantAccess(t, p, dir, map[string]unveil.Access{"d": rights("rwc"), "d/new": rights("rwc")})
	wantNotices(t, p)
	p = compile(t, in(dir), "d:rwc", "d/new:c")
	wantAccess(t, p, dir, map[string]unveil.Access{"d": rights("c"), "d/new": rights("c"), "d/f": rights("rw") & onFile})
	// c is not among the kinds: nothing is to be held.
	o := in(dir)
	o.Kinds = unveil.R
	wantNotices(t, compile(t, o, "d/new:rc"), "does not exist")
}

func TestFileWithC(t *testing.T) {
	dir := newTree(t, "d/f", "d/g")
	p := compile(t, in(dir), "d/f:rwc")
	wantAccess(t, p, dir, map[string]unveil.Access{"d": 0, "d/f": rights("rw") & onFile, "d/g": 0})
	wantNotices(t, p, `"d/f:rwc" is a file: it can be written, but not removed or replaced`)
	p = compile(t, in(dir), "d:rwc", "d/f:rwc")
	wantAccess(t, p, dir, map[string]unveil.Access{"d": rights("rwc"), "d/f": rights("rw") & onFile})
	wantNotices(t, p)
}

func TestWiden(t *testing.T) {
	dir := newTree(t, "d/f", "d/g", "d/sub/h", "e/f")
	o := in(dir)
	o.Widen = true
	p := compile(t, o, "d/f:rwc", "e/new:c")
	wantAccess(t, p, dir, map[string]unveil.Access{
		".": 0, "d": rights("rwc"), "d/g": rights("rw") & onFile, "d/sub": rights("rwc"), "e": rights("c"), "e/f": 0,
	})
	wantNotices(t, p, `"d/f:rwc" is widened: everything in "`+dir+`/d" and below it has rwc`, `"e/new:c" is widened`)

	// What is narrower below the directory cannot be kept, so nothing is done.
	for _, narrow := range []string{"d/sub:r", "d/sub/h:", "d/g:rw", "d/other:"} {
		_, err := tryCompile(t, o, "d/f:rwc", narrow)
		var pe *unveil.PathError
		if !errors.As(err, &pe) || pe.Reason != unveil.Unwidened || pe.Dir != dir+"/d" || !errors.Is(err, unix.EOPNOTSUPP) {
			t.Errorf("beside %s: %#v", narrow, err)
			continue
		}
		checkSpeech(t, err)
	}
	// One that asks for less of the same directory is given the directory's.
	p = compile(t, o, "d/f:rwc", "d/new:c")
	wantAccess(t, p, dir, map[string]unveil.Access{"d": rights("rwc"), "d/f": rights("rw") & onFile})
}

func TestCreate(t *testing.T) {
	dir := newTree(t, "d/f", "link -> d/target")
	o := in(dir)
	o.Create, o.Widen = true, true // Create comes first
	p := compile(t, o, "d/new:rwc", "d/dir/:rwc", "link:wc")
	for _, name := range []string{"d/new", "d/dir", "d/target"} {
		if _, err := os.Lstat(dir + "/" + name); !os.IsNotExist(err) {
			t.Errorf("compiling made %s (%v)", name, err)
		}
	}
	want := map[string]unveil.Access{
		"d": 0, "d/new": rights("rw") & onFile, "d/dir": rights("rwc"), "d/dir/x": rights("rwc"), "d/target": rights("w") & onFile, "d/f": 0,
	}
	wantAccess(t, p, dir, want)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	wantAccess(t, p, dir, want)
	if s, err := os.Stat(dir + "/d/target"); err != nil || !s.Mode().IsRegular() || s.Size() != 0 {
		t.Errorf("d/target: %v, %v", s, err)
	}
	if s, err := os.Stat(dir + "/d/dir"); err != nil || !s.IsDir() {
		t.Errorf("d/dir: %v, %v", s, err)
	}
	if err := p.Create(); err != nil {
		t.Errorf("the second time: %v", err)
	}
	// What somebody put there meanwhile stays.
	if err := os.WriteFile(dir+"/d/new", []byte("data"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.Close()
	left, err := os.ReadDir(dir + "/d")
	if err != nil || len(left) != 2 || left[0].Name() != "f" || left[1].Name() != "new" {
		t.Errorf("left by Close: %v, %v", left, err)
	}
}

// TestCreateAllOrNothing: one that cannot be made takes back the others.
func TestCreateAllOrNothing(t *testing.T) {
	dir := newTree(t, "d/")
	o := in(dir)
	o.Create = true
	p := compile(t, o, "d/a:rwc", "d/b/:rwc", "d/c:rwc")
	if err := grow(dir, "d/c"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := p.Create()
		var pe *unveil.PathError
		if !errors.As(err, &pe) || pe.Reason != unveil.Changed || !errors.Is(err, unix.EEXIST) || !strings.HasSuffix(pe.Path, "/d/c") {
			t.Fatalf("%#v", err)
		}
		left, err := os.ReadDir(dir + "/d")
		if err != nil || len(left) != 1 || left[0].Name() != "c" {
			t.Fatalf("left: %v, %v", left, err)
		}
	}
	if err := os.Remove(dir + "/d/c"); err != nil {
		t.Fatal(err)
	}
	if err := p.Create(); err != nil {
		t.Errorf("with nothing in the way: %v", err)
	}
}

// TestCreateBelowCreated: a directory that is to be made holds what is
// narrower in it as any other does.
func TestCreateBelowCreated(t *testing.T) {
	dir := newTree(t)
	o := in(dir)
	o.Create = true
	p := compile(t, o, "new/:rwc", "new/secret:")
	wantAccess(t, p, dir, map[string]unveil.Access{"new": 0, "new/secret": 0})
	wantNotices(t, p, `"new/secret:" does not exist`, `"new/:rwc" is narrowed by "new/secret:"`)
	p = compile(t, o, "new/:rwc", "new/f:rc")
	wantAccess(t, p, dir, map[string]unveil.Access{"new": rights("rc"), "new/f": rights("rc")})
	p = compile(t, o, "new/:rwc", "new/f:rwc")
	wantAccess(t, p, dir, map[string]unveil.Access{"new": rights("rwc"), "new/f": rights("rwc")})
}
