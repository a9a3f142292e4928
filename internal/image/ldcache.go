package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
)

// The file ld.so.cache, as sysdeps/generic/dl-cache.h of glibc has it: a
// header, entries sorted for a binary search, and the strings they point to.
// Up to glibc 2.31 ldconfig wrote an old table with the new one behind it.

const (
	oldMagic      = "ld.so-1.7.0"
	oldHeaderSize = 16
	oldEntrySize  = 12
	newMagic      = "glibc-ld.so.cache1.1"
	newHeaderSize = 48
	newEntrySize  = 24

	maxCache     = 16 << 20
	maxCacheDirs = 1024
	maxSame      = 64 // entries of one name: architectures × glibc-hwcaps
)

var errCache = errors.New("not a ld.so.cache that this program can read")

type ldCache struct {
	entries   []byte
	entrySize int
	strings   []byte // what the entries' offsets count from
}

func readLdCache(path string) (*ldCache, error) {
	data, err := readBounded(path, maxCache)
	if err != nil {
		return nil, err
	}
	return parseLdCache(data)
}

func parseLdCache(data []byte) (*ldCache, error) {
	if !bytes.HasPrefix(data, []byte(oldMagic)) {
		return parseNewCache(data)
	}
	if len(data) < oldHeaderSize {
		return nil, errCache
	}
	count := uint64(binary.NativeEndian.Uint32(data[12:]))
	end := oldHeaderSize + count*oldEntrySize
	if end > uint64(len(data)) {
		return nil, errCache
	}
	if at := (end + 7) &^ 7; at < uint64(len(data)) {
		if c, err := parseNewCache(data[at:]); err == nil {
			return c, nil
		}
	}
	return &ldCache{entries: data[oldHeaderSize:end], entrySize: oldEntrySize, strings: data[end:]}, nil
}

func parseNewCache(data []byte) (*ldCache, error) {
	if len(data) < newHeaderSize || !bytes.HasPrefix(data, []byte(newMagic)) {
		return nil, errCache
	}
	// 0 is from before the field existed, 2 little endian, 3 big endian.
	foreign := byte(3)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		foreign = 2
	}
	if order := data[28] & 3; order == 1 || order == foreign {
		return nil, errCache
	}
	count := uint64(binary.NativeEndian.Uint32(data[20:]))
	end := newHeaderSize + count*newEntrySize
	if end > uint64(len(data)) {
		return nil, errCache
	}
	return &ldCache{entries: data[newHeaderSize:end], entrySize: newEntrySize, strings: data}, nil
}

func (c *ldCache) count() int { return len(c.entries) / c.entrySize }

func (c *ldCache) entry(i int) (flags, key, value uint32) {
	e := c.entries[i*c.entrySize:]
	return binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:]), binary.NativeEndian.Uint32(e[8:])
}

// text returns the string at an offset, or nil.
func (c *ldCache) text(off uint32) []byte {
	if uint64(off) >= uint64(len(c.strings)) {
		return nil
	}
	s := c.strings[off:]
	// ld.so has PATH_MAX for a path; so a table of overlapping strings
	// without a NUL cannot make this quadratic.
	if len(s) > 4096 {
		s = s[:4096]
	}
	n := bytes.IndexByte(s, 0)
	if n < 0 {
		return nil
	}
	return s[:n]
}

// loadable is _dl_cache_check_flags: entries for another ABI are passed over.
func loadable(flags uint32) bool {
	if flags&0xff != 1 && flags&0xff != 3 {
		return false
	}
	if flags == 1 {
		return true
	}
	switch abi := flags & 0xff00; runtime.GOARCH {
	case "amd64":
		return abi == 0x0300
	case "arm64":
		return abi == 0x0a00
	case "riscv64":
		return abi == 0x0f00 || abi == 0x1000
	case "loong64":
		return abi == 0x1100 || abi == 0x1200
	case "ppc64le":
		return abi == 0x0500
	case "s390x":
		return abi == 0x0400
	}
	return true
}

