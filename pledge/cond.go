package pledge

import "slices"

// call is a system call by its name; sys_read and its like, in zsysnum.go,
// are the values.
type call uint16

// A rule allows one call when all its conditions hold.
type rule struct {
	call call
	when []cond
	with string // promises that must be held beside the one of the row

	layer bool // Landlock says which paths: no rule where there is no layer
}

// op is what a condition compares.
type op uint8

const (
	opIn        op = iota // low 32 bits are one of values
	opNotIn               // low 32 bits are none of values
	opLacks               // low 32 bits have none of the bits of mask
	opHasAny              // low 32 bits have some bit of mask
	opMasked              // low 32 bits, cut to mask, are one of values
	opNotMasked           // low 32 bits, cut to mask, are none of values
	opNull                // all 64 bits are zero
	opNotNull             // some of all 64 bits is not
	opPid                 // low 32 bits are the process id
	opUID                 // low 32 bits are -1 or the effective user id
	opGID                 // low 32 bits are -1 or the effective group id
	opGate                // the instruction pointer is that of the gate
	opTagged              // high 32 bits have a bit that no address of a program has
)

// A cond is a test of one argument. The kernel takes int arguments from the
// low 32 bits of a register, so these are what is compared.
type cond struct {
	op     op
	arg    arg
	mask   uint32
	values []uint32
}

// equal reports whether two conditions test the same.
func (c *cond) equal(d *cond) bool {
	return c.op == d.op && c.arg == d.arg && c.mask == d.mask && slices.Equal(c.values, d.values)
}

// arg is the place of an argument, from 0.
type arg uint8

const (
	arg0 arg = iota
	arg1
	arg2
	arg3
	arg4
)

// all is a list of conditions. It is a type and no function, so that the
// compiler lays the tables out as they are: what it cannot is made anew at
// every start (0.1 ms of a launch).
type all []cond

func (a arg) in(v ...uint32) cond     { return cond{op: opIn, arg: a, values: v} }
func (a arg) notIn(v ...uint32) cond  { return cond{op: opNotIn, arg: a, values: v} }
func (a arg) lacks(bits uint32) cond  { return cond{op: opLacks, arg: a, mask: bits} }
func (a arg) hasAny(bits uint32) cond { return cond{op: opHasAny, arg: a, mask: bits} }
func (a arg) masked(m uint32, v ...uint32) cond {
	return cond{op: opMasked, arg: a, mask: m, values: v}
}
func (a arg) notMasked(m uint32, v ...uint32) cond {
	return cond{op: opNotMasked, arg: a, mask: m, values: v}
}
func (a arg) null() cond    { return cond{op: opNull, arg: a} }
func (a arg) notNull() cond { return cond{op: opNotNull, arg: a} }
func (a arg) ownPid() cond  { return cond{op: opPid, arg: a} }
func (a arg) ownUID() cond  { return cond{op: opUID, arg: a} }
func (a arg) ownGID() cond  { return cond{op: opGID, arg: a} }
func atGate() cond          { return cond{op: opGate} }
func (a arg) tagged() cond  { return cond{op: opTagged, arg: a} }
