package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/test/need"
)

// completionFile returns a file with the completion of a shell, which must be there.
func completionFile(t *testing.T, shell string) string {
	t.Helper()
	need.Program(t, shell)
	out, err := exec.Command(tools+"/unveil-run", "--completion", shell).Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "_unveil-run")
	if err := os.WriteFile(file, out, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// A completion is a line, and what it becomes.
type completion struct{ line, want string }

// completed are lines, and what stands in them when all that is offered for the
// last word has been put there.
var completed = []completion{
	{"--pri", "--print"},
	{"--print s", "--print setpriv systemd"},
	{"--on-violation ", "--on-violation abort errno log"},
	{"--print=set", "--print=setpriv"},
	{"-q --without l", "-q --without landlock"},
	{"-f py", "-f python"},
	{"--file ag", "--file agent"},
	{"-p rp", "-p rpath"},
	{`-p "stdio rp`, `-p "stdio rpath`},
	{`-P 'stdio rpath wp`, `-P 'stdio rpath wpath`},
	{"-u @t", "-u @tls: @tmp: @tty:"},
	{"-u fi", "-u file"},
	{"--learn fi", "--learn file"},
	{"-u file", "-u file"},
	// Behind words that readline takes apart.
	{"-n -u /usr:rx --conn", "-n -u /usr:rx --connect"},
	{"-u /usr:rx -u @tl", "-u /usr:rx -u @tls:"},
	{`-u /usr:rx -e A=b -p "stdio wp`, `-u /usr:rx -e A=b -p "stdio wpath`},
	// The command, and its words.
	{"of-the-te", "of-the-test"},
	{"-u /usr:rx of-the-te", "-u /usr:rx of-the-test"},
	{"-u /usr:rx -- of-the-te", "-u /usr:rx -- of-the-test"},
	{"-u /usr:rx -- of-the-test fi", "-u /usr:rx -- of-the-test file"},
	{"of-the-test --pri", "of-the-test --pri"},
	{"-q -- --pri", "-q -- --pri"},
}

// hostile are lines that are completed by names of which a shell would run a
// part, were they not quoted.
var hostile = []completion{
	{"./odd", `./odd\;x`},
	{"-q ./odd", `-q ./odd\;x`},
	{"-q -- ./odd", `-q -- ./odd\;x`},
	{"of-the-test ./odd", `of-the-test ./odd\;x`},
	{"-f ./odd", `-f ./odd\;x`},
	{"-u ./odd", `-u ./odd\;x`},
}

// where returns a directory with files, and an environment in which there is a
// command of-the-test.
func where(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"file", "odd;x", "@odd;x", "bin/of-the-test"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env = append(os.Environ(), "HOME="+dir, "ZDOTDIR="+dir, "TERM=dumb", "LC_ALL=C", "PATH="+dir+"/bin:"+tools+":"+os.Getenv("PATH"))
	return dir, env
}

// checkCompleted types lines into a shell on a terminal. The file rc makes the
// shell put all completions into the line at ESC *.
func checkCompleted(t *testing.T, shell, rc, text string, completed []completion) {
	t.Helper()
	zsh := need.Program(t, "zsh")
	driver, err := filepath.Abs("testdata/completed.zsh")
	if err != nil {
		t.Fatal(err)
	}
	dir, env := where(t)
	if err := os.WriteFile(filepath.Join(dir, rc), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-f", driver, filepath.Join(dir, "out"), shell, `\e*`}
	for _, tt := range completed {
		args = append(args, "unveil-run "+tt.line)
	}
	cmd := exec.Command(zsh, args...)
	cmd.Dir, cmd.Env = dir, append(env, "OUT="+filepath.Join(dir, "out"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(completed) {
		t.Fatalf("%d lines of %d:\n%s", len(lines), len(completed), out)
	}
	// readline closes or drops quotes as it likes; zsh puts an = behind a flag that
	// goes when a blank is typed.
	plain := strings.NewReplacer(`"`, "", `'`, "")
	for i, tt := range completed {
		if got := strings.TrimRight(plain.Replace(lines[i]), "= "); got != "unveil-run "+strings.TrimRight(plain.Replace(tt.want), " ") {
			t.Errorf("%q: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

// TestBashCompletion sources the file, without bash-completion.
func TestBashCompletion(t *testing.T) {
	file := completionFile(t, "bash")
	checkCompleted(t, "bash --noprofile --rcfile rc -i", "rc", "PS1=READY\nset -o emacs\n. "+file+`
bind -x '"\C-g": printf "%s\n" "$READLINE_LINE" >>"$OUT"; READLINE_LINE='
`, slices.Concat(completed, hostile, []completion{{"-u @odd", "-u @odd"}}))
}

// TestFishCompletion asks for what is offered for the last word: that word with
// whatever it may be.
func TestFishCompletion(t *testing.T) {
	file := completionFile(t, "fish")
	dir, env := where(t)
	for _, tt := range completed {
		cmd := exec.Command("fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", file, "unveil-run "+tt.line)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", tt.line, err, out)
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got = append(got, word)
		}
		// What is not in the line yet; nothing, if that is all of it.
		blank := strings.LastIndexAny(tt.line, ` '"`) + 1
		if i := strings.LastIndexAny(tt.line, `'"`); i >= 0 {
			blank = i + 1 // in a quote
		}
		want := []string{strings.TrimLeft(tt.want[blank:], `'"`)}
		if !strings.ContainsAny(tt.line, `'"`) {
			want = strings.Fields(tt.want[blank:])
		}
		slices.Sort(got)
		if len(got) == 0 && tt.line == tt.want {
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", tt.line, got, want)
		}
	}
}

// TestZshCompletion has zsh find the file by its name, as it finds those that
// are installed, and reads it by the source command.
func TestZshCompletion(t *testing.T) {
	file := completionFile(t, "zsh")
	keys := `
PS1=READY
zle -C all complete-word _generic
zstyle ':completion:all:*' completer _all_matches _complete
zstyle ':completion:all:*' insert true
bindkey '\e*' all
out() { print -r -- "$BUFFER" >>$OUT; BUFFER= }
zle -N out
bindkey '^G' out
`
	for _, load := range []string{
		"fpath=(" + filepath.Dir(file) + " $fpath); autoload -Uz compinit; compinit -u -D",
		"autoload -Uz compinit; compinit -u -D; source <(unveil-run --completion zsh)",
	} {
		checkCompleted(t, "zsh -d -i", ".zshrc", load+keys, slices.Concat(completed, hostile))
	}
}

// TestZshFlags holds that zsh reads the words as they are meant: what
// _arguments(1) of zsh is given has each flag with its help and its value.
func TestZshFlags(t *testing.T) {
	file := completionFile(t, "zsh")
	out, err := exec.Command("zsh", "-f", "-c", `_arguments() { print -rl -- "$@" }; compdef() { $1 }; . $0`, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	specs := strings.Split(string(out), "\n")
	for _, f := range flags(t) {
		for _, s := range spellings(f) {
			i := slices.IndexFunc(specs, func(spec string) bool {
				return strings.HasPrefix(spec, "*"+s+"[") || strings.HasPrefix(spec, "*"+s+"=[")
			})
			if i < 0 || !f.IsBool() != (strings.Count(strings.ReplaceAll(specs[i], `\:`, ""), ":") >= 2) {
				t.Errorf("%s: no spec, or a wrong one:\n%s", s, out)
			}
		}
	}
	for _, want := range []string{":FORMAT:(landlockconfig-toml ", ":abort|errno|log:(abort errno log)", `:PROMISES:_values -s " " promise stdio rpath `} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q:\n%s", want, out)
		}
	}
}

func TestCompletionUnknown(t *testing.T) {
	out, err := exec.Command(tools+"/unveil-run", "--completion", "csh").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `error: --completion: "csh" is not a shell that it knows`) || !strings.Contains(string(out), "hint: the shells are bash, fish, zsh") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestHelp holds that the help is on one screen.
func TestHelp(t *testing.T) {
	out, err := exec.Command(tools+"/unveil-run", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) < 30 || len(lines) > 48 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
