package pledge

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// cFlags are those that the C library must stand.
var cFlags = []string{"-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-fvisibility=hidden", "-fPIC"}

// A cLibrary is the C library's files for words and filters in a process that
// answers questions: cgo/ctest/programs.c. Its table is that of either
// architecture, whichever runs.
type cLibrary struct {
	in  *bufio.Writer
	out *bufio.Scanner
}

// build compiles files of ../cgo to a program.
func build(t testing.TB, cc string, flags []string, files ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	args := append(append(append([]string{}, cFlags...), flags...), "-o", program)
	headers, err := filepath.Glob("../cgo/*.h")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		args = append(args, "../cgo/"+f)
		headers = append(headers, "../cgo/"+f)
	}
	for _, f := range headers { // go test holds old results for new when it does not see what was read
		if _, err := os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", cc, strings.Join(args, " "), err, out)
	}
	return program
}

// newCLibrary compiles and starts one.
func newCLibrary(t testing.TB, cc string, arch Arch) *cLibrary {
	t.Helper()
	program := build(t, cc, []string{fmt.Sprintf("-DTABLE_ARM64=%d", map[Arch]int{AMD64: 0, ARM64: 1}[arch])}, append([]string{"ctest/programs.c"}, made.FilterSources...)...)
	cmd := exec.Command(program)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", program, err)
		}
	})
	c := &cLibrary{bufio.NewWriter(in), bufio.NewScanner(out)}
	c.out.Buffer(nil, 1<<20)
	return c
}

// compiler returns the C compiler that go uses, or says that there is none.
func compiler(t testing.TB) string {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	if _, err := exec.LookPath(cc); err != nil {
		need.Missing(t, "a C compiler")
	}
	return cc
}

// ask sends a line and returns the answer.
func (c *cLibrary) ask(t testing.TB, line string) string {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.in.Flush(); err != nil {
		t.Fatal(err)
	}
	if !c.out.Scan() {
		t.Fatalf("no answer to %.100q: %v", line, c.out.Err())
	}
	return c.out.Text()
}

// question words a set and options for the C library. It knows no others.
func question(set Set, o Options) string {
	b := func(is bool) int {
		if is {
			return 1
		}
		return 0
	}
	common := func(set Set, o Options) string {
		if o.Unpledged || o.Network != 0 || o.Gate != 0 {
			panic("an option of a launcher")
		}
		return fmt.Sprintf(" %x %x %x %x %x %x %x %x", uint64(set), uint32(o.Pid), uint32(o.UID), uint32(o.GID), int(o.OnViolation),
			b(o.NoTruncate), b(o.NoLayer), b(o.KeepHandler))
	}
	image := o.Image
	if image == nil {
		image = &Image{}
	}
	if o.outside { // C has one set more, and keeps to that
		image = &Image{Next: set, NextNoLayer: o.NoLayer}
	}
	s := "f" + common(set, o) + fmt.Sprintf(" %x %x %x %x %x %x", b(o.outside), b(image.Foreign), b(image.NextBound), uint64(image.Next), b(image.NextNoLayer), len(image.Ranges))
	for _, r := range image.Ranges {
		s += fmt.Sprintf(" %x %x", r.First, r.Last)
	}
	if o.Behind != nil {
		s += common(o.Behind.set, o.Behind.options) + fmt.Sprintf(" %x", b(o.Behind.options.Image != nil))
	}
	return s
}

// program asks for the program of a set.
func (c *cLibrary) program(t testing.TB, set Set, o Options) []unix.SockFilter {
	t.Helper()
	answer := c.ask(t, question(set, o))
	bytes, err := hex.DecodeString(answer)
	if err != nil || len(bytes)%8 != 0 || len(bytes) == 0 {
		t.Fatalf("pledge %q: %+v: C says %.100q", set, o, answer)
	}
	list := make([]unix.SockFilter, len(bytes)/8)
	for i := range list {
		p := bytes[8*i:]
		list[i] = unix.SockFilter{Code: uint16(p[0])<<8 | uint16(p[1]), Jt: p[2], Jf: p[3],
			K: uint32(p[4])<<24 | uint32(p[5])<<16 | uint32(p[6])<<8 | uint32(p[7])}
	}
	return list
}

