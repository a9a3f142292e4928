package trace

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Box is what a traced command runs in.
type Box struct {
	Entries []Entry // what is unveiled
	Grants  unveil.Grants
	Kinds   unveil.Letters // that the promises leave to the entries

	Set     pledge.Set
	Pledged bool           // the promises count; else only what is refused always
	Given   bool           // anything was asked for at all
	Options pledge.Options // of the program

	Net     uint64 // LANDLOCK_ACCESS_NET_* that are handled
	Ports   func(access uint64, port uint16) bool
	Signals bool // kept inside
	Sockets bool // abstract UNIX sockets are kept inside

	Pid    int // of the command
	Home   string
	Args   []string // the flags that made it, but -u and -p
	Unveil []string // the words of -u
	Argv   []string // the command

	// Quote writes a word as a shell takes it; Say prints a line.
	Quote func(string) string
	Say   func(kind, text string)
}

// An Entry is one path that is unveiled.
type Entry struct {
	Name    string // canonical
	Path    string // as it was said
	Letters unveil.Letters
}

// id tells objects apart.
type id struct{ dev, ino uint64 }

// rights tells what the box grants: as the kernel does, it joins the rules of
// an object and of all directories above it.
type rights struct {
	handled unveil.Access
	objects map[id]unveil.Access
	dirs    map[string]unveil.Access // by canonical names, as far as they were asked for
}

func newRights(g unveil.Grants) *rights {
	r := &rights{g.Handled, make(map[id]unveil.Access, len(g.Objects)), map[string]unveil.Access{}}
	for _, o := range g.Objects {
		r.objects[id{o.Dev, o.Ino}] |= o.Access
	}
	return r
}

// forget drops what is known of directories: one was moved or removed.
func (r *rights) forget() { clear(r.dirs) }

// below returns the rights that a directory gives to what is in it.
func (r *rights) below(dir string) unveil.Access {
	if a, ok := r.dirs[dir]; ok {
		return a
	}
	var a unveil.Access
	var st unix.Stat_t
	if unix.Lstat(dir, &st) == nil {
		a = r.objects[id{uint64(st.Dev), st.Ino}] //nolint:unconvert // Dev differs between architectures
	}
	if dir != "/" {
		a |= r.below(path.Dir(dir))
	}
	r.dirs[dir] = a
	return a
}

// lacking returns what is refused of an object.
func (r *rights) lacking(o *Object) (on, in unveil.Access) {
	above := r.below(path.Dir(o.Name))
	if need := o.Need & r.handled; need != 0 {
		on = need &^ (above | r.objects[id{o.Dev, o.Ino}])
		if o.Name == "/" {
			on = need &^ r.below("/")
		}
	}
	return on, o.Change & r.handled &^ above
}

// letters returns what the entries say of a name: the most specific counts.
func (b *Box) letters(name string) unveil.Letters {
	best, found := -1, unveil.Letters(0)
	for _, e := range b.Entries {
		if len(e.Name) >= best && (e.Name == name || e.Name == "/" || strings.HasPrefix(name, e.Name+"/")) {
			best, found = len(e.Name), e.Letters
		}
	}
	return found
}
