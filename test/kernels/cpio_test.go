package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestArchive has another program read what is written.
func TestArchive(t *testing.T) {
	a := newArchive()
	a.file("b/c/file", 0o755, []byte("text"))
	a.link("b/link", "/b/c/file")
	a.dir("b/c", 0o700) // is there already
	got := a.bytes()
	if len(got)%4 != 0 {
		t.Errorf("%d bytes", len(got))
	}
	cpio, err := exec.LookPath("cpio")
	if err != nil {
		if cpio, err = exec.LookPath("busybox"); err != nil {
			t.Skip("needs cpio or busybox")
		}
	}
	argv := []string{cpio, "-t"}
	if strings.HasSuffix(cpio, "busybox") {
		argv = []string{cpio, "cpio", "-t"}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(got), os.Stderr
	list, err := cmd.Output()
	if want := fmt.Sprintln("b\nb/c\nb/c/file\nb/link"); err != nil || string(list) != want {
		t.Errorf("%q, %v, want %q", list, err, want)
	}
}
