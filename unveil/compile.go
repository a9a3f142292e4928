package unveil

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// Options says for what a set of rules is compiled.
type Options struct {
	Kernel kernel.Kernel // from Probe; the zero Kernel can do nothing
	Dir    string        // absolute; where relative paths start, "" for the working directory
	Kinds  Letters       // the kinds of access that are promised; an entry has no other. All for no limit

	Fifo        bool // c makes FIFOs too (mkfifo(2): the promise dpath)
	Sock        bool // c makes UNIX sockets too (bind(2): the promise unix)
	ResolveUnix bool // connecting to a UNIX socket by path takes w on it (ABI 9)
	// ListedUnix keeps w from bringing that, so that sockets can be reached
	// only where a rule names them (Imply of ResolveUnix).
	ListedUnix bool

	// Create lets Plan.Create make what does not exist and has the letter c:
	// an empty file, or a directory if the path ends in a slash.
	Create bool
	// Widen gives the letters of a path that does not exist, or of a file
	// with c, to the directory that it is in. Create comes first.
	Widen bool
	// Whole is for promises alone: every path has the letters of Kinds, and
	// the ruleset handles the rights that they lack. What Kinds have needs no
	// rule then, and costs nothing at an open; ioctls of devices are left to
	// seccomp. Entries of Unveil do not count.
	Whole bool
	// ListHidden lets a directory be listed although an entry below it hides
	// names: those below the hidden entry can then be listed too.
	ListHidden bool
	// Unplanted refuses an entry that leads by a symbolic link below another
	// entry, with c, to what no other entry gives as much of: a process that was
	// confined in the same way may have made the link.
	Unplanted bool
	// Log has what is refused after the next exec written to the kernel's audit
	// log (ABI 7), which otherwise has refusals of the image that restricts
	// itself only.
	Log bool
}

// Promised returns the rights of letters that the kinds of access leave,
// whatever the kernel.
func (o *Options) Promised(l Letters) Access {
	a := (l & o.Kinds).Access()
	if l&C != 0 {
		if o.Fifo {
			a |= MakeFifo
		}
		if o.Sock {
			a |= MakeSock
		}
	}
	if l&W != 0 && o.ResolveUnix && !o.ListedUnix {
		// As unveil(2) has it: connecting is writing, whatever wpath says.
		a |= ResolveUnix
	}
	return a
}

// MaxExpansion is the number of rules that may be added, over all entries, to
// take narrower entries out of wider ones.
const MaxExpansion = 4096

// changes holds the rights of c that change a directory.
const changes = MakeReg | MakeDir | MakeSym | MakeFifo | MakeSock | RemoveFile | RemoveDir

// An entry is what Unveil said of one object.
type entry struct {
	path    string // as given
	letters Letters
	word    Entry // the whole of it
	object
	absent *absent  // nil if the object exists
	names  []string // canonical; several for a bind mount or a hard link

	rights Access // what it grants, for its type, the kinds and the kernel
	span   Access // what it leaves to an entry above: as on a directory
	full   Access // as span, without the kinds
}

// string is the entry as one writes it.
func (e *entry) string() string { return strconv.Quote(e.path + ":" + e.letters.String()) }

func (e *entry) fail(why Reason, err error) *PathError {
	return &PathError{Path: e.path, Letters: e.letters, Reason: why, Err: err}
}

type compiler struct {
	opt  Options
	plan *Plan
	fs   Access // handled, without Refer

	said    []said // with Options.Unplanted
	entries []*entry
	byID    map[id]*entry
	byName  map[string]*entry // of the ones that do not exist
	tree    []node
	ways    map[id][]*way

	spread int // rules added by expansion
	stat   unix.Stat_t
	link   []byte
}

// Compile makes a plan for one kernel. It touches neither the process nor the
// file tree: it opens O_PATH descriptors and lists directories. The plan
// holds the descriptors until Apply or Close.
//
// An entry has the rights of its letters that are among Options.Kinds, that
// the kernel knows, and that a rule on its type may have. Everything that the
// kernel can restrict is restricted; REFER alone is granted on "/" as soon as
// an entry has c, because a rename needs it on both sides and the kernel
// refuses any gain of rights.
//
// Where an entry lacks a right that an entry above it has, the right is taken
// off the upper one and given to what stands beside the way down to the lower
// one, level by level; symbolic links are skipped, and the directories of the
// way do not have the right themselves: a right to create files there would
// reach into the narrower entry by rename. A notice says what that costs.
//
// A path that does not exist gets no rule. Without c that is a notice; entries
// above it are narrowed all the same. With c it is an error, unless an entry
// above grants as much, or Options.Create or Options.Widen says what to do.
// A file cannot carry c: it can be written, not removed, and a notice says so.
//
// The error is a *PathError.
func (r *Rules) Compile(o Options) (*Plan, error) {
	c := &compiler{opt: o, plan: &Plan{kernel: o.Kernel, dir: o.Dir}}
	if err := c.compile(r); err != nil {
		c.plan.Close()
		return nil, err
	}
	c.plan.link = c.link
	return c.plan, nil
}

