package pledge

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A program behind another holds the calls alone that it answers otherwise:
// the kernel takes the stricter of two answers, and of two that are alike the
// later one's. It is a dozen instructions where a launch takes back what a
// loader needed, and not a second program of hundreds.

// leftSteps leave a call to the program that is on already.
var leftSteps = []step{{ret: unix.SECCOMP_RET_ALLOW}}

// leavesBehind are the leaves where a program is on already.
func leavesBehind(p *Plan, column int) []leaf {
	on := p.options.Behind
	list := touched(on, p.set, p.options)
	var place [len(numbers)]uint16 // of a call in few, from 1
	few := make([]answers, len(list))
	for i, c := range list {
		place[c] = uint16(i + 1)
	}
	gatherAnswers(p.set, p.options, func(c call) *answers {
		if place[c] == 0 {
			return nil
		}
		return &few[place[c]-1]
	})
	return lay(column, 4*len(list)+1, func(c int) ([]step, bool) {
		if c < 0 || place[c] == 0 {
			return leftSteps, true
		}
		steps := few[place[c]-1].steps(nil, p.set, p.options)
		before := on.answers[c].steps(nil, on.set, on.options)
		if slices.EqualFunc(steps, before, func(s, t step) bool { return s.ret == t.ret && alike(s.when, t.when, &p.options, &on.options) }) {
			return leftSteps, true
		}
		return steps, true
	})
}

// touched returns each call that a set and options may answer otherwise than a
// program does, once. It is quick where they differ by promises, the gate, and
// who handles SIGSYS.
func touched(on *Plan, set Set, o Options) []call {
	var is [len(numbers)]bool
	var list []call
	add := func(calls ...call) {
		for _, c := range calls {
			if !is[c] {
				is[c] = true
				list = append(list, c)
			}
		}
	}
	other := on.options
	other.KeepHandler, other.Gate, other.Behind = o.KeepHandler, o.Gate, o.Behind
	differ := on.set ^ set
	if other != o || differ&promiseError != 0 {
		for c := range numbers {
			add(call(c))
		}
		return list
	}
	for i := range table {
		its := differ&(1<<i) != 0
		if its {
			add(table[i].calls...)
		}
		for r := range table[i].every() {
			if its || words(r.with)&differ != 0 {
				add(r.call)
			}
		}
	}
	for i := range denials {
		if (words(denials[i].held)|words(denials[i].mends))&differ != 0 {
			add(denials[i].calls...)
		}
	}
	if on.options.KeepHandler != o.KeepHandler {
		for i := range handlerRefusals {
			add(handlerRefusals[i].calls...)
		}
	}
	if on.options.Gate != o.Gate {
		for r := range floor.every() {
			if r.when[0].op == opGate {
				add(r.call)
			}
		}
	}
	return list
}

// alike reports whether conditions of two programs hold for the same calls.
func alike(a, b []cond, of, and *Options) bool {
	return slices.EqualFunc(a, b, func(c, d cond) bool { return c.equal(&d) && of.own(c.op) == and.own(c.op) })
}

// own returns what a condition compares with that is an option's.
func (o *Options) own(op op) uint64 {
	switch op {
	case opPid:
		return uint64(o.Pid)
	case opUID:
		return uint64(o.UID)
	case opGID:
		return uint64(o.GID)
	case opGate:
		return o.Gate
	}
	return 0
}
