package ports

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/unveil-run/unveil-run/test/debian"
)

// A registry is a private state of apt with the indices of sources, which
// leaves that of the machine alone.
type registry struct {
	dir string

	mu     sync.Mutex      // apt lets one at a time, and scripts run side by side
	suites map[string]bool // fetched
}

func (r *registry) apt(words ...string) *exec.Cmd {
	options := []string{
		"-o", "Dir::Etc::sourcelist=" + r.dir + "/sources.list", "-o", "Dir::Etc::sourceparts=/nonexistent",
		"-o", "Dir::State::lists=" + r.dir + "/lists", "-o", "Dir::Cache=" + r.dir + "/cache", "-o", "APT::Sandbox::User=root",
	}
	return exec.Command("apt-get", append(options, words...)...)
}

// fetch puts the upstream source of a package below dir, whose signature apt
// has checked, and returns the directory in it. What the registry has lost of
// Debian's own changes is not missed.
func (r *registry) fetch(dir, name, version, suite string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.suites[suite] {
		site, _, err := debian.Mirror("/etc/apt")
		if err != nil {
			return "", err
		}
		list := r.dir + "/sources.list"
		for _, d := range []string{r.dir + "/lists/partial", r.dir + "/cache/archives/partial"} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				return "", err
			}
		}
		old, _ := os.ReadFile(list)
		line := "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " + site + " " + suite + " main\n"
		if err := os.WriteFile(list, append(old, line...), 0o644); err != nil {
			return "", err
		}
		if out, err := r.apt("-qq", "update").CombinedOutput(); err != nil {
			return "", fmt.Errorf("apt-get update: %w\n%s", err, out)
		}
		r.suites[suite] = true
	}
	cmd := r.apt("-qq", "source", "--download-only", "--tar-only", name+"/"+suite)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("apt-get source %s/%s: %w\n%s", name, suite, err, out)
	}
	archives, err := filepath.Glob(filepath.Join(dir, name+"_"+version+".orig.tar.?z"))
	if err != nil || len(archives) != 1 {
		return "", fmt.Errorf("%s has another version than %s in %s", name, version, suite)
	}
	into := filepath.Join(dir, "source")
	if err := os.Mkdir(into, 0o755); err != nil {
		return "", err
	}
	if out, err := exec.Command("tar", "-C", into, "--strip-components=1", "-xf", archives[0]).CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w\n%s", err, out)
	}
	return into, nil
}
