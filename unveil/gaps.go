package unveil

import (
	"errors"
	"strconv"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
)

// A Gap is something that was asked for and that the kernel cannot hold.
type Gap struct {
	What   string // "TCP ports"
	Why    string // "Landlock ABI 2 does not restrict them"
	Hint   string // "needs Linux 6.7"
	Strict bool   // going on must be somebody's decision
}

// Values of Gap.What that a caller may look for.
const (
	GapTruncate = "truncation"
	GapUDP      = "UDP ports"
	GapUnix     = "UNIX sockets by path"
)

// String is the gap in one sentence.
func (g Gap) String() string {
	s := g.What + ": " + g.Why
	if g.Hint != "" {
		s += ", " + g.Hint
	}
	return s
}

// network takes over ports and scopes, as far as the kernel knows them.
func (c *compiler) network(r *Rules) {
	p, k := c.plan, c.opt.Kernel
	p.net = r.net & k.Net()
	p.scopes = r.scopes & k.Scopes()
	for _, q := range r.ports {
		if q.access &= p.net; q.access != 0 {
			p.ports = append(p.ports, q)
		}
	}
	p.wantNet, p.wantScopes = r.net, r.scopes
	if c.opt.Log && k.Logging() {
		p.flags = unix.LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON
	}
}

// gaps lists what is asked for and not held.
func (c *compiler) gaps() {
	p, k := c.plan, c.opt.Kernel
	if k.ABI == 0 {
		why := "this kernel has no Landlock"
		if k.Landlock != nil {
			why = k.Landlock.Error()
		}
		c.gap("paths, ports and scopes", why, uint64(Execute), 0, 0, true)
		return
	}
	abi := "Landlock ABI " + strconv.Itoa(k.ABI)
	missing := Access(kernel.Lookup(kernel.Newest).FS) &^ Access(k.FS())
	if missing&Refer != 0 && c.creates() {
		c.gap("c across directories", abi+" refuses every rename and link from one directory to another", uint64(Refer), 0, 0, true)
	}
	if missing&Truncate != 0 {
		c.gap(GapTruncate, abi+" does not restrict it: a path without w can be truncated", uint64(Truncate), 0, 0, false)
	}
	if missing&IoctlDev != 0 {
		c.gap("ioctl on devices", abi+" does not restrict it", uint64(IoctlDev), 0, 0, false)
	}
	if missing&ResolveUnix != 0 && c.opt.ResolveUnix {
		c.gap(GapUnix, abi+" does not restrict connecting to them", uint64(ResolveUnix), 0, 0, false)
	}
	const tcp = uint64(ll.AccessNetBindTCP | ll.AccessNetConnectTCP)
	if lost := p.wantNet &^ p.net; lost != 0 && !k.NoINET {
		if lost&tcp != 0 {
			c.gap("TCP ports", abi+" does not restrict them", 0, lost&tcp, 0, true)
		}
		if lost&^tcp != 0 {
			c.gap(GapUDP, abi+" does not restrict them", 0, lost&^tcp, 0, true)
		}
	}
	if c.opt.Log && !k.Logging() {
		g := Gap{What: "the audit log", Why: abi + " writes no refusals to it", Strict: true}
		if row, ok := kernel.Needs(0, 0, 0, unix.LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON); ok {
			g.Hint = "needs Linux " + row.Linux
		}
		p.Gaps = append(p.Gaps, g)
	}
	if lost := p.wantScopes &^ p.scopes; lost != 0 {
		c.gap("scopes", abi+" does not keep "+bitNames(lost, scopeNames[:])+" inside", 0, 0, lost, false)
	}
}

func (c *compiler) gap(what, why string, fs, net, scopes uint64, strict bool) {
	g := Gap{What: what, Why: why, Strict: strict}
	// Where Landlock is off or refused from outside, a newer kernel mends nothing.
	old := c.opt.Kernel.Landlock == nil || errors.Is(c.opt.Kernel.Landlock, kernel.ErrNotBuilt)
	if row, ok := kernel.Needs(fs, net, scopes, 0); ok && old && row.Number > c.opt.Kernel.ABI {
		g.Hint = "needs Linux " + row.Linux
	}
	c.plan.Gaps = append(c.plan.Gaps, g)
}
