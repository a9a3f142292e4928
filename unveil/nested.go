package unveil

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The tree holds the entries, and the directories that Need and Widen name,
// in the order of a walk from the root: what is below a node follows it.
type node struct {
	path  string // canonical
	entry *entry // nil: named by Need or Widen only
	object

	widen   Access // given by Options.Widen, on top of the entry's
	widened *entry // for which entry
	need    Access // given by Need, on top of both
	why     string

	up  int // the node next above, -1 at the top
	end int // the first node behind that is not below

	// What at least one entry strictly below lacks: of the entries' rights,
	// and of what is needed.
	lack, lackNeed Access
}

// byWalk orders canonical names so that all that is below a name follows it.
func byWalk(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x == '/' {
			return -1
		}
		if y == '/' {
			return 1
		}
		return cmp.Compare(x, y)
	}
	return cmp.Compare(len(a), len(b))
}

// lay puts the nodes in order, makes one of those of the same name, and
// establishes up, end and what is lacked.
func (c *compiler) lay() error {
	t := c.tree
	slices.SortStableFunc(t, func(a, b node) int { return byWalk(a.path, b.path) })
	w := 0
	for i := range t {
		if w == 0 || t[w-1].path != t[i].path {
			t[w] = t[i]
			w++
			continue
		}
		a, b := &t[w-1], &t[i]
		if a.id != b.id {
			e := cmp.Or(a.entry, b.entry)
			if e == nil {
				return &PathError{Path: rooted(a.path), Reason: Changed, Err: unix.EAGAIN}
			}
			return e.fail(Changed, unix.EAGAIN)
		}
		a.entry = cmp.Or(a.entry, b.entry)
		a.widen |= b.widen
		a.widened = cmp.Or(a.widened, b.widened)
		a.need |= b.need
		if b.why != "" && b.why != a.why {
			a.why = join(a.why, b.why)
		}
	}
	clear(t[w:])
	t = t[:w]
	c.tree = t

	up := -1
	for i := range t {
		for up >= 0 && !under(t[i].path, t[up].path) {
			t[up].end = i
			up = t[up].up
		}
		t[i].up, t[i].lack, t[i].lackNeed = up, 0, 0
		up = i
	}
	for ; up >= 0; up = t[up].up {
		t[up].end = len(t)
	}
	for i := len(t) - 1; i >= 0; i-- {
		if up := t[i].up; up >= 0 {
			lack, need := c.lacks(i)
			t[up].lack |= lack
			t[up].lackNeed |= need
		}
	}
	return nil
}

// lacks returns what a node or an entry below it lacks.
func (c *compiler) lacks(i int) (own, need Access) {
	n := &c.tree[i]
	own, need = n.lack, n.lackNeed
	if n.entry != nil {
		own |= c.fs &^ n.entry.span
		need |= c.fs &^ n.entry.full
	}
	return own, need
}

// emit makes the rules of a node and of all below it. own and need are what
// entries and needs above grant, as far as it has no rule yet. What nothing
// below lacks is granted here, the rest is carried down.
func (c *compiler) emit(i int, own, need Access) error {
	n := &c.tree[i]
	path, why := rooted(n.path), n.why
	if n.entry != nil {
		own, need = n.entry.rights, need&n.entry.full
		path, why = n.entry.path, join(n.entry.letters.String(), why)
	}
	own |= n.widen
	need |= n.need
	if n.widen&n.lack != 0 {
		f := n.widened.fail(Unwidened, unix.EOPNOTSUPP)
		f.Dir = rooted(n.path)
		return f
	}
	if a := n.entry.absentee(); a != nil {
		if a.create {
			p := c.plan
			mode := Access(onFile)
			if a.dir {
				mode = p.fs
			}
			p.made = append(p.made, creation{parent: a.parent.fd, base: a.rest, dir: a.dir, private: n.entry.word.Private, name: n.path, fd: -1})
			p.rules = append(p.rules, rule{fd: -1, made: len(p.made), access: own &^ n.lack & mode, path: path, why: why})
			if lost := own & n.lack; lost != 0 {
				// It will be empty: no neighbour is there to be granted instead.
				x := expansion{compiler: c, wide: i, own: lost, chain: []string{n.path}}
				x.tell()
			}
		}
		return c.emitBelow(i+1, n.end)
	}
	if w := c.alias(n.id, n.path, own, need); w != nil {
		return w.aliased(path)
	}
	c.grant(n.object, path, own&^n.lack|need&^n.lackNeed, why)
	own, need = own&n.lack, need&n.lackNeed
	if own|need == 0 {
		return c.emitBelow(i+1, n.end)
	}

	x := expansion{compiler: c, wide: i, own: own, need: need}
	if err := x.expand(n.object, n.path, i+1, n.end, own, need); err != nil {
		return err
	}
	x.tell()
	return nil
}

