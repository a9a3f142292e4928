package image

import (
	"debug/elf"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxObjects = 1000
	// maxSteps bounds the candidates looked at for all objects together:
	// hostile search paths multiply.
	maxSteps = 1 << 16

	ldSoCache   = "/etc/ld.so.cache"
	ldSoConf    = "/etc/ld.so.conf"
	ldSoPreload = "/etc/ld.so.preload"
	localeDir   = "/usr/lib/locale"
)

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
				s.grant(lib, element{width: single}, why)
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
				s.grant(lib, s.element(filepath.Dir(path), whole, "library search path (ld.so.cache)"), why)
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
			s.grant(lib, e, why)
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
	lib.loader, lib.real = by, named(fd, path)
	return lib
}

func (s *search) grant(lib *object, e element, why string) {
	real := lib.real
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
		s.r.ledBy(real, lib.path)
	}
}
