package learn

import (
	"path"
	"slices"
	"strings"

	"github.com/unveil-run/unveil-run/internal/trace"
	"github.com/unveil-run/unveil-run/unveil"
)

// few is from how many things of one folder on the folder stands for them.
const few = 3

// An entry is a line of the policy to be.
type entry struct {
	letters unveil.Letters
	who     map[string]bool
	file    bool // no directory
}

// A tree is the entries by their canonical names.
type tree map[string]*entry

// add joins letters to an entry.
func (t tree) add(name string, letters unveil.Letters, who map[string]bool, file bool) {
	e := t[name]
	if e == nil {
		e = &entry{who: map[string]bool{}, file: file}
		t[name] = e
	}
	e.letters |= letters
	for w := range who {
		e.who[w] = true
	}
}

// scratch are folders of the whole system in which everybody makes files.
var scratch = map[string]bool{"/tmp": true, "/var/tmp": true, "/dev/shm": true}

// exists reports whether a name stands for something, and whether that is a
// directory.
type exists func(name string) (dir, ok bool)

// tree makes entries of what was used. Folders of the system and of home do not
// get c, and are not to be read as a whole: what was made in them and is still
// there has an entry of its own, and the rest is told in beyond.
func (r *Record) tree(home string, is exists) tree {
	t := tree{}
	for name, u := range r.paths {
		letters := u.letters
		dir, there := is(name)
		switch {
		case !there:
			if letters&unveil.C != 0 {
				r.beyond["something was made in "+name+", which is not there any more"] = true
			}
			continue
		case !dir || scratch[name] || !trace.Closed(name, home) || strings.HasPrefix(name, "/proc/") || strings.HasPrefix(name, "/sys/") || name == "/dev/pts":
			t.add(name, letters, u.who, !dir)
			continue
		}
		if letters&^unveil.C != 0 && u.need&unveil.ReadDir != 0 {
			r.beyond[name+" was listed, which would open all that is below it"] = true
		}
		for base, l := range u.names {
			made := path.Join(name, base)
			if dir, ok := is(made); !ok {
				r.beyond[made+" was made and removed, and c on all of "+name+" would be needed"] = true
			} else if dir {
				t.add(made, l|unveil.R|unveil.W|unveil.C, u.who, false)
			} else {
				t.add(made, l, u.who, true)
			}
		}
		if letters&unveil.C != 0 && len(u.names) == 0 {
			r.beyond["something was removed from "+name+", and c on all of it would be needed"] = true
		}
	}
	return t
}

// collapse lets folders stand for what is in them, letter by letter, from the
// bottom up: as long as some folder has few things or more below it that need
// a letter which it does not have.
func (t tree) collapse(home string) {
	for changed := true; changed; {
		changed = false
		for _, l := range unveil.Describe() {
			for dir, names := range t.folders(l.Letters) {
				if len(names) < few || trace.Closed(dir, home) || t.covers(dir, l.Letters) {
					continue
				}
				who := map[string]bool{}
				for _, name := range names {
					for w := range t[name].who {
						who[w] = true
					}
				}
				t.add(dir, l.Letters, who, false)
				changed = true
			}
			if changed {
				break
			}
		}
		t.prune()
	}
}

// folders returns, for each folder that has entries with a letter below it, one
// of them for each thing directly in it.
func (t tree) folders(letter unveil.Letters) map[string][]string {
	found := map[string]map[string]string{}
	for name, e := range t {
		if e.letters&letter == 0 {
			continue
		}
		for dir, child := path.Dir(name), name; ; dir, child = path.Dir(dir), dir {
			if found[dir] == nil {
				found[dir] = map[string]string{}
			}
			found[dir][child] = name
			if dir == "/" {
				break
			}
		}
	}
	list := map[string][]string{}
	for dir, children := range found {
		for _, name := range children {
			list[dir] = append(list[dir], name)
		}
	}
	return list
}

// covers reports whether an entry at or above a name has a letter.
func (t tree) covers(name string, letter unveil.Letters) bool {
	for {
		if e := t[name]; e != nil && e.letters&letter != 0 {
			return true
		}
		if name == "/" {
			return false
		}
		name = path.Dir(name)
	}
}

// prune gives each entry the letters of those above it, since the most specific
// one counts, and drops it where it says no more than they do. A file in a
// folder with c has its letters from the folder, which can replace it.
func (t tree) prune() {
	for again := true; again; {
		again = false
		for _, name := range t.sorted() { // a folder comes before what is in it
			up := t.above(name)
			if up == nil {
				continue
			}
			e := t[name]
			if e.file && up.letters&unveil.C != 0 && e.letters&^up.letters != 0 {
				up.letters |= e.letters
				again = true
			}
			if e.letters&^up.letters == 0 {
				for w := range e.who {
					up.who[w] = true
				}
				delete(t, name)
				continue
			}
			e.letters |= up.letters
		}
	}
}

// above returns the nearest entry above a name, nil where there is none.
func (t tree) above(name string) *entry {
	for dir := name; dir != "/"; {
		dir = path.Dir(dir)
		if e := t[dir]; e != nil {
			return e
		}
	}
	return nil
}

// sorted are the names in order.
func (t tree) sorted() []string {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
