// Package pledge turns promises, the words of OpenBSD's pledge(2), into a
// seccomp program for Linux.
//
// The work has three steps. [Parse] reads words to a [Set]. [Compile] turns a
// set to a [Plan], a pure function of the set and its [Options]: it never
// touches the process. [Plan.Apply] gives the program to the kernel and
// decides nothing.
//
// What each promise grants stands in table.go and nowhere else; what is
// answered to a call that no promise grants stands in denials.go. Promises
// only add: each compiles to a piece that allows a call or falls through, so
// that their order does not matter and their union is by construction.
//
// Seccomp sees system calls and the arguments in registers, never paths or
// memory. Paths are held by Landlock: see package unveil, and [Set.Paths] for
// those that a promise implies.
package pledge

//go:generate go test -run ^TestNumbersPinned$ -update .
//go:generate go test -run ^Test(Blocks|TableHeader|Page)$ -update .
