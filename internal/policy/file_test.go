package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/unveil"
)

const everything = `#!/usr/bin/env -S unveil-run -f
# a policy of every keyword

unveil /usr rx
	unveil "/path with blanks" r	# indented, and with a comment
unveil ~/src rwc
unveil '/a$b' ""
unveil /new rc create
unveil $DIR/z x optional
pledge stdio rpath
pledge "wpath cpath"
connect 443 tcp:80,udp:53
bind 8080 udp:*
unix ~/bus "$DIR"
env HOME PATH=/bin "X=a b" EMPTY=
`

// variables are those of the tests.
func variables(name string) (string, bool) {
	value, ok := map[string]string{
		"DIR": "/x y", "HASH": "#a", "QUOTES": `"'\`, "NONE": "", "TILDE": "~", "TOKEN": "@tmp", "PROMISES": "stdio rpath", "BYTES": "/caf\xe9",
		"LINES": "/a\nunveil / rwxc", "DOLLAR": "$DIR",
	}[name]
	return value, ok
}

// TestVariables: a value is a part of one word, whatever is in it.
func TestVariables(t *testing.T) {
	for word, want := range map[string]string{
		`$DIR`: "/x y", `${DIR}`: "/x y", `"$DIR"`: "/x y", `/a$DIR/b`: "/a/x y/b", `/a${DIR}b`: "/a/x yb", `$DIR$DIR`: "/x y/x y",
		`'$DIR'`: "$DIR", `\$DIR`: "$DIR", `"\$DIR"`: "$DIR", `/'$DIR'$DIR"$DIR"`: "/$DIR/x y/x y", `$DIR.d`: "/x y.d",
		`/$HASH`: "/#a", `"/$HASH"`: "/#a", `/$QUOTES`: `/"'\`, `"/$QUOTES"`: `/"'\`,
		`$TILDE`: "~", `"$TILDE"/a`: "~/a", `''$TILDE`: "~", `/$TILDE`: "/~", `$TOKEN`: "@tmp", `$LINES`: "/a\nunveil / rwxc", `$DOLLAR`: "$DIR",
		`$DIR#a`: "/x y#a",
	} {
		p := policy.Policy{Home: "/home/me", Lookup: variables}
		if err := p.Read("box", "unveil "+word+" r # $NOT"); err != nil || len(p.Unveil) != 1 || p.Unveil[0].Path != want {
			t.Errorf("%s: %+v, %v; want %q", word, p.Unveil, err, want)
		}
	}
	p := policy.Policy{Lookup: variables}
	if err := p.Read("box", "pledge $PROMISES inet\nenv A=$DIR"); err != nil || p.Pledge.String() != "stdio rpath inet" || p.Env[0] != "A=/x y" {
		t.Errorf("%v %q, %v", p.Pledge, p.Env, err)
	}
	const hint = "${NAME}"
	for line, want := range map[string]string{
		"unveil $NOT r":       "box:1:8: the variable NOT is not set",
		"unveil /a$NOT/b r":   "box:1:10: the variable NOT is not set",
		`unveil "/a b$NOT" r`: "box:1:13: the variable NOT is not set",
		"unveil $ r":          "box:1:8: a $ without a name",
		"unveil a$/b r":       "box:1:9: a $ without a name",
		"unveil $1 r":         "box:1:8: a $ without a name",
		"unveil $$ r":         "box:1:8: a $ without a name",
		"unveil $(pwd) r":     "box:1:8: a $ without a name",
		"unveil ${} r":        "box:1:8: a $ without a name",
		"unveil ${DIR r":      "box:1:8: a $ without a name",
		"unveil ${DIR:-x} r":  "box:1:8: a $ without a name",
		"unveil $\u00c9 r":    "box:1:8: a $ without a name",
		"unveil $BYTES r":     "box:1:8: the value of BYTES is not UTF-8",
		"unveil $DIR/$NOT r":  "box:1:13: the variable NOT is not set",
	} {
		p := policy.Policy{Lookup: variables}
		checkError(t, p.Read("box", line), want, hint)
	}
	// An empty value would leave what is above, in the end all files.
	for line, want := range map[string]string{
		"unveil $NONE r":             `box:1:8: unveil: the variable NONE is empty, and the path would be ""`,
		"unveil $NONE/ rwc":          `box:1:8: unveil: the variable NONE is empty, and the path would be "/"`,
		"unveil /home/$NONE r":       `box:1:14: unveil: the variable NONE is empty, and the path would be "/home/"`,
		"unveil $TILDE/\"$NONE\"b r": `box:1:16: unveil: the variable NONE is empty, and the path would be "~/b"`,
		"unix /run/$NONE/bus":        `box:1:11: unix: the variable NONE is empty, and the path would be "/run//bus"`,
		"include ./${NONE}a":         `box:1:11: include: the variable NONE is empty, and the path would be "./a"`,
	} {
		p := policy.Policy{Lookup: variables}
		checkError(t, p.Read("box", line), want, "take it out")
	}
	empty := policy.Policy{Lookup: variables}
	if err := empty.Read("box", "env A=$NONE\npledge stdio $NONE\n"); err != nil || empty.Env[0] != "A=" || empty.Pledge.String() != "stdio" {
		t.Errorf("%q, %v, %v", empty.Env, empty.Pledge, err)
	}
	checkError(t, p.Read("box", `unveil "$DIR r`), "box:1:8: a quote is not closed", "on the line")
	var none policy.Policy
	checkError(t, none.Read("box", "unveil $DIR r"), "box:1:8: the variable DIR is not set", hint)
}