func (c *compiler) compile(r *Rules) error {
	p := c.plan
	p.fs = Access(c.opt.Kernel.FS())
	if !c.opt.ResolveUnix {
		p.fs &^= ResolveUnix
	}
	if c.opt.Whole {
		// A ruleset that does not handle REFER denies it.
		p.open = (c.opt.Promised(All) | IoctlDev) & p.fs &^ Refer
		p.fs &^= p.open
	}
	c.fs = p.fs &^ Refer
	p.index = make(map[id]int, len(r.words)+len(r.grants))
	p.rules = make([]rule, 0, len(r.words)+len(r.grants)+1)
	p.fds = make([]int, 0, len(r.words)+len(r.grants)+1)
	c.entries = make([]*entry, 0, len(r.words))
	c.tree = make([]node, 0, len(r.words)+usual/2)

	c.reserve(len(r.words) + len(r.grants))
	c.byID = make(map[id]*entry, len(r.words))
	for _, w := range r.words {
		if c.opt.Whole {
			break
		}
		if err := c.enter(w); err != nil {
			return err
		}
	}
	for _, e := range c.entries {
		c.rate(e)
		for _, name := range e.names {
			c.tree = append(c.tree, node{path: name, entry: e, object: e.object})
		}
	}
	extra := make([]object, 0, len(r.grants))
	for _, g := range r.grants {
		extra = append(extra, c.enterGrant(g))
	}
	if err := c.planted(r); err != nil {
		return err
	}

	if err := c.lay(); err != nil {
		return err
	}
	if err := c.hold(); err != nil {
		return err
	}
	c.findWays()
	for i := 0; i < len(c.tree); i = c.tree[i].end {
		if err := c.emit(i, 0, 0); err != nil {
			return err
		}
	}
	for i, g := range r.grants {
		if o := extra[i]; o.fd >= 0 {
			c.grant(o, g.path, g.access, g.why)
			c.grantRefer(o, g)
		}
	}
	if err := c.refer(); err != nil {
		return err
	}
	c.listed()
	c.network(r)
	c.gaps()
	return nil
}

// enter opens the path of one word. An object that is already there is given
// the new letters.
func (c *compiler) enter(w Entry) error {
	e := &entry{path: w.Path, letters: w.Letters, word: w}
	o, err := c.open(w.Path)
	switch err {
	case nil:
	case unix.ENOENT, unix.ENOTDIR:
		return c.enterAbsent(e, err)
	default:
		return e.fail(Unopened, err)
	}
	o.name, err = c.canonical(o, w.Path)
	switch {
	case err == unix.EAGAIN:
		return e.fail(Changed, err)
	case err == unix.EXDEV && w.Letters == 0:
		c.release(o)
		return e.fail(Outside, err)
	case err == unix.EXDEV && !o.dir():
		// A pipe or a removed file behind /dev/stdin: the descriptor works
		// without a rule. The kernel refuses one on a pipe (EBADFD), and lets
		// it be opened again; a removed file has no place among the entries.
		c.release(o)
		c.notice(e.string(), " has no name in the file tree, so that it gets no rule")
		return nil
	case err == unix.EXDEV:
		return e.fail(Outside, err)
	case err != nil:
		return e.fail(Unopened, err)
	}
	c.say(w, o.name, o.dir())
	old := c.byID[o.id]
	if old == nil {
		e.object, e.names = o, []string{o.name}
		c.entries = append(c.entries, e)
		c.byID[o.id] = e
		return nil
	}
	c.release(o)
	old.path, old.letters = w.Path, w.Letters
	for _, name := range old.names {
		if name == o.name {
			return nil
		}
	}
	old.names = append(old.names, o.name)
	return nil
}

// rate says what an entry grants, and what it leaves to the entries above it.
func (c *compiler) rate(e *entry) {
	e.span, e.full = c.opt.Promised(e.letters), e.letters.Access()
	if e.absent == nil && !e.dir() {
		if e.mode == unix.S_IFCHR && e.letters&c.opt.Kinds&R != 0 {
			// tcgetattr(3) on a terminal that was opened for reading.
			e.span |= IoctlDev
			e.full |= IoctlDev
		}
		e.rights = e.span & onFile & c.fs
		// A file has no list, so that it takes that of no directory.
		e.span |= ReadDir
		e.full |= ReadDir
	} else {
		e.rights = e.span & c.fs
	}
	if c.opt.ListHidden {
		e.span |= ReadDir
		e.full |= ReadDir
	}
}

