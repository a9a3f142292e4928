package main

import (
	"fmt"
	"os/exec"
	"strings"
)

// findPeers returns the words to start each launcher with that is there, and
// what is missing.
func findPeers() (peers map[string][]string, missing []string) {
	peers = map[string][]string{}
	for _, p := range []struct {
		name string
		find func() ([]string, error)
	}{
		{landrun, findLandrun},
		{setpriv, findSetpriv},
		{bwrap, func() ([]string, error) { return inPath("bwrap", "bubblewrap") }},
		{jail, func() ([]string, error) { return inPath("firejail", "firejail") }},
		{strace, func() ([]string, error) { return inPath("strace", "strace") }},
	} {
		argv, err := p.find()
		if err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", p.name, err))
			continue
		}
		peers[p.name] = argv
	}
	return peers, missing
}

func inPath(program, pkg string) ([]string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w (apt-get install %s)", err, pkg)
	}
	return []string{path}, nil
}

// findLandrun takes the one of PATH, where there is one.
func findLandrun() ([]string, error) {
	if path, err := exec.LookPath("landrun"); err == nil {
		return []string{path}, nil
	}
	return fromDebian("landrun", "landrun")
}

// findSetpriv takes the one of PATH when it knows Landlock.
func findSetpriv() ([]string, error) {
	if path, err := exec.LookPath("setpriv"); err == nil {
		if out, _ := exec.Command(path, "--help").Output(); strings.Contains(string(out), "--landlock-rule") {
			return []string{path}, nil
		}
	}
	return fromDebian("setpriv", "util-linux", "libcap-ng0", "libseccomp2")
}
