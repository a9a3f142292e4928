// Package need ends tests that a machine cannot run: as failures where CI
// is set, so that no test is lost there in silence, and elsewhere as skips that
// say what is missing.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// Missing ends a test for want of what it says.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	what := "this machine lacks " + fmt.Sprintf(format, args...)
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Box ends a test where there is no seccomp, or no Landlock of an ABI.
func Box(t testing.TB, abi int) {
	t.Helper()
	if k := kernel.Probe(); k.Landlock != nil || k.Seccomp != nil || k.ABI < abi {
		Missing(t, "seccomp and Landlock ABI %d: %s", abi, k)
	}
}

// Program returns the path of a program, or ends a test where there is none.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "%s: %v", name, err)
	}
	return path
}
