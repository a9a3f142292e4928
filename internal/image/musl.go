package image

import (
	"path/filepath"
	"strings"
)

const muslDefault = "/lib:/usr/local/lib:/usr/lib"

// muslArch returns the architecture in a musl interpreter's name, "" for any
// other interpreter.
func muslArch(interp string) string {
	name, ok := strings.CutPrefix(filepath.Base(interp), "ld-musl-")
	if !ok {
		return ""
	}
	arch, _, ok := strings.Cut(name, ".so")
	if !ok {
		return ""
	}
	return arch
}

// muslPathFile is where this interpreter looks for its search path: beside
// the directory it lies in, so /lib/ld-musl-A.so.1 asks /etc/ld-musl-A.path.
func muslPathFile(interp, arch string) string {
	prefix := filepath.Dir(filepath.Dir(interp))
	return join(prefix, "etc/ld-musl-"+arch+".path")
}

// muslPath returns the search path, and whether it comes from the file. A
// file that exists but cannot be used means an empty path, as in musl.
func muslPath(file string) (dirs []string, fromFile bool) {
	data, err := readBounded(file, maxConf)
	if missing(err) {
		return strings.Split(muslDefault, ":"), false
	}
	if err != nil {
		return nil, true
	}
	text, _, _ := strings.Cut(string(data), "\x00")
	return strings.FieldsFunc(text, func(c rune) bool { return c == ':' || c == '\n' }), true
}

// muslOwn reports whether a library is one that musl's interpreter is itself:
// it goes by the start of the name (load_library of ldso/dynlink.c), whatever
// file of that name exists.
func muslOwn(name string) bool {
	rest, ok := strings.CutPrefix(name, "lib")
	if !ok {
		return false
	}
	for _, own := range []string{"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."} {
		if strings.HasPrefix(rest, own) {
			return true
		}
	}
	return false
}
