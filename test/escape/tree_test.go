package escape

import (
	"os"
	"path/filepath"
	"testing"
)

// newTree makes a directory that belongs to a user, fresh for one run, since
// what goes through without the box changes it:
//
//	in/   what is unveiled, with c; in/key/ is to be hidden in it
//	ro/   what is unveiled to be read
//	out/  what is not unveiled
func newTree(t testing.TB, u user) string {
	t.Helper()
	// Not t.TempDir, which other users cannot enter.
	w, err := os.MkdirTemp("", "escape-tree")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(w) })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(w, 0o755))
	for _, d := range []string{"in", "in/dir", "in/key", "in/key/dir", "ro", "out", "out/dir", "out/empty", "out/mnt"} {
		must(os.Mkdir(filepath.Join(w, d), 0o755))
	}
	for name, text := range map[string]string{
		"in/own": "own", "in/dir/file": "own", "in/key/id": "Secret", "ro/file": "read", "out/secret": "Secret", "out/cut": "Secret", "out/dir/file": "Secret",
		"in/script": "#!" + tool("probe") + " say\n",
	} {
		mode := os.FileMode(0o644)
		if name == "in/script" {
			mode = 0o755
		}
		must(os.WriteFile(filepath.Join(w, name), []byte(text), mode))
	}
	for name, to := range map[string]string{"in/link": "../out/secret", "in/dirlink": "../out", "in/far": filepath.Join(w, "out/secret")} {
		must(os.Symlink(to, filepath.Join(w, name)))
	}
	must(copyExecutable(tool("probe"), filepath.Join(w, "in/exe")))
	if os.Getuid() != u.uid {
		must(filepath.WalkDir(w, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, u.uid, u.uid)
		}))
	}
	return w
}