func (e *entry) absentee() *absent {
	if e == nil {
		return nil
	}
	return e.absent
}

// emitBelow makes the rules of nodes below a rule that lacks nothing for them.
func (c *compiler) emitBelow(lo, hi int) error {
	for j := lo; j < hi; j = c.tree[j].end {
		if err := c.emit(j, 0, 0); err != nil {
			return err
		}
	}
	return nil
}

// narrower returns the entries below a node that lack some of the rights.
func (c *compiler) narrower(i int, own, need Access) []*entry {
	var found []*entry
	for j := i + 1; j < c.tree[i].end; j++ {
		if e := c.tree[j].entry; e != nil && (own&^e.span != 0 || need&^e.full != 0) && !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	return found
}

// An expansion takes narrower entries out of one wide node.
type expansion struct {
	*compiler
	wide      int
	own, need Access   // what is taken off the wide node
	chain     []string // the directories that are left without it
}

// expand gives rights to what stands in a directory beside the nodes [lo, hi)
// below it, goes on in the directories that lead to them, and makes the rules
// of the nodes that stand in it themselves.
func (x *expansion) expand(dir object, name string, lo, hi int, own, need Access) error {
	c := x.compiler
	if special(name) {
		return x.fail(Special, unix.EOPNOTSUPP, name)
	}
	x.chain = append(x.chain, name)
	var taken []string // names that have nodes at or below them
	for j := lo; j < hi; {
		n := &c.tree[j]
		base, _, deeper := strings.Cut(n.path[len(name)+1:], "/")
		taken = append(taken, base)
		child, err := c.openat(dir.fd, base, openPath|unix.O_NOFOLLOW)
		if !deeper {
			// The tree below must be the one that the names told of.
			switch {
			case n.entry.absentee() != nil && err == unix.ENOENT:
			case err != nil && err != unix.ENOENT:
				return x.failErrno(err)
			case err != nil || child.id != n.id:
				return x.fail(Changed, unix.EAGAIN, name)
			default:
				c.release(child)
			}
			if err := c.emit(j, own, need); err != nil {
				return err
			}
			j = n.end
			continue
		}
		at := name + "/" + base
		k := j
		var lack, lackNeed Access
		for k < hi && under(c.tree[k].path, at) {
			a, b := c.lacks(k)
			lack |= a
			lackNeed |= b
			k = c.tree[k].end
		}
		if err == unix.ENOENT {
			// Nothing is there, so the nodes below are absent too.
			if err := c.emitBelow(j, k); err != nil {
				return err
			}
			j = k
			continue
		}
		if err != nil {
			return x.failErrno(err)
		}
		if !child.dir() {
			return x.fail(Changed, unix.EAGAIN, name)
		}
		if err := x.between(child, at, j, k, own, need, lack, lackNeed); err != nil {
			return err
		}
		j = k
	}
	return x.siblings(dir, name, taken, own, need)
}

// between handles a directory on the way to the nodes [lo, hi).
func (x *expansion) between(dir object, name string, lo, hi int, own, need, lack, lackNeed Access) error {
	c := x.compiler
	for _, w := range c.ways[dir.id] {
		lack |= w.lack
		lackNeed |= w.lackNeed
	}
	if a := own&^lack | need&^lackNeed; a != 0 {
		if err := x.count(name); err != nil {
			return err
		}
		c.grant(dir, name, a, "from "+x.title())
	}
	own, need = own&lack, need&lackNeed
	if own|need == 0 {
		return c.emitBelow(lo, hi)
	}
	return x.expand(dir, name, lo, hi, own, need)
}

// siblings grants rights to what is in a directory, but to the names taken.
func (x *expansion) siblings(dir object, name string, taken []string, own, need Access) error {
	c := x.compiler
	list, err := openat(dir.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err == unix.EACCES {
		c.notice(strconv.Quote(rooted(name)), " cannot be listed, so that what is in it stays closed")
		return nil
	}
	if err != nil {
		return x.failErrno(err)
	}
	defer unix.Close(list)
	why := "in " + x.title()
	buf := make([]byte, 32<<10)
	var names []string
	for {
		n, err := unix.ReadDirent(list, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return x.failErrno(err)
		}
		if n == 0 {
			return nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names[:0])
		for _, base := range names {
			if slices.Contains(taken, base) {
				continue
			}
			if err := x.sibling(dir, name+"/"+base, base, own, need, why); err != nil {
				return err
			}
		}
	}
}

// sibling grants rights to one object that stands beside the way. One that
// has gone meanwhile, or cannot be looked at, stays closed.
func (x *expansion) sibling(dir object, name, base string, own, need Access, why string) error {
	c := x.compiler
	a := own | need
	o, err := c.openat(dir.fd, base, openPath|unix.O_NOFOLLOW)
	switch err {
	case nil:
	case unix.ENOENT:
		return nil
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM:
		return x.failErrno(err)
	default:
		c.notice(strconv.Quote(name), " stays closed: ", err.Error())
		return nil
	}
	if o.mode == unix.S_IFLNK {
		c.release(o)
		return nil
	}
	if e := c.byID[o.id]; e != nil && a&^e.rights != 0 && (o.dir() || a&onFile&^e.rights != 0) {
		c.notice(strconv.Quote(name), " is the same object as ", e.string(), " and has the letters of that")
		c.release(o)
		return nil
	}
	if w := c.alias(o.id, name, own, need); w != nil {
		c.notice(strconv.Quote(name), " is the same directory as ", strconv.Quote(rooted(w.name)), ", which leads to ", w.entry.string(), ", and stays closed")
		c.release(o)
		return nil
	}
	if !c.grant(o, name, a, why) {
		c.release(o)
		return nil
	}
	return x.count(name)
}

// count keeps the number of rules in bounds.
func (x *expansion) count(name string) error {
	if x.spread++; x.spread > MaxExpansion {
		return x.fail(TooMany, unix.E2BIG, name)
	}
	return nil
}

// title is the wide node as one writes it.
func (x *expansion) title() string {
	n := &x.tree[x.wide]
	if n.entry != nil {
		return n.entry.string()
	}
	return strconv.Quote(rooted(n.path))
}

// fail names a narrower entry at or below a directory, and the wide one.
func (x *expansion) fail(why Reason, err error, name string) error {
	all := x.narrower(x.wide, x.own, x.need)
	e := all[0]
	for _, below := range all {
		if slices.ContainsFunc(below.names, func(n string) bool { return under(n, name) }) {
			e = below
			break
		}
	}
	f := e.fail(why, err)
	f.Dir = rooted(name)
	n := &x.tree[x.wide]
	f.Other = rooted(n.path)
	if n.entry != nil {
		f.Other = n.entry.path
	}
	return f
}

func (x *expansion) failErrno(err error) error { return x.fail(Unopened, err, x.tree[x.wide].path) }

// special reports whether a directory's entries come and go with processes
// and devices.
func special(name string) bool {
	return under(name, "/proc") || under(name, "/sys") || under(name, "/dev")
}

// tell notes what the expansion costs.
func (x *expansion) tell() {
	lost := x.own | x.need
	var here, later []string
	if lost&ReadDir != 0 {
		here = append(here, "listed")
	}
	if lost&changes != 0 {
		here = append(here, "created", "removed", "renamed")
	}
	if lost&ReadFile != 0 {
		later = append(later, "read")
	}
	if lost&WriteFile != 0 {
		later = append(later, "written")
	}
	if lost&Execute != 0 {
		later = append(later, "executed")
	}
	if len(later) == 0 && lost&^(ReadDir|changes) != 0 {
		later = append(later, "used in full")
	}
	dirs := make([]string, len(x.chain))
	for i, name := range x.chain {
		dirs[i] = strconv.Quote(rooted(name))
	}
	var entries []string
	for _, e := range x.narrower(x.wide, x.own, x.need) {
		entries = append(entries, e.string())
	}
	text := []string{x.title(), " is narrowed by ", some(entries, "and"), ": directly in ", some(dirs, "and")}
	if len(here) > 0 {
		text = append(text, " nothing can be ", some(here, "or"))
	}
	if len(here) > 0 && len(later) > 0 {
		text = append(text, ", and")
	}
	if len(later) > 0 {
		text = append(text, " what appears later cannot be ", some(later, "or"))
	}
	x.notice(text...)
}

// some joins words to "a, b and c", at most five of them.
func some(words []string, last string) string {
	const most = 5
	if n := len(words) - most; n > 0 {
		words = append(slices.Clone(words[:most]), strconv.Itoa(n)+" more")
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}
