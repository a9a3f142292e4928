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

func TestNothingIsGrantedByItself(t *testing.T) {
	dir := newTree(t, "a/f")
	p := compile(t, newest)
	wantAccess(t, p, dir, map[string]unveil.Access{"a": 0, "a/f": 0, "../..": 0})
	wantNotices(t, p)
	if len(p.Gaps) != 0 {
		t.Errorf("gaps %v", p.Gaps)
	}
}

func TestRightsByType(t *testing.T) {
	dir := newTree(t, "d/f", "p|")
	for _, perms := range []string{"r", "w", "x", "c", "rw", "rx", "wc", "rwxc"} {
		p := compile(t, in(dir), "d:"+perms)
		wantAccess(t, p, dir, map[string]unveil.Access{
			"d": rights(perms), "d/f": rights(perms) & onFile, "d/new": rights(perms), ".": 0, "p|": 0,
		})
		p = compile(t, in(dir), "d/f:"+perms)
		wantAccess(t, p, dir, map[string]unveil.Access{"d": 0, "d/f": rights(perms) & onFile})
		p = compile(t, in(dir), "p|:"+perms)
		wantAccess(t, p, dir, map[string]unveil.Access{"p|": rights(perms) & onFile})
	}
}

// TestDeviceForReading: r brings IOCTL_DEV on a character device that is
// named, never by way of a directory.
func TestDeviceForReading(t *testing.T) {
	p := compile(t, newest, "/dev/null:r")
	wantAccess(t, p, "/dev", map[string]unveil.Access{"null": unveil.ReadFile | unveil.IoctlDev, "zero": 0})
	p = compile(t, newest, "/dev:r")
	wantAccess(t, p, "/dev", map[string]unveil.Access{"null": unveil.ReadFile})
	o := newest
	o.Kinds = unveil.W
	p = compile(t, o, "/dev/null:r")
	wantAccess(t, p, "/dev", map[string]unveil.Access{"null": 0})
}

func TestReplacing(t *testing.T) {
	dir := newTree(t, "d/f", "dirlink -> d", "filelink -> d/f", "e/", "e/dangling -> ../missing")
	for _, c := range []struct {
		words []string
		path  string
		want  unveil.Access
	}{
		{[]string{"d:r", "d:rw"}, "d", rights("rw")},
		{[]string{"d:rw", "d:r"}, "d", rights("r")},
		{[]string{"d:rwxc", "d:"}, "d", 0},
		{[]string{"d:", "d:r"}, "d", rights("r")},
		{[]string{"d:rw", "d/:r"}, "d", rights("r")},
		{[]string{"d:rw", "./e/../d/.:r"}, "d", rights("r")},
		{[]string{"d:rw", "dirlink:r"}, "d", rights("r")},
		{[]string{"dirlink:rw", "d:r"}, "dirlink", rights("r")},
		{[]string{"d/f:rw", "filelink:r"}, "d/f", rights("r") & onFile},
		{[]string{"d/f:rw", dir + "/dirlink/f:"}, "d/f", 0},
		{[]string{"d:rwc", "missing:", "e/dangling:r", "d:r"}, "d", rights("r")},
	} {
		p := compile(t, in(dir), c.words...)
		if got := p.Access(filepath.Join(dir, c.path)); got != c.want {
			t.Errorf("%q: %s on %s, want %s", c.words, got, c.path, c.want)
		}
	}
	// A name that does not exist is one entry, too, whatever leads to it.
	p := compile(t, in(dir), "missing:r", "e/dangling:")
	wantNotices(t, p, `"e/dangling:" does not exist`)
}

