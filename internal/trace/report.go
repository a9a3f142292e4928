package trace

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Report tells each denial once, with what would mend it, and all of them
// together at the end.
type Report struct {
	box      *Box
	pid      int
	rights   *rights
	said     map[string]bool
	all      mend
	hopeless int             // denials that nothing mends
	optional bool            // denials of what libraries do by themselves
	told     int             // denials when the summary was printed last
	inside   map[int]bool    // processes that made calls
	bound    map[string]bool // abstract sockets that were bound inside
	names    bool            // names are looked up
}

// NewReport returns the report of a command.
func NewReport(b *Box) *Report {
	return &Report{box: b, pid: b.Pid, told: -1, rights: newRights(b.Grants), said: map[string]bool{},
		inside: map[int]bool{b.Pid: true}, bound: map[string]bool{}}
}

// Tick implements Watcher.
func (r *Report) Tick() {}

// Instead implements Watcher: nothing is answered in the kernel's place.
func (r *Report) Instead(*Caller) (unix.Errno, bool) { return 0, false }

// Call implements Watcher.
func (r *Report) Call(c *Caller, ret uint32) {
	if int(c.Data.Nr) == unix.SYS_EXIT_GROUP && ret == unix.SECCOMP_RET_ALLOW {
		return
	}
	r.inside[int(c.Tid)] = true
	a, err := c.Act()
	if len(a.Objects) == 1 && a.Objects[0].Name == "/etc/resolv.conf" {
		r.names = true
	}
	if ret != unix.SECCOMP_RET_ALLOW {
		r.refused(c, a, err, ret)
		return
	}
	if err != nil || a.Bare {
		return // it leads nowhere, and the kernel says so; or Landlock does not see it
	}
	r.judge(c, a)
	if strings.HasPrefix(a.What, "re") {
		r.rights.forget() // after this call names may stand for others
	}
}

// refused tells of a call that the filter refuses.
func (r *Report) refused(c *Caller, a *Act, err error, ret uint32) {
	errno := ret&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO
	datagrams := a.Call == "socket" && c.Data.Args[1]&0xf == unix.SOCK_DGRAM
	var m mend
	if r.box.Pledged {
		var prefer pledge.Set
		if r.names && datagrams {
			prefer = promise("dns")
		}
		m.set, _ = pledge.Mend(r.box.Set, r.box.Options, &c.Data, prefer)
	}
	switch {
	case m.set != 0:
	case errno && ret&unix.SECCOMP_RET_DATA == uint32(unix.ENOSYS):
		return // as on an older kernel, and what is used instead is told of
	case r.box.Net != 0 && datagrams && ret&unix.SECCOMP_RET_DATA == uint32(unix.EACCES):
		m.flags = append(m.flags, "--connect 'udp:*'")
	case r.box.Net != 0 && a.Call == "listen":
		m.note = "--bind names the ports to listen on"
	}
	if m.set != 0 && errno && ret&unix.SECCOMP_RET_DATA == uint32(unix.ENOSYS) && !r.box.Set.Has(promise("error")) {
		return // likewise: libraries try the newer call first
	}
	if err == nil {
		for i := range a.Objects {
			o := &a.Objects[i]
			on, in := r.rights.lacking(o)
			m.add(r.box, o, on, in)
		}
	}
	if errno && (m.set != 0 || len(m.flags) > 0) && len(a.Objects) == 0 {
		if why := pledgeReason(r.box, c); why != "" && !r.box.Set.Has(promise("error")) {
			m.note, m.optional = "if it is needed: "+why, true
		}
	}
	r.say(c, r.words(c, a), &m)
}

// pledgeReason is what the table says of a call that gets an errno.
func pledgeReason(b *Box, c *Caller) string {
	p, err := pledge.Compile(b.Set, b.Options)
	if err != nil {
		return ""
	}
	return p.Reason(&c.Data)
}

// judge tells of a call that the filter allows, if Landlock will refuse it.
func (r *Report) judge(c *Caller, a *Act) {
	var m mend
	denied := false
	for i := range a.Objects {
		o := &a.Objects[i]
		if !o.Exists() && (o.Change == 0 || a.What == "remove" || a.What == "remove the directory" || i == 0 && a.What == "rename") {
			return // ENOENT, whatever the box says
		}
		if o.Exists() && (strings.HasPrefix(a.What, "make") || a.What == "link" && i == 1 || a.What == "bind") {
			return // EEXIST
		}
		if !o.Permitted() {
			return // EACCES, whatever the box says
		}
		on, in := r.rights.lacking(o)
		if on|in == 0 {
			continue
		}
		denied = true
		set := Telling(o.Name)
		if r.names && o.Name == "/etc/hosts" {
			set = promise("dns")
		}
		if set &^= r.box.Set; in == 0 && set != 0 && r.box.Pledged && r.box.Given {
			m.set |= set
			continue
		}
		m.add(r.box, o, on, in)
	}
	switch {
	case denied:
	case a.Links:
		denied = r.gains(a, &m)
	case a.Address != nil:
		denied = r.address(c, a, &m)
	case a.Signal != 0:
		denied = r.signal(a, &m)
	case a.What == "execute":
		r.execute(c, a)
		return
	}
	if denied {
		r.say(c, r.words(c, a), &m)
	}
}

