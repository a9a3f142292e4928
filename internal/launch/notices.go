package launch

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/unveil"
)

// notices tells what the plan of paths does not know of.
func (r *Request) notices(b *box, dir string) []string {
	var list []string
	if (r.Explain || r.namesRelative(dir)) && r.dirOutside(b, dir) {
		list = append(list, fmt.Sprintf("the working directory %q is outside the box", dir))
	}
	return list
}

// dirOutside reports whether nothing at all can be done in the working
// directory.
func (r *Request) dirOutside(b *box, dir string) bool {
	const use = unveil.ReadFile | unveil.ReadDir | unveil.WriteFile | unveil.Execute
	return b.kernel.ABI > 0 && b.paths.Access(dir)&use == 0
}

// namesRelative reports whether an argument of the command is a name in the
// working directory. Without one the directory is most often of no interest,
// and the notice would be noise.
func (r *Request) namesRelative(dir string) bool {
	for _, arg := range r.Command[1:] {
		if arg == "" || arg[0] == '/' || arg[0] == '-' || strings.IndexByte(arg, 0) >= 0 {
			continue
		}
		var st unix.Stat_t
		if unix.Lstat(filepath.Join(dir, arg), &st) == nil {
			return true
		}
	}
	return false
}

// startable looks whether the plan lets the command start. It can fail with
// --no-auto only, or where an entry hides what the command needs.
func (r *Request) startable(b *box) *Failure {
	if b.kernel.ABI == 0 || !r.NoAuto && len(r.Unveil) == 0 {
		return nil
	}
	var f *Failure
	for _, file := range b.image.Files {
		lacks := rights(file.Need) &^ b.paths.Access(file.Path)
		if lacks == 0 || file.Dir && !r.NoAuto {
			continue
		}
		letter := "r"
		if lacks&unveil.Execute != 0 {
			letter = "x"
		}
		if f == nil {
			f = &Failure{Status: StatusNotExec, Err: fmt.Errorf("cannot execute %q: the box does not let it start: %q (%s) lacks %s", b.image.Path, file.Path, file.Why, letter)}
		}
		f.hinted("-u %s", quote(file.Path+":"+letter))
	}
	return f
}
