// Unveil-run runs a command in a box: it sees the paths that are unveiled and
// makes the system calls that are promised.
//
//	unveil-run -u /usr:rx -u /tmp:rwc -p "stdio rpath inet" -- ls -l /usr
//
// The manual is unveil-run.1 beside this file.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/unveil-run/unveil-run/internal/launch"
	_ "github.com/unveil-run/unveil-run/internal/start" // may not come back
)

// A Landlock domain and a seccomp filter belong to one thread, and exec keeps
// that of the thread that calls it: the launcher stays on the first.
func init() { runtime.LockOSThread() }

func main() {
	words, done := parse(os.Args[1:])
	if done {
		return
	}
	if words.Supervisor(os.Args[0]) {
		return
	}
	if words.Version {
		if _, err := fmt.Println("unveil-run", versionString()); err != nil {
			words.Speech().Fail(&launch.Failure{Err: fmt.Errorf("standard output: %w", err)})
			os.Exit(launch.StatusFailed)
		}
		return
	}
	if words.Completion != "" {
		os.Exit(printCompletion(words))
	}
	if words.Check || words.JSON {
		os.Exit(printCheck(words, words.Speech()))
	}
	os.Exit(words.Run())
}

// version is set by the Makefile.
var version string

// versionString is the version of a build by make, or what the go command
// noted of any other.
func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