func TestRelativePaths(t *testing.T) {
	dir := newTree(t, "a/b/f", "c/")
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, in(dir+"/a"), "b:r", "../c:w")
	wantAccess(t, p, dir, map[string]unveil.Access{"a": 0, "a/b": rights("r"), "c": rights("w")})
	if got := p.Access("b"); got != rights("r") {
		t.Errorf("Access does not start at Options.Dir: %s", got)
	}
	if now, err := os.Getwd(); err != nil || now != wd {
		t.Errorf("in %s, %v; was in %s", now, err, wd)
	}
	t.Chdir(dir)
	p = compile(t, newest, "a/b:r", ".:x")
	wantAccess(t, p, dir, map[string]unveil.Access{"c": rights("x")})
	if got := p.Access("a/b"); got != rights("r") {
		t.Errorf("a/b: %s, want %s", got, rights("r"))
	}
}

// TestEmptyPaths: the words of Imply, Need and Access are not checked before.
func TestEmptyPaths(t *testing.T) {
	dir := newTree(t)
	for _, o := range []unveil.Options{newest, in(dir)} {
		var r unveil.Rules
		r.Imply(".", unveil.ReadFile, "a test")
		r.Imply("", unveil.ReadFile, "a test")
		r.Need("", unveil.ReadFile, "a test")
		p, err := r.Compile(o)
		if err != nil {
			t.Fatal(err)
		}
		if a := p.Access(""); a != 0 {
			t.Errorf("the empty path has %s", a)
		}
		if a := p.Access("."); a != unveil.ReadFile {
			t.Errorf("the directory has %s", a)
		}
		wantNotices(t, p, `"" (a test) cannot be granted`)
		p.Close()
	}
}

func TestKinds(t *testing.T) {
	dir := newTree(t, "d/f", "d/e/f")
	for kinds := range unveil.All + 1 {
		o := in(dir)
		o.Kinds = kinds
		p := compile(t, o, "d:rwxc")
		if got, want := p.Access(dir+"/d"), kinds.Access()&^unveil.Refer; got != want {
			t.Errorf("kinds %s: %s, want %s", kinds, got, want)
		}
	}
	// A kind that is not promised is missing nowhere: nothing is narrowed.
	o := in(dir)
	o.Kinds = unveil.R
	p := compile(t, o, "d:rwc", "d/e:r")
	wantAccess(t, p, dir, map[string]unveil.Access{"d": rights("r"), "d/e": rights("r")})
	wantNotices(t, p)
}

func TestFifoAndSock(t *testing.T) {
	dir := newTree(t, "d/", "e/")
	o := in(dir)
	o.Fifo, o.Sock = true, true
	p := compile(t, o, "d:c", "e:rwx")
	wantAccess(t, p, dir, map[string]unveil.Access{"d": rights("c") | unveil.MakeFifo | unveil.MakeSock, "e": rights("rwx")})
	o.Kinds = unveil.R
	p = compile(t, o, "d:r")
	wantAccess(t, p, dir, map[string]unveil.Access{"d": rights("r")})
}

// TestImplyAndNeed: what a promise brings pierces, what a command needs does
// not pass an entry below it; neither asks for a kind of access.
func TestImplyAndNeed(t *testing.T) {
	dir := newTree(t, "lib/a/f", "lib/hidden/f", "lib/some/f", "etc/hosts", "etc/x")
	o := in(dir)
	o.Kinds = 0
	r, err := ruleSet("lib/hidden:", "lib/some:r", "etc:")
	if err != nil {
		t.Fatal(err)
	}
	r.Need("lib", unveil.ReadFile, "libraries")
	r.Need("missing", unveil.ReadFile, "libraries")
	r.Imply("etc/hosts", unveil.ReadFile, "dns")
	r.Imply("missing", unveil.ReadFile, "dns")
	p, err := r.Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	wantAccess(t, p, dir, map[string]unveil.Access{
		"lib":          0, // narrowed: it leads to the hidden entry
		"lib/a":        unveil.ReadFile,
		"lib/a/f":      unveil.ReadFile,
		"lib/hidden":   0,
		"lib/hidden/f": 0,
		"lib/some/f":   unveil.ReadFile, // the letter is there, though the kind is not
		"etc":          0,
		"etc/hosts":    unveil.ReadFile,
		"etc/x":        0,
	})
	wantNotices(t, p, `"missing" (libraries) cannot be granted`, `is narrowed by "lib/hidden:"`)
}

