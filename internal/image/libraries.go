package image

import (
	"debug/elf"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxObjects = 1000
	// maxSteps bounds the candidates looked at for all objects together:
	// hostile search paths multiply.
	maxSteps = 1 << 16
	// maxTokens bounds $ORIGIN and its kin in one name, which grows by each.
	maxTokens = 8

	ldSoCache   = "/etc/ld.so.cache"
	ldSoConf    = "/etc/ld.so.conf"
	ldSoPreload = "/etc/ld.so.preload"
	localeDir   = "/usr/lib/locale"
)

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

type search struct {
	r     *resolver
	main  *object
	musl  bool
	ldso  string // canonical
	home  string
	steps int

	places      map[string]*place
	seen        map[string]bool
	queue       []*object
	cache       *ldCache
	libraryPath []element
	defaults    []element
	own         map[*object][]element // its RUNPATH, or else its RPATH
}

// libraries lists what the ELF interpreter reads to load main.
func (r *resolver) libraries(main *object, ldso string) {
	s := &search{
		r: r, main: main,
		ldso:   ldso,
		places: make(map[string]*place),
		seen:   make(map[string]bool),
		own:    make(map[*object][]element),
	}
	if home, _ := r.env("HOME"); filepath.IsAbs(home) {
		s.home = canonical(home)
	}
	arch := muslArch(main.interp)
	s.musl = arch != ""
	if s.musl {
		s.muslDefaults(arch)
	} else {
		s.glibcDefaults()
	}
	if list, ok := r.env("LD_LIBRARY_PATH"); ok && list != "" {
		s.libraryPath = s.elements(list, main, whole, "library search path (LD_LIBRARY_PATH)")
	}

	s.queue = append(s.queue, main)
	s.preloads()
	for i := 0; i < len(s.queue); i++ {
		obj := s.queue[i]
		for _, name := range obj.needed {
			s.need(obj, name, "library needed by "+obj.path)
		}
		if s.musl {
			continue
		}
		for _, list := range obj.audit {
			for _, name := range strings.Split(list, ":") {
				s.need(obj, name, "audit library of "+obj.path)
			}
		}
	}
	if !s.musl {
		if p := s.place(localeDir); p.real != "" {
			// setlocale(3) opens LC_MESSAGES, a directory, and does without
			// the locale where it cannot.
			r.add(p.real, List, true, "locale data")
		}
	}
}

func (s *search) glibcDefaults() {
	r := s.r
	cache, err := readLdCache(ldSoCache)
	if err == nil {
		s.cache = cache
		r.add(canonical(ldSoCache), Read, false, "library search path (ld.so.cache)")
		for _, dir := range cache.dirs() {
			s.element(dir, whole, "library search path (ld.so.cache)")
		}
	} else {
		// It may be readable to ld.so all the same.
		if !missing(err) {
			r.add(canonical(ldSoCache), Read, false, "library search path (ld.so.cache)")
		}
		for _, dir := range confDirs(ldSoConf) {
			s.defaults = append(s.defaults, s.element(dir, whole, "library search path (ld.so.conf)"))
		}
	}
	for _, dir := range multiarch("gnu") {
		s.defaults = append(s.defaults, s.element(dir, whole, "library search path (default)"))
	}
	// The last is for a glibc under its own prefix (Nix, Guix), which has its
	// libraries beside it.
	for _, dir := range []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib", filepath.Dir(s.ldso)} {
		s.defaults = append(s.defaults, element{spelled: dir, width: max(whenUsed, widest(dir))})
	}
}

func (s *search) muslDefaults(arch string) {
	file := muslPathFile(s.r.absolute(s.main.interp), arch)
	dirs, fromFile := muslPath(file)
	why := "library search path (default)"
	real := canonical(file)
	most := widest(real)
	if fromFile {
		why = "library search path (ld-musl-" + arch + ".path)"
		// It may lie beside an interpreter that anybody has written, and lead
		// by a link to what is no such file.
		named := filepath.Base(real) == filepath.Base(file)
		if named || most == whole {
			s.r.add(real, Read, false, why)
		}
		if named && filepath.Dir(real) == "/etc" {
			most = whole
		}
	}
	for _, dir := range dirs {
		if fromFile {
			s.defaults = append(s.defaults, s.element(s.r.absolute(dir), most, why))
		} else {
			s.defaults = append(s.defaults, element{spelled: dir, width: whenUsed})
		}
	}
	// Debian's musl has these compiled in.
	for _, dir := range multiarch("musl") {
		s.defaults = append(s.defaults, s.element(dir, whole, "library search path (default)"))
	}
}

