// A file server that confines itself, all threads of it, to the folder that it
// serves; a symbolic link in it leads nowhere.
//
// usage: fileserver DIR ADDRESS, built with CGO_ENABLED=0
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: fileserver DIR ADDRESS")
	}
	dir := os.Args[1]
	listener, err := net.Listen("tcp", os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if err := confine(dir); err != nil {
		log.Fatal(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	log.Fatal(http.Serve(listener, http.FileServer(http.Dir(dir))))
}

// confine leaves reading of one folder, and the network. ApplyAll binds every
// thread; below Linux 7.0 it can do so in a program without cgo only.
func confine(dir string) error {
	var rules unveil.Rules
	if err := rules.Unveil(dir, "r"); err != nil {
		return err
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
	set, err := pledge.Parse("stdio rpath inet")
	if err != nil {
		return err
	}
	calls, err := pledge.Compile(set, pledge.Options{Pid: os.Getpid()})
	if err != nil {
		return err
	}
	if err := paths.ApplyAll(); err != nil {
		return err
	}
	return calls.Apply()
}
