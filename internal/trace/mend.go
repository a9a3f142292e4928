package trace

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A mend is what has to be added to a box for a call to be allowed.
type mend struct {
	unveil []word
	set    pledge.Set
	flags  []string // others, as one types them
	note   string   // what is to be known beside

	optional bool // programs most often go on without
}

// A word is an entry to add.
type word struct {
	path    string
	letters unveil.Letters
}

func (m *mend) empty() bool { return len(m.unveil) == 0 && m.set == 0 && len(m.flags) == 0 }

// add makes room for what an object lacks.
func (m *mend) add(b *Box, o *Object, on, in unveil.Access) {
	if in != 0 {
		// What is made gets its own rights from there too.
		m.entry(b, path.Dir(o.Name), o, in|on)
		return
	}
	if on == 0 {
		return
	}
	at := o.Name
	if of, self := process(at, b.Pid); self {
		m.entry(b, of, o, on)
		return
	} else if of != "" {
		// A rule for /proc/self is for the first process alone.
		if b.Pledged && b.Given {
			m.set |= promise("ps")
			return
		}
		m.entry(b, "/proc", o, on)
		return
	}
	reading := on&^(unveil.ReadFile|unveil.ReadDir|unveil.Execute) == 0
	if dir := path.Dir(at); reading && !o.IsDir() && !Closed(dir, b.Home) {
		at = dir
	}
	m.entry(b, at, o, on)
}

// process returns what a path of /proc that is of a process is written as: by
// /proc/self for the command itself, which has that name in the next run too.
func process(name string, pid int) (as string, self bool) {
	rest, ok := strings.CutPrefix(name, "/proc/")
	number, below, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(number)
	switch {
	case !ok || err != nil:
		return "", false
	case n != pid:
		return "/proc", false
	}
	return path.Join("/proc/self", strings.TrimPrefix(below, "task/"+number)), true
}

// entry adds the letters of rights to those that a path has.
func (m *mend) entry(b *Box, at string, o *Object, lack unveil.Access) {
	letters := unveil.LettersOf(lack)
	has := b.letters(at)
	for _, l := range unveil.Describe() {
		if b.Pledged && letters&l.Letters != 0 && b.Kinds&l.Letters == 0 {
			m.set |= promise(l.Promise)
		}
	}
	if letters&^has == 0 && has != 0 {
		if m.set != 0 {
			return // the letters are there, the promise was not
		}
		// A narrower entry took the rights off this directory, or it is a file
		// with c: the object itself is to be named.
		if at == o.Name || lack&unveil.Changes() != 0 {
			m.note = fmt.Sprintf("%s has %s, and holds it for what stood there at the start and is not narrowed by another entry", b.Quote(at), letters)
			return
		}
		at = o.Name
	}
	if lack&unveil.Changes() != 0 && Closed(at, b.Home) && at != "/tmp" && at != "/var/tmp" && !o.Exists() && lack&^(unveil.MakeReg|unveil.WriteFile|unveil.ReadFile|unveil.MakeDir) == 0 {
		// Not the whole of such a folder for one name in it.
		name := o.Name
		if lack&unveil.MakeDir != 0 {
			name += "/"
			letters |= unveil.R | unveil.W
		}
		m.unveil = append(m.unveil, word{name, letters | unveil.C})
		m.flags = append(m.flags, "--create")
		return
	}
	m.unveil = append(m.unveil, word{at, letters | has})
}

// flagsFor is the mend as flags, each as one types it.
func (m *mend) flagsFor(b *Box) []string {
	var list []string
	for _, w := range m.unveil {
		list = append(list, "-u "+b.Quote(w.path+":"+w.letters.String()))
	}
	if m.set != 0 {
		list = append(list, fmt.Sprintf("-p %q", (b.Set|m.set).String()))
		if !b.Given && len(m.unveil) == 0 {
			// Promises alone would open every path.
			list = append(list, "-u /dev/null:rw")
		}
	}
	return append(list, m.flags...)
}

// hint is the mend in a line.
func (m *mend) hint(b *Box) string {
	text := strings.Join(m.flagsFor(b), " ")
	switch {
	case text == "" && m.note == "":
		return "no flag and no promise allows it"
	case text == "":
		return m.note
	case m.note != "":
		return text + "; " + m.note
	}
	return text
}

// join takes over what another call needs.
func (m *mend) join(o *mend) {
	m.set |= o.set
	for _, f := range o.flags {
		if !slices.Contains(m.flags, f) {
			m.flags = append(m.flags, f)
		}
	}
	for _, w := range o.unveil {
		if i := slices.IndexFunc(m.unveil, func(x word) bool { return x.path == w.path }); i >= 0 {
			m.unveil[i].letters |= w.letters
		} else {
			m.unveil = append(m.unveil, w)
		}
	}
}

// telling are the paths by which a program shows that it wants the whole of a
// promise, and not one of its files. /etc/hosts is none: who reads it alone has
// no use of the sockets that come with dns.
var telling = map[string]string{
	"/etc/resolv.conf": "dns", "/etc/gai.conf": "dns", "/etc/host.conf": "dns",
	"/etc/passwd": "getpw", "/etc/group": "getpw",
	"/dev/tty":   "tty",
	"/proc/stat": "vminfo", "/proc/cpuinfo": "vminfo", "/proc/meminfo": "vminfo", "/proc/loadavg": "vminfo", "/proc/uptime": "vminfo",
}

// Telling returns the promise that a canonical path is opened for; 0 where it
// is opened for itself.
func Telling(name string) pledge.Set {
	if strings.HasPrefix(name, "/sys/devices/system/cpu/") || strings.HasPrefix(name, "/sys/devices/system/node/") {
		return promise("vminfo")
	}
	return promise(telling[name])
}

// promise returns the set of one promise.
func promise(name string) pledge.Set {
	set, _ := pledge.Parse(name)
	return set
}
