package image

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/need"
)

type cacheEntry struct {
	flags uint32
	path  string
}

// ours returns the flags of a library that this machine loads.
func ours() uint32 {
	for flags := uint32(3); flags < 0x2000; flags += 0x100 {
		if loadable(flags) {
			return flags
		}
	}
	return 3
}

// newCache writes the cache as ldconfig does; shared lets keys be tails.
func newCache(entries []cacheEntry, shared bool) []byte {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b cacheEntry) int {
		return compareLibraries(path.Base(b.path), path.Base(a.path))
	})
	order := binary.NativeEndian
	head := make([]byte, newHeaderSize+len(entries)*newEntrySize)
	copy(head, newMagic)
	order.PutUint32(head[20:], uint32(len(entries)))
	var text []byte
	for i, e := range entries {
		at := head[newHeaderSize+i*newEntrySize:]
		value := len(head) + len(text)
		key := value + len(e.path) - len(path.Base(e.path))
		text = append(text, e.path+"\x00"...)
		if !shared {
			key = len(head) + len(text)
			text = append(text, path.Base(e.path)+"\x00"...)
		}
		order.PutUint32(at, e.flags)
		order.PutUint32(at[4:], uint32(key))
		order.PutUint32(at[8:], uint32(value))
	}
	return append(head, text...)
}

func oldCache(entries []cacheEntry, embedded []byte) []byte {
	order := binary.NativeEndian
	head := make([]byte, oldHeaderSize+len(entries)*oldEntrySize)
	copy(head, oldMagic)
	order.PutUint32(head[12:], uint32(len(entries)))
	var text []byte
	for i, e := range entries {
		at := head[oldHeaderSize+i*oldEntrySize:]
		order.PutUint32(at, e.flags)
		order.PutUint32(at[8:], uint32(len(text)))
		text = append(text, e.path+"\x00"...)
		order.PutUint32(at[4:], uint32(len(text)))
		text = append(text, path.Base(e.path)+"\x00"...)
	}
	if embedded != nil {
		for len(head)%8 != 0 {
			head = append(head, 0)
		}
		return append(head, embedded...)
	}
	return append(head, text...)
}

