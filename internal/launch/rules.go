package launch

import (
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/internal/kernel"
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
func (r *Request) rules(img *image.Image, net network) (*unveil.Rules, *Failure) {
	set, pledged := r.pledged()
	var rules unveil.Rules
	net.rules(&rules)
	if !r.AllowSignals {
		rules.Scope(ll.ScopeSignal)
	}
	if !r.AllowAbstract {
		rules.Scope(ll.ScopeAbstractUnixSocket)
	}
	for _, e := range r.entries() {
		if err := rules.Add(e.Entry); err != nil {
			return nil, failed(err)
		}
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
	for _, f := range img.Files {
		rules.Need(f.Path, rights(f.Need), f.Why)
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
	if need == image.Exec {
		return unveil.Execute | unveil.ReadFile
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

// kinds returns the letters that the promises leave to an entry.
func (r *Request) kinds() unveil.Letters {
	set, pledged := r.pledged()
	if !pledged {
		return unveil.All
	}
	l := unveil.Kinds(func(name string) bool { return set.Has(promise(name)) })
	if r.NoAuto {
		// The command itself has to start: its x counts without the promise,
		// which the gate holds.
		l |= unveil.X
	}
	return l
}

// paths compiles the rules for a kernel.
func (r *Request) paths(img *image.Image, k kernel.Kernel, net network, dir string) (*unveil.Plan, *Failure) {
	rules, fail := r.rules(img, net)
	if fail != nil {
		return nil, fail
	}
	set, pledged := r.pledged()
	plan, err := rules.Compile(unveil.Options{
		Kernel:      k,
		Dir:         dir,
		Kinds:       r.kinds(),
		Fifo:        !pledged || set.Has(promises.dpath),
		Sock:        !pledged || set.Has(promises.unix),
		ResolveUnix: !pledged || set.Has(promises.unix),
		// Without -u every path has w, and a list of sockets would mean nothing.
		ListedUnix: len(r.Unix) > 0 && len(r.Unveil) == 0,
		Create:     r.Create,
		Widen:      r.Widen,
		ListHidden: r.ListHidden,
		Log:        r.Audit,
	})
	if err != nil {
		return nil, explainPath(err)
	}
	return plan, nil
}
