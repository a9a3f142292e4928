package examples_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// cPrograms builds the C examples in a directory: as they are, with an
// intruder, and with an intruder and nothing that confines (free).
func cPrograms(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"make", "gcc"} {
		need.Program(t, name)
	}
	dir := t.TempDir()
	if err := made.Read("c/*.c", "c/testdata/*"); err != nil {
		t.Fatal(err)
	}
	if err := made.Build(dir, "libunveil.so.0"); err != nil {
		t.Fatal(err)
	}
	do := func(argv ...string) {
		t.Helper()
		if out, err := exec.Command("timeout", append([]string{"120"}, argv...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
	}
	cc := []string{"gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-pie", "-fPIE", "-I../cgo"}
	intruder := append(cc, "-include", "c/testdata/intruder.h")
	library := []string{"-L" + dir, "-Wl,-rpath," + dir, "-lunveil"}
	for _, name := range []string{"privsep", "reader"} {
		source, out := "c/"+name+".c", filepath.Join(dir, name)
		do(append(append(cc[:len(cc):len(cc)], "-o", out, source), library...)...)
		do(append(append(intruder[:len(intruder):len(intruder)], "-o", out+"-intruder", source), library...)...)
		do(append(intruder[:len(intruder):len(intruder)], "-o", out+"-free", source, "c/testdata/free.c")...)
	}
	return dir
}

// TestC runs the C examples, and then with an intruder in each of their parts.
// The control run is the same program without the library.
func TestC(t *testing.T) {
	need.Box(t, 1)
	dir := cPrograms(t)
	h := newHome(t)
	h.write(t, "one", "1\n", 0o644)
	h.write(t, "three", "1\n2\n3\n", 0o644)
	if out := h.run(t, filepath.Join(dir, "privsep"), h.path("one"), h.path("three")); out != "1 "+h.path("one")+"\n3 "+h.path("three")+"\n" {
		t.Errorf("privsep: %q", out)
	}
	if out := h.run(t, filepath.Join(dir, "reader"), h.path("one"), h.path("three")); out != "1\n1\n2\n3\n" {
		t.Errorf("reader: %q", out)
	}

	for _, part := range []struct {
		program, name string
		allows        string // the act that is its work
	}{
		{"privsep", "opener", "read"},
		{"privsep", "parser", ""},
		{"privsep", "reporter", ""},
		{"reader", "reader", ""},
	} {
		for _, act := range []string{"read", "write", "create", "connect", "fork", "run"} {
			t.Run(part.name+"/"+act, func(t *testing.T) {
				h := newHome(t)
				h.extra = []string{
					"PART=" + part.name, "ACT=" + act, "PORT=" + h.port,
					"SECRET=" + h.path("secret"), "VICTIM=" + h.path("victim"), "VICTIM_NEW=" + h.path("victim.new"),
				}
				through := func(program string) bool {
					out, _ := h.command(filepath.Join(dir, program), h.path("notes/today")).CombinedOutput()
					if !bytes.Contains(out, []byte("begins")) {
						t.Fatalf("%s: it has not run:\n%s", program, out)
					}
					return bytes.Contains(out, []byte("came through"))
				}
				if !through(part.program + "-free") {
					t.Fatal("control: it has not come through")
				}
				os.Remove(h.path("victim.new"))
				if came := through(part.program + "-intruder"); came != (act == part.allows) {
					t.Errorf("came through: %v", came)
				}
				if _, err := os.Stat(h.path("victim.new")); err == nil {
					t.Error("a file was made")
				}
			})
		}
	}
}