func TestResolveUnix(t *testing.T) {
	dir := newTree(t, "run/", "w/", "rxc/")
	var r unveil.Rules
	r.Imply(dir+"/run", unveil.ResolveUnix, "--unix")
	for path, perms := range map[string]string{"/w": "w", "/rxc": "rxc"} {
		if err := r.Unveil(dir+path, perms); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		asked  bool
		listed bool
		abi    int
		want   unveil.Access
		gaps   int
	}{
		{false, false, 11, 0, 0},
		{true, false, 11, unveil.ResolveUnix, 0},
		{true, true, 11, unveil.ResolveUnix, 0},
		{true, false, 9, unveil.ResolveUnix, 0},
		{true, false, 8, 0, 1},
		{false, false, 8, 0, 0},
	} {
		p, err := r.Compile(unveil.Options{Kernel: kernel.Landlock(c.abi), Kinds: unveil.R, ResolveUnix: c.asked, ListedUnix: c.listed})
		if err != nil {
			t.Fatal(err)
		}
		want := c.want
		if c.listed {
			want = 0
		}
		if got := p.Access(dir + "/w"); got != want {
			t.Errorf("asked %v, ABI %d: w has %s, want %s", c.asked, c.abi, got, want)
		}
		if got := p.Access(dir + "/rxc"); got&unveil.ResolveUnix != 0 {
			t.Errorf("asked %v, ABI %d: rxc has %s", c.asked, c.abi, got)
		}
		if got := p.Access(dir + "/run"); got != c.want || len(p.Gaps) != c.gaps {
			t.Errorf("asked %v, ABI %d: %s, want %s; gaps %v", c.asked, c.abi, got, c.want, p.Gaps)
		}
		p.Close()
	}
}

func TestPathErrors(t *testing.T) {
	dir := newTree(t, "f", "loop -> loop", "d/")
	for _, c := range []struct {
		word   string
		reason unveil.Reason
		errno  error
	}{
		{"loop:r", unveil.Unopened, unix.ELOOP},
		{"loop/x:r", unveil.Unopened, unix.ELOOP},
		{"f/:r", unveil.NotDir, unix.ENOTDIR},
		{"missing/../d:r", unveil.Unopened, unix.ENOENT},
	} {
		_, err := tryCompile(t, in(dir), c.word)
		var pe *unveil.PathError
		if !errors.As(err, &pe) || pe.Reason != c.reason || !errors.Is(err, c.errno) {
			t.Errorf("%s: %#v, want reason %d, %v", c.word, err, c.reason, c.errno)
			continue
		}
		checkSpeech(t, err)
		if pe.Path+":"+pe.Letters.String() != c.word {
			t.Errorf("%s: the error is about %s:%s", c.word, pe.Path, pe.Letters)
		}
	}
}

// TestDescriptors: a plan gives back what it holds, whichever way it ends,
// and Compile leaves the rules as they were.
func TestDescriptors(t *testing.T) {
	dir := newTree(t, "d/a/f", "d/b/f", "d/c/hidden", "g")
	words := []string{"d:rwc", "d/c/hidden:", "g:rwc", "missing:r", "d/:rw"}
	before := openFDs(t)
	r, err := ruleSet(words...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Compile(in(dir))
	if err != nil {
		t.Fatal(err)
	}
	if openFDs(t) == before {
		t.Error("a plan holds no descriptor")
	}
	first := p.String()
	p.Close()
	p.Close()
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	if err := p.Apply(); !errors.Is(err, unix.EBADF) {
		t.Errorf("applying a closed plan: %v", err)
	}
	if p, err = r.Compile(in(dir)); err != nil {
		t.Fatal(err)
	}
	if second := p.String(); second != first {
		t.Errorf("compiled again:\n%s\nwas:\n%s", second, first)
	}
	p.Close()
	if _, err := tryCompile(t, in(dir), append(words, "missing:c")...); err == nil {
		t.Error("c on a missing path is no error")
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors after an error, %d before", after, before)
	}
}
