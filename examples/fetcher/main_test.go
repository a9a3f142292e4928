package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// program builds the fetcher.
func program(t *testing.T) string {
	t.Helper()
	need.Box(t, 1)
	bin := filepath.Join(t.TempDir(), "fetcher")
	if err := made.Go(bin, "."); err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestFetch fetches by a name, over all the steps.
func TestFetch(t *testing.T) {
	bin, dir := program(t), t.TempDir()
	page := strings.Repeat("a page\n", 100_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, page)
	}))
	defer server.Close()
	address := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)

	file := filepath.Join(dir, "page")
	if out, err := exec.Command(bin, address+"/page", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != page {
		t.Errorf("%d bytes of %d, %v", len(got), len(page), err)
	}
	out, err := exec.Command(bin, address+"/other", file).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "404") {
		t.Errorf("a page that is not there: %v\n%s", err, out)
	}
}

// TestOutside: the file cannot be made by a link that leads out of the
// directory that was unveiled.
func TestOutside(t *testing.T) {
	bin, dir, outside := program(t), t.TempDir(), t.TempDir()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") }))
	defer server.Close()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, server.URL, link).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "permission denied") {
		t.Errorf("%v\n%s", err, out)
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "before" {
		t.Errorf("the file outside is %q, %v", got, err)
	}
}
