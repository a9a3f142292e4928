package escape

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/test/need"
)

// A box is how the launcher is told to confine, and the ways out that are
// tried of it. In its words and those of the acts stand
//
//	$IN $RO $OUT             directories of a fresh tree, see newTree
//	$TOOLS $PROBE $DYNAMIC   the probes, static and dynamic
//	$LDSO                    the ELF interpreter
//	$PARTNER $ADDRESS        a process outside, an address in it
//	$TCP $OTHER $UDP         ports that somebody outside listens at
//	$STREAM $DGRAM           UNIX sockets of somebody outside
//	$ABSTRACT $ABSTRACTDGRAM
type box struct {
	name  string
	flags []string
	ways  []way

	dynamic bool // the probe is linked dynamically
	forks   bool // the box lets it fork: each act has a process of its own

	strict  int    // lowest ABI that holds what the flags ask for; below, it is status 125
	refusal string // of the launcher then, a regular expression

	stdin   string   // "terminal", or a path; "" is nothing
	passed  []string // paths at descriptors from 3 up
	implies bool     // started by a parent that has READ_IMPLIES_EXEC
}

// A way out.
type way struct {
	act     string // words of the probe
	answer  string // in the box; alternatives between |
	control string // without it; "" is ok
	root    bool   // only root gets as far as the control says

	abi  int    // lowest Landlock ABI that holds it; 0: all, or seccomp does
	said string // what -n says below it, a regular expression

	// absent is what the kernel says without the box where it was built
	// without the way. The answer in the box is held all the same.
	absent string

	alone   bool   // ends the process: has one of its own
	signals bool   // ok, and still the process outside gets no SIGIO
	arch    string // there is such a way on this architecture only
}

// passes is what the probe says without the box.
func (w *way) passes() string {
	if w.control == "" {
		return "ok"
	}
	return w.control
}

// never is above every ABI: no kernel holds it.
const never = 1 << 10

// table is every way out that one act can take.
func table() []box {
	return slices.Concat(pathBoxes, programBoxes, memoryBoxes, kernelBoxes, processBoxes, terminalBoxes, networkBoxes, descriptorBoxes)
}

// TestWays tries every way as every user on every ABI.
func TestWays(t *testing.T) {
	need.Box(t, 1)
	for _, u := range users() {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			p := newPartner(t, u)
			for _, b := range table() {
				t.Run(b.name, func(t *testing.T) { b.try(t, u, p) })
			}
		})
	}
}

// try makes the acts of a box without it, and in it on each ABI.
func (b *box) try(t *testing.T, u user, p *partner) {
	ways := slices.DeleteFunc(slices.Clone(b.ways), func(w way) bool {
		return w.root && u.uid != 0 || w.arch != "" && w.arch != goarch
	})
	b.control(t, u, p, ways)
	for _, abi := range abis(t) {
		name := "native"
		if abi != native {
			name = fmt.Sprint("abi ", abi)
		}
		t.Run(name, func(t *testing.T) {
			flags := b.flags
			if number(abi) < b.strict {
				s := b.setting(t, u, p, abi)
				got := s.command(t, launch(s.expand(flags), tool("probe"))...)
				if got.status != 125 || !regexp.MustCompile(b.refusal).MatchString(got.stderr) {
					t.Errorf("status %d, stderr %q; want 125 and %q", got.status, got.stderr, b.refusal)
				}
				// What is left of it holds as ever.
				flags = append([]string{"--best-effort"}, flags...)
			}
			b.said(t, u, p, abi, flags, ways)
			tried := slices.DeleteFunc(slices.Clone(ways), func(w way) bool { return number(abi) < w.abi && w.abi != never })
			b.hold(t, u, p, abi, flags, tried)
		})
	}
	// With a supervisor that is asked the box is another program, and the same box.
	t.Run("traced", func(t *testing.T) {
		flags := append([]string{"--trace"}, b.flags...)
		if number(native) < b.strict {
			flags = append([]string{"--best-effort"}, flags...)
		}
		tried := slices.DeleteFunc(slices.Clone(ways), func(w way) bool { return number(native) < w.abi && w.abi != never })
		b.hold(t, u, p, native, flags, tried)
	})
}

// hold makes the acts in the box.
func (b *box) hold(t *testing.T, u user, p *partner, abi int, flags []string, tried []way) {
	for _, group := range groups(tried) {
		s := b.setting(t, u, p, abi)
		argv := launch(s.expand(flags), s.probe(b, b.forks && !group[0].alone, group)...)
		if b.implies {
			argv = append([]string{tool("probe"), "-x"}, argv...)
		}
		before := p.signals(t)
		got := s.command(t, argv...)
		for i, answer := range answers(t, got, group) {
			w := group[i]
			want := w.answer
			if w.abi == never {
				want = w.passes() // or -n says what is not so
			}
			if !slices.Contains(strings.Split(want, "|"), answer) {
				t.Errorf("%s: %s, want %s", w.act, answer, want)
			}
		}
		if after := p.signals(t); group[0].signals && after != before {
			t.Errorf("%s: a signal came out of the box", group[0].act)
		}
	}
}

