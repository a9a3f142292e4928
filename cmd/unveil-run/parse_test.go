package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/unveil-run/unveil-run/internal/launch"
)

// byKong reads a command line with the parser that has the last word.
func byKong(t testing.TB, args []string) (*launch.Words, error) {
	t.Helper()
	words := new(launch.Words)
	parser, err := newParser(words, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return words, err
}

// agree holds that the quick reader reads what kong reads, or nothing.
func agree(t testing.TB, args []string) (quick bool) {
	t.Helper()
	got, ok := launch.ReadQuick(args)
	if !ok {
		return false
	}
	want, err := byKong(t, args)
	if err != nil {
		t.Fatalf("%q: quick %+v, kong: %v", args, *got, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\nquick %+v\nkong  %+v", args, *got, *want)
	}
	return true
}

// flags returns those of the grammar as kong has them.
func flags(t testing.TB) []*kong.Flag {
	t.Helper()
	parser, err := newParser(new(launch.Words), func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Flags
}

// TestQuickKnows holds which flags are read quickly: all that say what the
// box is, in each spelling, and none of those that may ask for something
// else than a run.
func TestQuickKnows(t *testing.T) {
	for _, f := range flags(t) {
		spellings := []string{"--" + f.Name}
		if f.Short != 0 {
			spellings = append(spellings, "-"+string(f.Short))
		}
		want := f.Group != nil && f.Group.Key != "run"
		for _, word := range spellings {
			args := []string{word}
			if !f.IsBool() {
				args = append(args, "value")
			}
			if got := agree(t, append(args, "--", "true")); got != want {
				t.Errorf("%s: read quickly: %v, want %v", word, got, want)
			}
		}
	}
}

// TestQuickGrammar holds that the grammar uses of kong what the quick reader
// knows. Another tag or type may change what a line means, also one that does
// not name the flag.
func TestQuickGrammar(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[launch.Words]()) {
		switch f.Type {
		case reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[[]string]():
		default:
			t.Errorf("%s: type %v", f.Name, f.Type)
		}
		rest := string(f.Tag)
		for _, key := range []string{"short", "name", "sep", "placeholder", "group", "help", "arg", "optional", "passthrough"} {
			if value, ok := f.Tag.Lookup(key); ok {
				rest = strings.Replace(rest, key+`:"`+strings.ReplaceAll(value, `"`, `\"`)+`"`, "", 1)
			}
		}
		if strings.TrimSpace(rest) != "" {
			t.Errorf("%s: tags %s", f.Name, rest)
		}
		if f.Type.Kind() == reflect.Slice && f.Tag.Get("sep") != "none" {
			t.Errorf("%s: values are split", f.Name)
		}
	}
}

// TestQuickAgrees holds the two together over lines made of what either of
// them gives a meaning to.
func TestQuickAgrees(t *testing.T) {
	vocabulary := []string{
		"--", "--", "-", "", "true", "/usr:rx", "stdio rpath", "a,b", "a=b", `a\,b`, "\xff", "\u2028<", "@file", "${HOME}", "-7", "--unknown", "-x",
		"--help", "-h", "-nq", "-u/usr:r", "-u=/usr:r", "--unveil=/usr:r", "--create=false", "--no-create", "--Create", "--unv", "---unveil", "-\xff",
	}
	for _, f := range flags(t) {
		vocabulary = append(vocabulary, "--"+f.Name)
		if f.Short != 0 {
			vocabulary = append(vocabulary, "-"+string(f.Short))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	quick := 0
	for range 20000 {
		args := make([]string, random.IntN(7))
		for i := range args {
			args[i] = vocabulary[random.IntN(len(vocabulary))]
		}
		if agree(t, args) {
			quick++
		}
	}
	if quick < 2000 {
		t.Errorf("%d of 20000 lines were read quickly: this tests little", quick)
	}
}

// TestAsTyped holds that words are read byte by byte.
func TestAsTyped(t *testing.T) {
	const word = "\xff<\u2028"
	words, err := byKong(t, []string{"-q", "-u", word, "-e", word, "--on-violation", word, "--", word})
	if err != nil {
		t.Fatal(err)
	}
	if words.Unveil[0] != word || words.Env[0] != word || words.OnViolation != word || words.Command[1] != word {
		t.Errorf("%q has become %+v", word, *words)
	}
}

// TestFirst holds that a plain command line is carried out before kong is
// initialised, and what only kong needs, which hangs on the order of import
// paths.
func TestFirst(t *testing.T) {
	for _, test := range []struct {
		args []string
		kong bool
	}{
		{[]string{"-u", "/usr:rx", "-p", "stdio rpath", "--", "true"}, false},
		{[]string{"--version"}, true},
	} {
		cmd := exec.Command(filepath.Join(tools, "unveil-run"), test.args...)
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		trace, _ := cmd.CombinedOutput()
		if !bytes.Contains(trace, []byte("init runtime")) {
			t.Fatalf("%q: no trace:\n%s", test.args, trace)
		}
		for _, name := range []string{"github.com/alecthomas/kong", "regexp"} {
			if got := bytes.Contains(trace, []byte("init "+name+" ")); got != test.kong {
				t.Errorf("%q: %s is initialised: %v, want %v\n%s", test.args, name, got, test.kong, trace)
			}
		}
	}
}

func FuzzQuick(f *testing.F) {
	for _, line := range []string{
		"-u\n/usr:rx\n-p\nstdio rpath\n--\nls\n-l",
		"--unveil\n/tmp:rwc\n--create\nls",
		"-e\nA=b\n--clear-env\n--pass-fd\n7\n--connect\n443\n--\n--\nls",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) { agree(t, strings.Split(line, "\n")) })
}
