package image

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseShebang(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct {
		head string
		want shebang
		ok   bool
	}{
		{"#!/bin/sh\n", shebang{"/bin/sh", ""}, true},
		{"#!/bin/sh", shebang{"/bin/sh", ""}, true},
		{"#! \t/bin/sh \t\necho", shebang{"/bin/sh", ""}, true},
		{"#!/bin/sh -e\n", shebang{"/bin/sh", "-e"}, true},
		{"#!/bin/sh \t-e  -u \n", shebang{"/bin/sh", "-e  -u"}, true},
		{"#!/bin/sh -e ", shebang{"/bin/sh", "-e "}, true},
		{"#!/bin/sh\r\n", shebang{"/bin/sh\r", ""}, true},
		{"#!/bin/sh -e\r\n", shebang{"/bin/sh", "-e\r"}, true},
		{"#!/bin/sh\x00junk\n", shebang{"/bin/sh", ""}, true},
		{"#!/bin/sh " + long + "\n", shebang{"/bin/sh", long[:binprmSize-1-10]}, true},
		{"#!/" + long + "\n", shebang{}, false},
		{"#!" + strings.Repeat(" ", 300) + "/bin/sh\n", shebang{}, false},
		{"#!\n", shebang{}, false},
		{"#!  \n/bin/sh", shebang{}, false},
		{"#!", shebang{}, false},
		{"#", shebang{}, false},
		{"", shebang{}, false},
		{" #!/bin/sh\n", shebang{}, false},
	}
	for _, test := range tests {
		got, ok := parseShebang([]byte(test.head))
		if got != test.want || ok != test.ok {
			t.Errorf("%.40q: got %q, %v", test.head, got, ok)
		}
	}
}

func FuzzShebang(f *testing.F) {
	for _, s := range []string{"#!/bin/sh\n", "#! /bin/sh -e\r\n", "#!/usr/bin/env -S a 'b c' # d\n", "#!/usr/bin/env -S\\_x", "#!\x00", "#! " + strings.Repeat("a", 300)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		line, ok := parseShebang(head)
		if !ok {
			if line != (shebang{}) {
				t.Errorf("a refused line has %q", line)
			}
			return
		}
		if line.interp == "" || strings.ContainsAny(line.interp+line.arg, "\n\x00") || strings.ContainsAny(line.interp, " \t") {
			t.Errorf("got %q", line)
		}
		// Without a newline the kernel trims nothing.
		if i := strings.IndexAny(string(head), "\n\x00"); i >= 0 && i < binprmSize && head[i] == '\n' && strings.Trim(line.arg, " \t") != line.arg {
			t.Errorf("blanks around %q", line.arg)
		}
		if words, err := envWords(line); err == nil && (len(words) == 0 || words[0] == "" || words[0][0] == '-') {
			t.Errorf("%q gives %q", line.arg, words)
		}
	})
}

func TestEnvWords(t *testing.T) {
	tests := []struct {
		arg  string
		want []string
		err  string
	}{
		{"python3", []string{"python3"}, ""},
		{"python3 -u", []string{"python3 -u"}, ""},
		{"-S python3 -u", []string{"python3", "-u"}, ""},
		{"-Spython3 -u", []string{"python3", "-u"}, ""},
		{"--split-string=python3 -u", []string{"python3", "-u"}, ""},
		{`-S awk -F ';' "-v x" -f`, []string{"awk", "-F", ";", "-v x", "-f"}, ""},
		{"-S perl -w # why", []string{"perl", "-w"}, ""},
		{"", nil, "names no interpreter"},
		{"-S", nil, "names no interpreter"},
		{"-S ''", nil, "names no interpreter"},
		{"-i sh", nil, "options of env"},
		{"-vS sh", nil, "options of env"},
		{"-S -i sh", nil, "options of env"},
		{"-", nil, "options of env"},
		{"A=1", nil, "assignments"},
		{"-S A=1 sh", nil, "assignments"},
		{"-S sh ${HOME}", nil, "escapes and variables"},
		{`-S sh a\_b`, nil, "escapes and variables"},
		{"-S sh 'a", nil, "quotes"},
	}
	for _, test := range tests {
		got, err := envWords(shebang{"/usr/bin/env", test.arg})
		if !slices.Equal(got, test.want) || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%q: got %q, %v", test.arg, got, err)
		}
	}
}