// dirs returns the directories that the cache names, in its order. Thousands
// of entries share a few directories, so each is first compared with those.
func (c *ldCache) dirs() []string {
	var dirs []string
	last := 0
next:
	for i := range c.count() {
		flags, key, value := c.entry(i)
		if !loadable(flags) {
			continue
		}
		// ldconfig lets the key be the tail of the value: then the directory
		// ends before the key.
		var dir []byte
		if key > value && key-value > 1 && key-value < 4096 && uint64(key) < uint64(len(c.strings)) && c.strings[key-1] == '/' {
			dir = c.strings[value : key-1]
		} else {
			path := c.text(value)
			slash := bytes.LastIndexByte(path, '/')
			if slash <= 0 {
				continue
			}
			dir = path[:slash]
		}
		if last < len(dirs) && string(dir) == dirs[last] {
			continue
		}
		for j, d := range dirs {
			if string(dir) == d {
				last = j
				continue next
			}
		}
		if len(dirs) < maxCacheDirs && dir[0] == '/' && bytes.IndexByte(dir, 0) < 0 {
			last = len(dirs)
			dirs = append(dirs, string(dir))
		}
	}
	return dirs
}

// lookup returns every path that the cache has for a name. Which one ld.so
// takes depends on the processor (glibc-hwcaps), so the caller gets all.
func (c *ldCache) lookup(name string) []string {
	left, right := 0, c.count()-1
	for left <= right {
		middle := left + (right-left)/2
		_, key, _ := c.entry(middle)
		order := compareLibraries(name, string(c.text(key)))
		switch {
		case order < 0:
			left = middle + 1
		case order > 0:
			right = middle - 1
		default:
			return c.same(name, middle)
		}
	}
	return nil
}

func (c *ldCache) same(name string, at int) []string {
	equal := func(i int) bool {
		_, key, _ := c.entry(i)
		return compareLibraries(name, string(c.text(key))) == 0
	}
	first := at
	for first > 0 && at-first < maxSame && equal(first-1) {
		first--
	}
	var paths []string
	for i := first; i < c.count() && i-first < 2*maxSame && equal(i); i++ {
		flags, _, value := c.entry(i)
		if path := c.text(value); loadable(flags) && len(path) > 0 && path[0] == '/' {
			paths = append(paths, string(path))
		}
	}
	return paths
}

// compareLibraries is _dl_cache_libcmp, the order of the cache (which is
// descending): runs of digits compare as numbers.
func compareLibraries(a, b string) int {
	at := func(s string, i int) byte {
		if i < len(s) {
			return s[i]
		}
		return 0
	}
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	number := func(s string, i int) (int32, int) {
		var v int32 // int in C; it wraps there too
		for ; digit(at(s, i)); i++ {
			v = v*10 + int32(s[i]-'0')
		}
		return v, i
	}
	i, j := 0, 0
	for at(a, i) != 0 {
		x, y := at(a, i), at(b, j)
		switch {
		case digit(x) && digit(y):
			var v, w int32
			v, i = number(a, i)
			w, j = number(b, j)
			if v != w {
				return compare(v, w)
			}
		case digit(x):
			return 1
		case digit(y):
			return -1
		case x != y:
			return int(int8(x)) - int(int8(y))
		default:
			i++
			j++
		}
	}
	return int(int8(at(a, i))) - int(int8(at(b, j)))
}

func compare(a, b int32) int {
	if a < b {
		return -1
	}
	return 1
}

const (
	maxConf      = 64 << 10
	maxConfFiles = 64
	maxConfDirs  = 256
)

// confDirs reads ld.so.conf and what it includes. ld.so itself never does,
// but a cache that this program cannot read was made from it.
func confDirs(path string) []string {
	var dirs []string
	files := 0
	var read func(path string, depth int)
	read = func(path string, depth int) {
		if files++; files > maxConfFiles || depth > 8 {
			return
		}
		data, err := readBounded(path, maxConf)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			line = strings.TrimSpace(line)
			if rest, ok := strings.CutPrefix(line, "include"); ok && rest != "" && blank(rest[0]) {
				for _, pattern := range strings.Fields(rest) {
					if !filepath.IsAbs(pattern) {
						pattern = filepath.Join(filepath.Dir(path), pattern)
					}
					matches, _ := filepath.Glob(pattern)
					for _, m := range matches {
						read(m, depth+1)
					}
				}
				continue
			}
			// "hwcap 1 nosegneg" is of the past, "DIR=libc6" too.
			line, _, _ = strings.Cut(line, "=")
			if line = strings.TrimRight(line, " \t"); filepath.IsAbs(line) && len(dirs) < maxConfDirs {
				dirs = append(dirs, line)
			}
		}
	}
	read(path, 0)
	return dirs
}
