package unveil_test

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/unveil"
)

func ExampleParseRule() {
	path, letters, err := unveil.ParseRule("/srv/a:b:rw")
	fmt.Printf("%q %q %v\n", path, letters, err)

	_, _, err = unveil.ParseRule("/usr:rz")
	fmt.Println(err, errors.Is(err, unix.EINVAL))

	_, _, err = unveil.ParseRule("/usr")
	fmt.Println(err)
	// Output:
	// "/srv/a:b" "rw" <nil>
	// unveil "/usr": permissions "rz": "z" is not one of r, w, x and c: invalid argument true
	// unveil "/usr": no letters, write PATH:LETTERS as in "/usr:r": invalid argument
}

func ExampleParseLetters() {
	l, err := unveil.ParseLetters("cxr")
	fmt.Println(l, err)
	fmt.Println((l & unveil.X).Access())
	// Output:
	// rxc <nil>
	// EXECUTE|READ_FILE
}

// Two entries, and a compiled plan that is only looked at: nothing is
// restricted before Apply.
func ExampleRules_Compile() {
	var rules unveil.Rules
	for _, w := range []struct{ path, perms string }{{"/usr", "rx"}, {"/tmp", "rwc"}} {
		if err := rules.Unveil(w.path, w.perms); err != nil {
			fmt.Println(err)
			return
		}
	}
	// A program takes kernel.Probe() here.
	plan, err := rules.Compile(unveil.Options{Kernel: kernel.Landlock(1), Kinds: unveil.All})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer plan.Close()
	fmt.Print(plan)
	for _, gap := range plan.Gaps {
		fmt.Println("gap:", gap)
	}
	// Output:
	// files: EXECUTE|WRITE_FILE|READ_FILE|READ_DIR|REMOVE_DIR|REMOVE_FILE|MAKE_CHAR|MAKE_DIR|MAKE_REG|MAKE_SOCK|MAKE_FIFO|MAKE_BLOCK|MAKE_SYM
	// path "/tmp" WRITE_FILE|READ_FILE|READ_DIR|REMOVE_DIR|REMOVE_FILE|MAKE_DIR|MAKE_REG|MAKE_SYM (rwc)
	// path "/usr" EXECUTE|READ_FILE|READ_DIR (rx)
	// gap: c across directories: Landlock ABI 1 refuses every rename and link from one directory to another, needs Linux 5.19
	// gap: truncation: Landlock ABI 1 does not restrict it: a path without w can be truncated, needs Linux 6.2
	// gap: ioctl on devices: Landlock ABI 1 does not restrict it, needs Linux 6.10
}

// A name that does not exist cannot have c; the error says what mends it.
func ExamplePathError() {
	var rules unveil.Rules
	if err := rules.Unveil("/tmp/no-such-name", "rwc"); err != nil {
		fmt.Println(err)
		return
	}
	_, err := rules.Compile(unveil.Options{Kernel: kernel.Landlock(kernel.Newest), Kinds: unveil.All})
	var missing *unveil.PathError
	if errors.As(err, &missing) {
		fmt.Println(missing)
		fmt.Println(missing.Reason == unveil.Missing, missing.Create, missing.Widen, missing.Dir)
	}
	// Output:
	// unveil "/tmp/no-such-name:rwc": it does not exist, and c on a name that does not exist cannot be held
	// true true true /tmp
}

// The most specific entry wins, whatever the order.
func ExamplePlan_Access() {
	var rules unveil.Rules
	rules.Unveil("/usr/bin", "")
	rules.Unveil("/usr", "r")
	plan, err := rules.Compile(unveil.Options{Kernel: kernel.Landlock(kernel.Newest), Kinds: unveil.All})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer plan.Close()
	fmt.Println(plan.Access("/usr/share"))
	fmt.Println(plan.Access("/usr/bin"))
	fmt.Println(plan.Access("/etc"))
	// Output:
	// READ_FILE|READ_DIR
	// none
	// none
}

func ExampleRules_Port() {
	const connectTCP = unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	var rules unveil.Rules
	rules.Port(connectTCP, 443)
	plan, err := rules.Compile(unveil.Options{Kernel: kernel.Landlock(3), Kinds: unveil.All})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer plan.Close()
	for _, gap := range plan.Gaps {
		if gap.Strict {
			fmt.Println(gap)
		}
	}
	// Output:
	// TCP ports: Landlock ABI 3 does not restrict them, needs Linux 6.7
}
