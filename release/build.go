package main

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// documents are installed below share/doc, beside the licenses of what the
// launcher is linked with.
var documents = []string{"README.md", "CHANGELOG.md", "LICENSE", ".github/SECURITY.md"}

// build makes the files of the release below a directory of its own.
func (r *release) build(dir string, s surroundings) (map[string][]byte, error) {
	tree, stage := filepath.Join(dir, "tree"), filepath.Join(dir, "stage")
	if err := os.MkdirAll(tree, 0o755); err != nil {
		return nil, err
	}
	archive := filepath.Join(dir, "tree.tar")
	if _, err := git("archive", "--format=tar", "--output="+archive, r.commit); err != nil {
		return nil, err
	}
	if err := s.do(tree, "tar", "-xf", archive); err != nil {
		return nil, err
	}
	if err := s.do(tree, "go", "mod", "vendor"); err != nil {
		return nil, err
	}
	source, err := pack(tree, r.sourceName(), r.time)
	if err != nil {
		return nil, err
	}
	if err := s.do(tree, "make", "install", "DESTDIR="+stage, "PREFIX=/usr/local", "VERSION="+r.version); err != nil {
		return nil, err
	}
	prefix := filepath.Join(stage, "usr/local")
	launcher := filepath.Join(prefix, "bin/unveil-run")
	if err := r.works(launcher); err != nil {
		return nil, err
	}
	if err := addDocuments(tree, prefix, launcher); err != nil {
		return nil, err
	}
	bill, err := r.bill(prefix, launcher, tree)
	if err != nil {
		return nil, err
	}
	if err := write(filepath.Join(prefix, docs, "unveil-run.spdx.json"), bill); err != nil {
		return nil, err
	}
	binary, err := pack(prefix, r.name(), r.time)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		r.name() + ".tar.gz":              binary,
		r.name() + ".spdx.json":           bill,
		r.sourceName() + "-source.tar.gz": source,
	}, nil
}

// works holds that the launcher is static, of this release, and runs.
func (r *release) works(launcher string) error {
	f, err := elf.Open(launcher)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not static", launcher)
		}
	}
	out, err := exec.Command(launcher, "--version").Output()
	if want := "unveil-run " + r.version; err != nil || strings.TrimSpace(string(out)) != want {
		return fmt.Errorf("--version says %q, not %q (%v)", out, want, err)
	}
	return nil
}

const docs = "share/doc/unveil-run"

func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// addDocuments puts what is to be read into a prefix. The licenses of what is
// linked ask for that themselves.
func addDocuments(tree, prefix, launcher string) error {
	for _, name := range documents {
		text, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(prefix, docs, filepath.Base(name)), text); err != nil {
			return err
		}
	}
	info, err := buildinfo.ReadFile(launcher)
	if err != nil {
		return err
	}
	std, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	from := map[string]string{"std": strings.TrimSpace(string(std))}
	for _, m := range info.Deps {
		from[m.Path] = filepath.Join(tree, "vendor", m.Path)
	}
	for module, dir := range from {
		found := 0
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !isLicense(e) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			if err := write(filepath.Join(prefix, docs, "licenses", module, e.Name()), text); err != nil {
				return err
			}
			found++
		}
		if found == 0 {
			return fmt.Errorf("%s has no license", module)
		}
	}
	return nil
}

func isLicense(e fs.DirEntry) bool {
	name := strings.ToUpper(e.Name())
	return e.Type().IsRegular() && (strings.HasPrefix(name, "LICENSE") || strings.HasPrefix(name, "COPYING") || strings.HasPrefix(name, "NOTICE") || strings.HasPrefix(name, "PATENTS"))
}