// gains reports whether a link or rename would give an object more rights
// than it has: EXDEV.
func (r *Report) gains(a *Act, m *mend) bool {
	from, to := &a.Objects[0], &a.Objects[1]
	gained := r.gain(from, to, m)
	if a.Exchange {
		gained = r.gain(to, from, m) || gained
	}
	if gained {
		a.How = "which would gain it the rights of there"
	}
	return gained
}

// gain is gains for one object, and where it goes.
func (r *Report) gain(from, to *Object, m *mend) bool {
	gain := r.rights.below(dirOf(to)) &^ r.rights.below(dirOf(from)) & r.rights.handled
	if !from.IsDir() {
		gain &= unveil.OnFile()
	}
	if gain == 0 {
		return false
	}
	m.entry(r.box, dirOf(from), from, gain)
	return true
}

func dirOf(o *Object) string {
	if i := strings.LastIndexByte(o.Name, '/'); i > 0 {
		return o.Name[:i]
	}
	return "/"
}

// execute tells of an interpreter or a loader that may not be executed.
func (r *Report) execute(c *Caller, a *Act) {
	if a.Objects[0].Mode != unix.S_IFREG {
		return // and an open of it might wait for somebody
	}
	if is32(a.Objects[0].Name) {
		r.say(c, fmt.Sprintf("execute %q: a 32-bit program, whose system calls are refused", a.Objects[0].Name), &mend{})
		return
	}
	img, err := image.Resolve(a.Objects[0].Name, nil, nil, "/")
	if err != nil {
		return
	}
	for _, f := range img.Files {
		p, err := look(f.Path, true)
		if err != nil || f.Need != image.Exec {
			continue
		}
		o := Object{Place: p, Need: unveil.Execute | unveil.ReadFile}
		if on, _ := r.rights.lacking(&o); on != 0 {
			var m mend
			m.add(r.box, &o, on, 0)
			r.say(c, fmt.Sprintf("execute %q, the %s of %q", o.Name, f.Why, a.Objects[0].Name), &m)
		}
	}
}

// is32 reports whether a file is an ELF file of 32 bits.
func is32(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [elf.EI_CLASS + 1]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && string(head[:elf.EI_CLASS]) == elf.ELFMAG && elf.Class(head[elf.EI_CLASS]) == elf.ELFCLASS32
}

// address reports whether Landlock refuses an address.
func (r *Report) address(c *Caller, a *Act, m *mend) bool {
	to := a.Address
	switch to.Family {
	case unix.AF_UNIX:
		if to.Path == "" || to.Path[0] != 0 {
			return false
		}
		if to.Local {
			r.bound[to.Path] = true
			return false
		}
		if !r.box.Sockets || r.bound[to.Path] {
			return false
		}
		m.flags = append(m.flags, "--allow-abstract")
		return true
	case unix.AF_INET, unix.AF_INET6:
		if r.box.Net == 0 {
			return false
		}
		access, flag, proto := uint64(ll.AccessNetConnectTCP), "--connect ", ""
		if to.Local {
			access, flag = ll.AccessNetBindTCP, "--bind "
		}
		_, kind := c.Socket(to.FD)
		switch kind {
		case unix.SOCK_STREAM:
		case unix.SOCK_DGRAM:
			proto = "udp:"
			if access = ll.AccessNetConnectSendUDP; to.Local {
				access = ll.AccessNetBindUDP
			}
		default:
			return false
		}
		if r.box.Net&access == 0 || r.box.Ports(access, to.Port) {
			return false
		}
		m.flags = append(m.flags, flag+proto+strconv.Itoa(int(to.Port)))
		return true
	}
	return false
}

// signal reports whether a signal is for a process outside.
func (r *Report) signal(a *Act, m *mend) bool {
	if !r.box.Signals || !signalled(a.Signal) {
		return false
	}
	for pid := a.Signal; pid > 1; pid = parent(pid) {
		if r.inside[pid] {
			return false
		}
	}
	m.flags = append(m.flags, "--allow-signals")
	return true
}

// signalled reports whether there is a process that could be: the kernel looks
// at that first.
func signalled(pid int) bool { return unix.Kill(pid, 0) == nil }

