package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/unveil-run/unveil-run/internal/check"
	"github.com/unveil-run/unveil-run/test/abishim/shimtest"
)

// TestCheckUnderABIs: --check says of each kernel what that kernel is, and
// ends with 1 where a mechanism is missing.
func TestCheckUnderABIs(t *testing.T) {
	launcher := filepath.Join(tools, "unveil-run")
	for _, abi := range shimtest.ABIs(t) {
		t.Run(fmt.Sprint(abi), func(t *testing.T) {
			cmd := shimtest.Command(t, abi, launcher, "--check", "--json")
			out, err := cmd.Output()
			if (err == nil) != (abi > 0) || err != nil && cmd.ProcessState.ExitCode() != statusUnusable {
				t.Fatalf("%v\n%s", err, out)
			}
			var r check.Report
			if err := json.Unmarshal(out, &r); err != nil {
				t.Fatal(err)
			}
			if r.Kernel.Landlock != max(abi, 0) || !r.Kernel.Seccomp {
				t.Errorf("kernel: %+v", r.Kernel)
			}
			want := check.Not
			if abi >= 4 {
				want = check.Enforced
			}
			if w := r.Flags[0]; w.Name != "--connect PORT" || w.State != want {
				t.Errorf("%s: %s, want %s", w.Name, w.State, want)
			}
		})
	}
}

// TestStrictUnderABIs: what an older kernel cannot hold is refused, and
// --best-effort goes on and says so. Everyday policies need no flag.
func TestStrictUnderABIs(t *testing.T) {
	launcher := filepath.Join(tools, "unveil-run")
	tests := []struct {
		flags []string
		since int // the ABI from which it runs without --best-effort
	}{
		{[]string{"-u", "/usr:rx"}, 1},
		{[]string{"-u", "/usr:rx", "-u", "/tmp:rw", "-p", "stdio rpath wpath inet dns unix proc"}, 1},
		{[]string{"-u", "/tmp:rwc"}, 2},
		{[]string{"-p", "stdio rpath inet", "--connect", "443"}, 4},
		{[]string{"-p", "stdio rpath inet", "--bind", "8080"}, 4},
		{[]string{"-p", "stdio inet", "--connect", "udp:*"}, 4},
		{[]string{"-p", "stdio inet", "--connect", "udp:53"}, 10},
		{[]string{"-p", "stdio unix", "--unix", "/tmp"}, 9},
		{[]string{"-u", "/usr:rx", "--audit"}, 7},
	}
	for _, abi := range shimtest.ABIs(t) {
		for _, tt := range tests {
			t.Run(fmt.Sprint(abi, tt.flags), func(t *testing.T) {
				run := func(more ...string) (int, string) {
					argv := append(append([]string{launcher}, more...), tt.flags...)
					cmd := shimtest.Command(t, abi, append(argv, "--", "echo", "ran")...)
					out, _ := cmd.CombinedOutput()
					return cmd.ProcessState.ExitCode(), string(out)
				}
				status, out := run()
				if abi >= tt.since && (status != 0 || out != "ran\n") {
					t.Errorf("status %d: %s", status, out)
				}
				if abi < tt.since && (status != 125 || !hasLine(out, "unveil-run: error: this kernel cannot hold ") || !hasLine(out, "unveil-run: hint: --best-effort ")) {
					t.Errorf("status %d: %s", status, out)
				}
				if abi >= tt.since {
					return
				}
				status, out = run("--best-effort")
				if abi > 0 && (status != 0 || !hasLine(out, "unveil-run: gap: ") || !hasLine(out, "ran")) {
					t.Errorf("best effort: status %d: %s", status, out)
				}
				if abi > 0 {
					return
				}
				// No Landlock at all has to be named.
				if status != 125 || hasLine(out, "ran") {
					t.Errorf("best effort: status %d: %s", status, out)
				}
				status, out = run("--best-effort", "--without", "landlock")
				if status != 0 || !hasLine(out, "unveil-run: gap: ") || !hasLine(out, "ran") {
					t.Errorf("without Landlock: status %d: %s", status, out)
				}
			})
		}
	}
}
