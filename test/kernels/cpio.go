package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
)

// An archive is a cpio of the "newc" format, which the kernel unpacks for its
// first root file system. It is not compressed: to unpack it under emulation
// takes longer than to read it.
type archive struct {
	buf  bytes.Buffer
	dirs map[string]bool
	ino  int
}

// Types of files in a mode, as stat(2) has them.
const (
	typeDir     = 0o040000
	typeChar    = 0o020000
	typeRegular = 0o100000
	typeLink    = 0o120000
)

func newArchive() *archive { return &archive{dirs: map[string]bool{".": true, "/": true}} }

// dir makes a directory and those above it.
func (a *archive) dir(name string, perm fs.FileMode) {
	if a.dirs[name] {
		return
	}
	a.dirs[name] = true
	a.dir(path.Dir(name), 0o755)
	a.entry(name, typeDir|int(perm), 0, 0, nil)
}

func (a *archive) file(name string, perm fs.FileMode, data []byte) {
	a.dir(path.Dir(name), 0o755)
	a.entry(name, typeRegular|int(perm), 0, 0, data)
}

func (a *archive) link(name, target string) {
	a.dir(path.Dir(name), 0o755)
	a.entry(name, typeLink|0o777, 0, 0, []byte(target))
}

func (a *archive) device(name string, perm fs.FileMode, major, minor int) {
	a.dir(path.Dir(name), 0o755)
	a.entry(name, typeChar|int(perm), major, minor, nil)
}

// entry writes a header, the name and the data, both padded to words of four
// bytes. Everything belongs to root and is from 1970.
func (a *archive) entry(name string, mode, major, minor int, data []byte) {
	a.ino++
	fmt.Fprintf(&a.buf, "070701")
	for _, field := range []int{
		a.ino, mode, 0, 0, 1, 0, len(data), // inode, mode, uid, gid, links, mtime, size
		0, 0, major, minor, len(name) + 1, 0, // device of the file, of the node; name, checksum
	} {
		fmt.Fprintf(&a.buf, "%08X", field)
	}
	a.buf.WriteString(name + "\x00")
	a.pad()
	a.buf.Write(data)
	a.pad()
}

func (a *archive) pad() {
	for a.buf.Len()%4 != 0 {
		a.buf.WriteByte(0)
	}
}

// bytes ends the archive.
func (a *archive) bytes() []byte {
	a.entry("TRAILER!!!", 0, 0, 0, nil)
	return a.buf.Bytes()
}
