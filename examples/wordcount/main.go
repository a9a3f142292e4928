// A program that gives up all but its open file before it reads it.
//
// usage: wordcount FILE
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"

	"github.com/unveil-run/unveil-run/pledge"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: wordcount FILE")
	}
	f, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := confine(); err != nil {
		log.Fatal(err)
	}
	words := bufio.NewScanner(f)
	words.Split(bufio.ScanWords)
	n := 0
	for words.Scan() {
		n++
	}
	if err := words.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(n)
}

// confine leaves every thread of the process the descriptors that are open,
// memory and time. NoLayer: no path is unveiled, so the filter has to refuse
// every open.
func confine() error {
	set, err := pledge.Parse("stdio")
	if err != nil {
		return err
	}
	plan, err := pledge.Compile(set, pledge.Options{OnViolation: pledge.Errno, NoLayer: true, Pid: os.Getpid()})
	if err != nil {
		return err
	}
	return plan.Apply()
}