// same holds that C makes of a set what Go makes.
func (c *cLibrary) same(t *testing.T, set Set, o Options) {
	t.Helper()
	p, err := Compile(set, o)
	if err != nil {
		t.Fatal(err)
	}
	got := c.program(t, set, o)
	for i := range max(len(got), len(p.program)) {
		if i >= len(got) || i >= len(p.program) || got[i] != p.program[i] {
			at := func(list []unix.SockFilter) string {
				if i >= len(list) {
					return "the end"
				}
				return fmt.Sprintf("%+v", list[i])
			}
			t.Fatalf("%s: pledge %q: %+v: instruction %d of %d is %s in C, of %d %s in Go", o.Arch, set, o, i, len(got), at(got), len(p.program), at(p.program))
		}
	}
}

// TestC holds that the C library compiles the same programs, instruction by
// instruction: for each promise alone and every two of them, for what ports
// ask for, and for sets at random, under all options.
func TestC(t *testing.T) {
	cc := compiler(t)
	for _, arch := range []Arch{AMD64, ARM64} {
		t.Run(string(arch), func(t *testing.T) {
			c := newCLibrary(t, cc, arch)
			o := Options{Arch: arch, OnViolation: Abort, Pid: 1234, UID: 1000, GID: 2000}
			for i := range table {
				c.same(t, 1<<i, o)
				for j := range i {
					c.same(t, 1<<i|1<<j, o)
				}
			}
			sets := append(someSets(t), portSets(t)...)
			random := rand.New(rand.NewPCG(3, 4))
			for range 80 {
				set := Set(random.Uint64())
				if random.IntN(2) == 0 {
					set &= Set(random.Uint64() & random.Uint64())
				}
				sets = append(sets, set&(1<<len(table)-1))
			}
			for i, set := range sets {
				for range 4 {
					c.same(t, set, Options{Arch: arch, OnViolation: Violation(random.IntN(4)), NoTruncate: random.IntN(2) == 0, NoLayer: random.IntN(2) == 0, KeepHandler: random.IntN(2) == 0,
						Pid: int(random.Uint32()), UID: int(random.Uint32()), GID: int(random.Uint32())})
				}
				// What an exec function puts on is for the images to come, of any process.
				c.same(t, set, Options{Arch: arch, OnViolation: Violation(random.IntN(4)), NoTruncate: random.IntN(2) == 0, NoLayer: random.IntN(2) == 0, KeepHandler: random.IntN(2) == 0,
					UID: int(random.Uint32()), GID: int(random.Uint32()), outside: true, anyPid: true})
				// What is put on later has fewer promises, and is of this process or of a child.
				first := Options{Arch: arch, OnViolation: Violation(random.IntN(4)), NoLayer: random.IntN(2) == 0, KeepHandler: random.IntN(2) == 0, Pid: 1234, UID: 1000, GID: 2000}
				for range 4 {
					later := first
					later.Behind = must(t, set|sets[random.IntN(len(sets))], first)
					later.KeepHandler, later.NoLayer, later.Pid = random.IntN(2) == 0, random.IntN(2) == 0, 1234+random.IntN(2)
					c.same(t, set, later)
				}
				bound := Options{Arch: arch, OnViolation: Violation(random.IntN(4)), NoTruncate: random.IntN(2) == 0, NoLayer: random.IntN(2) == 0, KeepHandler: random.IntN(2) == 0,
					Pid: int(random.Uint32()), UID: int(random.Uint32()), GID: int(random.Uint32()), Image: &Image{Ranges: everydayImage}}
				if i%2 == 0 {
					bound.Image.Ranges = risingRanges(randomRanges(random, 1<<(random.Uint32()%6)))
				}
				c.same(t, set&^words("prot_exec"), bound)
				bound.Image.Foreign = true
				c.same(t, set&^words("prot_exec"), bound)
				later := bound
				later.Behind = must(t, (set|sets[random.IntN(len(sets))])&^words("prot_exec"), bound)
				later.KeepHandler = random.IntN(2) == 0
				c.same(t, set&^words("prot_exec"), later)
				bound.Image.NextBound, bound.Image.Next, bound.Image.NextNoLayer = true, sets[random.IntN(len(sets))], random.IntN(2) == 0
				c.same(t, set&^words("prot_exec"), bound)
			}
			for _, n := range []int{100, 300, 512} {
				var list []Range
				for i := range uint64(n) {
					list = append(list, Range{0x7f00fff00000 + i<<16, 0x7f00fff00000 + i<<16 + 0x3000})
				}
				c.same(t, words("stdio proc exec"), Options{Arch: arch, OnViolation: Abort, Image: &Image{Ranges: list}})
				c.same(t, words("stdio proc exec"), Options{Arch: arch, OnViolation: Abort, Image: &Image{Ranges: list, NextBound: true, Next: words("stdio")}})
			}
		})
	}
}

