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
)

// A Landlock domain and a seccomp filter belong to one thread, and exec keeps
// that of the thread that calls it: the launcher stays on the first.
func init() { runtime.LockOSThread() }

func main() {
	words, done := parse(os.Args[1:])
	if done {
		return
	}
	if words.Version {
		fmt.Println("unveil-run", versionString())
		return
	}
	speech := words.Speech()
	if words.Check || words.JSON {
		os.Exit(printCheck(words, speech))
	}
	request, fail := words.Request()
	if fail == nil {
		fail = request.Run(speech, os.Stdout)
	}
	if fail != nil {
		speech.Fail(fail)
		os.Exit(fail.Status)
	}
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
