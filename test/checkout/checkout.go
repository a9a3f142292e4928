// Package checkout copies the repository, for tests that build what a user
// would build from it.
package checkout

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Copy copies the repository at root as git would give it: without its
// history and without what was built. It reads every file by itself, so that
// go test knows what the result of a test depends on.
func Copy(to, root string) error {
	tree := os.DirFS(root)
	return fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" || name == "build":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil // of a worktree
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o644|info.Mode()&0o111)
	})
}