// risingRanges returns the same ranges in the order in which C wants them.
func risingRanges(list []Range) []Range {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	return list
}

// TestCErrors holds what the C library answers where it makes no program.
func TestCErrors(t *testing.T) {
	c := newCLibrary(t, compiler(t), AMD64)
	scattered := &Image{}
	for i := range uint64(200) {
		scattered.Ranges = append(scattered.Ranges, Range{i << 33, i<<33 + 4096})
	}
	many := &Image{}
	for i := range uint64(600) {
		many.Ranges = append(many.Ranges, Range{i << 16, i<<16 + 4096})
	}
	for name, want := range map[string]struct {
		set   Set
		image *Image
		errno unix.Errno
	}{
		"prot_exec":        {words("stdio prot_exec"), &Image{Ranges: everydayImage}, unix.EINVAL},
		"turned range":     {1, &Image{Ranges: []Range{{2, 1}}}, unix.EINVAL},
		"falling ranges":   {1, &Image{Ranges: []Range{{8, 9}, {2, 3}}}, unix.EINVAL},
		"many ranges":      {1, many, unix.E2BIG},
		"scattered ranges": {1, scattered, unix.E2BIG},
	} {
		got := c.ask(t, question(want.set, Options{OnViolation: Abort, Image: want.image}))
		if got != strconv.Itoa(-int(want.errno)) {
			t.Errorf("%s: %.100s; want %d", name, got, -int(want.errno))
		}
	}
	bound := Options{Arch: AMD64, OnViolation: Abort, Image: &Image{Ranges: everydayImage}}
	later := bound
	later.Behind = must(t, 1, Options{Arch: AMD64, OnViolation: Abort})
	if got := c.ask(t, question(1, later)); got != strconv.Itoa(-int(unix.EINVAL)) {
		t.Errorf("bound, behind one that is not: %.100s", got)
	}
	later.Behind = must(t, 1, bound)
	later.Image = &Image{Ranges: everydayImage, NextBound: true}
	if got := c.ask(t, question(1, later)); got != strconv.Itoa(-int(unix.EINVAL)) {
		t.Errorf("behind one of this image, and the next is bound: %.100s", got)
	}
}

// TestCFacts holds the programs of the C library against the facts.
func TestCFacts(t *testing.T) {
	cc := compiler(t)
	for _, arch := range []Arch{AMD64, ARM64} {
		c := newCLibrary(t, cc, arch)
		programs := map[string][]unix.SockFilter{}
		tried := 0
		for _, f := range readFacts(t) {
			d, ok := f.data(arch)
			if !ok {
				continue
			}
			for _, on := range []Violation{Launch, Abort, Errno, Log} {
				o := f.options(arch, on)
				if o.Unpledged || o.Network != 0 {
					continue // of a launcher
				}
				q := question(f.set, o)
				if programs[q] == nil {
					programs[q] = c.program(t, f.set, o)
				}
				got, err := simulate(programs[q], d)
				if err != nil {
					t.Fatalf("%s: %v", f, err)
				}
				if want := f.action(on); got != want {
					t.Errorf("%s, violation %d: %s: %s; want %s", arch, on, f, action(got), action(want))
				}
				tried++
			}
		}
		if tried < 1500 {
			t.Errorf("%s: only %d facts tried", arch, tried)
		}
	}
}

// sameWords holds that C reads words as Parse does.
func (c *cLibrary) sameWords(t *testing.T, s string) {
	t.Helper()
	want := ""
	set, err := Parse(s)
	var e *ParseError
	if errors.As(err, &e) {
		want = strconv.Itoa(-int(e.Errno))
	} else {
		want = fmt.Sprintf("%x", uint64(set))
	}
	if got := c.ask(t, "w "+hex.EncodeToString([]byte(s))); got != want {
		t.Errorf("%q: C says %s, Go %s (%v)", s, got, want, err)
	}
}

