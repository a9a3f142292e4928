package learn

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/bpf"
	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/internal/trace"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Recorder watches a run.
type Recorder struct {
	record  *Record
	options pledge.Options // of the program that a policy would give
	pid     int
	write   func(*Record) // see Ending

	set     pledge.Set // promises that were seen to be needed
	program []unix.SockFilter

	made     map[string]bool // names that the run made
	threads  map[int]bool    // that made a call
	loading  map[int]bool    // processes whose loader is at work
	later    []deferred      // calls that another one will explain
	inet     bool            // a stream socket was made, or a datagram was sent
	dns      bool            // port 53 was used
	unix     bool            // a UNIX socket was connected or bound
	netlink  bool
	seen     map[string]bool // what was noted already, so that it is not looked at again
	programs map[string]bool
	dirty    bool
	Progress func(programs, paths, promises int) // called on ticks, may be nil
}

// A deferred call is one on a socket that nobody has used yet.
type deferred struct {
	data   bpf.Data
	name   string
	family int
}

// NewRecorder returns a recorder for the command with a process id. write is
// called when the command ends, and again when more is known afterwards.
func NewRecorder(o pledge.Options, pid int, write func(*Record)) (*Recorder, error) {
	r := &Recorder{record: NewRecord(), options: o, pid: pid, write: write, made: map[string]bool{}, threads: map[int]bool{}, loading: map[int]bool{pid: true},
		seen: map[string]bool{}, programs: map[string]bool{}, dirty: true}
	return r, r.grow(promise("stdio"))
}

// grow adds promises to those that are needed.
func (r *Recorder) grow(more pledge.Set) error {
	plan, err := pledge.Compile(r.set|more, r.options)
	if err != nil {
		return err
	}
	r.set |= more
	r.program = plan.Program()
	return nil
}

// Numbers are the calls that the recorder wants to see although stdio grants
// them: those that end the work of a loader, and those that send.
func Numbers() []int {
	return append(trace.Traced(), unix.SYS_SET_TID_ADDRESS, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG)
}

// Forks are the calls that the recorder is not asked about: what they take is
// known from the calls of the child. A signal that comes before the supervisor
// has taken a call ends it with EINTR, if its handler does not restart calls;
// no program expects that of a fork.
func Forks() (list []int) {
	for _, name := range []string{"clone", "fork", "vfork"} {
		if n, ok := pledge.Number(name); ok {
			list = append(list, n)
		}
	}
	return list
}

// Tick implements trace.Watcher.
func (r *Recorder) Tick() {
	if r.Progress != nil {
		r.Progress(len(r.programs), len(r.record.paths), len(r.record.promises))
	}
}

// Instead implements trace.Watcher. A process that is not to be looked into
// (ssh-agent) cannot be recorded: it is told so, and stays as it is.
func (r *Recorder) Instead(c *trace.Caller) (unix.Errno, bool) {
	return 0, int(c.Data.Nr) == unix.SYS_PRCTL && c.Data.Args[0] == unix.PR_SET_DUMPABLE && c.Data.Args[1] == 0
}

// Ending implements trace.Watcher.
func (r *Recorder) Ending() {
	if !r.dirty {
		return
	}
	r.settle()
	r.dirty = false
	r.write(r.record)
}

// Call implements trace.Watcher.
func (r *Recorder) Call(c *trace.Caller, ret uint32) {
	if !r.threads[int(c.Tid)] {
		if r.threads[int(c.Tid)] = true; c.Process() != r.pid {
			r.imply(promise("proc"), "clone")
		}
	}
	switch int(c.Data.Nr) {
	case unix.SYS_EXIT_GROUP:
		return
	case unix.SYS_SET_TID_ADDRESS:
		// The C library's loader has mapped its libraries before. That of musl
		// has not, and maps what is asked for later by the same code.
		delete(r.loading, c.Process())
		return
	}
	if ret != unix.SECCOMP_RET_ALLOW {
		name := pledge.Name(int(c.Data.Nr))
		if ret&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO && ret&unix.SECCOMP_RET_DATA != uint32(unix.ENOSYS) {
			r.record.beyond[fmt.Sprintf("%s was refused to %s, as in every box", name, c.Name())] = true
		}
		return
	}
	a, err := c.Act()
	r.calls(c, a)
	if err == nil {
		r.paths(c, a)
	}
}

