package pledge

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
)

// headerNumbers are the numbers of this architecture as the header of the
// kernel has them that the C compiler includes: another source than ours. It
// may be older than the newest calls.
func headerNumbers(t *testing.T) map[string]int {
	t.Helper()
	var text []byte
	var err error
	if dir := os.Getenv(envTools); dir != "" {
		text, err = os.ReadFile(filepath.Join(dir, "numbers"))
	} else {
		cmd := exec.Command(compiler(t), "-E", "-dM", "-x", "c", "-")
		cmd.Stdin = bytes.NewReader([]byte("#include <asm/unistd.h>\n"))
		text, err = cmd.Output()
	}
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]int{}
	// An alias, __NR_fstatat __NR_newfstatat, has no number of its own.
	for _, m := range regexp.MustCompile(`(?m)^#define __NR(3264)?_(\w+) (\d+)$`).FindAllSubmatch(text, -1) {
		n, err := strconv.Atoi(string(m[3]))
		if err != nil {
			t.Fatal(err)
		}
		list[string(m[2])] = n
	}
	delete(list, "syscalls") // how many there are
	if len(list) < 250 {
		t.Fatalf("only %d numbers: %v", len(list), maps.Keys(list))
	}
	return list
}

// TestHeaderNumbers holds the numbers against those of the kernel's header.
func TestHeaderNumbers(t *testing.T) {
	header := headerNumbers(t)
	column := map[Arch]int{AMD64: 0, ARM64: 1}[Arch(runtime.GOARCH)]
	held := 0
	for _, n := range numbers {
		want, ok := header[n.name]
		if !ok {
			continue
		}
		held++
		if n.nr[column] != want {
			t.Errorf("%s: %s is %d, the header has %d", runtime.GOARCH, n.name, n.nr[column], want)
		}
	}
	if held < 250 {
		t.Errorf("only %d of %d numbers held", held, len(numbers))
	}
}
