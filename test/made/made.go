// Package made has make build what the project ships, for tests of it.
package made

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds files of the directory build, such as unveil-run and
// libunveil.so.0, in another directory: tests of several packages build at the
// same time. The test has to be started inside the module.
func Build(dir string, names ...string) error {
	top, err := module()
	if err != nil {
		return err
	}
	// Read here, so that a result of before a change is not taken for a new one.
	files, err := filepath.Glob(top + "/cgo/*.[ch]")
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := os.ReadFile(f); err != nil {
			return err
		}
	}
	argv := []string{"make", "-s", "-C", top, "LIB_BUILD=" + dir}
	for _, n := range names {
		argv = append(argv, filepath.Join(dir, n))
	}
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w\n%s", argv, err, out)
	}
	return nil
}

// module returns the top of the module that the working directory is in.
func module() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == "/" {
			return "", errors.New("no go.mod above the working directory")
		}
	}
}
