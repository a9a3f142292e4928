package unveil

import (
	"golang.org/x/sys/unix"
)

// A creation is one object that Options.Create asks for.
type creation struct {
	parent int // descriptor of its directory
	base   string
	dir    bool
	name   string // canonical
	// private is for its owner alone.
	private bool
	fd      int // once it is made
	id      id
}

// Create makes what Options.Create asked for and does not exist yet: empty
// files with mode 0666, directories with mode 0777, both less the umask, and
// less what is not its owner's where an entry is private. It
// makes all or nothing. Apply calls it; call it before where the right to
// create is gone by then. Until the plan is applied, Close takes it back.
//
// The error is a *PathError: Changed if something stands there by now
// (EEXIST), otherwise Unopened with the errno of open(2) or mkdir(2).
func (p *Plan) Create() error {
	if p.created {
		return nil
	}
	for i := range p.made {
		if err := p.made[i].make(); err != nil {
			p.undo()
			why := Unopened
			if err == unix.EEXIST {
				why = Changed
			}
			return &PathError{Path: p.made[i].name, Letters: C, Reason: why, Err: err}
		}
		p.fds = append(p.fds, p.made[i].fd)
	}
	for i := range p.rules {
		r := &p.rules[i]
		if r.made == 0 {
			continue
		}
		m := &p.made[r.made-1]
		r.fd = m.fd
		p.index[m.id] = i
	}
	p.created = true
	return nil
}

func (m *creation) make() error {
	fd, err := m.open()
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	m.fd, m.id = fd, idOf(&st)
	return nil
}

func (m *creation) open() (int, error) {
	mode := uint32(0o777)
	if m.private {
		mode = 0o700
	}
	if !m.dir {
		return unix.Openat(m.parent, m.base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, mode&0o666)
	}
	if err := unix.Mkdirat(m.parent, m.base, mode); err != nil {
		return -1, err
	}
	fd, err := unix.Openat(m.parent, m.base, openPath|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	if err != nil {
		unix.Unlinkat(m.parent, m.base, unix.AT_REMOVEDIR)
	}
	return fd, err
}

// Made returns a descriptor (O_PATH) of what Create has made at a path, as the
// entry has it, and one of the directory that it is in. They belong to the plan.
func (p *Plan) Made(path string) (object, dir int, ok bool) {
	for i := range p.rules {
		if r := &p.rules[i]; r.made != 0 && r.path == path && p.created {
			m := &p.made[r.made-1]
			return m.fd, m.parent, true
		}
	}
	return -1, -1, false
}

// undo removes what Create made, unless the plan was applied. Only what is
// still the same and empty is removed.
func (p *Plan) undo() {
	if p.done {
		return
	}
	for i := len(p.made) - 1; i >= 0; i-- {
		m := &p.made[i]
		if m.fd < 0 {
			continue
		}
		var st unix.Stat_t
		if unix.Fstatat(m.parent, m.base, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && idOf(&st) == m.id {
			switch {
			case m.dir:
				unix.Unlinkat(m.parent, m.base, unix.AT_REMOVEDIR)
			case st.Size == 0:
				unix.Unlinkat(m.parent, m.base, 0)
			}
		}
		m.fd = -1
	}
	p.created = false
}
