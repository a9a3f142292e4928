package launch

import (
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/internal/preload"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A harmless path is one that nearly every program opens by itself and that
// tells nobody's secrets. Never /dev/shm, /tmp, terminals, /proc or /sys.
type harmless struct {
	path, perms string
	unpledged   bool // only where nothing is pledged: promises have their own
}

var harmlessPaths = []harmless{
	{"/dev/null", "rw", false},
	{"/dev/zero", "rw", false},
	{"/dev/full", "rw", false},
	{"/dev/random", "r", false},
	{"/dev/urandom", "r", false},
	{"/etc/localtime", "r", false},
	{"/usr/share/zoneinfo", "r", false},
	{"/etc/locale.alias", "r", false},
	{"/etc/ld.so.cache", "r", false},
	{"/etc/nsswitch.conf", "r", true},
	{"/etc/passwd", "r", true},
	{"/etc/group", "r", true},
	{"/proc/filesystems", "r", true},
	{"/proc/mounts", "r", true},
}

// rules collects what the box opens: the entries, the paths that promises
// imply, and what the command needs to start.
func (r *Request) rules(b *box) (*unveil.Rules, *Failure) {
	set, pledged := r.granted()
	var rules unveil.Rules
	b.net.rules(&rules)
	if !r.AllowSignals {
		rules.Scope(ll.ScopeSignal)
	}
	if !r.AllowAbstract {
		rules.Scope(ll.ScopeAbstractUnixSocket)
	}
	for _, e := range b.entries {
		if err := rules.Add(e); err != nil {
			return nil, failed(err)
		}
	}
	b.grant(&rules, r.kinds())
	if fail := r.grantRights(&rules); fail != nil {
		return nil, fail
	}
	if fail := r.unixSockets(&rules); fail != nil {
		return nil, fail
	}
	for _, p := range pledge.Promises() {
		if !pledged || !set.Has(p.Set) {
			continue
		}
		for _, path := range p.Paths {
			if err := imply(&rules, path.Name, path.Perms, "promise "+p.Name); err != nil {
				return nil, failed(err)
			}
		}
	}
	if set, _ := r.pledged(); r.Execpromises != nil || r.OnViolation == pledge.Log && set.Has(promises.exec) {
		rules.Need(preload.MapsPath, unveil.ReadFile, "where the code of the command lies")
	}
	if r.NoAuto {
		return &rules, nil
	}
	for _, h := range harmlessPaths {
		if h.unpledged && pledged {
			continue
		}
		if err := imply(&rules, h.path, h.perms, "harmless"); err != nil {
			return nil, failed(err)
		}
	}
	if terminal() {
		if err := imply(&rules, "/dev/tty", "rw", "a standard descriptor is a terminal"); err != nil {
			return nil, failed(err)
		}
	}
	for _, f := range b.image.Files {
		rules.Found(f.Path, f.As, rights(f.Need), f.Why)
	}
	return &rules, nil
}

func imply(rules *unveil.Rules, path, perms, why string) error {
	letters, err := unveil.ParseLetters(perms)
	if err == nil {
		rules.Imply(path, letters.Access(), why)
	}
	return err
}

// rights gives what an executable needs its Landlock rights.
func rights(need image.Need) unveil.Access {
	switch need {
	case image.Exec:
		return unveil.Execute | unveil.ReadFile
	case image.List:
		return unveil.ReadFile | unveil.ReadDir
	}
	return unveil.ReadFile
}

// terminal reports whether standard input, output or error is one.
func terminal() bool {
	for fd := range firstPassed {
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			return true
		}
	}
	return false
}

// grantRights adds the rights of landlockconfig files, as far as their kinds of
// access are promised. They only add, so that nothing can be hidden from them.
func (r *Request) grantRights(rules *unveil.Rules) *Failure {
	if len(r.Rights) == 0 {
		return nil
	}
	for _, e := range r.Unveil {
		if e.Letters == 0 {
			return failedf("unveil %q: it cannot be hidden beside %q, whose rights only add", e.Path, r.Rights[0].From).hinted("take it out of the paths of that file")
		}
	}
	_, pledged := r.granted()
	o := r.options()
	for _, right := range r.Rights {
		access := right.Access
		if pledged {
			access &= o.Promised(unveil.All)
			if o.Kinds&unveil.R == 0 && access&unveil.Execute == 0 {
				access &^= unveil.ReadFile // which x has only to execute
			}
		}
		rules.Grant(right.Path, access, right.From)
	}
	return nil
}

// kinds returns the letters that the promises leave to an entry.
func (r *Request) kinds() unveil.Letters {
	set, pledged := r.granted()
	if !pledged {
		return unveil.All
	}
	l := kindsOf(set)
	if r.NoAuto {
		// The command itself has to start: its x counts without the promise,
		// which the gate holds.
		l |= unveil.X
	}
	return l
}

// kindsOf returns the letters that promises leave to an entry.
func kindsOf(set pledge.Set) unveil.Letters {
	return unveil.Kinds(func(name string) bool { return set.Has(promise(name)) })
}

// options says for what the rules are compiled, but for the kernel and the
// directory.
func (r *Request) options() unveil.Options {
	set, pledged := r.granted()
	return unveil.Options{
		Kinds:       r.kinds(),
		Fifo:        !pledged || set.Has(promises.dpath),
		Sock:        !pledged || set.Has(promises.unix),
		ResolveUnix: !pledged || set.Has(promises.unix),
		// Without -u every path has w, and a list of sockets would mean nothing.
		ListedUnix: len(r.Unix) > 0 && len(r.Unveil)+len(r.Rights) == 0,
		Unplanted:  true,
		Create:     r.Create,
		Widen:      r.Widen,
		ListHidden: r.ListHidden,
		Log:        r.Audit,
	}
}

// paths compiles the rules for the kernel.
func (r *Request) paths(b *box, dir string) (*unveil.Plan, *Failure) {
	rules, fail := r.rules(b)
	if fail != nil {
		return nil, fail
	}
	o := r.options()
	o.Kernel, o.Dir = b.kernel, dir
	plan, err := rules.Compile(o)
	if err != nil {
		return nil, explainPath(err)
	}
	return plan, nil
}
