package launch

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// substitutes sets variables of the environment that lead a program past
// paths outside the box. Landlock refuses what exists with EACCES, where a
// program expects what is there or ENOENT; these are known to end over it. A
// variable that is set already is left alone. It returns a line for each.
func (b *box) substitutes() (said []string) {
	set := func(name, to, why string) {
		if value, ok := b.env.lookup(name); !ok || value == "" {
			b.env = b.env.set(name + "=" + to)
			said = append(said, fmt.Sprintf("%s=%s, since %s is outside the box", name, to, why))
		}
	}
	// gcc and others look for a directory by access(2), which sees every
	// path, and then cannot write there.
	const scratch = unveil.MakeReg | unveil.WriteFile | unveil.RemoveFile
	for _, e := range b.entries {
		if e.Letters&(unveil.W|unveil.C) != unveil.W|unveil.C {
			continue // no letters, no rights: each Access is 10 us of a launch
		}
		if dir, err := filepath.Abs(e.Path); err == nil && b.paths.Access(dir)&scratch == scratch {
			if b.paths.Access("/tmp")&scratch != scratch {
				set("TMPDIR", dir, "/tmp")
			}
			break
		}
	}
	// git takes a refusal for a broken configuration, and ends.
	if b.closed("/etc/gitconfig") {
		set("GIT_CONFIG_SYSTEM", "/dev/null", "/etc/gitconfig")
	}
	if home, ok := b.env.lookup("HOME"); ok && home != "" && home[0] == '/' && b.closed(home+"/.gitconfig") {
		set("GIT_CONFIG_GLOBAL", "/dev/null", home+"/.gitconfig")
	}
	return said
}

// closed reports whether a file exists and cannot be read in the box.
func (b *box) closed(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && b.paths.Access(path)&unveil.ReadFile == 0
}
