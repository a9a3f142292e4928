package learn

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Writer makes policy files of records.
type Writer struct {
	File string // the policy, absolute
	Home string // canonical, "" where there is none

	// Auto returns what a command gets anyway under promises: the rights on a
	// canonical path.
	Auto func(set pledge.Set) (func(path string) unveil.Access, error)

	Ports bool // the kernel holds a list of ports
	UDP   bool // and single ports of UDP

	old Old
}

// Old is what stands in the file already.
type Old struct {
	policy  policy.Policy
	entries []policy.Entry      // of the file itself, plain ones
	lines   []string            // of words that are not learnt, such as env
	who     map[string][]string // programs of an entry, by its path
	calls   map[string][]string // calls of a promise, by its name
}

// Read reads the file, if there is one. Its errors are those of
// [policy.Policy.ReadFile].
func (w *Writer) Read() error {
	w.old = Old{policy: policy.Policy{Home: w.Home, Lookup: os.LookupEnv}, who: map[string][]string{}, calls: map[string][]string{}}
	text, err := os.ReadFile(w.File)
	if os.IsNotExist(err) {
		return nil
	}
	if err := w.old.policy.ReadFile(w.File); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "unveil", "pledge", "connect", "bind":
		case "#":
			if name, isPromise := strings.CutSuffix(words[min(1, len(words)-1)], ":"); isPromise {
				w.old.calls[name] = words[2:]
			}
		default:
			if !strings.HasPrefix(words[0], "#") {
				w.old.lines = append(w.old.lines, line)
			}
		}
	}
	for _, e := range w.old.policy.Unveil {
		var number, column int
		if _, err := fmt.Sscanf(strings.TrimPrefix(e.From, w.File), ":%d:%d", &number, &column); err != nil {
			continue // of a file that is included, and stays there
		}
		line := strings.TrimRight(strings.Split(string(text), "\n")[number-1], "\r")
		if e.Create || e.Optional {
			w.old.lines = append(w.old.lines, line) // as it was said
			continue
		}
		w.old.entries = append(w.old.entries, e)
		if _, comment, ok := strings.Cut(line, " # "); ok {
			w.old.who[e.Path] = strings.Fields(comment)
		}
	}
	return nil
}

// Write writes the policy of a record, joined with what the file had. It
// returns what was written, in a few words, and what no policy can say.
func (w *Writer) Write(r *Record) (summary string, beyond []string, err error) {
	text, summary, err := w.text(r)
	if err != nil {
		return "", nil, err
	}
	// Never half a policy: a new file takes the place of the old one.
	f, err := os.CreateTemp(filepath.Dir(w.File), "."+filepath.Base(w.File)+".*")
	if err != nil {
		return "", nil, err
	}
	defer os.Remove(f.Name())
	mode := 0o666 &^ umask()
	if info, err := os.Stat(w.File); err == nil {
		mode = info.Mode().Perm()
	}
	_, err = f.WriteString(text)
	for _, step := range []func() error{func() error { return f.Chmod(mode) }, f.Close} {
		if e := step(); err == nil {
			err = e
		}
	}
	if err == nil {
		err = os.Rename(f.Name(), w.File)
	}
	for _, s := range sorted(r.beyond) {
		beyond = append(beyond, printed.Line(s))
	}
	return summary, beyond, err
}

// umask is what a new file does not get. The policy tells where its user keeps
// what, and the file is made as any other program would make it.
func umask() os.FileMode {
	mask := unix.Umask(0o077)
	unix.Umask(mask)
	return os.FileMode(mask)
}

// lstat is the file system as it is.
func lstat(name string) (dir, ok bool) {
	info, err := os.Lstat(name)
	return err == nil && info.IsDir(), err == nil
}

