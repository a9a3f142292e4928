// Package start runs a plain command line before kong is initialised.
//
// Packages are initialised in the order of their import paths as soon as
// their own imports are. This one needs neither kong nor what only kong needs
// (regexp, net/url), and so comes before them; a command line that
// [launch.ReadQuick] reads is carried out from here, and never returns. For
// every other one nothing happens, and main is reached as in any program.
//
// All init functions run on the thread that the process began with
// (runtime.LockOSThread says so), which is what the launcher needs; to lock it
// there by name would start one more thread (55 us of a launch).
package start

import (
	"os"
	"strings"

	"github.com/unveil-run/unveil-run/internal/cleaner"
	"github.com/unveil-run/unveil-run/internal/launch"
)

func init() {
	if status, called := cleaner.Main(os.Args); called {
		os.Exit(status)
	}
	if len(os.Args) < 2 || strings.HasSuffix(os.Args[0], ".test") {
		return // a test of package main is no launcher
	}
	if words, ok := launch.ReadQuick(os.Args[1:]); ok {
		os.Exit(words.Run())
	}
}
