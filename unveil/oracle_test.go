package unveil_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// oracle says what entries mean, by names alone: the most specific one wins,
// the last of the same name. The keys are relative to the tree, cleaned.
type oracle map[string]unveil.Letters

func (o oracle) of(path string) unveil.Letters {
	for ; ; path = filepath.Dir(path) {
		if l, ok := o[path]; ok {
			return l
		}
		if path == "." {
			return 0
		}
	}
}

// oracleTree has no links, so that each object has one name.
var oracleTree = []string{
	"f", "a/f", "a/a/f", "a/a/a/f", "a/a/b/f", "a/b/f", "a/b/a/", "b/f", "b/a/f", "b/b/f", "b/b/b/f", "c/",
}

// oraclePaths are the paths of entries; the last ones do not exist.
var oraclePaths = []string{
	".", "f", "a", "a/f", "a/a", "a/a/f", "a/a/a", "a/a/a/f", "a/a/b", "a/b", "a/b/f", "a/b/a",
	"b", "b/f", "b/a", "b/a/f", "b/b", "b/b/b", "b/b/b/f", "c", "gone", "a/gone", "a/a/gone", "b/b/gone", "b/gone/gone", "c/gone",
}

// decode reads entries from the bytes of the fuzzer, two for each.
func decode(data []byte) (words []string, want oracle) {
	want = make(oracle)
	for ; len(data) >= 2 && len(words) < 8; data = data[2:] {
		path := oraclePaths[int(data[0])%len(oraclePaths)]
		l := unveil.Letters(data[1]) & unveil.All
		words = append(words, path+":"+l.String())
		want[path] = l
	}
	return words, want
}

var inQuotes = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)

// narrowed reads the directories that notices name as having less, relative
// to dir; false if a notice leaves some out.
func narrowed(p *unveil.Plan, dir string) (dirs []string, all bool) {
	for _, n := range p.Notices {
		_, list, ok := strings.Cut(n, ": directly in ")
		if !ok {
			continue
		}
		if strings.Contains(list, " more ") {
			return nil, false
		}
		for _, m := range inQuotes.FindAllStringSubmatch(list, -1) {
			if rel, err := filepath.Rel(dir, m[1]); err == nil {
				dirs = append(dirs, rel)
			}
		}
	}
	return dirs, true
}

// FuzzCompile holds the plans of random entries against the oracle. A plan
// may grant less on the directories that its notices name, and to what does
// not exist in them; everywhere else it grants just what the oracle says.
func FuzzCompile(f *testing.F) {
	dir := newTree(f, oracleTree...)
	for _, seed := range []string{
		"", "\x00\x0f\x02\x01", "\x02\x0b\x04\x01\x06\x00", "\x00\x01\x13\x00", "\x02\x0f\x15\x00", "\x0c\x0b\x10\x01\x11\x0b\x12\x00",
		"\x00\x0f\x00\x01", "\x02\x0f\x16\x0f\x15\x01", "\x10\x0f\x17\x00\x18\x01", "\x01\x03\x03\x0f", "\x13\x0b\x19\x0b\x19\x00",
	} {
		for options := range byte(64) {
			f.Add([]byte(seed), options)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, options byte) {
		words, want := decode(data)
		o := in(dir)
		o.ListHidden = options&1 != 0
		o.Create = options&2 != 0
		if options&4 != 0 {
			o.Kinds = unveil.Letters(options>>3) & unveil.All
		}
		p, err := tryCompile(t, o, words...)
		if err != nil {
			// The tree is such that only one thing can be wrong.
			var pe *unveil.PathError
			if !errors.As(err, &pe) || pe.Reason != unveil.Missing && pe.Reason != unveil.MissingDir || !strings.Contains(pe.Path, "gone") || pe.Letters&o.Kinds&unveil.C == 0 {
				t.Errorf("%q: %v", words, err)
			}
			return
		}
		defer p.Close()
		less, all := narrowed(p, dir)
		if err := checkOracle(p, o, dir, want, less, all); err != nil {
			t.Errorf("%q, list hidden %v, create %v, kinds %q: %v\n%s%s", words, o.ListHidden, o.Create, o.Kinds, err, p, strings.Join(p.Notices, "\n"))
		}
	})
}

func checkOracle(p *unveil.Plan, o unveil.Options, dir string, want oracle, less []string, all bool) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if err := checkPath(p, o, dir, rel, d.IsDir(), true, want, less, all); err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		for _, name := range []string{"gone", "gone/gone", "other"} {
			if err := checkPath(p, o, dir, filepath.Join(rel, name), true, false, want, less, all); err != nil {
				return err
			}
		}
		return nil
	})
}

func checkPath(p *unveil.Plan, o unveil.Options, dir, rel string, isDir, exists bool, want oracle, less []string, all bool) error {
	letters := want.of(rel) & o.Kinds
	may := letters.Access() &^ unveil.Refer
	if !isDir {
		may &= onFile
	}
	got := p.Access(filepath.Join(dir, rel))
	more := got &^ may
	if o.ListHidden {
		more &^= unveil.ReadDir
	}
	if more != 0 {
		return fmt.Errorf("%s has %s more than %q", rel, more, letters)
	}
	if !exists || !all {
		return nil // what appears later may have less
	}
	for _, d := range less {
		if d == rel {
			return nil
		}
	}
	if got|unveil.ReadDir != may|unveil.ReadDir || may&unveil.ReadDir&^got != 0 {
		return fmt.Errorf("%s has %s, want %s, and no notice names it", rel, got, may)
	}
	return nil
}

// TestAccessIsTheKernels applies random plans and tries every path: what
// Plan.Access says is what the kernel does.
func TestAccessIsTheKernels(t *testing.T) { everyABI(t, "access") }

func init() {
	scenes["access"] = func(s *scene) {
		// Not random over runs: a failure must come again.
		state := uint64(1)
		next := func() byte {
			state = state*6364136223846793005 + 1442695040888963407
			return byte(state >> 56)
		}
		s.grow(oracleTree...)
		o := s.here()
		tried := 0
		for tried < 60 {
			data := make([]byte, 2+2*(next()%5))
			for i := range data {
				data[i] = next()
			}
			words, _ := decode(data)
			o.ListHidden = next()%4 == 0
			p, err := s.tryCompile(o, words...)
			if err != nil {
				continue // c on a name that does not exist
			}
			tried++
			said := make(map[string]unveil.Access)
			s.must(filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
				said[path] = p.Access(path)
				return err
			}))
			s.confined(p, func(func(func())) {
				for path, a := range said {
					var st unix.Stat_t
					s.must(unix.Stat(path, &st))
					dir := st.Mode&unix.S_IFMT == unix.S_IFDIR
					hold := func(right unveil.Access, err error) {
						want := unix.EACCES
						if a&right == right {
							want = 0
						}
						s.want(fmt.Sprintf("%q: %s of %s", words, right, path), want, err)
					}
					if !dir {
						hold(unveil.ReadFile, opening("", unix.O_RDONLY)(path))
						hold(unveil.WriteFile, opening("", unix.O_WRONLY)(path))
						continue
					}
					hold(unveil.ReadDir, opening("", unix.O_RDONLY|unix.O_DIRECTORY)(path))
					err := unix.Mkdir(path+"/made", 0o755)
					hold(unveil.MakeDir, err)
					if err == nil {
						hold(unveil.RemoveDir, unix.Rmdir(path+"/made"))
					}
				}
			})
		}
	}
}
