package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

const (
	home         = "https://github.com/unveil-run/unveil-run"
	noAssertion  = "NOASSERTION"
	supplierName = "The unveil-run authors"
)

// bill makes the software bill of materials of a prefix: its files, and what
// the launcher is linked with, as the linker has noted it there. The sources
// say under which terms that is, and what its sum is.
func (r *release) bill(prefix, launcher, sources string) ([]byte, error) {
	info, err := buildinfo.ReadFile(launcher)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(sources, "debian/copyright"))
	if err != nil {
		return nil, err
	}
	sums, err := os.ReadFile(filepath.Join(sources, "go.sum"))
	if err != nil {
		return nil, err
	}
	terms := parseCopyright(string(text))
	main, err := r.mainPackage(terms)
	if err != nil {
		return nil, err
	}
	files, err := listFiles(prefix)
	if err != nil {
		return nil, err
	}
	doc := &spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName:      r.name(),
		DocumentNamespace: fmt.Sprintf("%s/spdx/%s-%s", home, r.name(), r.commit),
		CreationInfo: &spdx.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Organization", Creator: supplierName}, {CreatorType: "Tool", Creator: "unveil-run-release"}},
			Created:  r.time.Format(time.RFC3339),
		},
		Packages: []*spdx.Package{main},
		Files:    files,
	}
	relate := func(a common.ElementID, kind string, b common.ElementID) {
		doc.Relationships = append(doc.Relationships, &spdx.Relationship{
			RefA: common.MakeDocElementID("", string(a)), RefB: common.MakeDocElementID("", string(b)), Relationship: kind})
	}
	relate(doc.SPDXIdentifier, common.TypeRelationshipDescribe, main.PackageSPDXIdentifier)
	for _, f := range files {
		relate(main.PackageSPDXIdentifier, common.TypeRelationshipContains, f.FileSPDXIdentifier)
	}
	modules := append([]*debug.Module{{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}, info.Deps...)
	for _, m := range modules {
		p, err := modulePackage(m, terms, string(sums))
		if err != nil {
			return nil, err
		}
		doc.Packages = append(doc.Packages, p)
		relate(main.PackageSPDXIdentifier, common.TypeRelationshipStaticLink, p.PackageSPDXIdentifier)
	}
	var b bytes.Buffer
	if err := json.Write(doc, &b, json.Indent(" ")); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (r *release) mainPackage(terms []term) (*spdx.Package, error) {
	t, err := termOf(terms, "LICENSE")
	if err != nil {
		return nil, err
	}
	return &spdx.Package{
		PackageName: "unveil-run", PackageSPDXIdentifier: "unveil-run", PackageVersion: r.version,
		PackageFileName:         r.name() + ".tar.gz",
		PackageSupplier:         &common.Supplier{SupplierType: "Organization", Supplier: supplierName},
		PackageDownloadLocation: "git+" + home + ".git@" + r.commit,
		PackageHomePage:         home,
		PackageLicenseConcluded: t.license, PackageLicenseDeclared: t.license, PackageCopyrightText: t.holder,
		PrimaryPackagePurpose: "APPLICATION",
	}, nil
}

// modulePackage describes a module of Go. The version of std is that of the
// toolchain.
func modulePackage(m *debug.Module, terms []term, sums string) (*spdx.Package, error) {
	if m.Replace != nil {
		return nil, fmt.Errorf("%s is replaced by %s", m.Path, m.Replace.Path)
	}
	t, err := termOf(terms, "vendor/"+m.Path+"/")
	if err != nil {
		return nil, err
	}
	p := &spdx.Package{
		PackageName: m.Path, PackageSPDXIdentifier: common.ElementID(identifier("module-" + m.Path)), PackageVersion: m.Version,
		PackageDownloadLocation: noAssertion,
		PackageLicenseConcluded: t.license, PackageLicenseDeclared: t.license, PackageCopyrightText: t.holder,
		PrimaryPackagePurpose: "LIBRARY",
		PackageExternalReferences: []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: "pkg:golang/" + m.Path + "@" + m.Version}},
	}
	if m.Path == "std" {
		return p, nil
	}
	for line := range strings.Lines(sums) {
		if sum, ok := strings.CutPrefix(line, m.Path+" "+m.Version+" "); ok {
			p.PackageSourceInfo = "go.sum: " + strings.TrimSpace(sum)
			return p, nil
		}
	}
	return nil, fmt.Errorf("go.sum does not have %s %s", m.Path, m.Version)
}

var notIdentifier = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// identifier makes of a name what an SPDX identifier may be.
func identifier(name string) string { return notIdentifier.ReplaceAllString(name, "-") }

// listFiles describes the regular files below a directory, in their order.
func listFiles(dir string) (list []*spdx.File, err error) {
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		list = append(list, &spdx.File{
			FileName: "./" + name, FileSPDXIdentifier: common.ElementID(identifier("file-" + name)),
			Checksums: []common.Checksum{
				{Algorithm: common.SHA1, Value: fmt.Sprintf("%x", sha1.Sum(text))}, // SPDX 2.3 wants it
				{Algorithm: common.SHA256, Value: fmt.Sprintf("%x", sha256.Sum256(text))},
			},
			LicenseConcluded: noAssertion, LicenseInfoInFiles: []string{noAssertion}, FileCopyrightText: noAssertion,
		})
		return nil
	})
	return list, err
}

// A term is a paragraph of debian/copyright that has files.
type term struct{ files, license, holder string }

// parseCopyright reads the paragraphs of files of debian/copyright, whose
// fields have one line each.
func parseCopyright(text string) (list []term) {
	var t term
	lines := bufio.NewScanner(strings.NewReader(text + "\n\n"))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimSpace(value); name {
		case "Files":
			t.files = value
		case "Copyright":
			t.holder = value
		case "License":
			t.license = strings.ReplaceAll(value, " or ", " OR ")
		case "":
			if t.files != "" {
				list = append(list, t)
			}
			t = term{}
		}
	}
	return list
}

// termOf returns the paragraph of a file, or of a directory with a slash at
// its end. The last that fits holds; what is below vendor has one of its own.
func termOf(terms []term, name string) (term, error) {
	for i := len(terms) - 1; i >= 0; i-- {
		t := terms[i]
		if ok, _ := path.Match(strings.TrimSuffix(t.files, "*"), name); ok || t.files == "*" && !strings.HasPrefix(name, "vendor/") {
			if t.license == "" || t.holder == "" {
				return term{}, fmt.Errorf("debian/copyright: %s has no license or no holder", t.files)
			}
			return t, nil
		}
	}
	return term{}, fmt.Errorf("debian/copyright says nothing of %s", name)
}
