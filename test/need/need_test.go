package need

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMissing holds that what is missing fails a test where CI is set, and is
// said where it is not.
func TestMissing(t *testing.T) {
	const inside = "NEED_TEST_INSIDE"
	if os.Getenv(inside) != "" {
		Program(t, "no-such-program")
	}
	for ci, want := range map[string]string{"CI=": "--- SKIP: TestMissing", "CI=true": "--- FAIL: TestMissing"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestMissing$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1", ci)
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), want) || !strings.Contains(string(out), "this machine lacks no-such-program: ") || (err == nil) != (ci == "CI=") {
			t.Errorf("%s: %v\n%s", ci, err, out)
		}
	}
}
