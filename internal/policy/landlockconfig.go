package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"github.com/pelletier/go-toml/v2"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/unveil"
)

// A landlockconfig is a file of https://github.com/landlock-lsm/landlockconfig,
// as its schema has it.
type landlockconfig struct {
	ABI      int `toml:"abi" json:"abi"`
	Variable []struct {
		Name    string   `toml:"name" json:"name"`
		Literal []string `toml:"literal" json:"literal"`
	} `toml:"variable" json:"variable"`
	Ruleset []struct {
		FS     []string `toml:"handled_access_fs" json:"handledAccessFs"`
		Net    []string `toml:"handled_access_net" json:"handledAccessNet"`
		Scoped []string `toml:"scoped" json:"scoped"`
	} `toml:"ruleset" json:"ruleset"`
	Path []struct {
		Access []string `toml:"allowed_access" json:"allowedAccess"`
		Parent []string `toml:"parent" json:"parent"`
	} `toml:"path_beneath" json:"pathBeneath"`
	Port []struct {
		Access []string `toml:"allowed_access" json:"allowedAccess"`
		Port   []uint64 `toml:"port" json:"port"`
	} `toml:"net_port" json:"netPort"`
}

// landlockconfigFormat returns the format that a file of landlockconfig has by
// its name, or "".
func landlockconfigFormat(name string) string {
	switch ext := filepath.Ext(name); ext {
	case ".toml", ".json":
		return ext[1:]
	}
	return ""
}

// IsLandlockconfig reports whether a file of this name is read as one of
// landlockconfig, and not as lines.
func IsLandlockconfig(name string) bool { return landlockconfigFormat(name) != "" }

// maxPaths bounds what variables make of a path.
const maxPaths = 4096

// fileRights are those that the schema knows: up to IOCTL_DEV. RESOLVE_UNIX
// goes with WRITE_FILE, as unveil(2) has it.
const fileRights = unveil.IoctlDev<<1 - 1

// landlockconfig adds a file of landlockconfig. What it does not handle is
// granted everywhere, for that is what it means; but as soon as it handles a
// right on TCP ports the network is a list, and UDP, of which it cannot speak,
// is refused. Scopes are the launcher's own, which has both.
func (p *Policy) landlockconfig(name, format, text string) error {
	const hint = "the format is that of landlockconfig"
	fail := func(format string, args ...any) error {
		return &Error{At: name, Err: fmt.Errorf(format, args...), Hint: hint}
	}
	var c landlockconfig
	if err := c.decode(format, text); err != nil {
		e := &Error{At: name, Err: err, Hint: hint}
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, column := at.Position()
			e.At += ":" + strconv.Itoa(row) + ":" + strconv.Itoa(column)
			e.Err = errors.New(strings.TrimPrefix(at.Error(), "toml: "))
		}
		return e
	}
	if c.ABI < 0 {
		return fail("abi %d", c.ABI)
	}
	if len(c.Variable)+len(c.Ruleset)+len(c.Path)+len(c.Port) == 0 {
		return fail("nothing in it restricts or grants anything")
	}
	values := map[string][]string{}
	for _, v := range c.Variable {
		if !isVariable(v.Name) {
			return fail("variable %q: not a name", clip(v.Name))
		}
		values[v.Name] = append(values[v.Name], v.Literal...)
	}
	handled, net, err := c.handled()
	if err != nil {
		return fail("%w", err)
	}
	var rights []Right
	for _, r := range c.Path {
		access, err := c.rights(r.Access, "fs")
		if err == nil && (access == 0 || len(r.Parent) == 0) {
			err = errors.New("path_beneath without rights or without a path")
		}
		if err != nil {
			return fail("%w", err)
		}
		handled |= access
		for _, template := range r.Parent {
			paths, err := substituteTemplate(template, values)
			if err != nil {
				return fail("path %q: %w", clip(template), err)
			}
			for _, path := range paths {
				if err := new(unveil.Rules).Add(unveil.Entry{Path: path}); err != nil {
					return fail("%w", err)
				}
				rights = append(rights, Right{path, unveil.Access(access), name})
			}
		}
	}
	var connect, bind []Ports
	for _, r := range c.Port {
		access, err := c.rights(r.Access, "net")
		if err == nil && (access == 0 || len(r.Port) == 0) {
			err = errors.New("net_port without rights or without a port")
		}
		if err != nil {
			return fail("%w", err)
		}
		net |= access
		for _, port := range r.Port {
			if port > 65535 {
				return fail("port %d is above 65535", port)
			}
			one := Ports{First: uint16(port), Last: uint16(port)}
			if access&ll.AccessNetConnectTCP != 0 {
				connect = append(connect, one)
			}
			if access&ll.AccessNetBindTCP != 0 {
				bind = append(bind, one)
			}
		}
	}
	if net != 0 {
		all := Ports{Last: 65535}
		if net&ll.AccessNetConnectTCP == 0 {
			connect = append(connect, all)
		}
		if net&ll.AccessNetBindTCP == 0 {
			bind = append(bind, all)
		}
		p.Listed = true
	}
	open := fileRights &^ unveil.Access(handled)
	if handled != 0 {
		open &^= unveil.Refer // which the kernel denies where it is not handled
	}
	if open != 0 {
		rights = append(rights, Right{"/", open, name})
	}
	for i := range rights {
		if rights[i].Access&unveil.WriteFile != 0 {
			rights[i].Access |= unveil.ResolveUnix
		}
	}
	p.Rights = append(p.Rights, rights...)
	p.Connect = append(p.Connect, connect...)
	p.Bind = append(p.Bind, bind...)
	return nil
}

