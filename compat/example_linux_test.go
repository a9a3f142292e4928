package compat_test

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/compat"
)

// What is promised cannot be taken back, so that the examples that are run
// promise something in a process of their own: the test binary with this set.
const envExample = "COMPAT_TEST_EXAMPLE"

func init() {
	if f := map[string]func(){"narrowing": narrowing, "violation": violation}[os.Getenv(envExample)]; f != nil {
		f()
		os.Exit(0)
	}
}

// again runs an example in a process of its own and returns its output.
func again(name string) string {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envExample+"="+name)
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// Not run: it would bind the test. examples/fetcher is a whole program of this
// kind, and is.
func Example() {
	if err := compat.Unveil("/var/www", "r"); err != nil {
		log.Fatal(err)
	}
	if err := compat.UnveilBlock(); err != nil {
		log.Fatal(err) // EOPNOTSUPP: built with cgo, and Linux below 7.0
	}
	if err := compat.Pledge("stdio rpath inet", ""); err != nil {
		log.Fatal(err)
	}
	// serve
}

func narrowing() {
	fmt.Println(compat.PledgePromises("stdio rpath"))
	fmt.Println(compat.PledgePromises("stdio"))
	fmt.Println(compat.PledgePromises("stdio rpath"))
	_, err := os.ReadFile("/etc/passwd")
	fmt.Println(err)
}

// Promises can only be given up. It runs in a process of its own.
func ExamplePledgePromises() {
	// func narrowing() {
	//	fmt.Println(compat.PledgePromises("stdio rpath"))
	//	fmt.Println(compat.PledgePromises("stdio"))
	//	fmt.Println(compat.PledgePromises("stdio rpath"))
	//	_, err := os.ReadFile("/etc/passwd")
	//	fmt.Println(err)
	// }
	fmt.Print(again("narrowing"))
	// Output:
	// <nil>
	// <nil>
	// operation not permitted
	// open /etc/passwd: permission denied
}

func violation() {
	if err := compat.Pledge("stdio", ""); err != nil {
		log.Fatal(err)
	}
	unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	fmt.Println("not reached")
}

// A call that is not promised ends the program, and the runtime says where. It
// runs in a process of its own.
func ExamplePledge_violation() {
	// func violation() {
	//	if err := compat.Pledge("stdio", ""); err != nil {
	//		log.Fatal(err)
	//	}
	//	unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	//	fmt.Println("not reached")
	// }
	first, _, _ := strings.Cut(again("violation"), "\n")
	fmt.Println(first)
	// Output: SIGSYS: bad system call
}
