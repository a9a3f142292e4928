package libunveil

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/test/need"
	"github.com/unveil-run/unveil-run/unveil"
)

// must unveils PATH:LETTERS.
func (d *driver) must(words ...string) {
	d.t.Helper()
	for _, w := range words {
		path, perms, _ := strings.Cut(w, ":")
		if err := d.unveil(path, perms); err != 0 {
			d.t.Fatalf("unveil %q: %v", w, err)
		}
	}
}

// want holds what is granted on some paths below root.
func (r ruleset) want(t *testing.T, root string, want map[string]unveil.Access) {
	t.Helper()
	if r.err != 0 {
		t.Errorf("no ruleset: %v", r.err)
		return
	}
	for path, a := range want {
		path = filepath.Join(root, path)
		info, err := os.Stat(path)
		if got := r.access(path, err != nil || info.IsDir()); got != a {
			t.Errorf("%s: %s, want %s", path, got, a)
		}
	}
}

const (
	readFile = unveil.ReadFile
	reading  = unveil.ReadFile | unveil.ReadDir
	writing  = unveil.WriteFile | unveil.Truncate | unveil.IoctlDev | unveil.ResolveUnix
)

// TestImplied holds the paths that promises imply: each of a promise that is
// made, none of another.
func TestImplied(t *testing.T) {
	root := grow(t, "f")
	d := startDriver(t, kernel.Newest, root)
	tried := 0
	for _, p := range pledge.Promises() {
		for _, path := range p.Paths {
			if _, err := os.Stat(path.Name); err != nil {
				continue // not on this machine
			}
			name, err := filepath.EvalSymlinks(path.Name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "/proc/") && name != path.Name {
				continue // a link to the directory of the process, which is the driver
			}
			letters, err := unveil.ParseLetters(path.Perms)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			want := letters.Access() &^ unveil.Refer
			if !info.IsDir() {
				want &= unveil.OnFile()
			}
			tried++
			var others pledge.Set
			for _, q := range pledge.Promises() {
				implies := false
				for _, other := range q.Paths {
					implies = implies || strings.HasPrefix(path.Name+"/", other.Name+"/")
				}
				if !implies {
					others |= q.Set
				}
			}
			d.must("f:r", "/:")
			if got := d.rules(options{pledged: true, set: p.Set}).paths[name]; got != want {
				t.Errorf("%s under %q: %s, want %s", path.Name, p.Name, got, want)
			}
			d.must("f:r")
			if got := d.rules(options{pledged: true, set: others}).paths[name]; got != 0 {
				t.Errorf("%s under %q: %s", path.Name, others, got)
			}
			// Without a pledge there is room for what one may promise.
			d.must("f:r")
			got := d.rules(options{}).paths[name]
			switch p.Name {
			case "stdio", "dns", "getpw", "tty":
			default:
				want = 0
			}
			if got != want {
				t.Errorf("%s before a pledge: %s, want %s", path.Name, got, want)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d paths were tried", tried)
	}
}

// TestPromised holds the layer of promises alone, and what is no path.
func TestPromised(t *testing.T) {
	root := grow(t, "f")
	all := unveil.All.Access() | unveil.MakeFifo | unveil.MakeSock
	for _, tt := range []struct {
		abi         int
		words       string
		fs          unveil.Access // that may not be handled
		net, scopes uint64
		ports       map[string]uint64
	}{
		{11, "stdio rpath wpath cpath exec dpath unix proc inet", all&^unveil.Refer | unveil.ResolveUnix, 0, 0, nil},
		{11, "stdio rpath", reading, 0, 3, nil},
		{11, "stdio rpath proc", reading, 0, 1, nil},
		{11, "stdio rpath unix", reading | unveil.MakeSock | unveil.ResolveUnix, 0, 1 << 1, nil},
		{11, "stdio dns", 0, 0xf, 3, map[string]uint64{"53": 0xa, "0": 4}},
		{7, "stdio dns", 0, 3, 3, map[string]uint64{"53": 2}},
		{3, "stdio dns", 0, 0, 0, nil},
		{11, "stdio dns inet", 0, 0, 3, nil},
	} {
		d := startDriver(t, tt.abi, root)
		for _, whole := range []bool{false, true} {
			if whole {
				d.must("f:r") // is left out
			}
			r := d.rules(options{pledged: true, set: set(t, tt.words), layer: true, whole: whole})
			handled := unveil.Access(r.fs)
			if r.err != 0 || handled&tt.fs&^unveil.IoctlDev != 0 {
				t.Errorf("ABI %d, %q: %v, handles %s", tt.abi, tt.words, r.err, handled)
			}
			known := unveil.Access(kernel.Landlock(tt.abi).FS())
			if rest := known &^ tt.fs &^ (unveil.Refer | unveil.IoctlDev | unveil.ResolveUnix); rest&^handled != 0 {
				t.Errorf("ABI %d, %q: does not handle %s", tt.abi, tt.words, rest&^handled)
			}
			if refer := r.paths["/"] == unveil.Refer; refer != (strings.Contains(tt.words, "cpath") || strings.Contains(tt.words, "unix")) {
				t.Errorf("ABI %d, %q: on /: %s", tt.abi, tt.words, r.paths["/"])
			}
			if r.net != tt.net || r.scopes != tt.scopes || fmt.Sprint(r.ports) != fmt.Sprint(tt.ports) {
				t.Errorf("ABI %d, %q: net %#x, scopes %#x, ports %v", tt.abi, tt.words, r.net, r.scopes, r.ports)
			}
		}
	}
	d := startDriver(t, 11, root)
	if r := d.rules(options{}); r.err != unix.ENOENT {
		t.Errorf("nothing unveiled and no layer: %v", r.err)
	}
	if r := d.rules(options{pledged: true, set: set(t, "stdio rpath wpath cpath"), layer: true, strict: true}); r.err != 0 {
		t.Errorf("strict: %v", r.err)
	}
}

// TestLoader holds what x needs beside the program itself.
func TestLoader(t *testing.T) {
	root := grow(t, "d/f", "script")
	if err := os.WriteFile(filepath.Join(root, "script"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := startDriver(t, kernel.Newest, root)
	start := unveil.Execute | unveil.ReadFile
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("readelf", "-p", ".interp", sh).Output()
	if err != nil {
		need.Missing(t, "readelf: %v", err)
	}
	interp := string(out[strings.IndexByte(string(out), ']')+1:])
	interp, err = filepath.EvalSymlinks(strings.TrimSpace(interp))
	if err != nil {
		t.Fatal(err)
	}
	var library string
	for _, dir := range []string{"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"} {
		if _, err := os.Stat(dir); err == nil {
			library = dir
			break
		}
	}

	d.must("/bin/sh:x")
	d.rules(options{}).want(t, "", map[string]unveil.Access{sh: start, interp: start, library + "/x": readFile, "/etc/ld.so.cache": readFile})
	d.must("script:x")
	d.rules(options{}).want(t, "", map[string]unveil.Access{root + "/script": start, sh: start, interp: start, library + "/x": readFile})
	d.must("d:x")
	d.rules(options{}).want(t, "", map[string]unveil.Access{root + "/d/x": start, sh: 0, interp: start, library + "/x": readFile})
	d.must("later:x")
	d.rules(options{}).want(t, "", map[string]unveil.Access{sh: 0, interp: start})
	// An entry below a directory of libraries wins over it.
	d.must("/bin/sh:x", library+":", library+"/x:")
	d.rules(options{}).want(t, "", map[string]unveil.Access{library + "/y": 0, interp: start})
	// Without x, or without exec, nothing.
	for _, o := range []options{{pledged: true, set: set(t, "stdio rpath")}} {
		d.must("/bin/sh:x")
		d.rules(o).want(t, "", map[string]unveil.Access{sh: 0, interp: 0, library + "/x": 0})
	}
	d.must("/bin/sh:r")
	d.rules(options{}).want(t, "", map[string]unveil.Access{sh: readFile, interp: 0, library + "/x": 0})
}

// TestTreeChanges moves things between unveil and the ruleset.
func TestTreeChanges(t *testing.T) {
	root := grow(t, "d/e/f", "d/f", "o/f", "f")
	d := startDriver(t, kernel.Newest, root)

	d.must("d:r", "d/e:rw")
	d.say("rename", "d", "moved")
	d.say("mkdir", "d")
	d.rules(options{}).want(t, root, map[string]unveil.Access{"d": 0, "moved/f": readFile, "moved/e/f": readFile | writing, "moved/new": reading})
	d.say("rmdir", "d")
	d.say("rename", "moved", "d")

	// A narrower entry that moves takes its place.
	d.must("d:rw", "d/e:r")
	d.say("rename", "d/e", "e")
	d.rules(options{}).want(t, root, map[string]unveil.Access{"d/f": readFile | writing, "d/new": reading | writing, "e/f": readFile})
	d.say("rename", "e", "d/e")

	// One that is moved below another entry is taken out of that.
	d.must("d:rw", "o:r")
	d.say("rename", "o", "d/o")
	d.rules(options{}).want(t, root, map[string]unveil.Access{"d/f": readFile | writing, "d/o/f": readFile, "d/new": reading})
	d.say("rename", "d/o", "o")

	d.must("d:r", "f:rw", "d/e:")
	d.say("closefrom", "3")
	d.rules(options{}).want(t, root, map[string]unveil.Access{"d/f": readFile, "d/e/f": 0, "f": readFile | writing, "o/f": 0})

	d.must("d:r")
	d.say("closefrom", "3")
	d.say("rename", "d", "moved")
	d.say("mkdir", "d")
	if r := d.rules(options{}); r.err != unix.EBADF {
		t.Errorf("another directory of the name: %v", r.err)
	}
	d.say("rmdir", "d")
	d.say("rename", "moved", "d")

	d.must("d/later:r")
	d.say("touch", "d/later")
	d.rules(options{}).want(t, root, map[string]unveil.Access{"d/later": readFile, "d/f": 0})
}

// TestOtherNames holds that no other name of an entry has more than it.
func TestOtherNames(t *testing.T) {
	root := grow(t, "d/f", "d/g", "d/s/f")
	if err := os.Link(filepath.Join(root, "d/f"), filepath.Join(root, "d/h")); err != nil {
		t.Fatal(err)
	}
	d := startDriver(t, kernel.Newest, root)
	// Beside the way, and as two entries: a rule is one on the inode.
	d.must("d:rw", "d/f:r")
	d.rules(options{}).want(t, root, map[string]unveil.Access{"d/f": readFile, "d/h": readFile, "d/g": readFile | writing})
	d.must("d/f:r", "d/h:rw")
	d.rules(options{}).want(t, root, map[string]unveil.Access{"d/f": readFile, "d/h": readFile})
}

// TestLimits holds the errors of lists that are too long or cannot be held.
func TestLimits(t *testing.T) {
	words := []string{"d/s/f", "e/f"}
	for i := range 4200 {
		words = append(words, fmt.Sprintf("d/%d", i))
	}
	deep := strings.Repeat("x/", 110)
	root := grow(t, append(words, deep)...)
	d := startDriver(t, kernel.Newest, root)
	for _, tt := range []struct {
		words string
		o     options
		err   unix.Errno
	}{
		{"d:r d/s:", options{}, unix.E2BIG},
		{"d:r", options{}, 0},
		{"x:r " + deep + ":", options{}, unix.E2BIG},
		{"e/gone:rwc", options{strict: true}, unix.EOPNOTSUPP},
		{"e/f:rwc", options{strict: true}, unix.EOPNOTSUPP},
		{"e:rwc e/f:rwc e/gone:rwc", options{strict: true}, 0},
		{"e/gone:rw e/f:rw", options{strict: true}, 0},
		{"/:r /proc/sys:", options{}, unix.EOPNOTSUPP},
		{"/:r /dev/null:w", options{}, unix.EOPNOTSUPP},
	} {
		d.must(strings.Fields(tt.words)...)
		if r := d.rules(tt.o); r.err != tt.err {
			t.Errorf("%.60q: %v, want %v", tt.words, r.err, tt.err)
		}
	}
	long := "e"
	for i := range 300 {
		err := d.unveil(long+strings.Repeat("/", 3000)+fmt.Sprint("n", i), "r")
		if i < 128 && err != 0 || i >= 128 && err != unix.E2BIG {
			t.Fatalf("name %d: %v", i, err)
		}
	}
	if r := d.rules(options{}); r.err != 0 {
		t.Errorf("128 names: %v", r.err)
	}
}

// TestNoDescriptors holds that a ruleset without descriptors is an error and
// leaves none behind.
func TestNoDescriptors(t *testing.T) {
	root := grow(t, "d/s/f", "d/f", "e/f")
	program := startDriver(t, kernel.Newest, root)
	for n := 4; n < 16; n++ {
		program.must("d:r", "d/s:", "e/f:r", "/bin/sh:x")
		program.say("limit", fmt.Sprint(n))
		r := program.rules(options{})
		program.say("limit", "1024")
		if r.err != 0 && r.err != unix.EMFILE {
			t.Errorf("%d descriptors: %v", n, r.err)
		}
		if n == 4 && r.err == 0 {
			t.Errorf("%d descriptors are enough?", n)
		}
	}
}
