// A launcher of its own: it confines the thread that it is locked to, and
// executes a command that may read one folder.
//
// usage: jail DIR COMMAND ARGUMENT...
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Landlock domain belongs to one thread, and exec keeps that of the thread
// that calls it.
func init() { runtime.LockOSThread() }

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: jail DIR COMMAND ARGUMENT...")
	}
	command, err := exec.LookPath(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if err := confine(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	log.Fatal(syscall.Exec(command, os.Args[2:], os.Environ()))
}

// confine leaves reading of /usr and of one folder, and execution in /usr.
func confine(dir string) error {
	set, err := pledge.Parse("stdio rpath exec prot_exec")
	if err != nil {
		return err
	}
	calls, err := pledge.Compile(set, pledge.Options{Pid: os.Getpid()})
	if err != nil {
		return err
	}
	var rules unveil.Rules
	for path, letters := range map[string]string{"/usr": "rx", "/etc/ld.so.cache": "r", "/dev/null": "rw", dir: "r"} {
		if err := rules.Unveil(path, letters); err != nil {
			return err
		}
	}
	paths, err := rules.Compile(unveil.Options{Kernel: unveil.Probe(), Kinds: unveil.All})
	if err != nil {
		return err
	}
	for _, gap := range paths.Gaps {
		if gap.Strict {
			return fmt.Errorf("this kernel cannot hold %v", gap)
		}
	}
	if err := paths.Apply(); err != nil {
		return err
	}
	return calls.Apply()
}
