package policy

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/nearest"
	"github.com/unveil-run/unveil-run/internal/printed"
)

// builtin holds the profiles that come with the launcher, each a policy file.
//
//go:embed profiles
var builtin embed.FS

// Profiles returns the names of the profiles that come with the launcher.
func Profiles() []string {
	var names []string
	entries, _ := builtin.ReadDir("profiles")
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// etc is where the administrator's profiles are; tests have another.
var etc = "/etc/unveil"

// isProfileName reports whether a word can be the name of a profile: nothing
// with a slash, and nothing that a file of another format is called.
func isProfileName(name string) bool {
	if name == "" || name[0] == '.' || name[0] == '-' || IsLandlockconfig(name) {
		return false
	}
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("._+-", c):
		default:
			return false
		}
	}
	return true
}

// find loads what a name stands for: a profile of the user, of the
// administrator, one that comes with the launcher, or else a file. path is
// where the file would be.
func (p *Policy) find(name, path string) (*source, string, error) {
	if !isProfileName(name) {
		return load(path, path)
	}
	dirs := []string{etc}
	if filepath.IsAbs(p.Home) {
		dirs = []string{filepath.Join(p.Home, ".config/unveil"), etc}
	}
	for _, dir := range dirs {
		profile := filepath.Join(dir, name)
		s, text, err := load(profile, profile)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err == nil {
			err = s.trusted()
		}
		return s, text, err
	}
	if text, err := builtin.ReadFile("profiles/" + name); err == nil {
		id := "profile " + name
		return &source{name: id, id: fileID{name: id}}, string(text), nil
	}
	s, text, err := load(path, path)
	if errors.Is(err, fs.ErrNotExist) {
		e := &Error{At: path, Err: fmt.Errorf("no profile of this name, and no file: %w", unix.ENOENT),
			Hint: "the profiles are " + strings.Join(Profiles(), ", ") + ", and what is in ~/.config/unveil and " + etc}
		best := 3
		for _, profile := range Profiles() {
			if len(name) > len(profile)+best {
				continue
			}
			if d := nearest.Distance(name, profile); d < best && d < len(profile)-1 {
				best = d
				e.Hint = fmt.Sprintf("did you mean %q?", profile)
			}
		}
		return nil, "", e
	}
	return s, text, err
}

// trusted refuses a profile that somebody else could have written: it is taken
// by its name alone.
func (s *source) trusted() error {
	switch {
	case s.uid != 0 && s.uid != uint32(os.Geteuid()):
		return &Error{At: s.name, Err: fmt.Errorf("a profile that belongs to user %d", s.uid), Hint: "it must belong to you or to root; given by its path it is read all the same"}
	case s.mode&0o022 != 0:
		return &Error{At: s.name, Err: fmt.Errorf("a profile that others can write, mode %04o", s.mode&0o7777), Hint: "chmod go-w " + printed.Word(s.name)}
	}
	return nil
}
