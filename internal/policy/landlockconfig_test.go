package policy_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/unveil"
)

// abi5 are the rights of Landlock ABI 5.
var abi5 = unveil.Access(kernel.Landlock(5).FS())

// TestLandlockconfig reads the forms that the published examples have: groups
// of an ABI in both spellings, variables, rights that are spelled out, ports,
// and a ruleset of scopes and ports alone.
func TestLandlockconfig(t *testing.T) {
	const readExecute = unveil.Execute | unveil.ReadFile | unveil.ReadDir | unveil.Refer
	readWrite := abi5 &^ unveil.Execute
	if abi5 == 0 || abi5&unveil.ResolveUnix != 0 {
		t.Fatalf("%v", abi5)
	}
	port := func(p uint16) policy.Ports { return policy.Ports{First: p, Last: p} }
	every := policy.Ports{Last: 65535}
	for _, tt := range []struct {
		name, text    string
		rights        map[string]unveil.Access
		connect, bind []policy.Ports
		listed        bool
	}{
		{"a.toml", "abi = 5\n[[ruleset]]\nhandled_access_fs = [\"abi.all\"]\nhandled_access_net = [\"bind_tcp\"]\n" +
			"[[path_beneath]]\nallowed_access = [\"abi.read_execute\"]\nparent = [\".\", \"/usr\",]\n" +
			"[[path_beneath]]\nallowed_access = [\"abi.read_write\"]\nparent = [\"/tmp\"]\n" +
			"[[net_port]]\nallowed_access = [\"bind_tcp\"]\nport = [80, 443,]\n",
			map[string]unveil.Access{".": readExecute, "/usr": readExecute, "/tmp": readWrite},
			[]policy.Ports{every}, []policy.Ports{port(80), port(443)}, true},
		{"a.json", `{"abi": 5, "ruleset": [{"handledAccessFs": ["abi.all"], "handledAccessNet": ["connect_tcp"]}],
			"pathBeneath": [{"allowedAccess": ["abi.read_execute"], "parent": ["/usr"]}],
			"netPort": [{"allowedAccess": ["connect_tcp"], "port": [443]}]}`,
			map[string]unveil.Access{"/usr": readExecute}, []policy.Ports{port(443)}, []policy.Ports{every}, true},
		{"variables.toml", "[[variable]]\nname = \"rw\"\nliteral = [\"/tmp\", \"/var/tmp\"]\n[[variable]]\nname = \"x\"\nliteral = [\"a\", \"b\"]\n" +
			"[[path_beneath]]\nallowed_access = [\"v5.read_execute\"]\nparent = [\"/usr\"]\n" +
			"[[path_beneath]]\nallowed_access = [\"v5.read_write\"]\nparent = [\"${rw}/${x}\", \"/$$1\", \"/$2\"]\n",
			map[string]unveil.Access{"/usr": readExecute, "/tmp/a": readWrite, "/tmp/b": readWrite, "/var/tmp/a": readWrite, "/var/tmp/b": readWrite, "/$1": readWrite, "/$2": readWrite},
			nil, nil, false},
		// What a file does not handle is open; REFER is not.
		{"few.json", `{"pathBeneath": [{"allowedAccess": ["execute"], "parent": ["/usr"]}]}`,
			map[string]unveil.Access{"/usr": unveil.Execute, "/": abi5 &^ (unveil.Execute | unveil.Refer)}, nil, nil, false},
		// No right on files is handled, so that all are open.
		{"scopes.json", `{"abi": 6, "ruleset": [{"handledAccessNet": ["abi.all"], "scoped": ["abi.all"]}]}`,
			map[string]unveil.Access{"/": abi5}, nil, nil, true},
	} {
		dir := tree(t, map[string]string{tt.name: tt.text})
		var p policy.Policy
		if err := p.ReadFile(filepath.Join(dir, tt.name)); err != nil {
			t.Error(err)
			continue
		}
		got := map[string]unveil.Access{}
		for _, r := range p.Rights {
			got[r.Path] |= r.Access
		}
		for path, access := range tt.rights {
			if access&unveil.WriteFile != 0 {
				access |= unveil.ResolveUnix
			}
			if got[path] != access {
				t.Errorf("%s: %s has %s, want %s", tt.name, path, got[path], access)
			}
		}
		if len(got) != len(tt.rights) || !slices.Equal(p.Connect, tt.connect) || !slices.Equal(p.Bind, tt.bind) || p.Listed != tt.listed {
			t.Errorf("%s: %v, connect %v, bind %v, listed %v", tt.name, got, p.Connect, p.Bind, p.Listed)
		}
	}
}

// newer puts the number of an ABI into a text that is not known yet.
func newer(format string) string { return fmt.Sprintf(format, kernel.Newest+1) }

