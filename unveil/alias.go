package unveil

import "golang.org/x/sys/unix"

// A way is one name of a directory that an entry is below.
//
// Names cannot tell a bind mount: the directory has a second name then, and
// a rule that is made for it there is a rule on the same inode, so that the
// entry would have the rights by its own name too.
type way struct {
	name  string // canonical
	entry *entry // one of those below
	// What at least one entry below lacks, as in a node.
	lack, lackNeed Access
}

// findWays looks at the directories above all entries that lack something.
func (c *compiler) findWays() {
	seen := make(map[string]*way)
	c.ways = make(map[id][]*way)
	for i := range c.tree {
		n := &c.tree[i]
		if n.entry == nil {
			continue
		}
		own, need := c.fs&^n.entry.span, c.fs&^n.entry.full
		if own|need == 0 {
			continue
		}
		for end := len(n.path) - 1; end >= 0; end-- {
			if n.path[end] != '/' {
				continue
			}
			name := n.path[:end]
			w := seen[name]
			if w == nil {
				at, ok := lookAt(rooted(name))
				if !ok {
					continue
				}
				w = &way{name: name, entry: n.entry}
				seen[name] = w
				c.ways[at] = append(c.ways[at], w)
			} else if own&^w.lack|need&^w.lackNeed == 0 {
				break // so do all directories above
			}
			w.lack |= own
			w.lackNeed |= need
		}
	}
}

// alias returns the way by which a directory, under another name than the
// given one, leads to an entry that lacks some of the rights.
func (c *compiler) alias(at id, name string, own, need Access) *way {
	for _, w := range c.ways[at] {
		if w.name != name && own&w.lack|need&w.lackNeed != 0 {
			return w
		}
	}
	return nil
}

// aliased is the error of a directory that should have rights and is a way.
func (w *way) aliased(other string) error {
	f := w.entry.fail(Aliased, unix.EOPNOTSUPP)
	f.Other = other
	return f
}