// preloads queues what is loaded before the libraries of main.
func (s *search) preloads() {
	separator := func(c rune) bool { return c == ' ' || c == ':' }
	if list, ok := s.r.env("LD_PRELOAD"); ok {
		for _, name := range strings.FieldsFunc(list, separator) {
			s.need(s.main, name, "preloaded library (LD_PRELOAD)")
		}
	}
	if s.musl {
		return
	}
	if list, ok := s.r.env("LD_AUDIT"); ok {
		for _, name := range strings.Split(list, ":") {
			s.need(s.main, name, "audit library (LD_AUDIT)")
		}
	}
	data, err := readBounded(ldSoPreload, maxConf)
	if err != nil {
		return
	}
	s.r.add(canonical(ldSoPreload), Read, false, "preloaded libraries (ld.so.preload)")
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		for _, name := range strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(": \t\n", c) }) {
			s.need(s.main, name, "preloaded library (ld.so.preload)")
		}
	}
}

// need finds one library as ld.so would, grants it, and queues it so that its
// own needs are followed.
func (s *search) need(by *object, name, why string) {
	// A name is loaded once, whoever asks, as in ld.so.
	if name == "" || s.seen[name] || len(s.queue) >= maxObjects {
		return
	}
	s.seen[name] = true
	if strings.Contains(name, "/") {
		for _, path := range s.expand(name, by) {
			path = s.r.absolute(path)
			if lib := s.open(by, path); lib != nil {
				s.grant(lib, canonical(path), element{width: single}, why)
				return
			}
		}
		return
	}
	if s.musl && muslOwn(name) {
		return
	}
	for _, list := range s.before(by) {
		if s.in(list, by, name, why) {
			return
		}
	}
	if s.cache != nil {
		found := false
		for _, path := range s.cache.lookup(name) {
			if lib := s.open(by, path); lib != nil {
				s.grant(lib, "", s.element(filepath.Dir(path), whole, "library search path (ld.so.cache)"), why)
				found = true
			}
		}
		if found {
			return
		}
	}
	s.in(s.defaults, by, name, why)
}

// before returns the search paths that come before the cache, in their order.
func (s *search) before(obj *object) [][]element {
	var lists [][]element
	if s.musl {
		lists = append(lists, s.libraryPath)
		for l := obj; l != nil && len(lists) < maxObjects; l = l.loader {
			lists = append(lists, s.ownPath(l))
		}
		return lists
	}
	if obj.hasRunpath {
		return append(lists, s.libraryPath, s.ownPath(obj))
	}
	for l := obj; l != nil && len(lists) < maxObjects; l = l.loader {
		if !l.hasRunpath {
			lists = append(lists, s.ownPath(l))
		}
	}
	return append(lists, s.libraryPath)
}

func (s *search) ownPath(obj *object) []element {
	if obj.rpath == "" && obj.runpath == "" {
		return nil
	}
	list, ok := s.own[obj]
	if !ok {
		if obj.hasRunpath {
			list = s.elements(obj.runpath, obj, widest(obj.real), "library search path (RUNPATH of "+obj.path+")")
		} else {
			list = s.elements(obj.rpath, obj, widest(obj.real), "library search path (RPATH of "+obj.path+")")
		}
		s.own[obj] = list
	}
	return list
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

func (s *search) in(list []element, by *object, name, why string) bool {
	for _, e := range list {
		if s.steps++; s.steps > maxSteps {
			return false
		}
		if e.place == nil {
			e = s.element(e.spelled, e.width, "")
		}
		if e.real == "" {
			continue
		}
		if lib := s.open(by, join(e.spelled, name)); lib != nil {
			s.grant(lib, "", e, why)
			return true
		}
	}
	return false
}

// open reads a library; ld.so passes over one of another class or machine.
func (s *search) open(by *object, path string) *object {
	if s.steps++; s.steps > maxSteps {
		return nil
	}
	fd, err := openRegular(path)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	s.r.reader.reset(descriptor(fd))
	lib, err := s.r.reader.object(path, false)
	if err != nil || lib.elfType != elf.ET_DYN {
		return nil
	}
	lib.loader = by
	return lib
}

func (s *search) grant(lib *object, real string, e element, why string) {
	if real == "" {
		real = realFile(e.real, filepath.Base(lib.path))
	}
	lib.real = real
	if real == s.ldso {
		return // granted already, and it needs nothing
	}
	s.queue = append(s.queue, lib)
	dir := filepath.Dir(real)
	switch {
	case s.width(dir) == whenUsed && e.width != single,
		e.width == whenUsed && dir == e.real:
		s.r.add(dir, Read, true, why)
	case e.width == whole && under(real, e.real):
	default:
		s.r.add(real, Read, false, why)
	}
}

// realFile resolves a name in a canonical directory. Nearly always it is a
// plain file or a link beside it, which needs no walk from the root.
func realFile(dir, name string) string {
	var buf [unix.PathMax]byte
	for range maxLink {
		n, err := unix.Readlink(join(dir, name), buf[:])
		if err != nil {
			return join(dir, name)
		}
		target := string(buf[:n])
		if target == "" || target == "." || target == ".." || strings.Contains(target, "/") {
			return canonical(join(dir, name))
		}
		name = target
	}
	return canonical(join(dir, name))
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
			path = append(path, s.element(s.r.absolute(dir), w, why))
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