func TestLandlockconfigErrors(t *testing.T) {
	for text, want := range map[string]string{
		`abi = 5`: ": nothing in it restricts or grants anything",
		"[[path_beneath]]\nallowed_access = [\"abi.all\"]\nparent = [\"/\"]":        `: "abi.all" needs an abi`,
		"[[path_beneath]]\nallowed_access = [\"fly\"]\nparent = [\"/\"]":            `: unknown right "fly"`,
		"[[path_beneath]]\nallowed_access = [\"EXECUTE\"]\nparent = [\"/\"]":        `: unknown right "EXECUTE"`,
		"[[path_beneath]]\nallowed_access = [\"v0.all\"]\nparent = [\"/\"]":         `: "v0.all" needs an abi`,
		"abi = 99\n[[ruleset]]\nhandled_access_fs = [\"abi.all\"]":                  fmt.Sprintf(`: "abi.all" of abi 99, and none above %d is known here`, kernel.Newest),
		newer("[[path_beneath]]\nallowed_access = [\"v%d.all\"]\nparent = [\"/\"]"): newer(`: "v%[1]d.all" of abi %[1]d`) + fmt.Sprintf(", and none above %d is known here", kernel.Newest),
		"[[path_beneath]]\nallowed_access = [\"execute\"]\nparent = [\"${no}\"]":    `: path "${no}": no variable "no"`,
		"[[path_beneath]]\nallowed_access = [\"execute\"]\nparent = [\"${no\"]":     `: path "${no": a variable is not closed, or has no name`,
		"[[path_beneath]]\nallowed_access = [\"execute\"]\nparent = []":             ": path_beneath without rights or without a path",
		"[[path_beneath]]\nallowed_access = [\"execute\"]\nparent = [\"\"]":         ": unveil: the path is empty",
		"[[net_port]]\nallowed_access = [\"bind_udp\"]\nport = [1]":                 `: unknown right "bind_udp"`,
		"[[net_port]]\nallowed_access = [\"bind_tcp\"]\nport = [70000]":             ": port 70000 is above 65535",
		"[[ruleset]]\n":                  ": a ruleset that handles nothing",
		"[[variable]]\nname = \"1\"":     `: variable "1": not a name`,
		"[[rulesets]]\nscoped = [\"x\"]": "",
		"= 5":                            "",
	} {
		dir := tree(t, map[string]string{"x.toml": text})
		var p policy.Policy
		err := p.ReadFile(filepath.Join(dir, "x.toml"))
		if err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, "x.toml")+":") || want != "" && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	many := strings.Repeat(`"a",`, 100)
	for text, want := range map[string]string{
		`{"abi": 5} {}`: "something follows the object",
		// Half of it would be lost.
		`{"ruleset": [{"handledAccessFs": ["execute"]}], "ruleset": [{"scoped": ["signal"]}]}`: `"ruleset" stands twice`,
		`{"ruleset": [{"handledAccessFs": ["execute"], "handledaccessFS": ["read_dir"]}]}`:     `"handledaccessFS" stands twice`,
		`{"ruleset": [{"x": 1}]}`: "unknown field",
		`{"variable": [{"name": "a", "literal": [` + strings.TrimSuffix(many, ",") + `]}], "pathBeneath": [{"allowedAccess": ["execute"], "parent": ["${a}${a}"]}]}`: "more than 4096 paths",
	} {
		dir := tree(t, map[string]string{"x.json": text})
		var p policy.Policy
		if err := p.ReadFile(filepath.Join(dir, "x.json")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
	var p policy.Policy
	checkError(t, p.Read("box", "[[ruleset]]"), `box:1:1: unknown word "[[ruleset]]"`, ".toml or .json")
}

// FuzzLandlockconfig: no text crashes the reader, and what it takes has rights
// that Landlock knows, on paths.
func FuzzLandlockconfig(f *testing.F) {
	f.Add("abi = 5\n[[path_beneath]]\nallowed_access = [\"abi.all\"]\nparent = [\"/${a}\"]\n[[variable]]\nname = \"a\"\nliteral = [\"x\"]", true)
	f.Add(`{"ruleset": [{"handledAccessNet": ["bind_tcp"]}], "netPort": [{"allowedAccess": ["bind_tcp"], "port": [1]}]}`, false)
	f.Fuzz(func(t *testing.T, text string, isTOML bool) {
		name := "box.json"
		if isTOML {
			name = "box.toml"
		}
		var p policy.Policy
		if p.Read(name, text) != nil {
			return
		}
		for _, r := range p.Rights {
			if r.Path == "" || r.Access == 0 || r.Access&^(abi5|unveil.ResolveUnix) != 0 {
				t.Fatalf("%q: %+v", text, r)
			}
		}
	})
}
