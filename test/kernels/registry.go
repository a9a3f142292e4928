package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/unveil-run/unveil-run/test/debian"
)

// A registry is apt with a state of its own: other suites and another
// architecture than the machine's, of the very addresses that the machine's
// own apt has. Nothing of the system is changed.
type registry struct {
	dir, arch string
	stale     string // what apt-get update had to complain of
}

// openRegistry takes the lists of the suites.
func openRegistry(dir, arch string, suites []string) (*registry, error) {
	r := &registry{dir: dir, arch: arch}
	for _, d := range []string{"lists/partial", "archives/partial", "download"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	main, security, err := debian.Mirror("/etc/apt")
	if err != nil {
		return nil, err
	}
	var sources strings.Builder
	for _, s := range suites {
		address := main
		if strings.HasSuffix(s, "-security") {
			address = security
		}
		fmt.Fprintf(&sources, "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n", address, s)
	}
	// Dir::Etc::Parts stays, for a machine may need a way of its own to the
	// registry; lists of names for shops and translations are not needed.
	conf := fmt.Sprintf(`APT::Architecture "%[2]s";
APT::Architectures { "%[2]s"; };
APT::Sandbox::User "";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Cache "%[1]s";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "%[1]s/lists";
Dir::State::status "%[1]s/status";
`, dir, arch)
	for name, text := range map[string]string{"sources.list": sources.String(), "apt.conf": conf, "status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	// A suite that is gone shall not keep the others from being used: what is
	// missed because of it says so.
	if out, err := r.run("apt-get", "-q", "update"); err != nil {
		r.stale = fmt.Sprintf("; apt-get update: %v: %s", err, out)
	}
	return r, nil
}

// address is what must not get into logs that are shown around.
var address = regexp.MustCompile(`\w+://\S+`)

func (r *registry) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = filepath.Join(r.dir, "download")
	cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(r.dir, "apt.conf"), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return address.ReplaceAllString(string(out), "…"), err
}

// A release is one version of a package.
type release struct{ name, version string }

// releases are those whose name matches, the newest first.
func (r *registry) releases(pattern string) ([]release, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	names, err := r.run("apt-cache", "pkgnames")
	if err != nil {
		return nil, fmt.Errorf("apt-cache: %w: %s", err, names)
	}
	var list []release
	for _, name := range strings.Fields(names) {
		if !re.MatchString(name) {
			continue
		}
		table, err := r.run("apt-cache", "madison", name)
		if err != nil {
			return nil, fmt.Errorf("apt-cache: %w: %s", err, table)
		}
		for line := range strings.Lines(table) {
			if columns := strings.Split(line, "|"); len(columns) > 2 {
				if n := (release{name, strings.TrimSpace(columns[1])}); !slices.Contains(list, n) {
					list = append(list, n)
				}
			}
		}
	}
	slices.SortStableFunc(list, func(a, b release) int {
		switch {
		case a.version == b.version:
			return len(a.name) - len(b.name) // signed before unsigned
		case exec.Command("dpkg", "--compare-versions", a.version, "gt", b.version).Run() == nil:
			return -1
		}
		return 1
	})
	return list, nil
}

// fetch takes one file, known by its name, out of the newest package that can
// be had: lists name files that are there no more.
func (r *registry) fetch(pattern string, file *regexp.Regexp, to string) (release, error) {
	list, err := r.releases(pattern)
	if err != nil {
		return release{}, err
	}
	err = fmt.Errorf("no package %s in the lists%s", pattern, r.stale)
	for _, n := range list {
		var deb, out string
		if deb, out, err = r.download(n); err != nil {
			err = fmt.Errorf("%s %s: %w: %s", n.name, n.version, err, out)
			continue
		}
		return n, takeFile(deb, file, to)
	}
	return release{}, err
}

func (r *registry) download(n release) (deb, out string, err error) {
	dir := filepath.Join(r.dir, "download")
	if err := os.RemoveAll(dir); err != nil {
		return "", "", err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", "", err
	}
	if out, err := r.run("apt-get", "-q", "download", n.name+"="+n.version); err != nil {
		return "", out, err
	}
	debs, err := filepath.Glob(dir + "/*.deb")
	if err == nil && len(debs) != 1 {
		err = fmt.Errorf("%d files came", len(debs))
	}
	if err != nil {
		return "", "", err
	}
	return debs[0], "", nil
}

// takeFile writes the first regular file of a package whose name matches. It
// is whole or not there, for it stays in the cache.
func takeFile(deb string, name *regexp.Regexp, to string) (err error) {
	defer os.Remove(deb)
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	// Modules come behind the kernel, and take many times as long to unpack.
	defer func() {
		if err != nil {
			_, rest := io.Copy(io.Discard, pipe)
			err = errors.Join(err, rest, cmd.Wait())
			return
		}
		cmd.Process.Kill()
		cmd.Wait()
	}()
	for t := tar.NewReader(pipe); ; {
		h, err := t.Next()
		if err != nil {
			return fmt.Errorf("%s: nothing like %s: %w", filepath.Base(deb), name, err)
		}
		if h.Typeflag != tar.TypeReg || !name.MatchString(h.Name) {
			continue
		}
		part := to + ".part"
		f, err := os.Create(part)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, t)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		return os.Rename(part, to)
	}
}
