package pledge

import (
	"fmt"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// String lists what the program does, one line an answer: first the calls
// that are answered whatever their arguments, grouped by the answer, then
// those whose arguments matter.
func (p *Plan) String() string {
	var b strings.Builder
	groups := map[uint32][]string{}
	for i, l := range p.leaves {
		if l.plain() {
			groups[l.steps[0].ret] = append(groups[l.steps[0].ret], p.names(i)...)
		}
	}
	rets := make([]uint32, 0, len(groups))
	for r := range groups {
		rets = append(rets, r)
	}
	// Allow is the highest action, then errnos: the order of a reader's interest.
	sort.Slice(rets, func(i, j int) bool { return rets[i] > rets[j] })
	for _, r := range rets {
		names := groups[r]
		if len(names) == 0 || r == unix.SECCOMP_RET_ALLOW && p.options.Behind != nil {
			continue
		}
		sort.Strings(names)
		line := action(r) + ":"
		width := len(line)
		b.WriteString(line)
		for _, n := range names {
			if width+1+len(n) > 78 {
				b.WriteString("\n\t")
				width = 8
			} else {
				b.WriteByte(' ')
				width++
			}
			b.WriteString(n)
			width += len(n)
		}
		b.WriteByte('\n')
	}
	for i, l := range p.leaves {
		if l.plain() {
			continue
		}
		fmt.Fprintf(&b, "%s:\n", strings.Join(p.names(i), " "))
		for _, s := range l.steps {
			b.WriteString("\t" + action(s.ret))
			for i, c := range s.when {
				if i == 0 {
					b.WriteString(" if ")
				} else {
					b.WriteString(" and ")
				}
				b.WriteString(c.String())
			}
			if s.why != "" {
				b.WriteString(" (" + s.why + ")")
			}
			b.WriteByte('\n')
		}
	}
	if p.options.Behind != nil {
		b.WriteString("all else: as before\n")
		return b.String()
	}
	fmt.Fprintf(&b, "any other number: %s\n", action(unknownCall.ret))
	switch i := p.options.Image; {
	case i == nil:
	case i.NextBound:
		fmt.Fprintf(&b, "all this where the call comes from the image; elsewhere: pledge %q\n", i.Next)
	default:
		b.WriteString("what is not allowed, where the call comes from the image; elsewhere: allow\n")
	}
	return b.String()
}

// names returns the calls of a leaf, in the order of their numbers.
func (p *Plan) names(i int) []string {
	column, _ := p.options.Arch.column()
	var at byNumber
	end := at.fill(column) + 1
	if i+1 < len(p.leaves) {
		end = int(p.leaves[i+1].first)
	}
	var list []string
	for _, c := range at[p.leaves[i].first:end] {
		if c != 0 {
			list = append(list, numbers[c-1].name)
		}
	}
	return list
}

// action names the value that a program returns.
func action(ret uint32) string {
	data := ret & unix.SECCOMP_RET_DATA
	if ret == allowUnlessText {
		return "allow unless arg0 is in the image"
	}
	switch ret & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW:
		return "allow"
	case unix.SECCOMP_RET_ERRNO:
		if data == 0 {
			return "done"
		}
		return "errno " + unix.ErrnoName(unix.Errno(data))
	case unix.SECCOMP_RET_TRAP:
		what := "end"
		if e := data >> toldErrno; e != 0 {
			what = "line and errno " + unix.ErrnoName(unix.Errno(e))
		}
		if place := data & (1<<toldErrno - 1); place != 0 && int(place) <= len(table) {
			what += " without " + table[place-1].name
		}
		return what
	case unix.SECCOMP_RET_KILL_PROCESS:
		return "kill"
	}
	return fmt.Sprintf("return %#x", ret)
}

func (c cond) String() string {
	list := func() string {
		var w []string
		for _, v := range c.values {
			w = append(w, fmt.Sprintf("%#x", v))
		}
		return strings.Join(w, " ")
	}
	switch c.op {
	case opIn:
		if len(c.values) == 1 {
			return fmt.Sprintf("arg%d is %s", c.arg, list())
		}
		return fmt.Sprintf("arg%d is one of %s", c.arg, list())
	case opNotIn:
		if len(c.values) == 1 {
			return fmt.Sprintf("arg%d is not %s", c.arg, list())
		}
		return fmt.Sprintf("arg%d is none of %s", c.arg, list())
	case opLacks:
		return fmt.Sprintf("arg%d has no bit of %#x", c.arg, c.mask)
	case opHasAny:
		return fmt.Sprintf("arg%d has a bit of %#x", c.arg, c.mask)
	case opMasked:
		return fmt.Sprintf("arg%d & %#x is %s", c.arg, c.mask, list())
	case opNotMasked:
		return fmt.Sprintf("arg%d & %#x is none of %s", c.arg, c.mask, list())
	case opNull:
		return fmt.Sprintf("arg%d is NULL", c.arg)
	case opNotNull:
		return fmt.Sprintf("arg%d is not NULL", c.arg)
	case opPid:
		return fmt.Sprintf("arg%d is the own process", c.arg)
	case opUID:
		return fmt.Sprintf("arg%d is -1 or the own user", c.arg)
	case opGID:
		return fmt.Sprintf("arg%d is -1 or the own group", c.arg)
	case opGate:
		return "it comes from the gate"
	case opTagged:
		return fmt.Sprintf("arg%d is no address of a program", c.arg)
	}
	return "?"
}
