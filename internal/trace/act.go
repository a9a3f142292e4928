package trace

import (
	"encoding/binary"
	"path"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/notify"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// An Act is what a call asks for, as far as it can be told.
type Act struct {
	Call    string // its name, "" for a number that has none
	What    string // in words, without the object: "open", "make the directory"
	How     string // and after it: "for reading"
	Objects []Object

	Address *Address
	Signal  int // the process that a signal is for; 0 for none

	// Links tells of a link or rename between directories, which needs that no
	// right is gained by it: from the directory of the first object to that of
	// the second.
	Links bool
	// Both of it: an exchange must gain nothing the other way either.
	Exchange bool
	// Bare is a call on a path that Landlock does not see; Objects need nothing.
	Bare bool
}

// An Object is a path of a call with the rights that Landlock asks for.
type Object struct {
	Place
	Need   unveil.Access // on the object itself and what is above it
	Change unveil.Access // on the directory that it is in
}

// Permitted reports whether file permissions let an object be used: the
// kernel looks at them first, and no flag mends them. A supervisor of root
// sees everything, and so does a command of root once it has the letters.
func (o *Object) Permitted() bool {
	var mode uint32
	if o.Need&(unveil.ReadFile|unveil.ReadDir) != 0 && o.Need&unveil.Execute == 0 {
		mode |= unix.R_OK
	}
	if o.Need&(unveil.WriteFile|unveil.Truncate) != 0 {
		mode |= unix.W_OK
	}
	if o.Need&unveil.Execute != 0 {
		mode |= unix.X_OK
	}
	return mode == 0 || !o.Exists() || unix.Faccessat(unix.AT_FDCWD, o.Name, mode, unix.AT_EACCESS) == nil
}

// An Address is where a socket is to be connected or bound.
type Address struct {
	Family uint16
	Port   uint16 // of AF_INET and AF_INET6
	Path   string // of AF_UNIX; begins with a NUL if abstract
	Local  bool   // bind
	FD     int
}

// reader is the memory of callers; the supervisor has one thread.
var reader = notify.NewMemory()

// Act tells what the call asks for. The error says why a path cannot be told:
// an errno, or ErrNoName. The name of the call is known all the same.
func (c *Caller) Act() (*Act, error) {
	s := byNumber()[int(c.Data.Nr)]
	if s == nil {
		return &Act{Call: pledge.Name(int(c.Data.Nr))}, nil
	}
	a := &Act{Call: s.name}
	return a, c.fill(a, s)
}

func (c *Caller) fill(a *Act, s *shape) error {
	arg := func(i int) uint64 {
		if i == none {
			return 0
		}
		return c.Data.Args[i]
	}
	switch s.kind {
	case other:
		return nil
	case signals:
		a.What = "signal"
		if pid := int(int32(arg(s.path))); pid > 0 {
			a.Signal = pid
		}
		return nil
	case connects, binds, sends:
		return c.address(a, s)
	}
	at := func(dir, name int, follow bool) (Place, error) {
		text, err := reader.String(int(c.Tid), arg(name))
		if err != nil {
			return Place{}, err
		}
		fd := int32(unix.AT_FDCWD)
		if dir != none {
			fd = int32(arg(dir))
		}
		return c.place(fd, text, follow)
	}
	flags := int(int32(arg(s.flags)))
	one := func(what string, follow bool, need, change unveil.Access) error {
		a.What = what
		p, err := at(s.dir, s.path, follow)
		a.Objects = []Object{{p, need, change}}
		return err
	}
	switch s.kind {
	case creats:
		flags = unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC
		fallthrough
	case opens, opens2:
		if s.kind == opens2 {
			b, err := reader.Bytes(int(c.Tid), arg(s.flags), 8)
			if err != nil {
				return err
			}
			flags = int(binary.NativeEndian.Uint64(b))
		}
		return c.open(a, at, s, flags)
	case truncates:
		return one("truncate", true, unveil.Truncate, 0)
	case mkdirs:
		return one("make the directory", false, 0, unveil.MakeDir)
	case symlinks:
		return one("make the link", false, 0, unveil.MakeSym)
	case mknods:
		need := map[int]unveil.Access{unix.S_IFIFO: unveil.MakeFifo, unix.S_IFSOCK: unveil.MakeSock,
			unix.S_IFCHR: unveil.MakeChar, unix.S_IFBLK: unveil.MakeBlock}[flags&unix.S_IFMT]
		if need == 0 {
			need = unveil.MakeReg
		}
		return one("make", false, 0, need)
	case rmdirs:
		return one("remove the directory", false, 0, unveil.RemoveDir)
	case removes:
		if flags&unix.AT_REMOVEDIR != 0 && s.flags != none {
			return one("remove the directory", false, 0, unveil.RemoveDir)
		}
		return one("remove", false, 0, unveil.RemoveFile)
	case links, renames:
		return c.move(a, at, s, flags)
	case executes:
		a.What = "execute"
		text, err := reader.String(int(c.Tid), arg(s.path))
		if err != nil {
			return err
		}
		dir := int32(unix.AT_FDCWD)
		if s.dir != none {
			dir = int32(arg(s.dir))
		}
		p, err := c.place(dir, text, true)
		a.Objects = []Object{{p, unveil.Execute | unveil.ReadFile, 0}}
		return err
	}
	a.Bare = true
	return one(map[kind]string{changes: "change", looks: "look at"}[s.kind], true, 0, 0)
}

// open says what an open needs.
func (c *Caller) open(a *Act, at func(dir, name int, follow bool) (Place, error), s *shape, flags int) error {
	a.What = "open"
	follow := flags&unix.O_NOFOLLOW == 0 && flags&(unix.O_CREAT|unix.O_EXCL) != unix.O_CREAT|unix.O_EXCL
	p, err := at(s.dir, s.path, follow)
	o := Object{Place: p}
	var need unveil.Access
	switch flags & unix.O_ACCMODE {
	case unix.O_RDONLY:
		a.How = "for reading"
		need = unveil.ReadFile
	case unix.O_WRONLY:
		a.How = "for writing"
		need = unveil.WriteFile
	default:
		a.How = "for reading and writing"
		need = unveil.ReadFile | unveil.WriteFile
	}
	switch {
	case flags&unix.O_PATH != 0:
		a.How, a.Bare, need = "by its path", true, 0
	case flags&unix.O_TMPFILE == unix.O_TMPFILE:
		a.How = "for a file without a name"
	case p.IsDir():
		need = unveil.ReadDir
	case !p.Exists() && flags&unix.O_CREAT != 0:
		a.What = "create"
		o.Change = unveil.MakeReg
	case p.Mode == unix.S_IFREG && flags&unix.O_TRUNC != 0:
		need |= unveil.Truncate
	}
	o.Need = need
	a.Objects = []Object{o}
	return err
}

// move says what a link or a rename needs.
func (c *Caller) move(a *Act, at func(dir, name int, follow bool) (Place, error), s *shape, flags int) error {
	follow := s.kind == links && s.flags != none && flags&unix.AT_SYMLINK_FOLLOW != 0
	from, err := at(s.dir, s.path, follow)
	if err != nil {
		return err
	}
	to, err := at(s.dir2, s.path2, false)
	if err != nil {
		return err
	}
	makes, removes := made(from.Mode)
	old, fresh := Object{Place: from}, Object{Place: to, Change: makes}
	a.What = "link"
	if s.kind == renames {
		a.What = "rename"
		old.Change = removes
		if to.Exists() {
			_, gone := made(to.Mode)
			fresh.Change |= gone
		}
		if s.flags != none && flags&unix.RENAME_EXCHANGE != 0 {
			back, _ := made(to.Mode)
			old.Change |= back
			a.Exchange = true
		}
	}
	a.Objects = []Object{old, fresh}
	a.Links = path.Dir(from.Name) != path.Dir(to.Name)
	return nil
}

// made returns the rights to make and to remove a name of an object of a type.
func made(mode uint32) (makes, removes unveil.Access) {
	switch mode {
	case unix.S_IFDIR:
		return unveil.MakeDir, unveil.RemoveDir
	case unix.S_IFLNK:
		return unveil.MakeSym, unveil.RemoveFile
	case unix.S_IFIFO:
		return unveil.MakeFifo, unveil.RemoveFile
	case unix.S_IFSOCK:
		return unveil.MakeSock, unveil.RemoveFile
	case unix.S_IFCHR:
		return unveil.MakeChar, unveil.RemoveFile
	case unix.S_IFBLK:
		return unveil.MakeBlock, unveil.RemoveFile
	}
	return unveil.MakeReg, unveil.RemoveFile
}

// sockaddrMax is the size of struct sockaddr_un.
const sockaddrMax = 110

// address reads where a socket is to go to.
func (c *Caller) address(a *Act, s *shape) error {
	size := int(min(c.Data.Args[s.flags]&0xffffffff, sockaddrMax))
	if size < 2 || c.Data.Args[s.path] == 0 {
		return nil
	}
	b, err := reader.Bytes(int(c.Tid), c.Data.Args[s.path], size)
	if err != nil {
		return err
	}
	to := &Address{Family: binary.NativeEndian.Uint16(b), FD: int(int32(c.Data.Args[0])), Local: s.kind == binds}
	a.What = map[kind]string{connects: "connect to", binds: "bind", sends: "send to"}[s.kind]
	a.Address = to
	switch to.Family {
	case unix.AF_INET, unix.AF_INET6:
		if len(b) >= 4 {
			to.Port = binary.BigEndian.Uint16(b[2:])
		}
	case unix.AF_UNIX:
		to.Path = string(b[2:])
		if len(to.Path) > 0 && to.Path[0] != 0 {
			for i := range len(to.Path) {
				if to.Path[i] == 0 {
					to.Path = to.Path[:i]
					break
				}
			}
			p, err := c.place(unix.AT_FDCWD, to.Path, !to.Local)
			if err != nil {
				return err
			}
			o := Object{Place: p, Need: unveil.ResolveUnix}
			if to.Local {
				o = Object{Place: p, Change: unveil.MakeSock}
			}
			a.Objects = []Object{o}
		}
	}
	return nil
}
