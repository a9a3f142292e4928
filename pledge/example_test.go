package pledge_test

import (
	"errors"
	"fmt"
	"log"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/pledge"
)

func ExampleParse() {
	set, err := pledge.Parse("rpath stdio rpath")
	fmt.Println(set, err)

	_, err = pledge.Parse("stdio rpaht")
	fmt.Println(err, errors.Is(err, unix.EINVAL))

	var e *pledge.ParseError
	if errors.As(err, &e) {
		fmt.Printf("column %d: did you mean %q?\n", e.Column, e.Nearest)
	}
	// Output:
	// stdio rpath <nil>
	// pledge: unknown promise "rpaht" true
	// column 7: did you mean "rpath"?
}

// A program is made once, for this architecture or another, and looked at
// without a kernel.
func ExampleCompile() {
	set, err := pledge.Parse("stdio")
	if err != nil {
		log.Fatal(err)
	}
	plan, err := pledge.Compile(set, pledge.Options{Arch: pledge.ARM64, OnViolation: pledge.Abort, Pid: 1234})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(plan.Program()) > 0)

	_, err = pledge.Compile(set, pledge.Options{Arch: "sparc64"})
	fmt.Println(err)
	// Output:
	// true
	// pledge: architecture "sparc64" is not supported: function not implemented
}

func ExampleSet() {
	all, err := pledge.Parse("stdio rpath tty")
	if err != nil {
		log.Fatal(err)
	}
	less, err := pledge.Parse("stdio tty")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(all.Has(less), less.Has(all))
	for _, p := range less.Paths() {
		fmt.Println(p.Name, p.Perms)
	}
	// Output:
	// true false
	// /dev/null rw
	// /etc/localtime r
	// /usr/share/zoneinfo r
	// /dev/tty rw
}

func ExamplePromises() {
	for _, p := range pledge.Promises() {
		if p.Name == "chown" {
			fmt.Printf("%s: %s\n", p.Name, p.Doc)
		}
	}
	// Output:
	// chown: changing of owner and group
}