// TestCWords holds that the C library reads words as Parse does.
func TestCWords(t *testing.T) {
	c := newCLibrary(t, compiler(t), AMD64)
	check := func(s string) { t.Helper(); c.sameWords(t, s) }
	for _, r := range table {
		for _, s := range []string{r.name, r.name + " ", r.name + "  stdio", " " + r.name, r.name[:len(r.name)-1], r.name + "x", strings.ToUpper(r.name), r.name + "\t", r.name + ",stdio",
			"stdio " + r.name + " " + r.name} {
			check(s)
		}
	}
	for _, set := range portSets(t) {
		check(set.String())
	}
	for _, s := range []string{"", " ", "  ", "stdio\n", "\tstdio", "stdio \x80", "abort", "malloc", "rw", "cmsg", "ioctl", "paths", "stdio stdio", "a", "\xff"} {
		check(s)
	}
	for n := 1000; n < 1050; n++ {
		check(strings.Repeat("x", n))
		check("stdio" + strings.Repeat(" ", n-5))
		check(" " + strings.Repeat("x", n-1))
		check("stdio" + strings.Repeat(" ", n-10) + "rpath")
	}
	check(strings.Repeat("x", 4000))
	random := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		var b strings.Builder
		for range random.IntN(12) {
			switch random.IntN(8) {
			case 0:
				b.WriteByte(byte(1 + random.IntN(255)))
			case 1, 2, 3:
				b.WriteByte(' ')
			default:
				b.WriteString(table[random.IntN(len(table))].name)
			}
		}
		check(strings.ReplaceAll(b.String(), "\n", "\r")) // a line is a question
	}
}

// TestCMemory holds that words in memory that cannot be read are EFAULT, as
// far as they are read, and that no more is.
func TestCMemory(t *testing.T) {
	c := newCLibrary(t, compiler(t), AMD64)
	fault, long := -int(unix.EFAULT), -int(unix.ENAMETOOLONG)
	want := fmt.Sprint(fault, fault, fault, fault, fault, fault, 0, 0, fault, fault, long, 0, uint64(words("stdio rpath")))
	if got := c.ask(t, "e"); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// TestCNames holds that the C library names system calls as the kernel does.
func TestCNames(t *testing.T) {
	cc := compiler(t)
	for column, arch := range []Arch{AMD64, ARM64} {
		c := newCLibrary(t, cc, arch)
		want := map[int]string{}
		for _, n := range numbers {
			want[n.nr[column]] = n.name
		}
		for nr := range 600 {
			name := want[nr]
			if name == "" {
				name = "-"
			}
			if got := c.ask(t, fmt.Sprintf("c %x", nr)); got != name {
				t.Errorf("%s: number %d is %q, want %q", arch, nr, got, name)
			}
		}
	}
}

// TestCCompilers holds that the files stand every compiler that is here, and
// refer to nothing outside of the library.
func TestCCompilers(t *testing.T) {
	compiler(t)
	files := []string{"../cgo/image.c"}
	for _, f := range made.FilterSources {
		files = append(files, "../cgo/"+f)
	}
	tried := 0
	for _, f := range files {
		if _, err := os.ReadFile(f); err != nil { // for the cache of go test
			t.Fatal(err)
		}
	}
	for _, cc := range []string{"gcc", "clang", "musl-gcc", "aarch64-linux-gnu-gcc"} {
		if _, err := exec.LookPath(cc); err != nil {
			t.Logf("this machine lacks %s", cc)
			continue
		}
		tried++
		for _, optimize := range []string{"-Os", "-O3"} {
			object := filepath.Join(t.TempDir(), "all.o")
			args := append(append(append([]string{}, cFlags...), optimize, "-r", "-nostdlib", "-o", object), files...)
			if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
				t.Fatalf("%s %s: %v\n%s", cc, strings.Join(args, " "), err, out)
			}
			out, err := exec.Command("nm", "-u", object).CombinedOutput()
			if err != nil {
				t.Fatalf("nm: %v\n%s", err, out)
			}
			if s := strings.TrimSpace(string(out)); s != "" && s != "U _GLOBAL_OFFSET_TABLE_" {
				t.Errorf("%s %s: the files refer to %s", cc, optimize, s)
			}
		}
	}
	if tried == 0 {
		need.Missing(t, "gcc, clang and musl-gcc")
	}
}

// BenchmarkC is what the C library takes to compile.
func BenchmarkC(b *testing.B) {
	c := newCLibrary(b, "cc", AMD64)
	for _, bench := range []struct {
		name  string
		image *Image
	}{{"plain", nil}, {"bound", &Image{Ranges: everydayImage}}, {"next", &Image{Ranges: everydayImage, NextBound: true, Next: words("stdio rpath")}}} {
		for _, promises := range []string{"stdio", "stdio rpath inet", "stdio rpath wpath cpath dpath unix tty proc exec"} {
			b.Run(bench.name+"/"+promises, func(b *testing.B) {
				o := Options{OnViolation: Abort, Pid: 1, UID: 1, GID: 1, Image: bench.image}
				best, err := strconv.Atoi(c.ask(b, fmt.Sprintf("t %x", 1000)+question(words(promises), o)[1:]))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(best), "ns/program")
				b.ReportMetric(float64(len(c.program(b, words(promises), o))), "instructions")
			})
		}
	}
}
