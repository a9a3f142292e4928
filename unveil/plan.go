package unveil

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/internal/printed"
)

// A Plan is one Landlock ruleset, ready to be applied. It holds a descriptor
// for each rule until Apply or Close.
//
// A Plan is not safe for use by several goroutines at once.
type Plan struct {
	Gaps    []Gap    // what was asked for and the kernel cannot hold
	Notices []string // what else a user should know: a sentence each, without a full stop

	kernel  kernel.Kernel
	dir     string // where relative paths start
	fs      Access // handled
	open    Access // not handled: every path has it (Options.Whole)
	net     uint64 // handled
	scopes  uint64
	flags   uint32 // of landlock_restrict_self(2)
	rules   []rule
	index   map[id]int // into rules
	ports   []port
	made    []creation
	created bool
	done    bool // applied
	fds     []int
	link    []byte // for canonical; a launch asks Access of several paths

	wantNet, wantScopes uint64
}

// A rule is one rule of type LANDLOCK_RULE_PATH_BENEATH.
type rule struct {
	fd     int // -1 until Create has made the object
	made   int // which creation makes it, counted from 1; 0 for none
	access Access
	path   string
	why    string
}

// Close closes the descriptors of the plan, and removes what Create made,
// unless the plan was applied. It may be called again and always returns nil.
func (p *Plan) Close() error {
	p.undo()
	p.closeAll()
	return nil
}

func (p *Plan) closeAll() {
	for _, fd := range p.fds {
		unix.Close(fd)
	}
	p.fds = nil
	p.done = true
}

// String prints the plan: what is restricted, and every rule with its rights
// and the reason for it. Paths are quoted. Gaps and notices are not printed.
func (p *Plan) String() string {
	var b strings.Builder
	line := func(words ...string) {
		for _, w := range words {
			b.WriteString(w)
		}
		b.WriteByte('\n')
	}
	line("files: ", p.fs.String())
	if p.net != 0 {
		line("network: ", bitNames(p.net, netNames[:]))
	}
	if p.scopes != 0 {
		line("scopes: ", bitNames(p.scopes, scopeNames[:]))
	}
	if p.flags != 0 {
		line("audit log: what is refused after the exec")
	}
	rules := slices.Clone(p.rules)
	slices.SortStableFunc(rules, func(a, b rule) int { return byWalk(a.path, b.path) })
	for _, r := range rules {
		words := []string{"path ", strconv.Quote(r.path), " ", r.access.String()}
		if r.why != "" {
			words = append(words, " (", printed.Line(r.why), ")")
		}
		if r.made != 0 {
			words = append(words, ", created")
		}
		line(words...)
	}
	for _, q := range p.ports {
		line("port ", strconv.Itoa(int(q.port)), " ", bitNames(q.access, netNames[:]))
	}
	return b.String()
}

// Access returns what the plan grants on a path: as the kernel does, it joins
// the rules of the object and of all directories above it. It looks the path
// up in the file tree of the moment, links followed; where the path does not
// exist, the directories above it count. A relative path starts where those
// of the rules do.
//
// REFER is left out: it is granted everywhere or nowhere, and is no right by
// itself.
func (p *Plan) Access(path string) Access {
	if path == "" {
		return 0
	}
	c := compiler{opt: Options{Dir: p.dir}, plan: &Plan{}, link: p.link}
	defer func() { p.link = c.link; c.plan.closeAll() }()
	var granted Access
	mask := p.fs
	var name string
	o, err := c.open(path)
	if err == nil {
		name, err = c.canonical(o, path)
		if !o.dir() {
			mask &= onFile
		}
	} else if a, lost := c.locate(path); lost == nil {
		name, err = a.parent.name+"/"+a.rest, nil
	}
	if err != nil {
		// No way up: its own rule, if there is one.
		if i, ok := p.index[o.id]; ok {
			granted = p.rules[i].access
		}
		return granted&mask&^Refer | p.open
	}
	for {
		if at, ok := lookAt(rooted(name)); ok {
			if i, ok := p.index[at]; ok {
				granted |= p.rules[i].access
			}
		} else {
			granted |= p.promisedTo(name)
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return granted&mask&^Refer | p.open
		}
		name = name[:i]
	}
}

// promisedTo returns the rights of what Create will make under a name.
func (p *Plan) promisedTo(name string) Access {
	for i := range p.rules {
		if m := p.rules[i].made; m != 0 && p.made[m-1].name == name {
			return p.rules[i].access
		}
	}
	return 0
}
