// Package escape tries to get out of the launcher's box.
//
// [table] holds each known way out: what the launcher is told, the act, and
// the answer. Every act is made twice by testdata/probe.c: without the
// launcher, where it must go through, since a machine on which nothing works
// is no fence; and in the box, where it must be answered as the table says.
// All of it as root and as uid 65534, on this kernel's Landlock and on each
// older ABI. What an ABI cannot hold must be refused by the launcher or be
// said by -n.
//
// Ways that need more than one act have tests of their own, beside the table.
package escape
