package compat

import (
	"errors"
	"fmt"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

const dnsPort = 53

// mayPromise are promises that only let a few files be read that all users
// may read, or the terminal. A list that ends before the first pledge leaves
// room for their paths, since no layer can be widened.
var mayPromise = set("stdio dns getpw tty")

// kindsOf returns the letters whose kind of access is promised.
func kindsOf(s pledge.Set) unveil.Letters {
	return unveil.Kinds(func(name string) bool { return s.Has(set(name)) })
}

// compile makes the one ruleset of a layer: of promises, of the list too where
// lists is set, since two layers would lose REFER.
func (s *state) compile(lists bool) (*unveil.Plan, error) {
	k := machine()
	o := unveil.Options{
		Kernel:      k,
		Kinds:       unveil.All,
		Fifo:        true,
		Sock:        true,
		ResolveUnix: true,
		Widen:       !wishes().strict,
		Whole:       !lists,
	}
	var rules unveil.Rules
	implied := s.impliedBy()
	if s.pledged {
		o.Kinds = kindsOf(implied)
		o.Fifo = implied.Has(promise.dpath)
		o.Sock = implied.Has(promise.unix)
		o.ResolveUnix = o.Sock
		outside(implied, &rules)
	}
	for _, p := range pledge.Promises() {
		for _, path := range p.Paths {
			if l, err := unveil.ParseLetters(path.Perms); err == nil && implied.Has(p.Set) {
				rules.Imply(path.Name, l.Access(), "promise "+p.Name)
			}
		}
	}
	given := make(map[string]string) // names of the rules to those of the caller
	if lists {
		done, err := list.rules(&rules, given, o.Kinds)
		defer done()
		if err != nil {
			return nil, err
		}
	}
	plan, err := rules.Compile(o)
	if err != nil {
		return nil, refused(err, given)
	}
	if lists && !o.Widen && list.loses(plan, o.Kinds) {
		plan.Close()
		return nil, fmt.Errorf("compat: unveil: a file with c can be held by its directory only: %w", unix.EOPNOTSUPP)
	}
	return plan, nil
}

// outside closes what is no path, as promises say.
func outside(s pledge.Set, rules *unveil.Rules) {
	k := machine()
	if s.Has(promise.dns) && !s.Has(promise.inet) {
		rules.HandleNet(k.Net())
		rules.Port(k.Net()&(ll.AccessNetConnectTCP|ll.AccessNetConnectSendUDP), dnsPort)
		rules.Port(k.Net()&ll.AccessNetBindUDP, 0) // a port of the kernel's choice
	}
	// Without TSYNC each thread gets a domain of its own, and the runtime
	// signals from one thread to another. The filter refuses kill(2) of others
	// in any case.
	if !s.Has(promise.proc) && k.LandlockTSYNC() {
		rules.Scope(ll.ScopeSignal)
	}
	if !s.Has(promise.unix) {
		rules.Scope(ll.ScopeAbstractUnixSocket)
	}
}

// refused says of an entry, by the name it was given, why it cannot be held.
func refused(err error, given map[string]string) error {
	var p *unveil.PathError
	if !errors.As(err, &p) {
		return fmt.Errorf("compat: %w", err)
	}
	for _, name := range []*string{&p.Path, &p.Other} {
		if as, ok := given[*name]; ok {
			*name = as
		}
	}
	if p.Reason == unveil.Missing { // only where nothing is to be widened
		p.Err = unix.EOPNOTSUPP
	}
	return fmt.Errorf("compat: %w", p)
}
