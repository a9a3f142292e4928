// Package ports proves the library on programs of OpenBSD's that no one here
// wrote: make test-ports.
//
// Each script of testdata/programs fetches the source of one from the registry
// of Debian packages that the machine's apt has, builds it with the overlay
// against build/libunveil.so, runs it, and attacks it: testdata/attack.c is
// preloaded and, behind a pledge, does what is not promised: from the main
// thread, from a thread that is older than the pledge, and from a forked
// child. Each attack is run against an empty library too, where it has to work.
// A program in Go is built with the package probe in place of compat.
//
// Nothing of those programs is kept here, and none is changed but for the one
// line in which some ask whether they are on OpenBSD.
package ports