// argv returns the arguments that the kernel gives to the end of a chain,
// which has to be a script of dump.
func argv(t *testing.T, img *Image) []string {
	t.Helper()
	cmd := &exec.Cmd{Path: img.Path, Args: img.Argv}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", img.Argv, err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestScript(t *testing.T) {
	dir := tempDir(t)
	script := write(t, dir+"/s", "#!/bin/sh -e\nprintf '%s\\0' \"$0\" \"$@\"\n", 0o755)
	img := resolve(t, dir, "./s", []string{"a b", "c"})
	if img.Path != script || !slices.Equal(img.Argv, []string{"./s", "a b", "c"}) {
		t.Errorf("the kernel follows the line, got %q %q", img.Path, img.Argv)
	}
	if img.Files[0] != (File{Path: script, Need: Exec, Why: "the command"}) {
		t.Errorf("first: %+v", img.Files[0])
	}
	sh := find(img, canonical("/bin/sh"))
	if sh == nil || sh.Need != Exec || sh.Why != "interpreter of "+script {
		t.Errorf("sh: %+v", sh)
	}
	if ldso := find(img, canonical(img.Interp)); img.Kind != Dynamic || ldso == nil || ldso.Need != Exec {
		t.Errorf("%v, %+v", img.Kind, ldso)
	}
	if got := argv(t, img); !slices.Equal(got, []string{script, "a b", "c"}) {
		t.Errorf("it ran with %q", got)
	}
}

// TestChain asks the kernel too: its comment says 4 levels, its loop 5.
func TestChain(t *testing.T) {
	for levels := 1; levels <= 7; levels++ {
		dir := tempDir(t)
		next := canonical("/bin/true")
		for i := levels; i >= 1; i-- {
			next = write(t, fmt.Sprintf("%s/%d", dir, i), "#!"+next+"\n", 0o755)
		}
		img, err := Resolve(next, nil, environ(), dir)
		kernel := exec.Command(next).Run()
		if (err == nil) != (kernel == nil) || (err == nil) != (levels <= maxScripts) {
			t.Errorf("%d levels: got %v, the kernel %v", levels, err, kernel)
		}
		if err != nil {
			if e := err.(*Error); e.NotFound || !errors.Is(err, unix.ELOOP) || e.Path != next {
				t.Errorf("%d levels: %#v", levels, e)
			}
			continue
		}
		check(t, img)
		for i := 1; i <= levels; i++ {
			if f := find(img, fmt.Sprintf("%s/%d", dir, i)); f == nil || f.Need != Exec {
				t.Errorf("%d levels, script %d: %+v", levels, i, f)
			}
		}
	}
}

func TestEnv(t *testing.T) {
	dir := tempDir(t)
	dump := write(t, dir+"/bin/dump", "#!/bin/sh\nprintf '%s\\0' \"$0\" \"$@\"\n", 0o755)
	write(t, dir+"/bin/twice", "#!/usr/bin/env dump\n", 0o755)
	tests := []struct {
		line string
		want []string // what dump sees behind its own name; SCRIPT is the path
	}{
		{"#!/usr/bin/env dump", []string{"SCRIPT", "x", ""}},
		{"#!/bin/env dump", []string{"SCRIPT", "x", ""}},
		{"#! /usr/bin/env  dump ", []string{"SCRIPT", "x", ""}},
		{"#!/usr/bin/env -S dump -a 'b c'", []string{"-a", "b c", "SCRIPT", "x", ""}},
		{"#!/usr/bin/env -Sdump -a", []string{"-a", "SCRIPT", "x", ""}},
		{"#!/usr/bin/env twice", []string{dir + "/bin/twice", "SCRIPT", "x", ""}},
	}
	path := dir + "/bin:/usr/bin:/bin"
	t.Setenv("PATH", path)
	for i, test := range tests {
		script := write(t, fmt.Sprintf("%s/s%d", dir, i), test.line+"\n", 0o755)
		img := resolve(t, dir, script, []string{"x", ""}, "PATH="+path)
		want := slices.Clone(test.want)
		want[slices.Index(want, "SCRIPT")] = script
		want = append([]string{dump}, want...)
		if got := argv(t, img); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", test.line, got, want)
		}
		// The control: the kernel and the real env end with the same.
		if got := argv(t, &Image{Path: script, Argv: []string{script, "x", ""}}); !slices.Equal(got, want) {
			t.Errorf("%q: env itself gives %q, want %q", test.line, got, want)
		}
		if f := find(img, script); f == nil || f.Need != Read {
			t.Errorf("%q: the script is an argument, got %+v", test.line, f)
		}
		if f := find(img, dump); f == nil || f.Need != Exec {
			t.Errorf("%q: %+v", test.line, f)
		}
		if find(img, canonical("/usr/bin/env")) != nil {
			t.Errorf("%q: env is not executed", test.line)
		}
	}

	// A script whose interpreter is a script that names env.
	middle := write(t, dir+"/middle", "#!/usr/bin/env -S dump -m\n", 0o755)
	outer := write(t, dir+"/outer", "#!"+middle+" -o  p\n", 0o755)
	img := resolve(t, dir, outer, []string{"x"}, "PATH="+path)
	want := []string{dump, "-m", middle, "-o  p", outer, "x"}
	if got := argv(t, img); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := argv(t, &Image{Path: outer, Argv: []string{outer, "x"}}); !slices.Equal(got, want) {
		t.Errorf("env itself gives %q, want %q", got, want)
	}

	// env as the command is only a command.
	if img := resolve(t, dir, "env", []string{"-i", "sh"}, "PATH="+path); !strings.HasSuffix(img.Path, "/env") || !slices.Equal(img.Argv, []string{"env", "-i", "sh"}) {
		t.Errorf("got %q %q", img.Path, img.Argv)
	}
}

