// Package check says what the running kernel can hold: letter by letter,
// promise by promise, flag by flag.
//
// A report is a pure function of the probed kernel and of what an outer
// profile was found to refuse. It holds what the packages pledge and unveil
// say of their own words, and adds no word to it.
package check

import (
	"fmt"
	"strings"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// State says how far a word is held.
type State string

// The states. In part means that something goes through, and Why says what.
const (
	Enforced State = "enforced"
	InPart   State = "in part"
	Not      State = "not"
)

// Report is what --check --json prints. Fields are only ever added to it.
type Report struct {
	Kernel   Kernel `json:"kernel"`
	Letters  []Word `json:"letters"`
	Promises []Word `json:"promises"`
	Flags    []Word `json:"flags"`
}

// Kernel is what the words depend on.
type Kernel struct {
	Release  string   `json:"release"`           // as uname -r
	Landlock int      `json:"landlock_abi"`      // the ABI that is used, 0 for none
	Reported int      `json:"landlock_reported"` // the ABI that the kernel reports
	Errata   int      `json:"landlock_errata"`   // bit mask of fixed errata
	Seccomp  bool     `json:"seccomp"`           // filters can be used
	Notes    []string `json:"notes"`             // a sentence each
}

// Word is a letter, a promise or a flag.
type Word struct {
	Name    string   `json:"name"`
	State   State    `json:"state"`
	Why     []string `json:"why"`     // what goes through, a clause each; empty when enforced
	Blocked []string `json:"blocked"` // calls that an outer profile refuses, so that the command has less than promised
}

// New makes a report. blocked holds the refused calls of a promise, see
// [Blocked].
func New(k kernel.Kernel, blocked map[string][]string) Report {
	r := Report{Kernel: Kernel{
		Release: k.Release, Landlock: k.ABI, Reported: k.Reported, Errata: k.Errata,
		Seccomp: k.Seccomp == nil, Notes: append([]string{}, k.Notes...),
	}}
	for _, l := range unveil.Describe() {
		r.Letters = append(r.Letters, word(l.Letters.String(), k, k.Landlock, l.Limits))
	}
	for _, p := range pledge.Promises() {
		w := word(p.Name, k, k.Seccomp, p.Limits)
		if p.Inert != "" {
			w.State, w.Why = Not, []string{p.Inert}
		}
		w.Blocked = append(w.Blocked, blocked[p.Name]...)
		r.Promises = append(r.Promises, w)
	}
	for _, f := range flags {
		why := k.Landlock
		if f.mechanism == seccomp {
			why = k.Seccomp
		}
		w := word(f.name, k, why, f.limits)
		if f.needs != 0 && k.ABI < f.needs && w.State != Not {
			w.State = Not
			w.Why = []string{"needs Linux " + kernel.Lookup(f.needs).Linux}
		}
		r.Flags = append(r.Flags, w)
	}
	return r
}

// word makes a row: not held for a reason, or held but for the limits.
func word(name string, k kernel.Kernel, missing error, limits []kernel.Limit) Word {
	w := Word{Name: name, State: Enforced, Why: []string{}, Blocked: []string{}}
	if missing != nil {
		w.State = Not
		w.Why = append(w.Why, missing.Error())
		return w
	}
	for _, l := range limits {
		if l.Open(k) {
			w.State = InPart
			w.Why = append(w.Why, l.String())
		}
	}
	return w
}

type mechanism uint8

const (
	landlock mechanism = iota
	seccomp
)

// A flag is one that asks the kernel for more than letters and promises do.
type flag struct {
	name      string
	mechanism mechanism
	needs     int // the Landlock ABI without which it is refused, 0 for any
	limits    []kernel.Limit
}

var flags = []flag{
	{"--connect PORT", landlock, abiOf(ll.AccessNetConnectTCP, 0), nil},
	{"--bind PORT", landlock, abiOf(ll.AccessNetBindTCP, 0), []kernel.Limit{kernel.Always("with one port named, listen without bind takes another free one")}},
	{"--connect udp:PORT", landlock, abiOf(ll.AccessNetConnectSendUDP, 0), nil},
	{"--bind udp:PORT", landlock, abiOf(ll.AccessNetBindUDP, 0), nil},
	{"--connect udp:*", seccomp, 0, []kernel.Limit{kernel.Below(abiOf(ll.AccessNetBindUDP, 0), "UDP sockets are bound to any port")}},
	{"--unix PATH", landlock, unixABI, nil},
	{"signals kept inside (without --allow-signals)", landlock, abiOf(0, ll.ScopeSignal), nil},
	{"abstract sockets kept inside (without --allow-abstract)", landlock, abiOf(0, ll.ScopeAbstractUnixSocket), nil},
	{"one exec, of the command (without the promise exec)", seccomp, 0, nil},
	{"no executable memory (without the promise prot_exec)", seccomp, 0, []kernel.Limit{kernel.Always("a dynamic command can map it, as its loader does")}},
}

var unixABI = func() int {
	row, _ := kernel.Needs(uint64(unveil.ResolveUnix), 0, 0, 0)
	return row.Number
}()

// abiOf returns the Landlock ABI that brought a network right or a scope.
func abiOf(net, scope uint64) int {
	row, _ := kernel.Needs(0, net, scope, 0)
	return row.Number
}

// Usable reports whether both mechanisms are there.
func (r Report) Usable() bool { return r.Kernel.Landlock > 0 && r.Kernel.Seccomp }

// String is the report for people: a line a word.
func (r Report) String() string {
	var b strings.Builder
	list := func(title string, words []Word) {
		b.WriteString("\n" + title + ":\n")
		width := 0
		for _, w := range words {
			width = max(width, len(w.Name))
		}
		for _, w := range words {
			fmt.Fprintf(&b, "  %-*s  %s", width, w.Name, w.State)
			if len(w.Why) > 0 {
				b.WriteString(": " + strings.Join(w.Why, "; "))
			}
			b.WriteByte('\n')
			if len(w.Blocked) > 0 {
				b.WriteString("    an outer profile refuses " + strings.Join(w.Blocked, ", ") + "\n")
			}
		}
	}
	for _, n := range r.Kernel.Notes {
		b.WriteString(n + "\n")
	}
	list("letters", r.Letters)
	list("promises", r.Promises)
	list("flags", r.Flags)
	return b.String()
}
