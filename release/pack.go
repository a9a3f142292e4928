package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// pack makes an archive of a directory that depends on names, contents, links
// and whether a file can be executed, and on nothing else of the file system.
func pack(dir, name string, when time.Time) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	// WalkDir goes by the order of the names.
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h := &tar.Header{Name: path.Join(name, below), ModTime: when, Mode: 0o644, Format: tar.FormatPAX}
		if info.Mode()&0o100 != 0 {
			h.Mode = 0o755
		}
		switch {
		case d.IsDir():
			h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
			return w.WriteHeader(h)
		case d.Type() == fs.ModeSymlink:
			h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
			if h.Linkname, err = os.Readlink(file); err != nil {
				return err
			}
			return w.WriteHeader(h)
		case !d.Type().IsRegular():
			return fmt.Errorf("%s: %v", file, d.Type())
		}
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// firstDifference names the first file in which two archives differ.
func firstDifference(a, b []byte) string {
	read := func(archive []byte) *tar.Reader {
		z, err := gzip.NewReader(bytes.NewReader(archive))
		if err != nil {
			return tar.NewReader(bytes.NewReader(nil))
		}
		return tar.NewReader(z)
	}
	x, y := read(a), read(b)
	for {
		h, err := x.Next()
		g, err2 := y.Next()
		if err != nil || err2 != nil {
			return "no file of an archive differs before one of them ends"
		}
		one, _ := io.ReadAll(x)
		other, _ := io.ReadAll(y)
		switch {
		case h.Name != g.Name:
			return fmt.Sprintf("%s is in one, %s in the other", h.Name, g.Name)
		case h.Mode != g.Mode || h.Linkname != g.Linkname || !h.ModTime.Equal(g.ModTime):
			return fmt.Sprintf("%s has another mode, link or time", h.Name)
		case !bytes.Equal(one, other):
			return fmt.Sprintf("%s has other bytes", h.Name)
		}
	}
}
