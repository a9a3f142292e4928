package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// notices tells what the plan of paths does not know of.
func (r *Request) notices(b *box, dir string) []string {
	var list []string
	if r.Listed && !b.net.udp {
		list = append(list, fmt.Sprintf("%s: landlockconfig does not speak of UDP, which is refused (--connect 'udp:*' opens it)", r.Rights[0].From))
	}
	if b.kernel.ABI > 0 && (r.Explain || r.namesRefused(b, dir)) && r.Print == "" && !b.usable(dir) {
		list = append(list, fmt.Sprintf("the working directory %q is outside the box", dir))
	}
	if r.OnViolation == pledge.Log && b.second.lost != "" {
		list = append(list, b.second.lost)
	}
	if granted, _ := r.granted(); r.Execpromises != nil {
		if granted.Has(promises.rpath) && !r.Execpromises.Has(promises.rpath) {
			list = append(list, "-P lacks rpath: what the command executes cannot load its libraries")
		}
		// The filter knows who calls by where the code lies, and a program that
		// may map code for its loader may map some there. The exec functions of
		// libunveil.so put on a second; others know of none.
		if more := granted &^ *r.Execpromises; more != 0 {
			list = append(list, fmt.Sprintf("-P does not hold a hostile program that is started by posix_spawn, system, popen or a bare system call: by code that it maps where the command's lies it has %q too", more.String()))
		}
	}
	return append(list, setID(b.image.File)...)
}

// setID tells what of an executable has no effect under no_new_privs.
func setID(file string) (list []string) {
	var st unix.Stat_t
	if unix.Stat(file, &st) != nil {
		return nil
	}
	// Without x for the group the bit is about locks, as on System V.
	if uid, gid := st.Mode&unix.S_ISUID != 0, st.Mode&(unix.S_ISGID|unix.S_IXGRP) == unix.S_ISGID|unix.S_IXGRP; uid || gid {
		list = append(list, fmt.Sprintf("%q runs as who starts it: its set-id bit has no effect", file))
	}
	if os.Getuid() != 0 && hasFileCapabilities(file) {
		list = append(list, fmt.Sprintf("%q runs without its file capabilities", file))
	}
	return list
}

// usable reports whether anything at all can be done with a path.
func (b *box) usable(path string) bool {
	const use = unveil.ReadFile | unveil.ReadDir | unveil.WriteFile | unveil.Execute
	return b.paths.Access(path)&use != 0
}

// namesRefused reports whether an argument of the command is a name in the
// working directory that is outside as well. Without one the directory is
// most often of no interest, and the notice would be noise.
func (r *Request) namesRefused(b *box, dir string) bool {
	for _, arg := range r.Command[min(1, len(r.Command)):] {
		if arg == "" || arg[0] == '/' || arg[0] == '-' || strings.IndexByte(arg, 0) >= 0 {
			continue
		}
		name := filepath.Join(dir, arg)
		var st unix.Stat_t
		if unix.Lstat(name, &st) == nil && !b.usable(name) {
			return true
		}
	}
	return false
}

// startable looks whether the plan lets the command start. It can fail with
// --no-auto only, or where an entry hides what the command needs.
func (r *Request) startable(b *box) *Failure {
	if b.kernel.ABI == 0 || !r.NoAuto && len(r.Unveil)+len(r.Rights) == 0 {
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
		f.hinted("-u %s", printed.Word(file.Path+":"+letter))
	}
	return f
}