// text is the policy.
func (w *Writer) text(r *Record) (text, summary string, err error) {
	t := r.tree(w.Home, lstat)
	hidden := map[string]bool{}
	for _, e := range w.old.entries {
		if e.Letters == 0 {
			hidden[e.Path] = true
			continue
		}
		who := map[string]bool{}
		for _, name := range w.old.who[e.Path] {
			who[name] = true
		}
		dir, there := lstat(e.Path)
		t.add(e.Path, e.Letters, who, there && !dir)
	}
	set := r.set() | promise("stdio")
	if w.old.policy.Pledge != nil {
		set |= *w.old.policy.Pledge
	}
	calls := maps.Clone(w.old.calls)
	for name, of := range r.promises {
		for c := range of {
			if !slices.Contains(calls[name], c) {
				calls[name] = append(calls[name], c)
			}
		}
	}
	auto, err := w.Auto(set)
	if err != nil {
		return "", "", err
	}
	for name, e := range t {
		need := e.letters.Access()
		if u := r.paths[name]; u != nil {
			need = u.need
		}
		if need &^= unveil.Refer; need != 0 && need&^auto(name) == 0 {
			delete(t, name)
			continue
		}
		for h := range hidden {
			if name == h || strings.HasPrefix(name, h+"/") {
				r.beyond[name+" was used, and the policy hides it"] = true
				delete(t, name)
			}
		}
	}
	t.collapse(w.Home)
	for _, l := range unveil.Describe() {
		for _, e := range t {
			if e.letters&l.Letters != 0 {
				set |= promise(l.Promise)
			}
		}
	}

	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("#!/usr/bin/env -S unveil-run -f")
	line("# Written by unveil-run --learn, which adds to it when it is run again.")
	line("# Three or more things of one folder stand as the folder, but not in folders")
	line("# of the whole system or of home. Behind an entry: the programs that used it.")
	line("")
	if len(t)+len(hidden) == 0 {
		// Promises alone would open every path.
		line("unveil /dev/null rw")
	}
	for _, name := range t.sorted() {
		word, ok := w.quote(name)
		if !ok {
			r.beyond[fmt.Sprintf("%q was used, and its name cannot be written in a policy", name)] = true
			continue
		}
		text := "unveil " + word + " " + t[name].letters.String()
		if who := sorted(t[name].who); len(who) > 0 {
			text += " # " + strings.Join(programs(who), " ")
		}
		line("%s", text)
	}
	for _, h := range slices.Sorted(maps.Keys(hidden)) {
		if word, ok := w.quote(h); ok {
			line("unveil %s \"\"", word)
		}
	}
	line("")
	for _, p := range pledge.Promises() {
		if of := slices.Clone(calls[p.Name]); set.Has(p.Set) && len(of) > 0 {
			slices.Sort(of)
			line("# %s: %s", p.Name, strings.Join(clean(of), " "))
		}
	}
	line("pledge %s", set)
	w.network(r, set, line)
	if len(w.old.lines) > 0 {
		line("")
	}
	for _, l := range w.old.lines {
		line("%s", l)
	}
	if len(r.beyond) > 0 {
		line("")
		line("# Not in this policy:")
		for _, s := range sorted(r.beyond) {
			line("# - %s", printed.Line(s))
		}
	}
	return b.String(), fmt.Sprintf("%d paths, %q", len(t), set), nil
}

// clean makes one word a call.
func clean(calls []string) []string {
	var list []string
	for _, c := range calls {
		c = strings.TrimPrefix(c, "the path ")
		if !slices.Contains(list, c) && !strings.ContainsAny(c, " \n#") {
			list = append(list, c)
		}
	}
	return list
}

// mostPrograms is how many programs are named behind an entry.
const mostPrograms = 6

// programs are the names of programs as words of a comment.
func programs(who []string) []string {
	var list []string
	for _, name := range who {
		if name = strings.ReplaceAll(name, " ", "_"); len(list) < mostPrograms && name != "..." {
			list = append(list, name)
		}
	}
	if len(who) > mostPrograms {
		list = append(list, "...")
	}
	return list
}

// quote writes a path as a policy file takes it, with $HOME for the home
// directory. It reports false for a name that no line can hold.
func (w *Writer) quote(name string) (string, bool) {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", false
	}
	home, rest := "", name
	if below, ok := strings.CutPrefix(name, w.Home); ok && w.Home != "" && w.Home != "/" && (below == "" || below[0] == '/') {
		home, rest = "$HOME", below
	}
	for _, c := range rest {
		if c > unicode.MaxASCII || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,@=:~%", c) {
			return home + "'" + strings.ReplaceAll(rest, "'", `'\''`) + "'", true
		}
	}
	return home + rest, true
}

// ephemeral is where ports begin that the kernel gives to who asks for none: a
// list of them says nothing.
const ephemeral = 32768

// network writes the ports.
func (w *Writer) network(r *Record, set pledge.Set, line func(string, ...any)) {
	connect, bind := map[policy.Ports]bool{}, map[policy.Ports]bool{}
	add := func(list map[policy.Ports]bool, p policy.Ports) {
		switch {
		case p.UDP && !w.UDP, p.First >= ephemeral:
			p.First, p.Last = 0, 65535
		}
		list[p] = true
	}
	for _, p := range w.old.policy.Connect {
		add(connect, p)
	}
	for _, p := range w.old.policy.Bind {
		add(bind, p)
	}
	for p := range r.connect {
		if set.Has(promise("inet")) && !(p.First == 53 && set.Has(promise("dns"))) {
			add(connect, p)
		}
	}
	for p := range r.bind {
		add(bind, p)
	}
	if !set.Has(promise("inet")) || len(connect)+len(bind) == 0 {
		return
	}
	if r.listens && len(bind) == 0 {
		bind[policy.Ports{}] = true // listen(2) is refused where no port is named
	}
	if !w.Ports {
		line("# This kernel cannot hold a list of ports (needs Linux 6.7).")
		return
	}
	for _, list := range []struct {
		word  string
		ports map[policy.Ports]bool
	}{{"connect", connect}, {"bind", bind}} {
		var words []string
		for p := range list.ports {
			every := policy.Ports{UDP: p.UDP, Last: 65535}
			if p == every || !list.ports[every] {
				words = append(words, p.String())
			}
		}
		slices.Sort(words)
		if len(words) > 0 {
			line("%s %s", list.word, quoteAll(words))
		}
	}
}

// quoteAll writes ports as words: a star would be a shell's.
func quoteAll(words []string) string {
	for i := range words {
		if strings.Contains(words[i], "*") {
			words[i] = "'" + words[i] + "'"
		}
	}
	return strings.Join(words, " ")
}
