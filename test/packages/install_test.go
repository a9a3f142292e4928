package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/checkout"
	"github.com/unveil-run/unveil-run/test/need"
)

func shell(t *testing.T, env []string, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// files lists what is below a directory.
func files(t *testing.T, dir string) string {
	t.Helper()
	var list []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, "\n")
}

// distribution is what builders of packages have in the environment, and what
// a library without a libc must stand.
var distribution = []string{
	"CFLAGS=-g -O2 -flto=auto -fstack-protector-strong -fstack-clash-protection -fcf-protection",
	"CPPFLAGS=-Wdate-time -D_FORTIFY_SOURCE=3", "LDFLAGS=-Wl,-z,relro -Wl,-z,now -flto=auto",
}

// TestInstall installs this tree, uses what is installed, and removes it.
func TestInstall(t *testing.T) {
	need.Program(t, "pkg-config")
	dir := t.TempDir()
	tree, prefix := filepath.Join(dir, "tree"), filepath.Join(dir, "opt")
	if err := checkout.Copy(tree, "../.."); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(prefix+"/lib", 0o755); err != nil {
		t.Fatal(err)
	}
	const others = "lib/of-another-package"
	if err := os.WriteFile(filepath.Join(prefix, others), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	words := []string{"-s", "PREFIX=" + prefix, "VERSION=v1.2.3"}
	shell(t, distribution, tree, "make", append(words, "install")...)

	if got := strings.TrimSpace(shell(t, nil, dir, prefix+"/bin/unveil-run", "--version")); got != "unveil-run v1.2.3" {
		t.Errorf("--version prints %q", got)
	}
	for of, name := range map[string]string{"bash": "bash-completion/completions/unveil-run", "zsh": "zsh/site-functions/_unveil-run", "fish": "fish/vendor_completions.d/unveil-run.fish"} {
		got, err := os.ReadFile(filepath.Join(prefix, "share", name))
		if want := shell(t, nil, dir, prefix+"/bin/unveil-run", "--completion", of); err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	for _, library := range []string{"libunveil.so.0", "libunveil-compat.so.0"} {
		path := filepath.Join(prefix, "lib", library)
		for line := range strings.Lines(shell(t, nil, dir, "nm", "-D", "--undefined-only", path)) {
			if strings.HasPrefix(strings.TrimSpace(line), "U ") { // weak ones are w
				t.Errorf("%s, built with the flags of a distribution, needs %s", library, strings.TrimSpace(line))
			}
		}
		if out := shell(t, nil, dir, "readelf", "-d", path); strings.Contains(out, "NEEDED") {
			t.Errorf("%s:\n%s", library, out)
		}
	}
	pkg := []string{"PKG_CONFIG_PATH=" + prefix + "/lib/pkgconfig"}
	if got := strings.TrimSpace(shell(t, pkg, dir, "pkg-config", "--modversion", "unveil")); got != "1.2.3" {
		t.Errorf("unveil.pc says version %q", got)
	}
	source, err := filepath.Abs("testdata/confined.c")
	if err != nil {
		t.Fatal(err)
	}
	shell(t, pkg, dir, "sh", "-c", `cc -Wall -Werror -o confined "$1" $(pkg-config --cflags --libs unveil)`, "sh", source)
	for _, trial := range []struct {
		words string
		says  string
		works bool
	}{{"free read", "done", true}, {"bound read", "Permission denied", false}, {"free socket", "done", true}, {"bound socket", `pledge "inet"`, false}} {
		cmd := exec.Command(dir+"/confined", strings.Fields(trial.words)...)
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+prefix+"/lib", "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if (err == nil) != trial.works || !bytes.Contains(out, []byte(trial.says)) {
			t.Errorf("confined %s: %v\n%s", trial.words, err, out)
		}
	}

	if files(t, prefix) == others {
		t.Error("nothing was installed")
	}
	shell(t, nil, tree, "make", append(words, "uninstall")...)
	if got := files(t, prefix); got != others {
		t.Errorf("make uninstall leaves\n%s\nand should only %s", got, others)
	}
}
