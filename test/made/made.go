// Package made builds what tests try, where every user may run it: what the
// project ships, as make does, and programs of their own.
package made

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// FilterSources are the files of cgo that a seccomp program comes from, which
// a program can be built of without the rest of the library.
var FilterSources = []string{"filter.c", "answers.c", "ranges.c", "assemble.c", "words.c"}

// Main runs the tests of a package with a directory of tools, which build
// fills before, and returns their exit status. Where the variable ready names
// a directory, that is taken as it is.
func Main(m *testing.M, dir *string, ready string, build func() error) int {
	if *dir = os.Getenv(ready); *dir != "" {
		return m.Run()
	}
	var err error
	if *dir, err = os.MkdirTemp("", "unveil-run-tools"); err == nil {
		defer os.RemoveAll(*dir)
		err = os.Chmod(*dir, 0o755)
	}
	if err == nil {
		err = build()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Build builds files of the directory build, such as unveil-run and
// libunveil.so.0, in another directory: tests of several packages build at the
// same time. The test has to be started inside the module.
func Build(dir string, names ...string) error {
	top, err := module()
	if err != nil {
		return err
	}
	if err := Read(top+"/cgo/*.[ch]", top+"/cgo/*.map", top+"/cgo/compat/*", top+"/Makefile"); err != nil {
		return err
	}
	if err := readLauncher(top); err != nil {
		return err
	}
	argv := []string{"make", "-s", "-C", top, "LIB_BUILD=" + dir}
	for _, n := range names {
		argv = append(argv, filepath.Join(dir, n))
	}
	return Run(argv)
}

// Plain builds unveil-run as go install does, without the library in it.
func Plain(path string) error {
	top, err := module()
	if err != nil {
		return err
	}
	if err := readLauncher(top); err != nil {
		return err
	}
	return Go(path, "github.com/unveil-run/unveil-run/cmd/unveil-run")
}

// Go builds a package of Go, static and without what looks for races.
func Go(path, pkg string) error {
	return Run([]string{"CGO_ENABLED=0", "go", "build", "-race=false", "-o", path, pkg})
}

// Run runs commands that build something, one after the other. Words with "="
// before a command are variables of its environment.
func Run(commands ...[]string) error {
	for _, argv := range commands {
		env := os.Environ()
		for ; strings.Contains(argv[0], "="); argv = argv[1:] {
			env = append(env, argv[0])
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%q: %w\n%s", argv, err, out)
		}
	}
	return nil
}

// Read opens the files that other programs will read, so that go test does not
// take a result of before a change for a new one.
func Read(patterns ...string) error {
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("no file %s", pattern)
		}
		for _, f := range files {
			if _, err := os.ReadFile(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// readLauncher reads what a launcher is built from.
func readLauncher(top string) error {
	for _, dir := range []string{"cmd", "internal", "pledge", "unveil", "go.mod"} {
		err := filepath.WalkDir(filepath.Join(top, dir), func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.Name() == "testdata":
				return fs.SkipDir
			case !d.Type().IsRegular() || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			_, err = os.ReadFile(name)
			return err
		})
		if err != nil {
			return err
		}
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
