package format

import (
	"strings"

	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/pledge"
)

// c writes a function of the calls of unveil.h.
func c(b *Box) (string, []string, error) {
	var l lost
	if !b.Pledged {
		l.always()
	}
	l.capabilities(b)
	l.scopes(b)
	l.network(b)
	l.rest(b)
	for _, r := range b.Rights {
		l.add("not said: %s on %s", r.Access, printed.Word(r.Path))
	}
	var w strings.Builder
	w.WriteString("#include <err.h>\n#include <stddef.h>\n#include <unveil.h>\n\nvoid\nconfine(void)\n{\n")
	call := func(name, a, b string) {
		w.WriteString("\tif (" + name + "(" + a + ", " + b + ") == -1)\n\t\terr(1, \"" + name + "\");\n")
	}
	if !b.Pledged || len(b.Entries) != 1 || b.Entries[0].Path != "/" {
		for _, e := range b.Entries {
			call("unveil", cString(e.Path), cString(e.Letters.String()))
		}
		call("unveil", "NULL", "NULL")
	}
	if b.Pledged {
		// NULL would free what is executed, which the box does not.
		next := "NULL"
		switch exec, _ := pledge.Parse("exec"); {
		case b.Next != nil:
			next = cString(b.Next.String())
		case b.Set.Has(exec):
			next = cString(b.Set.String())
		}
		call("pledge", cString(b.Set.String()), next)
	}
	w.WriteString("}\n")
	return w.String(), l, nil
}

// cString writes a string literal; bytes that are no plain ASCII are octal, of
// three digits, so that what follows is not taken for a fourth.
func cString(s string) string {
	var w strings.Builder
	w.WriteByte('"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			w.WriteByte('\\')
			w.WriteByte(b)
		case b < ' ' || b >= 0x7f || b == '?':
			w.WriteString("\\" + string([]byte{'0' + b>>6, '0' + b>>3&7, '0' + b&7}))
		default:
			w.WriteByte(b)
		}
	}
	w.WriteByte('"')
	return w.String()
}