// control makes the acts without the launcher: they go through.
func (b *box) control(t *testing.T, u user, p *partner, ways []way) {
	for _, group := range groups(ways) {
		s := b.setting(t, u, p, native)
		// Mounts are not for everybody, also on a machine that lets them be made.
		if os.Getuid() == 0 {
			s.attr.Unshareflags = cloneNewNS
		}
		argv := s.probe(b, !group[0].alone, group)
		if b.implies {
			argv = append([]string{tool("probe"), "-x"}, argv...)
		}
		before := p.signals(t)
		got := s.command(t, argv...)
		for i, answer := range answers(t, got, group) {
			w := group[i]
			control := w.passes()
			switch {
			case slices.Contains(strings.Split(control, "|"), answer):
			case w.absent != "" && slices.Contains(strings.Split(w.absent, "|"), answer):
				t.Logf("%s: not in this kernel (%s)", w.act, answer)
			default:
				t.Errorf("%s: without the box %s, want %s: no way out, so nothing is shown", w.act, answer, control)
			}
			if w.absent == "" && slices.Contains(strings.Split(control, "|"), w.answer) && !w.signals {
				t.Errorf("%s: the table wants %s in the box and without", w.act, w.answer)
			}
		}
		if after := p.signals(t); group[0].signals && after == before {
			t.Errorf("%s: no signal came without the box", group[0].act)
		}
	}
}

// said holds that -n tells what an ABI cannot hold.
func (b *box) said(t *testing.T, u user, p *partner, abi int, flags []string, ways []way) {
	plan := ""
	for _, w := range ways {
		if number(abi) >= w.abi {
			continue
		}
		if plan == "" {
			s := b.setting(t, u, p, abi)
			got := s.command(t, launch(append([]string{"-n"}, s.expand(flags)...), tool("probe"))...)
			if plan = got.stdout; got.status != 0 {
				t.Fatalf("-n: status %d\n%s", got.status, got.stderr)
			}
		}
		if !regexp.MustCompile("(?m)^(in part|gap): " + w.said).MatchString(plan) {
			t.Errorf("%s: passes on this kernel, and -n does not say %q", w.act, w.said)
		}
	}
}

// groups are the acts that one process makes.
func groups(ways []way) (list [][]way) {
	var together []way
	for _, w := range ways {
		if w.alone || w.signals {
			list = append(list, []way{w})
		} else {
			together = append(together, w)
		}
	}
	if len(together) > 0 {
		list = append(list, together)
	}
	return list
}

// answers are what the probe said, act by act.
func answers(t *testing.T, got result, group []way) []string {
	t.Helper()
	if group[0].alone && got.status >= 128 {
		return []string{fmt.Sprint("status ", got.status)}
	}
	lines := strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n")
	if group[0].alone {
		lines = []string{strings.Join(lines, ", ")} // of what was run, too
	}
	if got.status != 0 || len(lines) != len(group) {
		t.Fatalf("status %d, %d answers to %d acts\nstdout %q\nstderr %q", got.status, len(lines), len(group), got.stdout, got.stderr)
	}
	return lines
}

// A setting is a run with what the words of the table stand for.
type setting struct {
	run
	words map[string]string
}

var loader = sync.OnceValues(func() (string, error) {
	img, err := image.Resolve(tool("probe-dynamic"), nil, func(string) (string, bool) { return "", false }, "/")
	if err != nil {
		return "", err
	}
	for _, f := range img.Files {
		if strings.HasPrefix(f.Why, "ELF interpreter") {
			return f.Path, nil
		}
	}
	return "", fmt.Errorf("%s has no interpreter", img.Path)
})

func (b *box) setting(t *testing.T, u user, p *partner, abi int) *setting {
	t.Helper()
	w := newTree(t, u)
	ldso, err := loader()
	if err != nil {
		t.Fatal(err)
	}
	s := &setting{run{user: u, abi: abi, dir: w}, map[string]string{
		"IN": w + "/in", "RO": w + "/ro", "OUT": w + "/out",
		"TOOLS": tools, "PROBE": tool("probe"), "DYNAMIC": tool("probe-dynamic"), "LDSO": ldso,
		"PARTNER": strconv.Itoa(p.pid), "ADDRESS": p.address,
		"TCP": strconv.Itoa(p.tcp), "OTHER": strconv.Itoa(p.other), "UDP": strconv.Itoa(p.udp),
		"STREAM": p.stream, "DGRAM": p.dgram, "ABSTRACT": p.abstract, "ABSTRACTDGRAM": p.abstractDgram,
	}}
	openAt := func(path string) *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	switch b.stdin {
	case "":
	case "terminal":
		s.stdin = terminal(t, u)
		s.attr.Setsid, s.attr.Setctty, s.attr.Ctty = true, true, 0
	default:
		s.stdin = openAt(s.expand([]string{b.stdin})[0])
	}
	for _, path := range s.expand(b.passed) {
		s.extra = append(s.extra, openAt(path))
	}
	return s
}

// expand puts in what the words stand for. A word of one $ that the table does
// not know is a mistake in it.
func (s *setting) expand(list []string) []string {
	out := make([]string, len(list))
	for i, word := range list {
		out[i] = os.Expand(word, func(name string) string {
			value, ok := s.words[name]
			if !ok {
				panic("unknown word $" + name + " in " + word)
			}
			return value
		})
	}
	return out
}

// probe is the command that makes the acts.
func (s *setting) probe(b *box, apart bool, ways []way) []string {
	argv := []string{tool("probe")}
	if b.dynamic {
		argv[0] = tool("probe-dynamic")
	}
	if apart {
		argv = append(argv, "-f")
	}
	for _, w := range ways {
		argv = append(argv, w.act)
	}
	return s.expand(argv)
}
