package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/unveil-run/unveil-run/test/debian"
)

const (
	// suite is the release of Debian that has landrun, and a setpriv that
	// knows Landlock.
	suite   = "forky"
	keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
)

// fromDebian returns the words to start a program of a package with, which is
// unpacked, with the libraries that it needs, where the user's cache is.
func fromDebian(program string, packages ...string) ([]string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(cache, "unveil-run-bench", suite+"-"+program)
	// Its libc comes with it, for it wants a newer one than Debian 12 has.
	path := filepath.Join(root, "usr/bin", program)
	if _, err := os.Stat(path); err != nil {
		if err := fetch(root, append(packages, "libc6")...); err != nil {
			return nil, err
		}
	}
	loaders, _ := filepath.Glob(filepath.Join(root, "usr/lib/*/ld-linux-*.so.*"))
	if len(loaders) != 1 {
		return nil, fmt.Errorf("no loader in %s", root)
	}
	return []string{loaders[0], "--library-path", filepath.Dir(loaders[0]), path}, nil
}

// fetch unpacks packages of the suite below root. apt gets lists, a cache and
// a status of its own, so that the system's stay as they are.
func fetch(root string, packages ...string) error {
	mirror, _, err := debian.Mirror("/etc/apt")
	if err != nil {
		return err
	}
	// Renamed when all is there: what is left half done is done again.
	part := root + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	apt := filepath.Join(part, "apt")
	for _, dir := range []string{"lists/partial", "archives/partial"} {
		if err := os.MkdirAll(filepath.Join(apt, dir), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"status":       "",
		"sources.list": fmt.Sprintf("deb [signed-by=%s] %s %s main\n", keyring, mirror, suite),
		"apt.conf": fmt.Sprintf(`Dir::Etc::sourcelist "%[1]s/sources.list"; Dir::Etc::sourceparts "-";
Dir::State::Lists "%[1]s/lists"; Dir::State::status "%[1]s/status"; Dir::Cache "%[1]s";
Acquire::Languages "none"; Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false"; Acquire::Retries "3";
APT::Sandbox::User "root";
`, apt),
	} {
		if err := os.WriteFile(filepath.Join(apt, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	do := func(name string, args ...string) error {
		cmd := exec.Command(name, args...)
		cmd.Dir = part
		cmd.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(apt, "apt.conf"), "LC_ALL=C")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := do("apt-get", "-q", "update"); err != nil {
		return err
	}
	if err := do("apt-get", append([]string{"-q", "download"}, packages...)...); err != nil {
		return err
	}
	debs, _ := filepath.Glob(filepath.Join(part, "*.deb"))
	if len(debs) != len(packages) {
		return fmt.Errorf("%d packages came, not %d", len(debs), len(packages))
	}
	for _, deb := range debs {
		if err := do("dpkg-deb", "-x", deb, part); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(apt); err != nil {
		return err
	}
	return os.Rename(part, root)
}