// words says what was denied.
func (r *Report) words(c *Caller, a *Act) string {
	text := a.What
	switch {
	case len(a.Objects) == 2:
		text = fmt.Sprintf("%s %q to %q", a.What, a.Objects[0].Name, a.Objects[1].Name)
	case a.Address != nil:
		text += " " + a.Address.String()
	case len(a.Objects) == 1 && a.Objects[0].Name != "":
		text += " " + strconv.Quote(a.Objects[0].Name)
	case a.Signal != 0:
		text += " process " + strconv.Itoa(a.Signal)
	default:
		return callWords(c, a)
	}
	if a.How != "" {
		text += " " + a.How
	}
	return text
}

// String is an address for people.
func (a *Address) String() string {
	switch a.Family {
	case unix.AF_INET, unix.AF_INET6:
		return "port " + strconv.Itoa(int(a.Port))
	case unix.AF_UNIX:
		if a.Path != "" && a.Path[0] == 0 {
			return "the abstract socket " + strconv.Quote("@"+a.Path[1:])
		}
		return "the socket " + strconv.Quote(a.Path)
	}
	return "an address of family " + strconv.Itoa(int(a.Family))
}

var families = map[uint64]string{
	unix.AF_UNIX: "AF_UNIX", unix.AF_INET: "AF_INET", unix.AF_INET6: "AF_INET6", unix.AF_NETLINK: "AF_NETLINK", unix.AF_PACKET: "AF_PACKET",
}

var socketTypes = map[uint64]string{unix.SOCK_STREAM: "SOCK_STREAM", unix.SOCK_DGRAM: "SOCK_DGRAM", unix.SOCK_RAW: "SOCK_RAW", unix.SOCK_SEQPACKET: "SOCK_SEQPACKET"}

// callWords is a call by its name, with what its registers tell.
func callWords(c *Caller, a *Act) string {
	named := func(v uint64, names map[uint64]string) string {
		if name, ok := names[v]; ok {
			return name
		}
		return strconv.FormatUint(v, 10)
	}
	d := &c.Data
	switch a.Call {
	case "":
		return "system call " + strconv.FormatUint(uint64(d.Nr), 10)
	case "socket", "socketpair":
		const typeMask = 0xf
		return fmt.Sprintf("call %s(%s, %s, %d)", a.Call, named(d.Args[0]&0xffffffff, families), named(d.Args[1]&typeMask, socketTypes), uint32(d.Args[2]))
	case "ioctl", "fcntl":
		return fmt.Sprintf("call %s(%d, %#x)", a.Call, int32(d.Args[0]), uint32(d.Args[1]))
	case "prctl", "arch_prctl", "clone", "unshare", "personality":
		return fmt.Sprintf("call %s(%#x)", a.Call, d.Args[0])
	case "setsockopt", "getsockopt":
		return fmt.Sprintf("call %s(%d, level %d, option %d)", a.Call, int32(d.Args[0]), int32(d.Args[1]), int32(d.Args[2]))
	}
	return "call " + a.Call
}

// most is how many denials are told: a command could fill the disk with them.
const most = 1000

// say prints a denial and what would mend it, each once.
func (r *Report) say(c *Caller, text string, m *mend) {
	if !c.Waits() {
		return
	}
	r.inside[c.Process()] = true
	if c.Process() != r.pid {
		text += " (" + c.Name() + ")"
	}
	if r.said[text] {
		return
	}
	if len(r.said) == most {
		r.box.Say("denied", "more than can be told; what comes now is not told")
		r.said["\x00"] = true
	}
	if len(r.said) > most {
		return
	}
	r.said[text] = true
	r.box.Say("denied", text)
	r.box.Say("hint", m.hint(r.box))
	switch {
	case m.empty():
		r.hopeless++
	case m.optional:
		r.optional = true
	default:
		r.all.join(m)
	}
}

// Ending implements Watcher: it prints the summary, if there is something new.
func (r *Report) Ending() {
	if r.told == len(r.said) {
		return
	}
	r.told = len(r.said)
	say := func(text string) { r.box.Say("summary", text) }
	switch {
	case len(r.said) == 0:
		say("nothing was denied")
	case !r.all.empty():
		say(r.box.command(&r.all))
	case r.optional:
		say("nothing was denied but what programs go on without")
	}
	if r.hopeless > 0 {
		say(fmt.Sprintf("no flag and no promise allows %d of what was denied", r.hopeless))
	}
}

// command is the command line with what would have been allowed by a mend.
func (b *Box) command(m *mend) string {
	words := append([]string{"unveil-run"}, b.Args...)
	for _, u := range b.Unveil {
		if path, _, err := unveil.ParseRule(u); err == nil && !slices.ContainsFunc(m.unveil, func(w word) bool { return w.path == path }) {
			words = append(words, "-u "+b.Quote(u))
		}
	}
	flags := m.flagsFor(b)
	if m.set == 0 && b.Pledged && b.Given {
		flags = append(flags, fmt.Sprintf("-p %q", b.Set.String()))
	}
	words = append(append(words, flags...), "--")
	for _, w := range b.Argv {
		words = append(words, b.Quote(w))
	}
	return strings.Join(words, " ")
}
