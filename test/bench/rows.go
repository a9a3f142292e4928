package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

const (
	ours    = "unveil-run"
	landrun = "landrun"
	bwrap   = "bwrap --ro-bind / /"
	setpriv = "setpriv --landlock-rule"
	jail    = "firejail --noprofile"
)

// A row is one way to start a command.
type row struct {
	name   string
	prefix []string
	// refused is a command that must fail in the box, and not outside;
	// FILE is one that may be read and, outside, written.
	refused []string
}

// rowsFor returns the rows, and what is missing for the others. The policies
// are equal as far as the launchers go: /usr and /lib to read and run, /tmp
// to read and write, and the target itself to run.
func rowsFor(launcher string) (rows []row, missing []string) {
	paths := []string{launcher, "-u", "/usr:rx", "-u", "/lib:rx", "-u", "/tmp:rw"}
	cat := []string{"cat", "/etc/hostname"}
	rows = []row{
		{"no launcher", nil, nil},
		{ours + " -u", append(paths[:len(paths):len(paths)], "--"), cat},
		{ours + " -u -p", append(paths[:len(paths):len(paths)], "-p", "stdio rpath", "--"), cat},
	}
	if argv, err := findLandrun(); err != nil {
		missing = append(missing, fmt.Sprintf("landrun: %v", err))
	} else {
		// Without --best-effort it runs on the newest kernels only.
		rows = append(rows, row{landrun, append(argv, "--best-effort", "--rox", "/usr", "--rox", "/lib", "--rw", "/tmp", "--add-exec", "--"), cat})
	}
	if path, err := exec.LookPath("bwrap"); err != nil {
		missing = append(missing, fmt.Sprintf("bwrap: %v (apt-get install bubblewrap)", err))
	} else {
		rows = append(rows, row{bwrap, []string{path, "--ro-bind", "/", "/", "--"}, []string{"touch", "FILE"}})
	}
	if argv, err := findSetpriv(); err != nil {
		missing = append(missing, fmt.Sprintf("setpriv: %v", err))
	} else {
		argv = append(argv, "--no-new-privs", "--landlock-access", "fs")
		for _, rule := range []string{"execute,read-file,read-dir:/usr", "execute,read-file,read-dir:/lib", "read-file,read-dir,write-file:/tmp", "execute:/tmp"} {
			argv = append(argv, "--landlock-rule", "path-beneath:"+rule)
		}
		rows = append(rows, row{setpriv, append(argv, "--"), cat})
	}
	if path, err := exec.LookPath("firejail"); err != nil {
		missing = append(missing, fmt.Sprintf("firejail: %v (apt-get install firejail)", err))
	} else {
		rows = append(rows, row{jail, []string{path, "--noprofile", "--quiet", "--read-only=/tmp", "--"}, []string{"touch", "FILE"}})
	}
	return rows, missing
}

// confines fails when a row does not do what it is measured for, or cannot
// run a command at all.
func (r row) confines(dir, target string) error {
	try := func(prefix []string, words ...string) error {
		argv := append([]string(nil), prefix...)
		for _, w := range words {
			if w == "FILE" {
				w = target
			}
			argv = append(argv, w)
		}
		path, err := exec.LookPath(argv[0])
		if err != nil {
			return err
		}
		cmd := exec.Command(path, argv[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", filepath.Base(path), err, out)
		}
		return nil
	}
	if err := try(r.prefix, target); err != nil {
		return err
	}
	if err := try(r.prefix, "cat", "FILE"); err != nil {
		return err
	}
	if r.refused == nil {
		return nil
	}
	if err := try(nil, r.refused...); err != nil {
		return fmt.Errorf("outside the box: %w", err)
	}
	if try(r.prefix, r.refused...) == nil {
		return fmt.Errorf("does not refuse %q", r.refused)
	}
	return nil
}
