package unveil

import "golang.org/x/sys/unix"

// Grants is what a plan grants, object by object, for another process to tell
// what the kernel will refuse. The kernel decides; this only tells.
type Grants struct {
	Handled Access // what is refused where no object grants it
	Objects []Granted
}

// Granted are the rights of one rule: of its object, and of all that is below
// it.
type Granted struct {
	Dev, Ino uint64
	Access   Access
}

// Grants returns what the plan grants. What Create is to make is among it
// once it is made.
func (p *Plan) Grants() (Grants, error) {
	g := Grants{Handled: p.fs &^ Refer}
	for _, r := range p.rules {
		if r.fd < 0 {
			continue
		}
		var st unix.Stat_t
		if err := unix.Fstat(r.fd, &st); err != nil {
			return Grants{}, err
		}
		at := idOf(&st)
		g.Objects = append(g.Objects, Granted{at.dev, at.ino, r.access &^ Refer})
	}
	return g, nil
}

// LettersOf returns the fewest letters that have rights, as far as letters
// have them: x reads as well, so that it alone stands for EXECUTE and
// READ_FILE.
func LettersOf(a Access) Letters {
	var l Letters
	if a&Execute != 0 {
		l, a = X, a&^X.Access()
	}
	if a&(MakeFifo|MakeSock) != 0 {
		l |= C // with the promise beside it
	}
	if a&ResolveUnix != 0 {
		l |= W
	}
	for _, row := range letters {
		if row.access&a&^Refer != 0 && l.Access()&a != a {
			l |= row.bit
			a &^= row.access
		}
	}
	return l
}