func TestScriptErrors(t *testing.T) {
	dir := tempDir(t)
	write(t, dir+"/locked", "#!/bin/sh\n", 0o644)
	write(t, dir+"/text", "echo\n", 0o755)
	tests := []struct {
		line, text, hint string
		errno            error
	}{
		{"#!/nowhere/perl -w", `its interpreter "/nowhere/perl" does not exist`, "", unix.ENOENT},
		{"#!/bin/sh\r", `its interpreter "/bin/sh\r" does not exist`, "Windows line endings", unix.ENOENT},
		{"#!" + dir, `its interpreter "` + dir + `": is a directory`, "", unix.EACCES},
		{"#!" + dir + "/locked", `its interpreter "` + dir + `/locked": permission denied`, "", unix.EACCES},
		{"#!" + dir + "/text", `its interpreter "` + dir + `/text": exec format error`, "", unix.ENOEXEC},
		{"#!/usr/bin/env perl9", `its interpreter "perl9" is not found`, "", unix.ENOENT},
		{"#!/usr/bin/env sh\r", `its interpreter "sh\r" is not found`, "Windows line endings", unix.ENOENT},
		{"#!/usr/bin/env sh -e", `its interpreter "sh -e" is not found`, "env -S", unix.ENOENT},
		{"#!/usr/bin/env -i sh", "options of env", "name the interpreter on the command line", unix.ENOEXEC},
		{"#!/usr/bin/env A=1", "assignments by env", "name the interpreter on the command line", unix.ENOEXEC},
		{"#!/usr/bin/env", "names no interpreter", "name the interpreter on the command line", unix.ENOEXEC},
	}
	for i, test := range tests {
		script := write(t, fmt.Sprintf("%s/s%d", dir, i), test.line+"\n", 0o755)
		_, err := Resolve(script, nil, environ("PATH=/usr/bin:/bin"), dir)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v", test.line, err)
			continue
		}
		if e.NotFound || e.Path != script || !errors.Is(err, test.errno) || !strings.Contains(e.Error(), test.text) || !strings.Contains(e.Hint, test.hint) || (test.hint == "") != (e.Hint == "") {
			t.Errorf("%q: got %v, hint %q", test.line, e, e.Hint)
		}
		if s := e.Error(); strings.HasSuffix(s, ".") || strings.ToLower(s[:1]) != s[:1] {
			t.Errorf("%q: speech: %s", test.line, s)
		}
	}

	// A loop through env has no end for the kernel, but has one here.
	write(t, dir+"/loop", "#!/usr/bin/env loop\n", 0o755)
	if _, err := Resolve("loop", nil, environ("PATH="+dir), dir); !errors.Is(err, unix.ELOOP) {
		t.Errorf("loop: %v", err)
	}
}
