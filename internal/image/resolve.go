package image

import (
	"debug/elf"
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Kind says how an ELF image is linked.
type Kind uint8

const (
	// Dynamic has a PT_INTERP: the kernel starts its ELF interpreter.
	Dynamic Kind = iota
	// Static is ET_EXEC without PT_INTERP.
	Static
	// StaticPIE is ET_DYN without PT_INTERP; ld.so run as a command is one.
	StaticPIE
)

func (k Kind) String() string {
	switch k {
	case Dynamic:
		return "dynamic"
	case Static:
		return "static"
	case StaticPIE:
		return "static-pie"
	}
	return "unknown"
}

// Need is the access that an image needs to a file.
type Need uint8

const (
	// Exec is Landlock's EXECUTE and READ_FILE.
	Exec Need = iota
	// List is READ_FILE and READ_DIR, on a directory and all below it.
	List
	// Read is READ_FILE. On a directory it is every file under it, without
	// listing it.
	Read
)

func (n Need) String() string {
	switch n {
	case Exec:
		return "exec"
	case List:
		return "list"
	case Read:
		return "read"
	}
	return "unknown"
}

// File is a file or directory that the image needs. Path is canonical: it is
// absolute and no component was a symbolic link.
type File struct {
	Path string
	Need Need
	Dir  bool
	Why  string
	// As is the path that led to a file, absolute, where that is another one.
	As string
}

// Image is what the kernel is asked to run and what that needs.
type Image struct {
	// Path is the file to execve. It is absolute, but its symbolic links are
	// kept, because programs look at the name that they were started by.
	Path string
	// Argv is the argument list to execve, argv[0] first.
	Argv []string
	// Files is everything the image needs, most important first. No file is
	// listed twice, and none that a listed directory already covers.
	Files []File

	// The rest describes the ELF file at the end of the #! chain.

	File    string // its path, canonical
	Kind    Kind
	Go      bool   // linked by the Go toolchain
	Interp  string // PT_INTERP as written, "" if there is none
	Class   elf.Class
	Machine elf.Machine
}

const (
	// maxScripts is how many scripts may stand one behind the other. The
	// kernel's comment promises 4 rewrites, its loop (exec_binprm) allows 5.
	maxScripts = 5
	// maxEnv bounds how often `#!/usr/bin/env` is replaced. env executes
	// anew, which restarts the kernel's count, so a loop would never end.
	maxEnv = 5
	// maxFiles bounds the list of a hostile file. The largest programs of a
	// desktop have a few dozen entries.
	maxFiles = 4096
)

type resolver struct {
	command string
	env     func(string) (string, bool)
	dir     string
	files   []File
	reader  elfReader
}

// Resolve finds what `command args...` runs in the working directory dir, and
// the files that it needs. It looks up PATH, HOME, LD_LIBRARY_PATH,
// LD_PRELOAD and LD_AUDIT in env, which has the form of [os.LookupEnv].
//
// Every error is an [*Error].
func Resolve(command string, args []string, env func(string) (string, bool), dir string) (*Image, error) {
	r := &resolver{command: command, env: env, dir: dir}
	if env == nil {
		r.env = func(string) (string, bool) { return "", false }
	}
	if !filepath.IsAbs(dir) {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, &Error{Command: command, Path: dir, Err: err}
		}
		r.dir = abs
	}

	path, at, err := r.lookup(command)
	if err != nil {
		return nil, r.commandError(at, err)
	}
	img := &Image{Path: path, Argv: append([]string{command}, args...)}
	obj, err := r.follow(img)
	if err != nil {
		return nil, err
	}
	r.describe(img, obj)
	if img.Kind == Dynamic {
		ldso, err := r.interpreter(obj)
		if err != nil {
			return nil, err
		}
		r.libraries(obj, ldso)
	}
	img.Files = withoutCovered(r.files)
	return img, nil
}

