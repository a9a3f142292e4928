package image

import (
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// maxTokens bounds $ORIGIN and its kin in one name, which grows by each.
const maxTokens = 8

// width says how much of a directory of the search path is granted.
type width uint8

const (
	// whole: it is there for libraries, and a program may load more of them
	// by dlopen (NSS, gconv, plugins).
	whole width = iota
	// whenUsed: it is there for libraries and much else, as /usr/lib, so it
	// is granted only when a library that is needed lies directly in it.
	whenUsed
	// single: it is not there for libraries, as $HOME; only those found in it
	// are granted, each by itself.
	single
)

// place is a directory of a search path as it is on disk.
type place struct {
	real  string // "" if there is no such directory
	width width
}

// element is a place in one search path.
type element struct {
	spelled string
	*place  // nil until it is looked at, for what is seldom reached
	width   width
}

// installed are the trees that only the administrator puts software into.
var installed = []string{"/usr", "/lib", "/lib64", "/opt", "/nix/store", "/gnu/store"}

// widest is how much of a directory a file opens that names it as a search
// path. What is confined must not choose its box: of a program that anybody
// may have written, a RUNPATH of /home/me/.ssh opens no more than the libraries
// that it needs and that lie there. What is installed is believed.
func widest(real string) width {
	for _, tree := range installed {
		if under(real, tree) {
			return whole
		}
	}
	return single
}

// elements reads a search path as ld.so does and grants what is for libraries,
// at most of a width.
func (s *search) elements(list string, obj *object, most width, why string) []element {
	var path []element
	for more := true; more; {
		var item string
		if i := strings.IndexAny(list, ":;"); i >= 0 {
			item, list = list[:i], list[i+1:]
		} else {
			item, more = list, false
		}
		for _, dir := range s.expand(item, obj) {
			if s.steps++; s.steps > maxSteps {
				return path
			}
			w := most
			// An empty or relative element is the working directory, most
			// often by accident (`$LD_LIBRARY_PATH:/x`): never open it whole.
			if !filepath.IsAbs(dir) {
				w = single
			}
			// Nor what a link leads to that anybody may have made.
			at := s.r.absolute(dir)
			if p := s.place(at); w == whole && p.real != filepath.Clean(dir) {
				w = widest(p.real)
			}
			path = append(path, s.element(at, w, why))
		}
	}
	return path
}

// element looks at one directory of a search path and grants it if it may be
// granted whole.
func (s *search) element(dir string, w width, why string) element {
	e := element{spelled: dir, place: s.place(dir)}
	e.width = max(w, e.place.width)
	if e.real != "" && e.width == whole {
		s.r.add(e.real, Read, true, why)
	}
	return e
}

func (s *search) place(dir string) *place {
	if p, ok := s.places[dir]; ok {
		return p
	}
	p := &place{}
	s.places[dir] = p
	if strings.ContainsRune(dir, 0) {
		return p
	}
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return p
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return p
	}
	p.real, p.width = real, s.width(real)
	return p
}

// width judges a canonical directory by its name.
func (s *search) width(dir string) width {
	switch dir {
	case "/lib", "/lib64", "/usr/lib", "/usr/lib64":
		return whenUsed
	case "/usr", "/usr/local":
		return single
	}
	if strings.LastIndexByte(dir, '/') <= 0 { // "/" and its direct children
		return single
	}
	if s.home != "" && under(s.home, dir) {
		return single
	}
	return whole
}

// multiarch returns Debian's directories of this machine.
func multiarch(abi string) []string {
	name := platform() + "-linux-" + abi
	return []string{"/lib/" + name, "/usr/lib/" + name}
}

// platform is the kernel's AT_PLATFORM, and Debian's name of the machine.
func platform() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "loong64":
		return "loongarch64"
	case "ppc64le":
		return "powerpc64le"
	}
	return runtime.GOARCH
}

// expand replaces $ORIGIN, $LIB and $PLATFORM. $LIB was chosen when ld.so was
// built, so every known value is tried.
func (s *search) expand(item string, obj *object) []string {
	if !strings.Contains(item, "$") {
		return []string{item}
	}
	if strings.Count(item, "$") > maxTokens {
		return nil
	}
	origin := filepath.Dir(s.r.absolute(obj.path))
	if obj == s.main {
		origin = filepath.Dir(obj.real) // ld.so asks the kernel: no links left
	}
	item = substitute(item, "ORIGIN", origin)
	item = substitute(item, "PLATFORM", platform())
	var all []string
	for _, lib := range []string{"lib/" + platform() + "-linux-gnu", "lib64", "lib"} {
		path := substitute(item, "LIB", lib)
		if path == item {
			return []string{item}
		}
		all = append(all, path)
	}
	return all
}

// substitute replaces $NAME and ${NAME}, but not the start of a longer name.
func substitute(s, name, value string) string {
	s = strings.ReplaceAll(s, "${"+name+"}", value)
	for from := 0; ; {
		i := strings.Index(s[from:], "$"+name)
		if i < 0 {
			return s
		}
		i += from
		end := i + 1 + len(name)
		if end < len(s) && (s[end] == '_' || s[end]|0x20 >= 'a' && s[end]|0x20 <= 'z') {
			from = end
			continue
		}
		s = s[:i] + value + s[end:]
		from = i + len(value)
	}
}
