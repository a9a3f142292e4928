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

	"github.com/unveil-run/unveil-run/test/need"
)

// crossCompilers are those whose headers are of another architecture.
var crossCompilers = map[Arch]string{AMD64: "x86_64-linux-gnu-gcc", ARM64: "aarch64-linux-gnu-gcc"}

// headerNumbers are the numbers of an architecture as the header of the
// kernel has them that its C compiler includes: another source than ours. It
// may be older than the newest calls. In an emulated machine they were read
// before, for its own architecture.
func headerNumbers(t *testing.T, arch Arch) map[string]int {
	t.Helper()
	var text []byte
	var err error
	if dir := os.Getenv(envTools); dir != "" {
		text, err = os.ReadFile(filepath.Join(dir, "numbers"))
	} else {
		cc := crossCompilers[arch]
		if arch == Arch(runtime.GOARCH) {
			cc = compiler(t)
		} else if _, err := exec.LookPath(cc); err != nil {
			need.Missing(t, "%s", cc)
		}
		cmd := exec.Command(cc, "-E", "-dM", "-x", "c", "-")
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

// TestHeaderNumbers holds the numbers against those of the kernel's headers:
// one that is wrong on another architecture is seen without a machine of it.
func TestHeaderNumbers(t *testing.T) {
	for column, arch := range []Arch{AMD64, ARM64} {
		t.Run(string(arch), func(t *testing.T) {
			if arch != Arch(runtime.GOARCH) && os.Getenv(envTools) != "" {
				t.Skip("the headers of the other architecture are held where the tests are built")
			}
			header := headerNumbers(t, arch)
			held := 0
			for _, n := range numbers {
				want, ok := header[n.name]
				switch {
				case ok:
					held++
					if n.nr[column] != want {
						t.Errorf("%s is %d, the header has %d", n.name, n.nr[column], want)
					}
				case n.nr[column] >= firstCommon && n.nr[0] != n.nr[1]:
					t.Errorf("%s is %d here and %d there", n.name, n.nr[column], n.nr[1-column])
				}
			}
			if held < 250 {
				t.Errorf("only %d of %d numbers held", held, len(numbers))
			}
		})
	}
}

// firstCommon is the first number that is the same on every architecture, as
// those of all calls are that were made since (Linux 5.1).
const firstCommon = 424
