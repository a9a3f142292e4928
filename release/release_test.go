package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
)

// tree writes a small one, and returns it.
func tree(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"b/two": text, "a": "one", "c": ""} {
		if err := write(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../a", filepath.Join(dir, "b/link")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPack holds that an archive depends on what is in it and not on when and
// by whom it was written, and that a difference is named.
func TestPack(t *testing.T) {
	when := time.Unix(1e9, 0)
	first, err := pack(tree(t, "two", 0o644), "x", when)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir  string
		when time.Time
		says string // "" when the archive is the same
	}{
		"another time, umask and place": {tree(t, "two", 0o600), when, ""},
		"another text":                  {tree(t, "too", 0o644), when, "x/b/two has other bytes"},
		"executable":                    {tree(t, "two", 0o755), when, "x/a has another mode"},
		"another date":                  {tree(t, "two", 0o644), when.Add(time.Second), "x/ has another mode, link or time"},
	} {
		got, err := pack(c.dir, "x", c.when)
		if err != nil {
			t.Fatal(err)
		}
		err = same(map[string][]byte{"f": first}, map[string][]byte{"f": got})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	if same(nil, nil) == nil || same(map[string][]byte{"f": nil}, map[string][]byte{"g": []byte("x")}) == nil {
		t.Error("no files, or others, are the same")
	}
	dir := tree(t, "", 0o644)
	if err := exec.Command("mkfifo", filepath.Join(dir, "fifo")).Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := pack(dir, "x", when); err == nil {
		t.Error("a FIFO is packed")
	}
}

// TestBill builds the launcher, and holds that its bill has every module that
// it is linked with and every file, each with its license or sum.
func TestBill(t *testing.T) {
	prefix := t.TempDir()
	launcher := filepath.Join(prefix, "bin/unveil-run")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", launcher, "../cmd/unveil-run")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if err := write(filepath.Join(prefix, "share/other file"), []byte("text")); err != nil {
		t.Fatal(err)
	}
	r := &release{"v1.2.3", strings.Repeat("0", 40), time.Unix(1e9, 0).UTC()}
	text, err := r.bill(prefix, launcher, "..")
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.bill(prefix, launcher, "..")
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("a second bill is another: %v", err)
	}
	doc, err := json.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}

	list, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "../cmd/unveil-run").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Compact(slices.Sorted(strings.SplitSeq(strings.TrimSpace(string(list)), "\n")))
	want = slices.DeleteFunc(want, func(s string) bool { return s == "" })
	var got []string
	known := map[common.ElementID]bool{"DOCUMENT": true}
	for _, p := range doc.Packages {
		if p.PackageLicenseConcluded == "" || p.PackageCopyrightText == "" || known[p.PackageSPDXIdentifier] {
			t.Errorf("package %+v", p)
		}
		known[p.PackageSPDXIdentifier] = true
		if p.PackageName == "std" || p.PackageName == "unveil-run" {
			continue
		}
		got = append(got, p.PackageName+" "+p.PackageVersion)
		if !strings.HasPrefix(p.PackageSourceInfo, "go.sum: h1:") {
			t.Errorf("%s: sum %q", p.PackageName, p.PackageSourceInfo)
		}
	}
	slices.Sort(got)
	if len(got) == 0 || !slices.Equal(got, want) || len(doc.Packages) != len(got)+2 {
		t.Errorf("modules\n%q\nwant\n%q", got, want)
	}
	for _, f := range doc.Files {
		if len(f.Checksums) != 2 || known[f.FileSPDXIdentifier] {
			t.Errorf("file %+v", f)
		}
		known[f.FileSPDXIdentifier] = true
	}
	if len(doc.Files) != 2 {
		t.Errorf("%d files", len(doc.Files))
	}
	for _, rel := range doc.Relationships {
		if !known[rel.RefA.ElementRefID] || !known[rel.RefB.ElementRefID] {
			t.Errorf("%+v refers to nothing", rel)
		}
	}
	if len(doc.Relationships) != 1+len(doc.Files)+len(doc.Packages)-1 {
		t.Errorf("%d relationships", len(doc.Relationships))
	}
}

// TestTerms holds that what debian/copyright does not name has no license.
func TestTerms(t *testing.T) {
	terms := parseCopyright("Format: x\n\nFiles: *\nCopyright: we\nLicense: ISC\n\nFiles: vendor/a/b/*\nCopyright: they\nLicense: A or B\n\nLicense: A\n Files: no\n")
	for name, want := range map[string]string{"LICENSE": "ISC", "a/b": "ISC", "vendor/a/b/": "A OR B", "vendor/a/": "", "vendor/a/bc/": ""} {
		if got, err := termOf(terms, name); got.license != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got.license, err, want)
		}
	}
	if _, err := termOf(parseCopyright("Files: *\nLicense: ISC\n"), "x"); err == nil {
		t.Error("no holder is fine")
	}
}
