package escape

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/shlex"

	"github.com/unveil-run/unveil-run/test/need"
)

// denials are the lines of --trace of one kind: "denied", "hint".
func denials(stderr, kind string) (list []string) {
	for line := range strings.Lines(stderr) {
		if text, ok := strings.CutPrefix(line, "unveil-run: "+kind+": "); ok {
			list = append(list, strings.TrimSpace(text))
		}
	}
	return list
}

// mending are the flags of the hints.
func mending(t *testing.T, stderr string) (flags []string) {
	t.Helper()
	for _, hint := range denials(stderr, "hint") {
		text, _, _ := strings.Cut(hint, "; ")
		words, err := shlex.Split(text)
		if err != nil {
			t.Fatalf("hint %q: %v", hint, err)
		}
		flags = append(flags, words...)
	}
	return flags
}

// A planted denial: an act that the box of plantedBox refuses, what is said of
// it, and the hint, in which $NAME stands for what the table of ways has.
type planted struct {
	act, denied, hint string
	then              []string // what is said when that was mended, and so on
	abi               int
}

var plantedBox = []string{"-u", "$IN:r", "-p", "stdio rpath"}

var plants = []planted{
	{act: "read $OUT/secret", denied: `open "$OUT/secret" for reading`, hint: `-u $OUT:r`},
	{act: "read $IN/link", denied: `open "$OUT/secret" for reading`, hint: `-u $OUT:r`},
	{act: "readdir $OUT/dir", denied: `open "$OUT/dir" for reading`, hint: `-u $OUT/dir:r`},
	{act: "write $IN/own", denied: `open "$IN/own" for writing`, hint: `-u $IN/own:rw -p "stdio rpath wpath"`},
	{act: "trunc $IN/own", denied: `open "$IN/own" for writing`, hint: `-u $IN/own:rw -p "stdio rpath wpath"`},
	{act: "truncate $IN/own", denied: `truncate "$IN/own"`, hint: `-u $IN/own:rw -p "stdio rpath wpath"`, abi: 3},
	{act: "creat $OUT/new", denied: `create "$OUT/new" for writing`, hint: `-u $OUT:wc -p "stdio rpath wpath cpath"`},
	{act: "mkdir $OUT/new", denied: `make the directory "$OUT/new"`, hint: `-u $OUT:c -p "stdio rpath cpath"`},
	{act: "rmdir $OUT/empty", denied: `remove the directory "$OUT/empty"`, hint: `-u $OUT:c -p "stdio rpath cpath"`},
	{act: "unlink $IN/own", denied: `remove "$IN/own"`, hint: `-u $IN:rc -p "stdio rpath cpath"`},
	{act: "symlink to $OUT/new", denied: `make the link "$OUT/new"`, hint: `-u $OUT:c -p "stdio rpath cpath"`},
	{act: "rename $OUT/secret $OUT/dir/new", denied: `rename "$OUT/secret" to "$OUT/dir/new"`, hint: `-u $OUT:c -u $OUT/dir:c -p "stdio rpath cpath"`},
	{act: "mkfifo $OUT/new", denied: `make "$OUT/new"`, hint: `-u $OUT:c -p "stdio rpath cpath dpath"`},
	{act: "chmod $IN/own 384", denied: `change "$IN/own"`, hint: `-p "stdio rpath fattr"`},
	{act: "socket 2 1 0", denied: `call socket(AF_INET, SOCK_STREAM, 0)`, hint: `-p "stdio rpath inet"`},
	{act: "connect 1 0 $TCP", denied: `call socket(AF_INET, SOCK_STREAM, 0)`, hint: `-p "stdio rpath inet"`},
	{act: "unix 1 $STREAM", denied: `call socket(AF_UNIX, SOCK_STREAM, 0)`, hint: `-p "stdio rpath unix"; if it is needed: libc asks nscd`,
		then: []string{`connect to the socket "$STREAM"`}},
	{act: "fork", denied: `call clone(0x1200011)`, hint: `-p "stdio rpath proc"`},
	{act: "kill $PARTNER 0", denied: `signal process $PARTNER`, hint: `-p "stdio rpath proc"`, then: []string{`signal process $PARTNER`}, abi: 6},
	{act: "exec $OUT/exe", denied: `execute "$OUT/exe"`, hint: `-u $OUT:x -p "stdio rpath exec"`},
}

// TestPlanted holds that each of the planted denials is named with a hint, that
// the box with the hint lets the act through, and nothing beside.
func TestPlanted(t *testing.T) {
	need.Box(t, 1)
	for _, u := range users() {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			p := newPartner(t, u)
			var b box
			for _, plant := range plants {
				if number(native) < plant.abi {
					continue
				}
				t.Run(plant.act, func(t *testing.T) { plant.mended(t, u, p, &b) })
			}
		})
	}
}

