package unveil

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// An absent is a name that stands for nothing yet.
type absent struct {
	parent object // the directory nearest above it, with its name
	rest   string // the way from there: "a", or "a/b" if its directory is missing too
	create bool   // Plan.Create makes it
	dir    bool   // as a directory
}

// enterAbsent notes a path that does not exist. What becomes of it is decided
// by hold, when all entries are known.
func (c *compiler) enterAbsent(e *entry, cause error) error {
	trimmed := strings.TrimRight(e.path, "/")
	if cause == unix.ENOTDIR && len(trimmed) < len(e.path) {
		if o, err := c.open(trimmed); err == nil {
			c.release(o)
			return e.fail(NotDir, unix.ENOTDIR)
		}
	}
	a, err := c.locate(trimmed)
	switch err {
	case nil:
	case unix.ENOTDIR:
		if e.word.Optional {
			return nil
		}
		c.notice(e.string(), " cannot exist: what is above it is not a directory")
		return nil
	case unix.EAGAIN:
		return e.fail(Changed, err)
	default:
		return e.fail(Unopened, err)
	}
	a.dir = len(trimmed) < len(e.path)
	name := a.parent.name + "/" + a.rest
	c.say(e.word, name, a.dir)
	if old := c.byName[name]; old != nil {
		old.path, old.letters, old.absent, old.word = e.path, e.letters, a, e.word
		return nil
	}
	if c.byName == nil {
		c.byName = make(map[string]*entry)
	}
	e.object = object{fd: -1}
	e.absent, e.names = a, []string{name}
	c.byName[name] = e
	c.entries = append(c.entries, e)
	return nil
}

// maxLinks is how many links the kernel follows on one path (MAXSYMLINKS).
const maxLinks = 40

// locate finds the directory nearest above a path that does not exist, and
// the names from there. A symbolic link that leads nowhere is followed, as
// open(2) with O_CREAT does.
func (c *compiler) locate(p string) (*absent, error) {
	for range maxLinks {
		dir, base := cut(p)
		rest := base
		parent, err := c.open(dir)
		for err == unix.ENOENT && dir != "/" && dir != "." {
			dir, base = cut(dir)
			rest = base + "/" + rest
			parent, err = c.open(dir)
		}
		if err != nil {
			return nil, err
		}
		if !parent.dir() {
			return nil, unix.ENOTDIR
		}
		if parent.name, err = c.canonical(parent, dir); err != nil {
			return nil, err
		}
		for part := range strings.SplitSeq(rest, "/") {
			if part == "." || part == ".." {
				return nil, unix.ENOENT
			}
		}
		n, err := unix.Readlinkat(parent.fd, base, c.link)
		switch err {
		case nil:
			p = string(c.link[:n])
			if p == "" || p[0] != '/' {
				p = parent.name + "/" + p
			}
			_, more, _ := strings.Cut(rest, "/")
			p = strings.TrimRight(p+"/"+more, "/")
			c.release(parent)
		case unix.ENOENT:
			return &absent{parent: parent, rest: rest}, nil
		case unix.EINVAL:
			if base == rest {
				return nil, unix.EAGAIN // it exists by now
			}
			return nil, unix.ENOTDIR // a file in the middle
		default:
			return nil, err
		}
	}
	return nil, unix.ELOOP
}

// cut splits a path before its last name; it may be relative.
func cut(p string) (dir, base string) {
	p = strings.TrimRight(p, "/")
	i := strings.LastIndexByte(p, '/')
	switch {
	case i < 0:
		return ".", p
	case strings.Trim(p[:i], "/") == "":
		return "/", p[i+1:]
	}
	return strings.TrimRight(p[:i], "/"), p[i+1:]
}

// hold decides what becomes of paths that do not exist and of files with c:
// nothing if an entry above grants as much, else what the options say.
func (c *compiler) hold() error {
	var widened []*entry
	for i := range len(c.tree) { // widen appends
		e, name := c.tree[i].entry, c.tree[i].path
		if e == nil || e.absent == nil && (e.dir() || c.opt.Promised(e.letters)&changes == 0) {
			continue
		}
		covered := false
		if up := c.above(i); up != nil {
			covered = e.span&c.fs&^(up.entry.rights|ReadDir) == 0 && up.lack&e.span&^ReadDir == 0
		}
		switch {
		case e.absent != nil && e.word.Create && e.word.Private && !strings.Contains(e.absent.rest, "/"):
			e.absent.create = true
		case e.absent == nil && covered:
		case e.absent == nil:
			if !c.opt.Widen {
				c.notice(e.string(), " is a file: it can be written, but not removed or replaced")
				continue
			}
			if err := c.widen(e, name); err != nil {
				return err
			}
			widened = append(widened, e)
		case covered && e.span&^ReadDir != 0: // as asked for, once it appears
		case e.word.Optional && !e.word.Create:
		case c.opt.Promised(e.letters)&changes == 0:
			c.notice(e.string(), " does not exist: it gets no rule, and stays closed if it appears")
		case strings.Contains(e.absent.rest, "/"):
			return e.fail(MissingDir, unix.ENOENT)
		case c.opt.Create || e.word.Create:
			e.absent.create = true
			if !e.absent.dir {
				c.notice(e.string(), " will be a file: it can be written, but not removed or replaced")
			}
		case c.opt.Widen:
			if err := c.widen(e, name); err != nil {
				return err
			}
			widened = append(widened, e)
		default:
			f := e.fail(Missing, unix.ENOENT)
			f.Create, f.Widen, f.Dir = true, true, rooted(e.absent.parent.name)
			return f
		}
	}
	if widened == nil {
		return nil
	}
	if err := c.lay(); err != nil {
		return err
	}
	// Who asked for the directory cannot narrow it.
	for _, e := range widened {
		for _, name := range e.names {
			dir := strings.TrimSuffix(name, name[strings.LastIndexByte(name, '/'):])
			i, ok := slices.BinarySearchFunc(c.tree, dir, func(n node, dir string) int { return byWalk(n.path, dir) })
			if ok {
				e.span |= c.tree[i].widen
			}
		}
	}
	return c.lay()
}

// above returns the nearest entry above a node of the tree.
func (c *compiler) above(i int) *node {
	for i = c.tree[i].up; i >= 0; i = c.tree[i].up {
		if c.tree[i].entry != nil {
			return &c.tree[i]
		}
	}
	return nil
}

// widen gives the letters of an entry to the directory that it is in.
func (c *compiler) widen(e *entry, name string) error {
	dir, base := path.Split(name)
	var parent object
	var err error
	if e.absent != nil {
		parent = e.absent.parent
	} else {
		// The directory is opened by name: what is in it must be the entry.
		if parent, err = c.openat(unix.AT_FDCWD, dir, openPath|unix.O_DIRECTORY); err != nil {
			return e.fail(Unopened, err)
		}
		if err := unix.Fstatat(parent.fd, base, &c.stat, unix.AT_SYMLINK_NOFOLLOW); err != nil || idOf(&c.stat) != e.id {
			return e.fail(Changed, unix.EAGAIN)
		}
		parent.name = strings.TrimSuffix(dir, "/")
	}
	c.tree = append(c.tree, node{path: parent.name, object: parent, widen: c.opt.Promised(e.letters) & c.fs, widened: e, why: "widened for " + e.string()})
	at := strconv.Quote(rooted(parent.name))
	c.notice(e.string(), " is widened: everything in ", at, " and below it has ", e.letters.String(), ", and can be removed or replaced")
	return nil
}