// calls notes the promises that a call takes.
func (r *Recorder) calls(c *trace.Caller, a *trace.Act) {
	d := &c.Data
	switch a.Call {
	case "execve", "execveat":
		r.loading[c.Process()] = true
	case "mmap", "mprotect", "pkey_mprotect":
		const anonymous = unix.MAP_ANONYMOUS
		text := a.Call == "mmap" && d.Args[2]&unix.PROT_WRITE == 0 && d.Args[3]&anonymous == 0
		if text && r.loading[c.Process()] {
			return // the loader's, which every box lets through
		}
	case "socket", "setsockopt", "getsockopt", "ioctl", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg":
		if family := r.socket(c, a); family != 0 {
			r.later, r.dirty = append(r.later, deferred{*d, a.Call, family}), true
			if len(r.later) > 64 {
				r.compact()
			}
			return
		}
	}
	r.need(d, a.Call, 0)
}

// need notes what a call takes that is not granted yet.
func (r *Recorder) need(d *bpf.Data, call string, prefer pledge.Set) {
	if ret, err := bpf.Run(r.program, d); err == nil && ret == unix.SECCOMP_RET_ALLOW {
		r.attribute(d, call)
		return
	}
	more, ok := pledge.Mend(r.set, r.options, d, prefer)
	if !ok {
		r.record.beyond[fmt.Sprintf("no promise lets %s through", call)] = true
		return
	}
	r.dirty = true
	if err := r.grow(more); err == nil {
		r.record.promise(more, call)
	}
}

// attribute notes a call at the promise that it takes, once.
func (r *Recorder) attribute(d *bpf.Data, call string) {
	key := "call " + call
	if r.seen[key] {
		return
	}
	r.seen[key], r.dirty = true, true
	stdio := promise("stdio")
	if more, ok := pledge.Mend(stdio, r.options, d, r.set); ok && r.set.Has(more) {
		r.record.promise(more, call)
	}
}

// paths notes the paths of a call.
func (r *Recorder) paths(c *trace.Caller, a *trace.Act) {
	if a.Signal != 0 && a.Signal != c.Process() && !c.Inside(a.Signal, r.pid) {
		r.record.beyond[fmt.Sprintf("%s signals a process outside: --allow-signals", c.Name())] = true
	}
	if a.Bare {
		return
	}
	for i := range a.Objects {
		o := &a.Objects[i]
		switch {
		case a.Address != nil && a.Address.Family == unix.AF_UNIX && !a.Address.Local:
			if o.Exists() {
				r.object(c, o, unveil.W)
			}
			continue
		case a.What == "execute":
			if c.Data.IP == r.options.Gate {
				continue // the command itself, which needs no rule
			}
			if o.Exists() && o.Permitted() {
				r.execute(c, o)
			}
			continue
		}
		if o.Change != 0 {
			r.change(c, a, o, i)
			continue
		}
		if o.Need != 0 && o.Exists() && o.Permitted() {
			r.object(c, o, unveil.LettersOf(o.Need))
		}
	}
	if a.Links && a.What == "link" {
		from, to := path.Dir(a.Objects[0].Name), path.Dir(a.Objects[1].Name)
		r.record.beyond[fmt.Sprintf("hard links from %q to %q: refused unless the first has the letters of the second", from, to)] = true
	}
}