func (plant *planted) mended(t *testing.T, u user, p *partner, b *box) {
	flags := slices.Clone(plantedBox)
	wants := append([]string{plant.denied}, plant.then...)
	for try := 0; ; try++ {
		s := b.setting(t, u, p, native)
		if err := copyExecutable(tool("probe"), filepath.Join(s.dir, "out/exe")); err != nil {
			t.Fatal(err)
		}
		if try == 0 {
			control := s.command(t, append([]string{tool("probe")}, s.expand([]string{plant.act})...)...)
			if got := strings.TrimSpace(control.stdout); got != "ok" && got != "ran" {
				t.Fatalf("without the box %q: nothing is shown", control.stdout)
			}
			s = b.setting(t, u, p, native)
			if err := copyExecutable(tool("probe"), filepath.Join(s.dir, "out/exe")); err != nil {
				t.Fatal(err)
			}
		}
		// The flags of the hints name the tree that they were given for.
		expanded := s.expand(flags)
		got := s.command(t, launch(append([]string{"--trace"}, expanded...), tool("probe"), s.expand([]string{plant.act})[0])...)
		said, hints := denials(got.stderr, "denied"), denials(got.stderr, "hint")
		if len(said) == 0 {
			if answer := strings.TrimSpace(got.stdout); answer != "ok" && answer != "ran" {
				t.Errorf("with %q: %q, and nothing was said", flags, got.stdout)
			}
			if try == 0 {
				t.Errorf("nothing was denied")
			}
			s.unrelated(t, expanded)
			return
		}
		if try >= len(wants) {
			t.Fatalf("with %q: still denied %q", flags, said)
		}
		if want := s.expand(wants[try : try+1])[0]; said[0] != want || len(said) != len(hints) {
			t.Errorf("denied %q (hints %q), want %q", said, hints, want)
		}
		if want := s.expand([]string{plant.hint})[0]; try == 0 && hints[0] != want {
			t.Errorf("hint %q, want %q", hints[0], want)
		}
		for _, f := range mending(t, got.stderr) {
			flags = append(flags, strings.NewReplacer(s.words["IN"], "$IN", s.words["OUT"], "$OUT").Replace(f))
		}
	}
}

// unrelated holds that a box that was mended refuses what has nothing to do
// with it.
func (s *setting) unrelated(t *testing.T, flags []string) {
	t.Helper()
	acts := []string{"read $RO/file", "write $RO/file", "creat $RO/new"}
	if _, err := os.Stat("/etc/shadow"); err == nil { // not in every machine
		acts = append(acts, "read /etc/shadow")
	}
	for _, act := range acts {
		s := *s
		got := s.command(t, launch(append([]string{"-q"}, flags...), tool("probe"), s.expand([]string{act})[0])...)
		if strings.TrimSpace(got.stdout) != "EACCES" {
			t.Errorf("with %q: %s: %q, want EACCES", flags, act, got.stdout)
		}
	}
}

// TestPlantedElsewhere names denials that other boxes have.
func TestPlantedElsewhere(t *testing.T) {
	need.Box(t, 1)
	listed := []string{"-p", "stdio rpath inet", "--connect", "$TCP"}
	free := []string{"-u", "/:rwxc"}
	for _, u := range users() {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			p := newPartner(t, u)
			var b box
			for _, c := range []struct {
				flags             []string
				act, denied, hint string
				abi               int
			}{
				{listed, "connect 1 0 $OTHER", "connect to port $OTHER", "--connect $OTHER", 4},
				{listed, "socket 2 2 0", "call socket(AF_INET, SOCK_DGRAM, 0)", "--connect 'udp:*'; if it is needed: no port of UDP is named", 4},
				{listed, "socket 2 1 262", "call socket(AF_INET, SOCK_STREAM, 262)", "no flag and no promise allows it", 4},
				{[]string{"-p", "stdio rpath error"}, "socket 2 1 0", "call socket(AF_INET, SOCK_STREAM, 0)", `-p "stdio rpath inet error"`, 0},
				{free, "kill $PARTNER 0", "signal process $PARTNER", "--allow-signals", 6},
				{free, "unix 1 $ABSTRACT", `connect to the abstract socket "$ABSTRACT"`, "--allow-abstract", 6},
				{free, "ptrace $PARTNER 16", "", "", 0}, // Landlock's, of which nobody is asked
				{free, "unix 1 $STREAM", "", "", 0},
			} {
				if number(native) < c.abi {
					continue
				}
				s := b.setting(t, u, p, native)
				got := s.command(t, launch(append([]string{"--trace"}, s.expand(c.flags)...), tool("probe"), s.expand([]string{c.act})[0])...)
				said, hints := strings.Join(denials(got.stderr, "denied"), "|"), strings.Join(denials(got.stderr, "hint"), "|")
				if want := s.expand([]string{c.denied, c.hint}); said != want[0] || hints != want[1] {
					t.Errorf("%s with %q: denied %q, hint %q, want %q", c.act, c.flags, said, hints, want)
				}
			}
		})
	}
}

