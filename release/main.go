// Release builds what a release of the last commit consists of, twice, and
// leaves it in build/release if both builds are the same, byte by byte:
//
//	unveil-run-VERSION-linux-ARCH.tar.gz	bin, lib, include and share, to be unpacked below /usr/local
//	unveil-run-VERSION-linux-ARCH.spdx.json	what is in it: SPDX 2.3; it is in the archive too
//	unveil-run-VERSION-source.tar.gz	the sources, with the modules of Go in vendor
//	SHA256SUMS
//
// It is run from the top of the module. Changes that are not committed are
// not in it. Times are SOURCE_DATE_EPOCH, or that of the commit. The version
// of Go and of the C compiler are part of the result: the first stands in the
// SPDX document.
//
// The second build is in another directory, with an empty cache, another
// umask, time zone and locale.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const output = "build/release"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run() error {
	r, err := newRelease()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "unveil-run-release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	first, err := r.build(filepath.Join(dir, "first"), surroundings{umask: 0o022})
	if err != nil {
		return err
	}
	second, err := r.build(filepath.Join(dir, "another/and/deeper"), surroundings{
		umask: 0o077,
		env:   []string{"TZ=Pacific/Kiritimati", "LC_ALL=C", "GOCACHE=" + filepath.Join(dir, "cache")},
	})
	if err != nil {
		return err
	}
	if err := same(first, second); err != nil {
		return err
	}
	if err := os.RemoveAll(output); err != nil {
		return err
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return err
	}
	var sums strings.Builder
	for _, name := range slices.Sorted(maps.Keys(first)) {
		if err := os.WriteFile(filepath.Join(output, name), first[name], 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(first[name]), name)
	}
	fmt.Printf("%sbuilt twice, and both are the same: %s\n", sums.String(), output)
	return os.WriteFile(filepath.Join(output, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// same fails when two builds differ.
func same(a, b map[string][]byte) error {
	if len(a) == 0 || len(a) != len(b) {
		return fmt.Errorf("the builds have %d and %d files", len(a), len(b))
	}
	for name, text := range a {
		other, ok := b[name]
		if !ok || !bytes.Equal(text, other) {
			return fmt.Errorf("%s is not the same in both builds; %s", name, firstDifference(text, other))
		}
	}
	return nil
}

// A release is what does not depend on where it is built.
type release struct {
	version string
	commit  string
	time    time.Time
}

func newRelease() (*release, error) {
	version, err := git("describe", "--tags", "--always")
	if err != nil {
		return nil, err
	}
	commit, err := git("rev-parse", "HEAD")
	if err != nil {
		return nil, err
	}
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		if epoch, err = git("log", "-1", "--format=%ct"); err != nil {
			return nil, err
		}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	if changed, err := git("status", "--porcelain"); err != nil || changed != "" {
		fmt.Fprintf(os.Stderr, "release: not committed, and so not in it:\n%s\n", changed)
	}
	return &release{version, commit, time.Unix(seconds, 0).UTC()}, nil
}

// name is that of an archive, and of the directory in it.
func (r *release) name() string {
	return "unveil-run-" + r.version + "-linux-" + runtime.GOARCH
}

func (r *release) sourceName() string { return "unveil-run-" + r.version }

// git runs git here, also when the checkout belongs to another user.
func git(args ...string) (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	out, err := exec.Command("git", append([]string{"-c", "safe.directory=" + here}, args...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// surroundings are what must make no difference.
type surroundings struct {
	umask int
	env   []string
}

// do runs a command in a directory.
func (s surroundings) do(dir, name string, args ...string) error {
	defer syscall.Umask(syscall.Umask(s.umask))
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), s.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
