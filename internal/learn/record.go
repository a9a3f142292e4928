package learn

import (
	"maps"
	"slices"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Record is what one run has used, or several.
type Record struct {
	paths    map[string]*use            // by canonical name
	promises map[string]map[string]bool // the calls that took a promise, by its name
	connect  map[policy.Ports]bool
	bind     map[policy.Ports]bool
	listens  bool
	beyond   map[string]bool // what no policy can say, for people
}

// A use is what was done with a path.
type use struct {
	letters unveil.Letters
	need    unveil.Access // the rights behind the letters
	who     map[string]bool
	names   map[string]unveil.Letters // what was made in it, if it is a directory
}

// NewRecord returns a record of nothing.
func NewRecord() *Record {
	return &Record{paths: map[string]*use{}, promises: map[string]map[string]bool{}, connect: map[policy.Ports]bool{}, bind: map[policy.Ports]bool{},
		beyond: map[string]bool{}}
}

// use returns the use of a path, made when there is none.
func (r *Record) use(name string) *use {
	u := r.paths[name]
	if u == nil {
		u = &use{who: map[string]bool{}, names: map[string]unveil.Letters{}}
		r.paths[name] = u
	}
	return u
}

// promise notes that a call took promises.
func (r *Record) promise(set pledge.Set, call string) {
	for _, p := range pledge.Promises() {
		if !set.Has(p.Set) {
			continue
		}
		if r.promises[p.Name] == nil {
			r.promises[p.Name] = map[string]bool{}
		}
		if call != "" {
			r.promises[p.Name][call] = true
		}
	}
}

// set is every promise that was noted.
func (r *Record) set() (set pledge.Set) {
	for _, p := range pledge.Promises() {
		if r.promises[p.Name] != nil {
			set |= p.Set
		}
	}
	return set
}

// sorted are the words of a set in order.
func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