func TestLdCache(t *testing.T) {
	good := ours()
	entries := []cacheEntry{
		{good, "/a/libz.so.1"}, {good, "/a/libc.so.6"}, {good, "/b/libc.so.6"},
		{good, "/a/glibc-hwcaps/v3/libz.so.1"}, {good, "/c/lib10.so.9"}, {good, "/c/lib9.so.10"},
		{0x7f03, "/foreign/libc.so.6"}, {good, "relative/libr.so"}, {good, "/libroot.so"},
	}
	for name, data := range map[string][]byte{
		"shared":       newCache(entries, true),
		"not shared":   newCache(entries, false),
		"embedded":     oldCache(entries[:3], newCache(entries, false)),
		"embedded odd": oldCache(entries[:2], newCache(entries, true)),
	} {
		c, err := parseLdCache(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		dirs := c.dirs()
		slices.Sort(dirs)
		want := []string{"/a", "/a/glibc-hwcaps/v3", "/b", "/c"}
		if runtime.GOARCH != "386" && !slices.Equal(dirs, want) {
			t.Errorf("%s: dirs %q", name, dirs)
		}
		for lib, want := range map[string][]string{
			"libz.so.1": {"/a/glibc-hwcaps/v3/libz.so.1", "/a/libz.so.1"}, "libc.so.6": {"/a/libc.so.6", "/b/libc.so.6"},
			"lib9.so.10": {"/c/lib9.so.10"}, "lib10.so.9": {"/c/lib10.so.9"},
			"libz.so": nil, "": nil, "zzz": nil, "libr.so": nil,
		} {
			got := c.lookup(lib)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s: got %q", name, lib, got)
			}
		}
	}

	old := []cacheEntry{{good, "/o/libz.so.1"}, {good, "/o/liba.so.1"}}
	c, err := parseLdCache(oldCache(old, nil))
	if err != nil || !slices.Equal(c.dirs(), []string{"/o"}) || !slices.Equal(c.lookup("liba.so.1"), []string{"/o/liba.so.1"}) {
		t.Errorf("old: %v", err)
	}

	whole := newCache(entries, true)
	foreign := bytes.Clone(whole)
	foreign[28] = 1
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("# no\n"), "short": whole[:40], "cut in the entries": whole[:100],
		"invalid byte order": foreign, "short old": []byte(oldMagic),
	} {
		if _, err := parseLdCache(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestLdconfig compares with the C library's own reader.
func TestLdconfig(t *testing.T) {
	ldconfig := "/sbin/ldconfig"
	if _, err := os.Stat(ldconfig); err != nil {
		ldconfig = need.Program(t, "ldconfig")
	}
	c, err := readLdCache(ldSoCache)
	if err != nil {
		t.Skip(err)
	}
	out, err := exec.Command(ldconfig, "-p").Output()
	if err != nil {
		t.Skip(err)
	}
	dirs, n := c.dirs(), 0
	for line := range strings.Lines(string(out)) {
		name, file, ok := strings.Cut(strings.TrimSpace(line), " => ")
		name, kind, _ := strings.Cut(name, " ")
		if !ok || runtime.GOARCH == "amd64" && !strings.Contains(kind, "x86-64") {
			continue
		}
		n++
		if !slices.Contains(c.lookup(name), file) || !slices.Contains(dirs, path.Dir(file)) {
			t.Errorf("%s => %s is not found", name, file)
		}
	}
	t.Logf("%d libraries, %d directories", n, len(dirs))
}

func TestCompareLibraries(t *testing.T) {
	for _, ascending := range [][]string{
		{"liba.so", "libb.so"}, {"lib9.so", "lib10.so"}, {"liba.so.2", "liba.so.10"}, {"lib.so", "lib1.so"}, {"lib", "lib.so"},
	} {
		a, b := ascending[0], ascending[1]
		if compareLibraries(a, b) >= 0 || compareLibraries(b, a) <= 0 || compareLibraries(a, a) != 0 {
			t.Errorf("%q is not before %q", a, b)
		}
	}
}

func TestConfDirs(t *testing.T) {
	dir := tempDir(t)
	conf := write(t, dir+"/ld.so.conf", "# first\n/a\ninclude conf.d/*.conf\n\n/b # second\nhwcap 1 nosegneg\n/c=libc6\ninclude "+dir+"/ld.so.conf\n", 0o644)
	write(t, dir+"/conf.d/1.conf", "/one\n", 0o644)
	write(t, dir+"/conf.d/2.conf", "/two\t\n", 0o644)
	write(t, dir+"/conf.d/3.not", "/three\n", 0o644)
	got := confDirs(conf)
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, []string{"/a", "/b", "/c", "/one", "/two"}) {
		t.Errorf("got %q", got)
	}
	if got := confDirs(dir + "/none"); got != nil {
		t.Errorf("got %q", got)
	}
}

func FuzzLdCache(f *testing.F) {
	entries := []cacheEntry{{ours(), "/a/libz.so.1"}, {ours(), "/b/libc.so.6"}, {3, "/c/libc.so.6"}}
	f.Add(newCache(entries, true), "libc.so.6")
	f.Add(newCache(entries, false), "libz.so.1")
	f.Add(oldCache(entries, nil), "libc.so.6")
	f.Add(oldCache(entries, newCache(entries, true)), "lib12345678901234567890.so")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		c, err := parseLdCache(data)
		if err != nil {
			return
		}
		for _, d := range c.dirs() {
			if !strings.HasPrefix(d, "/") || strings.Contains(d, "\x00") {
				t.Errorf("directory %q", d)
			}
		}
		for _, p := range c.lookup(name) {
			if !strings.HasPrefix(p, "/") || strings.Contains(p, "\x00") {
				t.Errorf("path %q", p)
			}
		}
	})
}
