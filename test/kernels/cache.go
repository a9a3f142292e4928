package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A cache keeps what was taken out of packages of an architecture: it is
// outside the tree, since superseded kernels cannot be had a second time.
type cache struct {
	dir, arch string
	registry  *registry        // opened when first needed
	missing   map[string]error // paths that were looked for in vain
}

// Where the kernel lies in its package: /boot up to 7.1, then among the
// modules.
var kernelFile = regexp.MustCompile(`^\./(boot/vmlinuz-.*|usr/lib/modules/[^/]+/vmlinuz)$`)

// image returns the path of a machine's kernel.
func (c *cache) image(m machine) (string, error) {
	return c.get(strings.TrimSuffix(m.name, "-off")+".vmlinuz", m.packagePattern(), kernelFile)
}

// busybox returns the path of a shell and the usual commands in one static
// program.
func (c *cache) busybox() (string, error) {
	return c.get("busybox", "^busybox-static$", regexp.MustCompile(`^\./(usr/)?bin/busybox$`))
}

// dash returns the path of a shell that is linked with the C library.
func (c *cache) dash() (string, error) {
	return c.get("dash", "^dash$", regexp.MustCompile(`^\./(usr/)?bin/dash$`))
}

// programsSuite has busybox-static and dash.
const programsSuite = "bookworm"

func (c *cache) get(name, pattern string, file *regexp.Regexp) (string, error) {
	path := filepath.Join(c.dir, c.arch+"-"+name)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	if err := c.missing[path]; err != nil {
		return "", err
	}
	err := c.fetch(pattern, file, path)
	if err != nil {
		c.missing[path] = err
	}
	return path, err
}

func (c *cache) fetch(pattern string, file *regexp.Regexp, path string) error {
	if c.registry == nil {
		list := []string{programsSuite}
		for _, row := range rows {
			for _, s := range strings.Fields(row.suites) {
				if !slices.Contains(list, s) {
					list = append(list, s)
				}
			}
		}
		var err error
		if c.registry, err = openRegistry(filepath.Join(c.dir, "apt-"+c.arch), c.arch, list); err != nil {
			return err
		}
	}
	n, err := c.registry.fetch(pattern, file, path)
	if err == nil {
		fmt.Printf("fetched %s %s (%s)\n", n.name, n.version, c.arch)
	}
	return err
}

// openCaches makes the directory: the flag's, or one among the user's caches.
// Those of different architectures can be used at the same time.
func openCaches(dir string) (map[string]*cache, error) {
	if dir == "" {
		own, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(own, "unveil-run-kernels")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	list := map[string]*cache{}
	for _, arch := range architectures {
		list[arch] = &cache{dir: dir, arch: arch, missing: map[string]error{}}
	}
	return list, os.MkdirAll(dir, 0o755)
}
