// Package preload hands libunveil.so, and a plan for it, to the loader of a
// command: stage two of a launch.
//
// A dynamic command needs more to start than to run: its loader maps code. So
// the filter before exec lets that pass, and the constructor of libunveil.so
// (cgo/preload.c) takes it back when the loader is done, and installs the
// handler that prints a line for a violation.
//
// Both the library and the plan are memfds that nobody can change. The
// variable LD_PRELOAD names the one, and UNVEIL_RUN_PLAN the other; the
// constructor takes both out of the environment and closes both descriptors.
// It ends the process, with status 125, where anything is not as it was handed
// over. Where the loader does not load it at all, the command runs under the
// filter that is on, which no plan widens.
//
// The library is built in with the tag libunveil, as make does, from a file
// libunveil.so beside this one; without the tag there is none.
package preload
