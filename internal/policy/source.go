package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What is read of policy files, all that are included together for the last
// three. They bound what a hostile file costs.
const (
	maxFile  = 1 << 20 // bytes of one
	maxBytes = 4 << 20
	maxFiles = 128
	maxDepth = 16
)

// A source is a policy file that is being read.
type source struct {
	name string // for messages
	dir  string // where the paths of its include lines begin
	id   fileID

	uid, mode uint32 // of a file
}

// A fileID tells whether a file is one that includes the present one.
type fileID struct {
	dev, ino uint64
	name     string // of a text that is no file
}

// ReadFile adds the lines of a policy file to p, and of those that it
// includes. A name without a slash is that of a profile, if there is one: in
// ~/.config/unveil, in /etc/unveil, or of those that come with the launcher.
//
// Errors are of type [*Error]: a file that cannot be read, that is no regular
// file or larger than 1 MiB, and any line that is malformed, with its place.
// When ReadFile fails, p must not be used.
func (p *Policy) ReadFile(name string) error {
	s, text, err := p.find(name, name)
	if err != nil {
		return err
	}
	return p.read(s, text)
}

// Read is ReadFile of a text; name stands in its errors.
func (p *Policy) Read(name, text string) error {
	return p.read(&source{name: name, dir: filepath.Dir(name), id: fileID{name: name}}, text)
}

// load reads a file.
func load(name, path string) (*source, string, error) {
	// O_NONBLOCK: a FIFO would hold the open until somebody writes to it.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, "", unreadable(name, err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, "", unreadable(name, err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return nil, "", &Error{At: name, Err: errors.New("a directory, not a policy file"), Hint: "name the file in it"}
	default:
		return nil, "", &Error{At: name, Err: errors.New("not a regular file"), Hint: "write the policy to a file: it is not read from pipes and devices"}
	}
	var text strings.Builder
	text.Grow(int(min(max(st.Size, 0), maxFile)))
	if _, err := io.Copy(&text, io.LimitReader(f, maxFile+1)); err != nil {
		return nil, "", unreadable(name, err)
	}
	return &source{
		name: name, dir: filepath.Dir(path),
		id:  fileID{dev: uint64(st.Dev), ino: st.Ino}, //nolint:unconvert // Dev differs between architectures
		uid: st.Uid, mode: st.Mode,
	}, text.String(), nil
}

func unreadable(name string, err error) error {
	e := &Error{At: name, Err: err, Hint: "a policy file is given by its path"}
	var path *fs.PathError // says the name again
	if errors.As(err, &path) {
		e.Err = path.Err
	}
	if errors.Is(err, fs.ErrPermission) {
		e.Hint = "the user who runs the command must be able to read it"
	}
	return e
}

// read adds the lines of a source, unless it is one too many.
func (p *Policy) read(s *source, text string) error {
	p.files++
	p.bytes += len(text)
	limit := func(format string, args ...any) error {
		return &Error{At: s.name, Err: fmt.Errorf(format, args...), Hint: "is it a policy file?"}
	}
	switch {
	case len(text) > maxFile:
		return limit("larger than %d bytes", maxFile)
	case p.bytes > maxBytes:
		return limit("with it, more than %d bytes of policy files", maxBytes)
	case p.files > maxFiles:
		return limit("with it, more than %d policy files", maxFiles)
	}
	p.reading = append(p.reading, s)
	defer func() { p.reading = p.reading[:len(p.reading)-1] }()
	if format := landlockconfigFormat(s.name); format != "" {
		return p.landlockconfig(s.name, format, text)
	}
	return p.lines(s.name, text)
}

// includeLine reads the files of an include line.
func (p *Policy) includeLine(args []word) error {
	for _, a := range args {
		if err := p.include(a); err != nil {
			return err
		}
	}
	return nil
}

func (p *Policy) include(a word) error {
	if len(p.reading) >= maxDepth {
		return &Error{At: a.at, Err: fmt.Errorf("include %q: more than %d files within one another", clip(a.text), maxDepth), Hint: "include fewer, or write the lines out"}
	}
	path, err := p.path("include", a)
	if err != nil {
		return err
	}
	if path == "" {
		return &Error{At: a.at, Err: errors.New("include: the name is empty"), Hint: "write it as in: include ./common"}
	}
	name := path
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.reading[len(p.reading)-1].dir, path)
	}
	s, text, err := p.find(name, path)
	if err == nil {
		for i, r := range p.reading {
			if r.id != s.id {
				continue
			}
			var way strings.Builder
			for _, r := range p.reading[i:] {
				way.WriteString(r.name + ", ")
			}
			return &Error{At: a.at, Err: fmt.Errorf("include %q: it includes itself: %s%s", clip(a.text), way.String(), s.name), Hint: "take one of these lines out"}
		}
		err = p.read(s, text)
	}
	var e *Error
	if errors.As(err, &e) {
		e.Included = append(e.Included, a.at)
	}
	return err
}