func (c *landlockconfig) decode(format, text string) error {
	if format == "toml" {
		return toml.NewDecoder(strings.NewReader(text)).DisallowUnknownFields().Decode(c)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return unique(json.NewDecoder(strings.NewReader(text)))
}

// unique refuses an object that has a key twice, of which the decoder takes the
// last: a ruleset would be lost. The text is known to be read.
func unique(d *json.Decoder) error {
	t, err := d.Token()
	if delim, ok := t.(json.Delim); err != nil || !ok || delim != '{' && delim != '[' {
		return err
	}
	var keys []string
	for d.More() {
		if t == json.Delim('{') {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			if slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, name) }) { // as the decoder has it
				return fmt.Errorf("%q stands twice in one object", clip(name))
			}
			keys = append(keys, name)
		}
		if err := unique(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// handled returns the rights that are named as handled, of files and of ports.
func (c *landlockconfig) handled() (fs, net uint64, err error) {
	for _, r := range c.Ruleset {
		if len(r.FS)+len(r.Net)+len(r.Scoped) == 0 {
			return 0, 0, errors.New("a ruleset that handles nothing")
		}
		a, err1 := c.rights(r.FS, "fs")
		b, err2 := c.rights(r.Net, "net")
		_, err3 := c.rights(r.Scoped, "scope")
		if err := errors.Join(err1, err2, err3); err != nil {
			return 0, 0, err
		}
		fs, net = fs|a, net|b
	}
	return fs, net, nil
}

// rights reads names of rights: the kernel's in lower case, or groups of an
// ABI, abi.all, or v5.all as the format had it before.
func (c *landlockconfig) rights(names []string, kind string) (bits uint64, err error) {
	known := map[string][]string{"fs": unveil.Rights(), "net": unveil.NetRights()[:2], "scope": unveil.Scopes()}[kind]
	for _, name := range names {
		if prefix, group, ok := strings.Cut(name, "."); ok {
			abi := c.ABI
			if prefix != "abi" {
				abi, err = strconv.Atoi(strings.TrimPrefix(prefix, "v"))
				if err != nil || prefix[0] != 'v' {
					return 0, fmt.Errorf("unknown right %q", clip(name))
				}
			}
			if abi < 1 {
				return 0, fmt.Errorf("%q needs an abi", clip(name))
			}
			if abi > kernel.Newest {
				return 0, fmt.Errorf("%q of abi %d, and none above %d is known here", clip(name), abi, kernel.Newest)
			}
			g, ok := groupOf(kind, group, abi)
			if !ok {
				return 0, fmt.Errorf("unknown right %q", clip(name))
			}
			bits |= g
			continue
		}
		i := slices.Index(known, strings.ToUpper(name))
		if i < 0 || name != strings.ToLower(name) || kind == "fs" && unveil.Access(1)<<i > fileRights {
			return 0, fmt.Errorf("unknown right %q", clip(name))
		}
		bits |= 1 << i
	}
	return bits, nil
}

// groupOf returns the rights of a group in an ABI.
func groupOf(kind, group string, abi int) (uint64, bool) {
	k := kernel.Landlock(abi)
	all := map[string]uint64{"fs": k.FS() & uint64(fileRights), "net": k.Net() & (ll.AccessNetBindTCP | ll.AccessNetConnectTCP), "scope": k.Scopes()}[kind]
	switch {
	case group == "all":
		return all, true
	case kind == "fs" && group == "read_execute":
		return all & uint64(unveil.Execute|unveil.ReadFile|unveil.ReadDir|unveil.Refer), true
	case kind == "fs" && group == "read_write":
		return all &^ uint64(unveil.Execute), true
	}
	return 0, false
}

func isVariable(name string) bool {
	for i, c := range name {
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 || i > 0 && (c == '_' || c >= '0' && c <= '9')) {
			return false
		}
	}
	return name != ""
}

// substituteTemplate puts the values of variables into a path: every
// combination of them. $$ is a $.
func substituteTemplate(template string, values map[string][]string) ([]string, error) {
	list := []string{""}
	add := func(parts []string) error {
		if len(list)*len(parts) > maxPaths {
			return fmt.Errorf("variables make more than %d paths of it", maxPaths)
		}
		next := make([]string, 0, len(list)*len(parts))
		for _, head := range list {
			for _, part := range parts {
				next = append(next, head+part)
			}
		}
		list = next
		return nil
	}
	for rest := template; rest != ""; {
		before, after, ok := strings.Cut(rest, "$")
		if err := add([]string{before}); err != nil {
			return nil, err
		}
		rest = after
		switch {
		case !ok:
			return list, nil
		case strings.HasPrefix(rest, "$"):
			rest = rest[1:]
			_ = add([]string{"$"})
		case strings.HasPrefix(rest, "{"):
			name, after, ok := strings.Cut(rest[1:], "}")
			if !ok || !isVariable(name) {
				return nil, errors.New("a variable is not closed, or has no name")
			}
			value, ok := values[name]
			if !ok {
				return nil, fmt.Errorf("no variable %q", clip(name))
			}
			if err := add(value); err != nil {
				return nil, err
			}
			rest = after
		default:
			_ = add([]string{"$"})
		}
	}
	return list, nil
}
