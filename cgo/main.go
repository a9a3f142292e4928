// The C library as one command of Go builds it:
//
//	go build -buildmode=c-shared -o libunveil.so ./cgo
//
// Nothing in it is Go but this file, which keeps the runtime from starting:
// a process that loads the library has one thread, no signal handler and no
// descriptor more than before. It exports, beside pledge and unveil, names of
// the runtime; the library that make builds has none of it, and is what
// packages install.
package main

// The constructor of a shared object of Go prepares signals and then asks for
// the thread in which the runtime comes up. See asleep.c.

// #cgo CFLAGS: -std=c11 -O2 -fvisibility=hidden
// #cgo LDFLAGS: -Wl,--wrap=x_cgo_sys_thread_create
import "C"

func main() {}