// tree writes the files of a test, and returns their directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestInclude: lines are added where the include line stands, and a path of
// it begins at the file.
func TestInclude(t *testing.T) {
	dir := tree(t, map[string]string{
		"box":        "unveil /a r\ninclude sub/one ./two\nunveil /d r\n",
		"sub/one":    "unveil /b r\ninclude ../two\n",
		"two":        "unveil /c r\npledge stdio\n",
		"home":       "include ~/two\n",
		"absolute":   "include $DIR/two",
		"bad":        "\ninclude sub/worse\n",
		"sub/worse":  "  include ../worst\n",
		"worst":      "unveil /x q\n",
		"missing":    "include sub/none",
		"empty":      `include ""`,
		"self":       "include self",
		"a":          "include ./b",
		"b":          "unveil /b r\ninclude sub/../a",
		"folder":     "include sub",
		"device":     "include /dev/zero",
		"of another": "include ~you/x",
		"unset":      "include $NOT/x",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	p := policy.Policy{}
	if err := p.ReadFile(at("box")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range p.Unveil {
		got = append(got, e.Path+" "+strings.TrimPrefix(e.From, dir+"/"))
	}
	if want := []string{"/a box:1:8", "/b sub/one:1:8", "/c two:1:8", "/c two:1:8", "/d box:3:8"}; !reflect.DeepEqual(got, want) || p.Pledge.String() != "stdio" {
		t.Errorf("%q, pledge %v; want %q", got, p.Pledge, want)
	}
	lookup := func(name string) (string, bool) { return dir, name == "DIR" }
	for _, name := range []string{"home", "absolute"} {
		p := policy.Policy{Home: dir, Lookup: lookup}
		if err := p.ReadFile(at(name)); err != nil || len(p.Unveil) != 1 {
			t.Errorf("%s: %v, %v", name, p.Unveil, err)
		}
	}
	for name, tt := range map[string]struct{ want, hint string }{
		"bad": {at("worst") + `:1:11: unveil "/x": permissions "q": "q" is not one of r, w, x and c (included at ` +
			at("sub/worse") + ":1:11, " + at("bad") + ":2:9)", "unveil /usr rx"},
		"missing":    {at("sub/none") + ": no such file or directory (included at " + at("missing") + ":1:9)", "path"},
		"empty":      {at("empty") + ":1:9: include: the name is empty", "include ./common"},
		"self":       {at("self") + `:1:9: include "self": it includes itself: ` + at("self") + ", " + at("self"), "out"},
		"a":          {at("b") + `:2:9: include "sub/../a": it includes itself: ` + at("a") + ", " + at("b") + ", " + at("a") + " (included at " + at("a") + ":1:9)", "out"},
		"folder":     {at("sub") + ": a directory, not a policy file (included at " + at("folder") + ":1:9)", "file in it"},
		"device":     {"/dev/zero: not a regular file (included at " + at("device") + ":1:9)", "devices"},
		"of another": {at("of another") + `:1:9: include "~you/x": home directories of other users are not looked up`, "write it out"},
		"unset":      {at("unset") + ":1:9: the variable NOT is not set", "$NAME"},
	} {
		p := policy.Policy{Home: dir, Lookup: lookup}
		checkError(t, p.ReadFile(at(name)), tt.want, tt.hint)
	}
}

// TestIncludeLimits: what a hostile file costs has a bound.
func TestIncludeLimits(t *testing.T) {
	files := map[string]string{}
	for i := range 20 {
		files["deep"+strconv.Itoa(i)] = "include deep" + strconv.Itoa(i+1)
		// Each doubles what is below it.
		next := "wide" + strconv.Itoa(i+1)
		files["wide"+strconv.Itoa(i)] = "include " + next + " " + next
	}
	files["wide20"], files["deep20"] = "", ""
	files["wide9"] = ""
	files["big"] = strings.Repeat("#\n", 512<<10)
	files["sum"] = "include big big big\ninclude big big\n"
	dir := tree(t, files)
	at := func(name string) string { return filepath.Join(dir, name) }
	var p policy.Policy
	err := p.ReadFile(at("deep0"))
	var e *policy.Error
	if !errors.As(err, &e) || e.At != at("deep15")+":1:9" || !strings.Contains(e.Err.Error(), `include "deep16": more than 16 files within one another`) || e.Hint == "" {
		t.Errorf("deep: %v", err)
	}
	p = policy.Policy{}
	if err := p.ReadFile(at("wide0")); err == nil || !strings.Contains(err.Error(), "more than 128 policy files") {
		t.Errorf("wide: %v", err)
	}
	p = policy.Policy{}
	if err := p.ReadFile(at("sum")); err == nil || !strings.Contains(err.Error(), "more than 4194304 bytes of policy files") {
		t.Errorf("sum: %v", err)
	}
	// Files that are not within one another add up too.
	p = policy.Policy{}
	for i := 0; ; i++ {
		err := p.ReadFile(at("wide20"))
		if err != nil {
			checkError(t, err, at("wide20")+": with it, more than 128 policy files", "policy file")
			if i != 128 {
				t.Errorf("after %d files", i)
			}
			break
		}
	}
}

func TestRead(t *testing.T) {
	for name, text := range map[string]string{
		"LF":   everything,
		"CRLF": strings.ReplaceAll(everything, "\n", "\r\n"),
	} {
		p := policy.Policy{Home: "/home/me", Lookup: variables}
		if err := p.Read("box", text); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := []string{"/home/me/bus", "/x y"}; !reflect.DeepEqual(p.Unix, want) {
			t.Errorf("%s: unix %q", name, p.Unix)
		}
		entries := []policy.Entry{
			{unveil.Entry{Path: "/usr", Letters: unveil.R | unveil.X}, "", "box:4:8"},
			{unveil.Entry{Path: "/path with blanks", Letters: unveil.R}, "", "box:5:9"},
			{unveil.Entry{Path: "/home/me/src", Letters: unveil.R | unveil.W | unveil.C}, "", "box:6:8"},
			{unveil.Entry{Path: "/a$b"}, "", "box:7:8"},
			{unveil.Entry{Path: "/new", Letters: unveil.R | unveil.C, Create: true}, "", "box:8:8"},
			{unveil.Entry{Path: "/x y/z", Letters: unveil.X, Optional: true}, "", "box:9:8"},
		}
		if !reflect.DeepEqual(p.Unveil, entries) {
			t.Errorf("%s: unveil\n got %+v\nwant %+v", name, p.Unveil, entries)
		}
		if p.Pledge == nil || p.Pledge.String() != "stdio rpath wpath cpath" {
			t.Errorf("%s: pledge %v", name, p.Pledge)
		}
		if want := []policy.Ports{{First: 443, Last: 443}, {First: 80, Last: 80}, {UDP: true, First: 53, Last: 53}}; !reflect.DeepEqual(p.Connect, want) {
			t.Errorf("%s: connect %v", name, p.Connect)
		}
		if want := []policy.Ports{{First: 8080, Last: 8080}, {UDP: true, Last: 65535}}; !reflect.DeepEqual(p.Bind, want) {
			t.Errorf("%s: bind %v", name, p.Bind)
		}
		if want := []string{"HOME", "PATH=/bin", "X=a b", "EMPTY="}; !reflect.DeepEqual(p.Env, want) {
			t.Errorf("%s: env %q", name, p.Env)
		}
	}
}

// TestReadPledge tells a policy that promises nothing from one that does not
// speak of promises.
func TestReadPledge(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "nil",
		"unveil /usr r":                 "nil",
		"pledge":                        "",
		"pledge # nothing":              "",
		`pledge ""`:                     "",
		"pledge stdio\npledge":          "stdio",
		"pledge inet\npledge stdio\r\n": "stdio inet",
	} {
		var p policy.Policy
		if err := p.Read("box", text); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := "nil"
		if p.Pledge != nil {
			got = p.Pledge.String()
		}
		if got != want {
			t.Errorf("%q: pledge %q, want %q", text, got, want)
		}
	}
}

// TestReadExecpromises tells promises of what is executed from none, which are
// those of the command.
func TestReadExecpromises(t *testing.T) {
	for text, want := range map[string]string{
		"pledge stdio exec": "nil",
		"execpromises":      "",
		"execpromises stdio rpath\npledge stdio exec":   "stdio rpath",
		"execpromises inet # and\nexecpromises stdio\n": "stdio inet",
	} {
		var p policy.Policy
		if err := p.Read("box", text); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := "nil"
		if p.Execpromises != nil {
			got = p.Execpromises.String()
		}
		if got != want {
			t.Errorf("%q: execpromises %q, want %q", text, got, want)
		}
		if strings.Contains(text, "pledge") != (p.Pledge != nil) {
			t.Errorf("%q: pledge %v", text, p.Pledge)
		}
	}
}

func TestReadErrors(t *testing.T) {
	tests := []struct{ name, text, want, hint string }{
		{"nearest", "unvail /usr r", `box:1:1: unknown word "unvail"`, `did you mean "unveil"?`},
		{"case", "PLEDGE stdio", `box:1:1: unknown word "PLEDGE"`, `did you mean "pledge"?`},
		{"flag", "  --connect 443", `box:1:3: unknown word "--connect"`, `did you mean "connect"?`},
		{"unknown", "/usr rx", `box:1:1: unknown word "/usr"`, "a line begins with unveil, pledge, execpromises, connect, bind, unix, env or include"},
		{"empty word", `"" a`, `box:1:1: unknown word ""`, "a line begins with"},
		{"third line", "unveil /usr r\n\n  unveil /x q\nunvail", `box:3:13: unveil "/x": permissions "q": "q" is not one of r, w, x and c`, "unveil /usr rx"},
		{"third line of CRLF", "unveil /usr r\r\n\r\nunveil /x rrrrr\r\n", `box:3:11: unveil "/x": permissions "rrrrr": more than 4 letters`, "unveil /usr rx"},
		{"upper case", "unveil /usr RX", `box:1:13: unveil "/usr": permissions "RX": write "R" in lower case`, "unveil /usr rx"},
		{"no letters", "unveil /usr", `box:1:8: unveil "/usr": no letters`, `"" hides the path`},
		{"as a flag", "unveil /usr:rx", `box:1:8: unveil "/usr:rx": no letters`, "unveil /usr rx"},
		{"empty path", `unveil "" r`, "box:1:8: unveil: the path is empty", "unveil /usr rx"},
		{"long path", "unveil /" + strings.Repeat("a", 4096) + " r", `box:1:8: unveil "/` + strings.Repeat("a", 63) + `…": the path is longer than 4095 bytes`, ""},
		{"blanks in a path", "unveil /my documents r", `box:1:22: "r" after the letters of unveil "/my"`, "quoted"},
		{"nothing unveiled", "unveil", "box:1:1: unveil of what?", "unveil /usr rx"},
		{"nothing connected", "connect # 443", "box:1:1: connect of what?", "connect 443"},
		{"nothing bound", "bind", "box:1:1: bind of what?", "bind 8080"},
		{"no variables", "env", "box:1:1: env of what?", "env HOME PATH"},
		{"promise", "pledge stdio rpaht", `box:1:14: pledge: unknown promise "rpaht"`, `did you mean "rpath"?`},
		{"promise of what is executed", "execpromises stdio\nexecpromises rpath stdoi", `box:2:20: pledge: unknown promise "stdoi"`, `did you mean "stdio"?`},
		{"no promise", "pledge stdio everything", `box:1:14: pledge: unknown promise "everything"`, "the promises are: stdio rpath"},
		{"promises with commas", "pledge stdio,rpath", `box:1:8: pledge: unknown promise "stdio,rpath": promises are separated by blanks`, "as in: stdio rpath"},
		{"blank before promises", `pledge " stdio"`, "box:1:8: pledge: a blank before the first promise", "as in: stdio rpath"},
		{"ports", "connect 80 443,", `box:1:12: an empty item in ports "443,"`, "write ports as 443"},
		{"bound ports", "bind 80 x", `box:1:9: port "x" is no number`, "write ports as 443"},
		{"variable without a name", "env A =b", "box:1:7: a variable without a name", "NAME=VALUE"},
		{"empty variable", `env ""`, "box:1:5: a variable without a name", "NAME=VALUE"},
		{"include of nothing", "include", "box:1:1: include of what?", "include ./common"},
		{"no socket", "unix", "box:1:1: unix of what?", "unix /run"},
		{"empty socket", `unix /a ""`, "box:1:9: unix: the path is empty", "name the socket"},
		{"socket of another", "unix ~you/s", `box:1:6: unix "~you/s": home directories of other users are not looked up`, "write it out"},
		{"word after the letters", "unveil /usr rx create optionel", `box:1:23: "optionel" after the letters of unveil "/usr"`, "optional may stand here"},
		{"letters before words", "unveil /usr rq create", `box:1:13: unveil "/usr": permissions "rq": "q" is not one of r, w, x and c`, "unveil /usr rx"},
		{"quote", "pledge stdio\nunveil \"/a b r\r\nenv A", "box:2:8: a quote is not closed", "on the line"},
		{"no continuation", "unveil /usr \\\r\nrx", "box:1:13: a backslash with nothing behind it", "repeated"},
		{"NUL", "unveil /usr r\nunveil /\x00 r", "box:2:9: a NUL", "text"},
		{"UTF-16", "u\x00n\x00v\x00", "box:1:2: a NUL", "text"},
		{"not UTF-8", "unveil /caf\xe9 r", "box:1:12: not UTF-8", "command line"},
		{"long line", "# " + strings.Repeat("a", 9000), "box:1:8192: the line is longer than 8192 bytes", "next line"},
		{"large", strings.Repeat("\n", 1<<20+1), "box: larger than 1048576 bytes", "policy file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := policy.Policy{Home: "/home/me"}
			checkError(t, p.Read("box", tt.text), tt.want, tt.hint)
		})
	}
}

// checkError compares an error and a part of its hint. Every error has one.
func checkError(t *testing.T, err error, want, hint string) {
	t.Helper()
	var e *policy.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v; want an Error: %s", err, want)
	}
	if e.Error() != want {
		t.Errorf("error %q\n want %q", e.Error(), want)
	}
	if e.Hint == "" || !strings.Contains(e.Hint, hint) {
		t.Errorf("hint %q of %q, want %q in it", e.Hint, e.Error(), hint)
	}
}