// enterGrant opens the path of Imply or Need. A directory that is needed
// takes its place in the tree; for all else the object is returned, to get a
// rule of its own. The descriptor is -1 for what there is no rule for.
func (c *compiler) enterGrant(g grant) object {
	none := object{fd: -1}
	open := c.open
	if g.found {
		open = c.openPlain
	}
	o, err := open(g.path)
	if err == unix.EACCES && !g.need {
		// A filter of the process refuses O_PATH where rpath is not promised,
		// and lets through what a layer has granted before.
		o, err = c.openat(unix.AT_FDCWD, c.fromDir(g.path), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC)
	}
	if err != nil {
		if g.need || g.raw {
			c.notice(strconv.Quote(g.path), " (", g.why, ") cannot be granted: ", err.Error())
		}
		return none
	}
	if g.raw && c.opt.Unplanted {
		if o.name, err = c.canonical(o, g.path); err == nil {
			c.sayGrant(g, o)
		}
	}
	if !g.need || !o.dir() {
		return o
	}
	o.name, err = c.canonical(o, g.path)
	if err != nil {
		c.release(o)
		c.notice(strconv.Quote(g.path), " (", g.why, ") cannot be granted: it has no name in the file tree")
		return none
	}
	c.tree = append(c.tree, node{path: o.name, object: o, need: g.access & c.fs, why: g.why})
	return none
}

// grant adds rights to the rule of an object, and reports whether the rule is
// new and so holds the descriptor.
func (c *compiler) grant(o object, path string, a Access, why string) bool {
	a &= c.fs
	if !o.dir() {
		a &= onFile
	}
	if a == 0 {
		return false
	}
	p := c.plan
	if i, ok := p.index[o.id]; ok {
		r := &p.rules[i]
		r.access |= a
		if why != "" && r.why != why {
			r.why = join(r.why, why)
		}
		return false
	}
	p.index[o.id] = len(p.rules)
	p.rules = append(p.rules, rule{fd: o.fd, access: a, path: path, why: why})
	return true
}

// grantRefer adds REFER to the rule of an object, or makes one of it alone.
func (c *compiler) grantRefer(o object, g grant) {
	p := c.plan
	if !g.raw || !o.dir() || g.access&p.fs&Refer == 0 {
		return
	}
	i, ok := p.index[o.id]
	if !ok {
		i = len(p.rules)
		p.index[o.id] = i
		p.rules = append(p.rules, rule{fd: o.fd, path: g.path, why: g.why})
	}
	p.rules[i].access |= Refer
}

// join lists two reasons, either of which may be missing.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// refer grants REFER on "/" if anything can be created. It is no right by
// itself: link and rename need MAKE_* and REMOVE_* beside it, and gain nothing.
func (c *compiler) refer() error {
	if c.plan.fs&Refer == 0 || !c.creates() {
		return nil
	}
	root, err := c.openat(unix.AT_FDCWD, "/", openPath)
	if err == unix.EACCES && c.opt.Whole {
		c.notice("nothing can be renamed from one directory to another: \"/\" cannot be opened, for want of the promise rpath")
		return nil
	}
	if err != nil {
		return &PathError{Path: "/", Letters: C, Reason: Unopened, Err: err}
	}
	p := c.plan
	if i, ok := p.index[root.id]; ok {
		p.rules[i].access |= Refer
		c.release(root)
		return nil
	}
	p.index[root.id] = len(p.rules)
	p.rules = append(p.rules, rule{fd: root.fd, access: Refer, path: "/", why: "rename between entries with c"})
	return nil
}

// creates reports whether an entry lets names be made or removed, so that they
// could move. A name of a FIFO or a socket alone cannot: without REMOVE_FILE
// it stays where it was made.
func (c *compiler) creates() bool {
	const moves = changes &^ (MakeFifo | MakeSock)
	if c.opt.Whole && c.opt.Promised(All)&moves != 0 {
		return true
	}
	for _, e := range c.entries {
		if c.opt.Promised(e.letters)&moves != 0 {
			return true
		}
	}
	return false
}

func (c *compiler) notice(words ...string) {
	n := 0
	for _, w := range words {
		n += len(w)
	}
	b := make([]byte, 0, n)
	for _, w := range words {
		b = append(b, w...)
	}
	c.plan.Notices = append(c.plan.Notices, string(b))
}

// listed notes what Options.ListHidden shows.
func (c *compiler) listed() {
	if !c.opt.ListHidden {
		return
	}
	for i := range c.tree {
		e := c.tree[i].entry
		if e == nil || e.absent != nil || !e.dir() || e.rights&ReadDir != 0 {
			continue
		}
		if up := c.above(i); up != nil && up.entry.rights&ReadDir != 0 {
			c.notice(e.string(), " and what is below it can be listed, because ", up.entry.string(), " can")
		}
	}
}
