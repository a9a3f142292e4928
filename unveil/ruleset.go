package unveil

import (
	"path/filepath"
	"slices"
)

// A Ruleset is what a plan gives to the kernel, for other programs to give.
type Ruleset struct {
	FS     Access // handled: refused where no rule grants it
	Net    uint64 // handled, LANDLOCK_ACCESS_NET_*
	Scopes uint64 // LANDLOCK_SCOPE_*
	Paths  []PathRule
	Ports  []PortRule
}

// A PathRule grants rights on a path and everything below it.
type PathRule struct {
	Path   string // absolute
	Access Access
	Made   bool // the path does not exist before Create
}

// A PortRule grants network rights on a port.
type PortRule struct {
	Port   uint16
	Access uint64
}

// Ruleset returns what the plan gives to the kernel, paths in rising order.
func (p *Plan) Ruleset() Ruleset {
	r := Ruleset{FS: p.fs, Net: p.net, Scopes: p.scopes}
	for _, q := range p.rules {
		path := q.path
		if !filepath.IsAbs(path) {
			path = filepath.Join(p.dir, path)
		}
		r.Paths = append(r.Paths, PathRule{path, q.access, q.made != 0})
	}
	slices.SortStableFunc(r.Paths, func(a, b PathRule) int { return byWalk(a.Path, b.Path) })
	for _, q := range p.ports {
		r.Ports = append(r.Ports, PortRule{q.port, q.access})
	}
	return r
}

// Rights returns the kernel's names of file-system rights, by the number of
// the bit: "EXECUTE", "WRITE_FILE" and so on.
func Rights() []string { return accessNames[:] }

// NetRights and Scopes are Rights of the network and of scopes.
func NetRights() []string { return netNames[:] }

// Scopes returns the kernel's names of scopes, by the number of the bit.
func Scopes() []string { return scopeNames[:] }
