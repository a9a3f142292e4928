// Package format writes the policy of a box in the words of other programs.
//
// No other format can say all of it. What is lost stands in a comment of the
// text, or, where the format has none, among the notes.
package format

import (
	"fmt"
	"strings"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Box is what was decided for a command.
type Box struct {
	Command []string // may be empty
	Arch    pledge.Arch

	Set     pledge.Set
	Pledged bool
	Next    *pledge.Set         // of what the command executes; nil where it has the command's own
	Calls   []pledge.CallAnswer // of both together; violations have EPERM

	Entries []unveil.Entry // with absolute paths
	Rights  []policy.Right
	Ruleset unveil.Ruleset
	Tmp     bool // there is an @tmp

	Connect, Bind []policy.Ports
	Listed        bool // the network is a list of ports
	UDP           bool // UDP sockets can be had
	Unix          []string

	Env      []string // NAME=VALUE or NAME
	ClearEnv bool
	Caps     []string // capabilities that are kept, without CAP_
}

// A format writes a box. It returns the text and what the text cannot say.
type format struct {
	name  string
	write func(b *Box) (string, []string, error)
	// comment begins a line that says something of the text; "" for none.
	comment string
}

var formats = []format{
	{"landlockconfig-toml", landlockTOML, "# "},
	{"landlockconfig-json", landlockJSON, ""},
	{"oci-seccomp", ociSeccomp, ""},
	{"systemd", systemd, "# "},
	{"setpriv", setpriv, "# "},
	{"c", c, "// "},
}

// Names returns the formats.
func Names() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Write returns the box in a format, and what the format cannot say and has no
// comments to say it in. An unknown format is an error.
func Write(name string, b *Box) (text string, notes []string, err error) {
	for _, f := range formats {
		if f.name != name {
			continue
		}
		text, notes, err := f.write(b)
		if err != nil || f.comment == "" {
			return text, notes, err
		}
		var w strings.Builder
		for _, n := range notes {
			w.WriteString(f.comment + printed.Line(n) + "\n")
		}
		return w.String() + text, nil, nil
	}
	return "", nil, fmt.Errorf("unknown format %q", name)
}

// lost collects what a format cannot say.
type lost []string

func (l *lost) add(format string, args ...any) { *l = append(*l, fmt.Sprintf(format, args...)) }

// promises notes that a format has no system calls.
func (l *lost) promises(b *Box) {
	if b.Pledged {
		l.add("not said: pledge %s", b.Set)
		l.execpromises(b)
	} else {
		l.always()
	}
}

// always notes that a format lets calls through that no box does.
func (l *lost) always() { l.add("not said: the system calls that are refused always") }

// capabilities notes that root keeps all of them.
func (l *lost) capabilities(b *Box) {
	keep := "none is kept"
	if len(b.Caps) > 0 {
		keep = "kept are at most " + strings.Join(b.Caps, " ")
	}
	l.add("not said: of capabilities %s", keep)
}

// scopes notes that a format has no processes outside. It matters where calls
// are that reach them.
func (l *lost) scopes(b *Box) {
	set := b.Set
	if b.Next != nil {
		set |= *b.Next
	}
	for i, outside := range []struct{ promise, what string }{{"unix", "abstract UNIX sockets"}, {"proc", "signals"}} {
		if p, _ := pledge.Parse(outside.promise); b.Ruleset.Scopes&(1<<i) != 0 && (!b.Pledged || set.Has(p)) {
			l.add("not said: %s do not reach processes outside", outside.what)
		}
	}
}

// execpromises notes that a format has one set of promises, or none.
func (l *lost) execpromises(b *Box) {
	if b.Next != nil {
		l.add("not said: execpromises %s, apart from those of the command", b.Next)
	}
}

// network notes a list of ports.
func (l *lost) network(b *Box) {
	for _, list := range []struct {
		word  string
		ports []policy.Ports
	}{{"connect", b.Connect}, {"bind", b.Bind}} {
		if b.Listed {
			words := make([]string, len(list.ports))
			for i, p := range list.ports {
				words[i] = p.String()
			}
			if len(words) == 0 {
				words = []string{"nothing"}
			}
			l.add("not said: %s %s, and no other port", list.word, strings.Join(words, " "))
		}
	}
}

// rest notes what belongs to the launcher.
func (l *lost) rest(b *Box) {
	if b.Tmp {
		l.add("not said: %s, a directory that is made for the command", policy.Tmp)
	}
	for _, u := range b.Unix {
		l.add("not said: unix %s", printed.Word(u))
	}
	if b.ClearEnv || len(b.Env) > 0 {
		words := make([]string, len(b.Env))
		for i, v := range b.Env {
			words[i] = printed.Word(v)
		}
		l.add("not said: env %s", strings.Join(words, " "))
	}
}

// hasWrites reports whether an entry writes or creates.
func hasWrites(l unveil.Letters) bool { return l&(unveil.W|unveil.C) != 0 }
