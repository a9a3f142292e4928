package shimtest

import (
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// Prebuilt names the environment variable that holds the path of a finished
// abishim, for machines without the go command.
const Prebuilt = "UNVEIL_RUN_ABISHIM"

const abishim = "github.com/unveil-run/unveil-run/test/abishim"

// packageDir is where the test started, the directory of its package: inside
// the module, even if the test changes its directory later.
var packageDir, _ = os.Getwd()

var build = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(Prebuilt); path != "" {
		return path, nil
	}
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	// Test processes of several packages build at the same time, and a
	// running program cannot be written: build aside, then rename.
	aside, err := os.MkdirTemp(dir, "build")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(aside)
	bin := filepath.Join(aside, "abishim")
	cmd := exec.Command("go", "build", "-race=false", "-o", bin, abishim)
	cmd.Dir = packageDir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building abishim: %w\n%s", err, out)
	}
	if err := os.Chmod(bin, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "abishim")
	return path, os.Rename(bin, path)
})

// cacheDir returns a directory of this user and this module, the same for
// every test process so that nothing piles up, that every user may read and
// only this one write.
func cacheDir() (string, error) {
	// The package path is the same for all packages of the module; its place
	// on disk tells two working trees apart.
	_, file, _, _ := runtime.Caller(0)
	tree := fnv.New32a()
	tree.Write([]byte(file))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("abishim-%d-%08x", os.Getuid(), tree.Sum32()))
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a directory that only this user writes", dir)
	}
	return dir, os.Chmod(dir, 0o755) // against a strict umask
}

// Build returns the path of abishim, built once in a test process. Every user
// may execute it.
func Build(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