// follow walks the #! chain from img.Path to the ELF file at its end, listing
// each file. Where the chain passes through env it rewrites img to start what
// env would start.
func (r *resolver) follow(img *Image) (*object, error) {
	var (
		path = img.Path
		why  = "the command"
		argv = img.Argv // what the kernel would make of it at this point
		seen = 0        // scripts since the last execve
		envs = 0
		user = "" // the script whose interpreter path is
	)
	for {
		fd, err := openRegular(path)
		if err != nil {
			err = unreadable(err)
			if user != "" {
				return nil, r.interpreterError(user, path, err)
			}
			return nil, r.commandError(path, err)
		}
		real := named(fd, path)
		r.reader.reset(descriptor(fd))
		head, err := r.reader.head()
		if err != nil {
			unix.Close(fd)
			return nil, r.commandError(path, err)
		}
		if !strings.HasPrefix(string(head[:min(2, len(head))]), "#!") {
			obj, err := r.reader.object(path, true)
			unix.Close(fd)
			if err != nil {
				if user != "" {
					return nil, r.interpreterError(user, path, err)
				}
				return nil, r.formatError(path, head, err)
			}
			obj.real = real
			r.add(obj.real, Exec, false, why)
			r.ledBy(obj.real, path)
			return obj, nil
		}
		line, ok := parseShebang(head)
		unix.Close(fd)
		if !ok {
			return nil, r.formatError(path, head, reason("its #! line names no interpreter", unix.ENOEXEC))
		}
		if seen++; seen > maxScripts {
			return nil, r.commandError(img.Path, reason("too many levels of #! interpreters", unix.ELOOP))
		}

		if line.interp == "/usr/bin/env" || line.interp == "/bin/env" {
			words, err := envWords(line)
			if err != nil {
				return nil, r.envError(path, line, err)
			}
			if envs++; envs > maxEnv {
				return nil, r.commandError(img.Path, reason("too many levels of #! interpreters", unix.ELOOP))
			}
			// The files so far are no longer executed: they are arguments.
			r.add(real, Read, false, why)
			r.ledBy(real, path)
			for i := range r.files {
				r.files[i].Need = Read
			}
			next, at, err := r.lookup(words[0])
			if err != nil {
				return nil, r.envLookupError(path, words[0], at, err)
			}
			argv = concat(words, []string{path}, argv[min(1, len(argv)):])
			img.Path, img.Argv = next, argv
			why, user, path, seen = "interpreter of "+path, path, next, 0
			continue
		}

		r.add(real, Exec, false, why)
		r.ledBy(real, path)
		interp := r.absolute(line.interp)
		if err := executable(interp); err != nil {
			return nil, r.interpreterError(path, line.interp, err)
		}
		front := []string{line.interp}
		if line.arg != "" {
			front = append(front, line.arg)
		}
		argv = concat(front, []string{path}, argv[min(1, len(argv)):])
		why, user, path = "interpreter of "+path, path, interp
	}
}

func (r *resolver) describe(img *Image, obj *object) {
	img.File, img.Interp = obj.real, obj.interp
	img.Class, img.Machine = obj.class, obj.machine
	img.Go = obj.goBuilt
	switch {
	case obj.interp != "":
		img.Kind = Dynamic
	case obj.elfType == elf.ET_EXEC:
		img.Kind = Static
	default:
		img.Kind = StaticPIE
	}
}

// interpreter lists the ELF interpreter. The kernel needs it at execve, so a
// missing one is an error here, and a puzzling one to who sees only ENOENT.
func (r *resolver) interpreter(obj *object) (string, error) {
	path := r.absolute(obj.interp)
	if err := executable(path); err != nil {
		return "", r.elfInterpreterError(obj.path, obj.interp, err)
	}
	fd, err := openRegular(path)
	real := canonical(path)
	if err == nil {
		real = named(fd, path)
		var magic [len(elf.ELFMAG)]byte
		_, err = descriptor(fd).ReadAt(magic[:], 0)
		unix.Close(fd)
		if string(magic[:]) != elf.ELFMAG {
			err = reason("it is no ELF file", unix.ELIBBAD)
		}
	}
	if err != nil && !errors.Is(err, unix.EACCES) { // which may be executed all the same
		return "", r.elfInterpreterError(obj.path, obj.interp, err)
	}
	r.add(real, Exec, false, "ELF interpreter of "+obj.path)
	r.ledBy(real, path)
	return real, nil
}

// add lists a file once; the first reason stays, the stronger need wins.
func (r *resolver) add(path string, need Need, dir bool, why string) {
	for i := range r.files {
		if f := &r.files[i]; f.Path == path {
			f.Need = min(f.Need, need)
			return
		}
	}
	if len(r.files) >= maxFiles {
		return
	}
	r.files = append(r.files, File{Path: path, Need: need, Dir: dir, Why: why})
}

// ledBy notes the path that led to a file, or one of them. What is installed
// is nobody's secret.
func (r *resolver) ledBy(real, path string) {
	if real == path || widest(real) == whole {
		return
	}
	for i := range r.files {
		if f := &r.files[i]; f.Path == real && f.As == "" {
			f.As = path
		}
	}
}

// withoutCovered drops what a listed directory already grants.
func withoutCovered(files []File) []File {
	var dirs []string
	for _, f := range files {
		if f.Dir {
			dirs = append(dirs, f.Path)
		}
	}
	kept := files[:0:0]
	for _, f := range files {
		covered := false
		for _, d := range dirs {
			if f.Need == Read && f.Path != d && under(f.Path, d) {
				covered = true
				break
			}
		}
		if !covered {
			kept = append(kept, f)
		}
	}
	return kept
}

// under reports whether path is dir or lies below it; both are canonical.
func under(path, dir string) bool {
	if dir == "/" {
		return true
	}
	return strings.HasPrefix(path, dir) && (len(path) == len(dir) || path[len(dir)] == '/')
}

func concat(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
