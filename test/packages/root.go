package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/unveil-run/unveil-run/test/debian"
)

// A root is a file tree of a Debian release.
type root struct{ dir string }

// make installs the release: the essential packages, and what it takes to
// compile a C program.
func (r root) make(suite string) error {
	mirror, _, err := debian.Mirror("/etc/apt")
	if err != nil {
		return err
	}
	out, err := exec.Command("mmdebstrap", "--quiet", "--variant=essential", "--include=gcc,libc6-dev,pkgconf", "--format=directory",
		suite, r.dir, mirror).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, strings.ReplaceAll(string(out), mirror, "…"))
	}
	return nil
}

// copy puts files into a directory of the root.
func (r root) copy(to string, files ...string) error {
	dir := filepath.Join(r.dir, to)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// result is what came of a command.
type result struct {
	status int // as a shell has it
	output string
}

// do runs a line of the shell in the root, with a /proc of its own.
func (r root) do(uid int, command string) (result, error) {
	args := []string{"--mount", "--pid", "--fork", "--kill-child", "--root", r.dir, "--mount-proc", "--wd", "/"}
	if uid != 0 {
		args = append(args, "--setuid", fmt.Sprint(uid), "--setgid", fmt.Sprint(uid))
	}
	// The shell stays, and so says 128+N of a command that dies by a signal.
	cmd := exec.Command("timeout", append([]string{"120", "unshare"}, append(args, "--", "/bin/sh", "-c", command+"\nexit $?")...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return result{0, string(out)}, nil
	case errors.As(err, &exit) && exit.Exited() && exit.ExitCode() != 124:
		return result{exit.ExitCode(), string(out)}, nil
	}
	return result{}, fmt.Errorf("%w: %s", err, out)
}
