// Server listens on a port of loopback, writes it down, and answers each
// request with its path: a Go program as a target of the tests.
//
//	server [FILE]	listens until it is killed; the address goes to FILE, or to standard output
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) < 2 {
		// Alone it asks itself, and ends.
		fmt.Println("listening")
		go serve(l)
		answer, err := http.Get("http://" + l.Addr().String() + "/hello")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(answer.Status)
		return
	}
	// Written aside and renamed: whoever waits for it finds it whole.
	aside := os.Args[1] + ".new"
	if err := os.WriteFile(aside, []byte(l.Addr().String()), 0o666); err == nil {
		err = os.Rename(aside, os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	serve(l)
}

func serve(l net.Listener) {
	err := http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "path", r.URL.Path)
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
