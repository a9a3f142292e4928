package libunveil

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// veilSources are the files of unveil(2) that ctest/rules.c drives; it has
// veil.c in itself.
var veilSources = []string{"ctest/rules.c", "ruleset.c", "walk.c", "expand.c", "rights.c", "loader.c", "kernel.c"}

// A driver is a running ctest/rules.c.
type driver struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Scanner
}

func startDriver(t testing.TB, abi int, where string, extra ...string) *driver {
	t.Helper()
	program := build(t, "gcc", append(append([]string{"-include", "ctest/fake.h", "-Wno-error=unused-result"}, extra...), veilSources...)...)
	cmd := exec.Command(program)
	cmd.Dir = where
	cmd.Env = append(os.Environ(), "ABI="+strconv.Itoa(abi))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the driver: %v", err)
		}
		timer.Stop()
	})
	return &driver{t, in, bufio.NewScanner(out)}
}

func (d *driver) say(words ...string) {
	for i, w := range words {
		if w == "" {
			words[i] = "-"
		}
	}
	fmt.Fprintln(d.in, strings.Join(words, " "))
}

func (d *driver) hear() string {
	d.t.Helper()
	if !d.out.Scan() {
		d.t.Fatal("the driver has ended")
	}
	return d.out.Text()
}

func (d *driver) unveil(path, perms string) unix.Errno {
	d.t.Helper()
	d.say("unveil", path, perms)
	n, err := strconv.Atoi(d.hear())
	if err != nil {
		d.t.Fatal(err)
	}
	return unix.Errno(n)
}

// A ruleset is what the driver prints.
type ruleset struct {
	fs, net, scopes uint64
	paths           map[string]unveil.Access
	ports           map[string]uint64
	err             unix.Errno
}