// TestTruth holds what --trace says against what the kernel does: an act is
// told of as denied if, and only if, the kernel refuses it in the box and not
// without.
func TestTruth(t *testing.T) {
	need.Box(t, 1)
	boxes := [][]string{
		{"-u", "$IN:r"}, {"-u", "$IN:rwc"}, {"-u", "$OUT:w"}, {"-u", "$OUT:c"}, {"-u", "$OUT:rwc", "-u", "$OUT/dir:"},
		{"-u", "$OUT/secret:rw"}, {"-u", "$IN:rwxc", "-u", "$OUT:rc"}, {"-u", "$IN:rc", "-u", "$OUT:rwxc"}, {"-u", "$OUT:rwxc"},
		{"-u", "$IN/link:r"}, {"-u", "/:r", "-u", "$OUT:rw", "--list-hidden"},
	}
	acts := []string{
		"read $IN/own", "read $OUT/secret", "read $IN/link", "read $IN/far", "read $IN/dirlink/dir/file", "read $OUT/../out/./dir//file", "write $OUT/secret", "rdwr $IN/own",
		"append $IN/own", "trunc $OUT/cut", "rtrunc $OUT/cut", "truncate $OUT/cut", "creat $OUT/new", "creat $IN/new", "mkdir $OUT/dir/new",
		"rmdir $OUT/empty", "unlink $OUT/secret", "unlink $IN/link", "symlink $OUT/secret $IN/new", "link $IN/own $OUT/new", "link $OUT/secret $OUT/dir/new",
		"rename $IN/own $OUT/new", "rename $OUT/dir $IN/new", "rename $OUT/secret $OUT/cut", "exchange $IN/own $OUT/cut", "readdir $OUT", "readdir $IN/dirlink",
		"mkfifo $OUT/new", "threadread $OUT/secret", "forkread $OUT/secret", "exec $IN/exe", "exec $IN/script", "vforkexec $IN/exe", "spawn $IN/exe",
	}
	switch {
	case os.Getenv(envTools) != "": // an emulated machine takes half a minute for one
		boxes = boxes[6:7]
	case testing.Short():
		boxes = boxes[4:7]
	}
	for _, u := range users() {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			p := newPartner(t, u)
			var b box
			for _, flags := range boxes {
				denied := 0
				for _, act := range acts {
					run := func(flags ...string) result {
						s := b.setting(t, u, p, native)
						defer os.RemoveAll(s.dir)
						argv := append([]string{tool("probe")}, s.expand([]string{act})...)
						if len(flags) > 0 {
							argv = launch(append([]string{"-q"}, s.expand(flags)...), argv...)
						}
						return s.command(t, argv...)
					}
					free, plain, traced := run(), run(flags...), run(append([]string{"--trace"}, flags...)...)
					if plain.stdout != traced.stdout || plain.status != traced.status {
						t.Errorf("%s with %q: %q (%d), traced %q (%d)", act, flags, plain.stdout, plain.status, traced.stdout, traced.status)
					}
					refused := free.stdout != plain.stdout
					if said := denials(traced.stderr, "denied"); refused != (len(said) > 0) {
						t.Errorf("%s with %q: the kernel says %q, without the box %q, and denied is %q", act, flags, plain.stdout, free.stdout, said)
					}
					if refused {
						denied++
					}
				}
				if denied == 0 || denied == len(acts) {
					t.Errorf("%q: %d of %d acts are refused: nothing is shown", flags, denied, len(acts))
				}
			}
		})
	}
}

// TestSummary holds that the command line at the end lets the command do what
// it could not, and is one line.
func TestSummary(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		act := []string{"read " + r.dir + "/out/secret", "creat " + r.dir + "/in/new", "chmod " + r.dir + "/in/new 384"}
		got := r.command(t, launch([]string{"--trace", "-u", r.dir + "/in:r", "-p", "stdio rpath"}, append([]string{tool("probe")}, act...)...)...)
		lines := denials(got.stderr, "summary")
		if len(lines) != 1 || !regexp.MustCompile(`^unveil-run -u .* -- .*/probe "read `).MatchString(lines[0]) {
			t.Fatalf("summary %q", lines)
		}
		words, err := shlex.Split(lines[0])
		if err != nil {
			t.Fatal(err)
		}
		words[0] = tool("unveil-run")
		r.command(t, words...).want(t, fmt.Sprint(words), 0, "ok\nok\nok", "")
	})
}