// TestReadLargest: the limits themselves can be had.
func TestReadLargest(t *testing.T) {
	var p policy.Policy
	line := "unveil /usr r\n"
	n := 1 << 20 / len(line)
	text := strings.Repeat(line, n) + strings.Repeat("\n", 1<<20-n*len(line))
	if err := p.Read("box", text); err != nil || len(p.Unveil) != n {
		t.Errorf("%d entries, %v; want %d", len(p.Unveil), err, n)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(write("box", everything), link); err != nil {
		t.Fatal(err)
	}
	p := policy.Policy{Home: "/home/me", Lookup: variables}
	if err := p.ReadFile(link); err != nil || len(p.Unveil) != 6 {
		t.Errorf("%d entries, %v", len(p.Unveil), err)
	}

	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	bad, big, missing := write("bad", "unveil /usr r\nunvail"), write("big", strings.Repeat("#\n", 512<<10)+"\n"), filepath.Join(dir, "missing")
	tests := []struct{ name, path, want, hint string }{
		{"bad line", bad, bad + `:2:1: unknown word "unvail"`, "unveil"},
		{"more than 1 MiB", big, big + ": larger than 1048576 bytes", "policy file"},
		{"directory", dir, dir + ": a directory, not a policy file", "file in it"},
		{"missing", missing, missing + ": no such file or directory", "path"},
		{"below a file", bad + "/x", bad + "/x: not a directory", "path"},
		{"no name", "", ": no such file or directory", "path"},
		{"fifo", fifo, fifo + ": not a regular file", "pipes"},
		{"endless device", "/dev/zero", "/dev/zero: not a regular file", "devices"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var p policy.Policy
			checkError(t, p.ReadFile(tt.path), tt.want, tt.hint)
		})
	}
}

func TestReadFileForbidden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	if err := os.WriteFile(path, nil, 0); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		if os.Getuid() == 0 {
			// Root may read anything. The thread that becomes somebody else
			// ends with this goroutine, for it is never unlocked.
			runtime.LockOSThread()
			if err := unix.Setfsuid(65534); err != nil {
				done <- err
				return
			}
		}
		var p policy.Policy
		done <- p.ReadFile(path)
	}()
	checkError(t, <-done, path+": permission denied", "able to read it")
}

// TestEnvLine: in a file, a name without a value makes the list complete.
func TestEnvLine(t *testing.T) {
	for text, clear := range map[string]bool{"env A=1": false, "env A": true, "env A=1 B": true, "pledge stdio": false} {
		var p policy.Policy
		if err := p.Read("policy", text); err != nil || p.ClearEnv != clear {
			t.Errorf("%q: ClearEnv %v, %v; want %v", text, p.ClearEnv, err, clear)
		}
	}
}