// options are those of veil_ruleset.
type options struct {
	pledged              bool
	set                  pledge.Set
	whole, layer, strict bool
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func (d *driver) rules(o options) ruleset {
	d.t.Helper()
	d.say("rules", digit(o.pledged), strconv.FormatUint(uint64(o.set), 16), digit(o.whole), digit(o.layer), digit(o.strict))
	r := ruleset{paths: make(map[string]unveil.Access), ports: make(map[string]uint64)}
	for {
		verb, rest, _ := strings.Cut(d.hear(), " ")
		first, second, _ := strings.Cut(rest, " ")
		switch verb {
		case "handled":
			if _, err := fmt.Sscanf(rest, "%x %x %x", &r.fs, &r.net, &r.scopes); err != nil {
				d.t.Fatal(err)
			}
		case "rule":
			a, err := strconv.ParseUint(first, 16, 64)
			if err != nil {
				d.t.Fatal(err)
			}
			r.paths[second] |= unveil.Access(a)
		case "port":
			a, err := strconv.ParseUint(first, 16, 64)
			if err != nil {
				d.t.Fatal(err)
			}
			r.ports[second] |= a
		case "end":
			n, err := strconv.Atoi(first)
			if err != nil {
				d.t.Fatal(err)
			}
			r.err = unix.Errno(n)
			return r
		default:
			d.t.Fatalf("the driver says %q", verb)
		}
	}
}

// access is what Plan.Access is for a plan: the rules of the path and of the
// directories above, without REFER.
func (r ruleset) access(path string, dir bool) unveil.Access {
	a := r.paths["/"]
	for i := range len(path) {
		if i > 0 && path[i] == '/' {
			a |= r.paths[path[:i]]
		}
	}
	a = (a | r.paths[path]) &^ unveil.Refer
	if !dir {
		a &= unveil.OnFile()
	}
	return a
}

// tree has symbolic links, and no object with two names.
var tree = []string{
	"f", "a/f", "a/a/f", "a/a/a/f", "a/a/b/f", "a/b/f", "a/b/a/", "b/f", "b/a/f", "b/b/f", "b/b/b/f", "c/",
	"link -> a", "b/link -> ../a/a/f", "c/dangling -> ../b/gone", "ab/f", "a-/f",
}

// paths are what is unveiled; the last ones do not exist.
var paths = []string{
	".", "f", "a", "a/f", "a/a", "a/a/f", "a/a/a", "a/a/a/f", "a/a/b", "a/b", "a/b/f", "a/b/a", "ab", "a-", "a-/f",
	"b", "b/f", "b/a", "b/a/f", "b/b", "b/b/b", "b/b/b/f", "c", "link", "b/link", "link/a/../f", "/",
	"gone", "a/gone", "a/a/gone", "b/b/gone", "c/gone", "c/dangling",
}

func grow(t testing.TB, words ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp(dir, "tree")
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, w := range words {
		link, target, isLink := strings.Cut(w, " -> ")
		path := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		switch {
		case isLink:
			err = os.Symlink(target, path)
		case strings.HasSuffix(w, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func set(t testing.TB, words string) pledge.Set {
	t.Helper()
	s, err := pledge.Parse(words)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRulesAgainstGo gives the same random entries to the C library and to
// package unveil, and compares what they grant on every path of the tree. The
// library widens by itself what the launcher does with --widen.
func TestRulesAgainstGo(t *testing.T) {
	root := grow(t, tree...)
	kinds := []struct {
		promise pledge.Set
		letter  unveil.Letters
	}{{set(t, "rpath"), unveil.R}, {set(t, "wpath"), unveil.W}, {set(t, "exec"), unveil.X}, {set(t, "cpath"), unveil.C}}
	dpath, sockets := set(t, "dpath"), set(t, "unix")
	var all pledge.Set
	for _, k := range kinds {
		all |= k.promise
	}
	all |= dpath | sockets

	for _, abi := range []int{1, 2, 3, 7, 9, kernel.Newest} {
		random := rand.New(rand.NewPCG(uint64(abi), 5)) // not random over runs: a failure must come again
		var extra []string
		if abi == 7 {
			extra = []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"}
		}
		d := startDriver(t, abi, root, extra...)
		compared, refused, widened := 0, 0, 0
		for range 400 {
			o := options{}
			g := unveil.Options{Kernel: kernel.Landlock(abi), Dir: root, Kinds: unveil.All, Fifo: true, Sock: true, ResolveUnix: true, Widen: true}
			if random.IntN(2) == 0 {
				o.pledged, o.set = true, pledge.Set(random.Uint64())&all
				g.Kinds, g.Fifo, g.Sock, g.ResolveUnix = 0, o.set.Has(dpath), o.set.Has(sockets), o.set.Has(sockets)
				for _, k := range kinds {
					if o.set.Has(k.promise) {
						g.Kinds |= k.letter
					}
				}
			}
			var rules unveil.Rules
			var words []string
			for range 1 + random.IntN(6) {
				path, letters := paths[random.IntN(len(paths))], unveil.Letters(random.IntN(16))
				if path == "/" && random.IntN(8) != 0 {
					continue // lists the whole machine
				}
				words = append(words, path+":"+letters.String())
				if err := rules.Unveil(path, letters.String()); err != nil {
					t.Fatal(err)
				}
				if err := d.unveil(path, letters.String()); err != 0 {
					t.Fatalf("unveil %q: %v", path, err)
				}
			}
			if words == nil {
				continue
			}
			got := d.rules(o)
			plan, err := rules.Compile(g)
			if err != nil {
				refused++
				var pe *unveil.PathError
				if !errors.As(err, &pe) || !errors.Is(got.err, pe.Err) {
					t.Errorf("ABI %d, %q, promises %q: %v in C; Go says %v", abi, words, o.set, got.err, err)
				}
				continue
			}
			if got.err != 0 {
				t.Errorf("ABI %d, %q, promises %q: %v in C only", abi, words, o.set, got.err)
				plan.Close()
				continue
			}
			compared++
			for _, n := range plan.Notices {
				if strings.Contains(n, "is widened") {
					widened++
					break
				}
			}
			compare(t, root, plan, got, func(path string, c, g unveil.Access) {
				t.Errorf("ABI %d, %q, promises %q: %s has %s in C, %s in Go\n%s", abi, words, o.set, path, c, g, plan)
			})
			if refer := got.paths["/"]&unveil.Refer != 0; refer != strings.Contains(plan.String(), "REFER (") && refer != strings.Contains(plan.String(), "|REFER") {
				t.Errorf("ABI %d, %q, promises %q: REFER is %v\n%s", abi, words, o.set, refer, plan)
			}
			plan.Close()
			if t.Failed() {
				break
			}
		}
		t.Logf("ABI %d: %d compared, %d of them widened, %d refused by both", abi, compared, widened, refused)
		if compared < 100 || widened < 20 || refused < 5 {
			t.Errorf("ABI %d: too little was tried", abi)
		}
	}
}

func compare(t *testing.T, root string, plan *unveil.Plan, got ruleset, differs func(path string, c, g unveil.Access)) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		if c, g := got.access(path, d.IsDir()), plan.Access(path); c != g {
			differs(path, c, g)
		}
		if !d.IsDir() {
			return nil
		}
		for _, name := range []string{"gone", "other"} {
			path := filepath.Join(path, name)
			if c, g := got.access(path, true), plan.Access(path); c != g {
				differs(path, c, g)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
