package unveil

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A said is a word, and the object that its path leads to by now.
type said struct {
	word Entry
	name string  // canonical
	dir  bool    // or to be one
	have Letters // what it gives
	need bool    // it is no word, but the path of what the command needs
}

// say notes a word for planted.
func (c *compiler) say(w Entry, name string, dir bool) {
	if !c.opt.Unplanted {
		return
	}
	have := w.Letters
	if have&X != 0 {
		have |= R
	}
	c.said = append(c.said, said{word: w, name: name, dir: dir, have: have})
}

// sayGrant notes rights for planted. Rights on "/" are those of what a file
// leaves free everywhere, links as much as what they would lead to.
func (c *compiler) sayGrant(g grant, o object) {
	l := lettersOf(g.access)
	c.said = append(c.said, said{word: Entry{Path: g.path, Letters: l}, name: o.name, dir: o.dir() && o.name != "", have: l})
}

// spelled is a path as a name, by its words alone.
func (c *compiler) spelled(p string) string {
	if !path.IsAbs(p) {
		p = c.opt.Dir + "/" + p
	}
	return strings.TrimSuffix(path.Clean(p), "/")
}

// planted refuses a word that leads by a link in a directory with c to what no
// other word gives: whoever was confined so before may have made the link, and
// would choose what it gets.
//
// The same holds of rights that are granted as Landlock has them, and of what the command needs: while the launcher looks, its name
// may lead to a script of somebody's, which it does not when it is executed.
//
// What lies in the same directory, with no narrower entry between, could have
// been moved to where the link is as well.
func (c *compiler) planted(r *Rules) error {
	if !c.opt.Unplanted || c.opt.Promised(C)&c.fs&MakeSym == 0 {
		return nil
	}
	for _, g := range r.grants {
		if g.as != "" {
			c.said = append(c.said, said{word: Entry{Path: g.as, Letters: R}, name: g.path, need: true})
		}
	}
	holders := make([]*said, len(c.said)) // of each word: the directory with the link, or nil
	for i := range c.said {
		s := &c.said[i]
		spelled := c.spelled(s.word.Path)
		if spelled == s.name || s.word.Letters == 0 {
			continue
		}
		for j := range c.said {
			d := &c.said[j]
			if j == i || d.word.Letters&C == 0 || !d.dir {
				continue
			}
			for _, dir := range []string{c.spelled(d.word.Path), d.name} {
				if under(spelled, dir) && spelled != dir && s.name != d.name+spelled[len(dir):] {
					holders[i] = d
				}
			}
		}
	}
	for i, holder := range holders {
		if holder == nil {
			continue
		}
		s := &c.said[i]
		var nearest *said
		for j := range c.said {
			if d := &c.said[j]; holders[j] == nil && !d.need && under(s.name, d.name) && (nearest == nil || len(d.name) >= len(nearest.name)) {
				nearest = d
			}
		}
		if nearest != nil && (s.word.Letters&^nearest.have == 0 || nearest.name == holder.name && holder.word.Letters&^s.word.Letters == 0) {
			continue
		}
		return &PathError{Path: s.word.Path, Letters: s.word.Letters, Reason: Planted, Other: holder.word.Path, Dir: rooted(s.name), Err: unix.ELOOP}
	}
	return nil
}