// change notes what is made in a directory, or removed from it.
func (r *Recorder) change(c *trace.Caller, a *trace.Act, o *trace.Object, i int) {
	makes := !o.Exists() || a.What == "rename" && i == 1
	if o.Exists() && (strings.HasPrefix(a.What, "make") || a.What == "bind" || a.What == "link") {
		return // EEXIST
	}
	if !makes && !o.Exists() {
		return // ENOENT
	}
	if !o.Exists() && (strings.HasPrefix(a.What, "remove") || a.What == "rename" && i == 0) {
		return
	}
	dir, base := r.base(o.Name)
	letters := unveil.C | unveil.LettersOf(o.Need)
	if makes {
		r.made[o.Name] = true
	}
	u := r.note(c, dir, letters, o.Need|o.Change)
	if makes && base != "" {
		u.names[base] |= unveil.LettersOf(o.Need)
		if o.Change&unveil.MakeDir != 0 {
			u.names[base] |= unveil.C
		}
	}
}

// base returns the directory that a name is held by: the nearest one that the
// run has not made; and the name below it that leads to the object.
func (r *Recorder) base(name string) (dir, base string) {
	dir, base = path.Dir(name), path.Base(name)
	for r.made[dir] && dir != "/" {
		dir, base = path.Dir(dir), path.Base(dir)
	}
	return dir, base
}

// object notes the use of what exists.
func (r *Recorder) object(c *trace.Caller, o *trace.Object, letters unveil.Letters) {
	name := o.Name
	if strings.HasSuffix(name, " (deleted)") {
		// The kernel's word for what has no name; or a file may be called so.
		if _, there := lstat(name); !there {
			return
		}
	}
	made := r.made[name]
	for dir := path.Dir(name); !made && dir != "/"; dir = path.Dir(dir) {
		made = r.made[dir]
	}
	if made {
		dir, base := r.base(name)
		u := r.note(c, dir, letters, o.Need)
		u.names[base] |= letters
		return
	}
	if set := trace.Telling(name); set != 0 {
		r.imply(set, "the path "+name)
		return
	}
	rest, isProc := strings.CutPrefix(name, "/proc/")
	if isProc {
		number, below, _ := strings.Cut(rest, "/")
		pid, err := strconv.Atoi(number)
		switch {
		case err == nil && pid == r.pid:
			// The first process is who opens it again, and has the name then.
			name = path.Join("/proc/self", strings.TrimPrefix(below, "task/"+number))
		case err == nil, rest == "":
			r.imply(promise("ps"), "the path /proc/PID of another process")
			return
		}
	}
	if strings.HasPrefix(name, "/dev/pts/") {
		name = "/dev/pts"
	}
	r.note(c, name, letters, o.Need)
}

// imply notes a promise for the paths that it brings.
func (r *Recorder) imply(set pledge.Set, why string) {
	if !r.set.Has(set) {
		r.dirty = true
		if r.grow(set) != nil {
			return
		}
	}
	r.record.promise(set, why)
}

// execute notes an executable with its interpreters.
func (r *Recorder) execute(c *trace.Caller, o *trace.Object) {
	r.object(c, o, unveil.X)
	if o.Mode != unix.S_IFREG {
		return // and an open of it might wait for somebody
	}
	img, err := image.Resolve(o.Name, nil, nil, "/")
	if err != nil {
		return // a script without #!, which the shell reads
	}
	for _, f := range img.Files {
		if f.Need == image.Exec && f.Path != o.Name {
			p, err := trace.Look(f.Path)
			if err == nil {
				r.object(c, &trace.Object{Place: p, Need: unveil.Execute | unveil.ReadFile}, unveil.X)
			}
		}
	}
}

// note notes letters on a name.
func (r *Recorder) note(c *trace.Caller, name string, letters unveil.Letters, need unveil.Access) *use {
	u := r.record.use(name)
	if u.letters&letters != letters || u.need&need != need {
		u.letters |= letters
		u.need |= need
		r.dirty = true
	}
	key := name + "\x00" + strconv.Itoa(int(c.Tid))
	if !r.seen[key] {
		r.seen[key] = true
		who := c.Name()
		r.programs[who] = true
		if !u.who[who] {
			u.who[who], r.dirty = true, true
		}
	}
	return u
}

// promise returns the set of one promise.
func promise(name string) pledge.Set {
	set, _ := pledge.Parse(name)
	return set
}
