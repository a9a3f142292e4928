package pledge

import (
	"strings"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// A Set is a set of promises. The zero Set holds none, which is the set of
// pledge("", …): only what ends or further confines the process is left.
type Set uint64

// Has reports whether s holds every promise of t.
func (s Set) Has(t Set) bool { return s&t == t }

// String returns the promises of s in the order of the table, separated by
// one blank, in the form that [Parse] reads.
func (s Set) String() string {
	var words []string
	for i := range table {
		if s.Has(1 << i) {
			words = append(words, table[i].name)
		}
	}
	return strings.Join(words, " ")
}

// Promise describes one promise of the table.
type Promise struct {
	Name  string // as it is written
	Doc   string // what it grants, one line
	Set   Set    // the set that holds it alone
	Paths []Path // the paths it implies

	Limits []kernel.Limit // what Linux cannot hold of it
	Inert  string         // why it changes nothing, "" when it does
}

// Path is a path that a promise implies, whether it is unveiled or not.
type Path struct {
	Name  string // absolute
	Perms string // letters of unveil(2)
}

// Promises returns all promises, in the order of the table.
func Promises() []Promise {
	list := make([]Promise, len(table))
	for i, r := range table {
		list[i] = Promise{r.name, r.doc, 1 << i, r.paths, r.limits, r.inert}
	}
	return list
}

// Paths returns the paths that the promises of s imply, in the order of the
// table. A path may occur twice.
func (s Set) Paths() []Path {
	var list []Path
	for i, r := range table {
		if s.Has(1 << i) {
			list = append(list, r.paths...)
		}
	}
	return list
}
