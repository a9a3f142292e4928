// Cgo is a dynamic program of Go: its runtime takes every signal, and looks
// for the auxiliary vector behind the environment.
package main

// int one(void) { return 1; }
import "C"

import (
	"fmt"
	"net"
	"os"
	"strings"
)

func main() {
	for _, v := range os.Environ() {
		if v == "" || strings.HasPrefix(v, "LD_") || strings.HasPrefix(v, "UNVEIL") {
			fmt.Printf("variable %q\n", v)
		}
	}
	fmt.Println("ran", C.one(), os.Getpagesize() >= 4096)
	if len(os.Args) > 1 {
		_, err := net.Dial("tcp", os.Args[1])
		fmt.Println(err)
	}
}
