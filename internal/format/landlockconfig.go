package format

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/unveil"
)

// What the schema of landlockconfig knows: rights up to ABI 5, and TCP.
const (
	schemaFS  = unveil.IoctlDev<<1 - 1
	schemaNet = 1<<2 - 1
)

// A landlockconfig is the ruleset as the kernel gets it, right by right: groups
// would mean others with another ABI.
type landlockconfig struct {
	Ruleset []ruleset `json:"ruleset"`
	Path    []pathBox `json:"pathBeneath,omitempty"`
	Port    []portBox `json:"netPort,omitempty"`
}

type ruleset struct {
	FS     []string `json:"handledAccessFs,omitempty"`
	Net    []string `json:"handledAccessNet,omitempty"`
	Scoped []string `json:"scoped,omitempty"`
}

type pathBox struct {
	Access []string `json:"allowedAccess"`
	Parent []string `json:"parent"`
}

type portBox struct {
	Access []string `json:"allowedAccess"`
	Port   []uint16 `json:"port"`
}

// names returns the names of bits, in lower case.
func names(bits uint64, all []string) (list []string) {
	for i, name := range all {
		if bits&(1<<i) != 0 {
			list = append(list, strings.ToLower(name))
		}
	}
	return list
}

func landlock(b *Box) (landlockconfig, []string) {
	var l lost
	l.promises(b)
	l.capabilities(b)
	l.rest(b)
	if b.Listed && !b.UDP {
		l.add("not said: UDP is refused")
	}
	r := b.Ruleset
	if r.FS&^schemaFS != 0 {
		l.add("not said: %s is handled too, as unveil has it: with w", r.FS&^schemaFS)
	}
	if more := r.Net &^ schemaNet; more != 0 {
		l.add("not said: %s are handled too", strings.Join(names(more, unveil.NetRights()), " and "))
	}
	c := landlockconfig{Ruleset: []ruleset{{names(uint64(r.FS&schemaFS), unveil.Rights()), names(r.Net&schemaNet, unveil.NetRights()), names(r.Scopes, unveil.Scopes())}}}
	for _, p := range r.Paths {
		access := names(uint64(p.Access&schemaFS), unveil.Rights())
		if p.Made || len(access) == 0 {
			continue
		}
		if !utf8.ValidString(p.Path) { // it would be written as another
			l.add("not said: %s on %s, which is not UTF-8", p.Access, printed.Word(p.Path))
			continue
		}
		c.Path = append(c.Path, pathBox{access, []string{strings.ReplaceAll(p.Path, "$", "$$")}})
	}
	// Paths with the same rights share an item: each is read by itself anyway.
	slices.SortStableFunc(c.Path, func(a, b pathBox) int { return slices.Compare(a.Access, b.Access) })
	c.Path = joined(c.Path, func(a, b pathBox) (pathBox, bool) {
		return pathBox{a.Access, append(a.Parent, b.Parent...)}, slices.Equal(a.Access, b.Access)
	})
	for _, p := range r.Ports {
		if access := names(p.Access&schemaNet, unveil.NetRights()); len(access) > 0 {
			c.Port = append(c.Port, portBox{access, []uint16{p.Port}})
		}
	}
	c.Port = joined(c.Port, func(a, b portBox) (portBox, bool) {
		return portBox{a.Access, append(a.Port, b.Port...)}, slices.Equal(a.Access, b.Access)
	})
	return c, l
}

// joined joins neighbours.
func joined[T any](list []T, join func(a, b T) (T, bool)) (out []T) {
	for _, x := range list {
		if last := len(out) - 1; last >= 0 {
			if one, ok := join(out[last], x); ok {
				out[last] = one
				continue
			}
		}
		out = append(out, x)
	}
	return out
}

func landlockJSON(b *Box) (string, []string, error) {
	c, notes := landlock(b)
	text, err := indented(c)
	return text, notes, err
}

func indented(v any) (string, error) {
	var w strings.Builder
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return w.String(), err
}

func landlockTOML(b *Box) (string, []string, error) {
	c, notes := landlock(b)
	var w strings.Builder
	strs := func(key string, list []string) {
		if len(list) == 0 {
			return
		}
		quoted := make([]string, len(list))
		for i, s := range list {
			quoted[i] = tomlString(s)
		}
		w.WriteString(key + " = [" + strings.Join(quoted, ", ") + "]\n")
	}
	for _, r := range c.Ruleset {
		w.WriteString("[[ruleset]]\n")
		strs("handled_access_fs", r.FS)
		strs("handled_access_net", r.Net)
		strs("scoped", r.Scoped)
	}
	for _, p := range c.Path {
		w.WriteString("\n[[path_beneath]]\n")
		strs("allowed_access", p.Access)
		strs("parent", p.Parent)
	}
	for _, p := range c.Port {
		w.WriteString("\n[[net_port]]\n")
		strs("allowed_access", p.Access)
		ports := make([]string, len(p.Port))
		for i, port := range p.Port {
			ports[i] = strconv.Itoa(int(port))
		}
		w.WriteString("port = [" + strings.Join(ports, ", ") + "]\n")
	}
	return w.String(), notes, nil
}

// tomlString writes a basic string: JSON's escapes are among those of TOML.
func tomlString(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return strconv.Quote(s)
	}
	return strings.ReplaceAll(string(text), "\x7f", `\u007f`)
}
