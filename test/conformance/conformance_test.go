//go:build linux

// Package conformance runs what OpenBSD's tests of pledge(2) and unveil(2)
// hold against libunveil, and keeps the outcome as a table, TABLE.md. The cases
// are in c, since go takes no C file beside a package without cgo.
package conformance

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

var update = flag.Bool("update", false, "write TABLE.md anew")

const (
	golden = "TABLE.md"
	nobody = 65534
)

// suites are the C programs, and how they are headed in the table.
var suites = []struct {
	program, title string
	modes          []string // columns
	heads          []string
}{
	{"pledge", "pledge(2)", []string{"bound"}, []string{"outcome"}},
	{"unveil", "unveil(2)", []string{"bound", "ended", "plain", compat},
		[]string{"as OpenBSD's test is", "the list ended", "and `c` of directories only", "and with libunveil-compat"}},
}

// compat is the mode of a suite that is linked with libunveil-compat too. It
// is plain, or bound where a case has no list to end.
const compat = "compat"

// A cell is how a case went in a mode: "pass", "differs: …", "cannot: …", or
// "" where it is not run.
type cell string

// A row is a case. Its cells are by mode, and then by user.
type row struct {
	name  string
	cells map[string]map[string]cell
}

// command runs one to its end, as uid.
func command(t *testing.T, uid int, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if uid != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "UNVEIL_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

// programs builds the library and the suites where every user can run them.
func programs(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"make", "gcc"} {
		need.Program(t, name)
	}
	dir, err := os.MkdirTemp("/tmp", "unveil-conformance-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := made.Read("c/*.[ch]"); err != nil {
		t.Fatal(err)
	}
	if err := made.Build(dir, "libunveil.so.0", "libunveil-compat.so.0"); err != nil {
		t.Fatal(err)
	}
	me := os.Getuid()
	for _, s := range suites {
		cc := []string{"-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-pie", "-fPIE", "-I../../cgo",
			"c/" + s.program + ".c", "-L" + dir, "-Wl,-rpath," + dir, "-Wl,--no-as-needed"}
		path := filepath.Join(dir, s.program)
		command(t, me, "gcc", append(slices.Clone(cc), "-lunveil", "-o", path)...)
		if slices.Contains(s.modes, compat) {
			command(t, me, "gcc", append(slices.Clone(cc), "-lunveil-compat", "-lunveil", "-o", path+"-"+compat)...)
		}
	}
	return dir
}

// how says what differs: acts of the same outcome in one place.
func how(fields []string) cell {
	var kinds []string
	acts := map[string][]string{}
	for _, f := range fields {
		part := strings.Split(f, "|")
		if len(part) != 3 {
			return cell("differs: " + f)
		}
		kind := part[2] + " for " + part[1]
		if part[2] == "0" {
			kind = "no " + part[1]
		}
		if part[1] == "0" {
			kind = part[2]
		}
		if acts[kind] == nil {
			kinds = append(kinds, kind)
		}
		acts[kind] = append(acts[kind], part[0])
	}
	if kinds == nil {
		return "pass"
	}
	for i, kind := range kinds {
		named := acts[kind]
		const most = 6
		if more := len(named) - most; more > 1 {
			named = append(slices.Clone(named[:most]), fmt.Sprintf("and %d more", more))
		}
		kinds[i] = kind + " (" + strings.Join(named, ", ") + ")"
	}
	return cell("differs: " + strings.Join(kinds, "; "))
}

// collect runs a suite as a user and adds what it says to rows.
func collect(t *testing.T, rows []*row, path, user string, uid int) []*row {
	t.Helper()
	runs := 0
	for line := range strings.Lines(command(t, uid, path)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) < 2 {
			t.Fatalf("%s says %q", path, line)
		}
		runs++
		name, mode := fields[0], fields[1]
		c := how(fields[2:])
		switch mode {
		case "free":
			if c != "pass" {
				t.Errorf("%s, uid %d, with nothing confined: %s", name, uid, c)
			}
		case "cannot":
			mode, c = "bound", cell("cannot: "+strings.Join(fields[2:], " "))
		}
		i := slices.IndexFunc(rows, func(r *row) bool { return r.name == name })
		if i < 0 {
			i = len(rows)
			rows = append(rows, &row{name, map[string]map[string]cell{}})
		}
		if rows[i].cells[mode] == nil {
			rows[i].cells[mode] = map[string]cell{}
		}
		if rows[i].cells[mode][user] != "" {
			t.Errorf("%s %s is there twice", name, mode)
		}
		rows[i].cells[mode][user] = c
	}
	for _, r := range rows {
		free, bound := r.cells["free"][user], r.cells["bound"][user]
		if bound == "" || free == "" && !strings.HasPrefix(string(bound), "cannot") {
			t.Errorf("%s, uid %d: free %q, bound %q", r.name, uid, free, bound)
		}
	}
	if runs == 0 {
		t.Fatalf("%s says nothing", path)
	}
	return rows
}

// mend adds the column of compat to rows: what the suite says that is linked so.
func mend(t *testing.T, rows []*row, path, user string, uid int) {
	t.Helper()
	mended := collect(t, nil, path+"-"+compat, user, uid)
	if len(mended) != len(rows) {
		t.Fatalf("%d cases with %s, %d without", len(mended), compat, len(rows))
	}
	for i, m := range mended {
		if m.name != rows[i].name {
			t.Fatalf("%s with %s, %s without", m.name, compat, rows[i].name)
		}
		c := m.cells["plain"][user]
		if c == "" {
			c = m.cells["bound"][user]
		}
		if strings.HasPrefix(string(c), "cannot") {
			continue
		}
		if rows[i].cells[compat] == nil {
			rows[i].cells[compat] = map[string]cell{}
		}
		rows[i].cells[compat][user] = c
	}
}

// both joins the cells of the users.
func both(users map[string]cell) string {
	if users["root"] == users["user"] {
		return string(users["user"])
	}
	return fmt.Sprintf("root: %s<br>others: %s", users["root"], users["user"])
}

// of takes a joined cell apart again.
func of(joined, user string) cell {
	root, others, ok := strings.Cut(strings.TrimPrefix(joined, "root: "), "<br>others: ")
	if !ok || user == "root" {
		return cell(root)
	}
	return cell(others)
}

const preface = `# Conformance

What the tests of pledge(2) and unveil(2) in OpenBSD's regress/sys/kern hold,
in our words, against libunveil: [pledge.c](c/pledge.c) and [unveil.c](c/unveil.c).
Written by ` + "`go test ./test/conformance -update`" + `, which runs each case as root and
as another user, and each with nothing confined beside it.

"EACCES for ENOENT (open file2)" is an outcome of ours in the place of one of
OpenBSD's. "no ENOENT" is an act that succeeds here. Why:

- EACCES for ENOENT, EXDEV: the answers of Landlock.
- no ENOENT, in the first column of unveil(2): nothing is refused until the list
  is ended, since the kernel cannot add to it.
- no ENOENT, no EACCES, of stat, access, chdir, readlink, chmod: the kernel does
  not ask Landlock.
- EOPNOTSUPP of unveil(NULL, NULL), and no ENOENT beside: a file has ` + "`c`" + `, which
  widens its directory here; less below that cannot be held. The third column
  has the same cases with ` + "`c`" + ` of directories only.
- The last column has these with libunveil-compat.so in front of the library; the
  cases that end no list have there what they have in the first.
- EACCES, ENOTTY, ENOPROTOOPT for SIGABRT: libc makes such calls by itself, and
  they are answered with an errno.
- SIGSYS for SIGABRT: a program that is exec'd has no handler, and neither has a
  thread that blocks SIGSYS.
- no SIGABRT of sendfd and recvfd, no EPERM of directories: a filter does not
  see what a message carries.
- exit 0 for exit 24: what was promised is not known to the library in the next
  image. The kernel holds it to that all the same: the case tries.

`

// table renders the rows of all suites.
func table(abi int, all [][]*row) string {
	var b strings.Builder
	b.WriteString(preface)
	fmt.Fprintf(&b, "On Landlock ABI %d.\n", abi)
	for i, s := range suites {
		var pass, differs, cannot int
		for _, r := range all[i] {
			switch c := both(r.cells["bound"]); {
			case c == "pass":
				pass++
			case strings.HasPrefix(c, "cannot"):
				cannot++
			default:
				differs++
			}
		}
		fmt.Fprintf(&b, "\n## %s\n\n%d cases: %d pass, %d differ, %d cannot be run.\n\n| case | %s |\n|---|%s\n",
			s.title, len(all[i]), pass, differs, cannot, strings.Join(s.heads, " | "), strings.Repeat("---|", len(s.modes)))
		for _, r := range all[i] {
			fmt.Fprintf(&b, "| %s |", r.name)
			for _, m := range s.modes {
				fmt.Fprintf(&b, " %s |", both(r.cells[m]))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// entries reads a table back: the cells of each row by its name.
func entries(text string) map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, " |\n"), " | ")
		if name, ok := strings.CutPrefix(fields[0], "| "); ok && name != "case" {
			m[name] = fields[1:]
		}
	}
	return m
}

var abiLine = regexp.MustCompile(`(?m)^On Landlock ABI (\d+)\.$`)

// TestConformance runs every case. What passes in the table has to pass.
func TestConformance(t *testing.T) {
	need.Box(t, 1)
	k := kernel.Probe()
	old, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	tableABI := k.ABI
	if m := abiLine.FindSubmatch(old); m != nil {
		tableABI, _ = strconv.Atoi(string(m[1]))
	}
	if k.ABI < tableABI {
		need.Missing(t, "Landlock ABI %d, that of the table: this kernel has %d", tableABI, k.ABI)
	}
	users := map[string]int{"user": os.Getuid()}
	if os.Getuid() == 0 {
		users = map[string]int{"root": 0, "user": nobody}
	}
	dir := programs(t)
	var all [][]*row
	for _, s := range suites {
		var rows []*row
		for _, user := range []string{"root", "user"} {
			if uid, ok := users[user]; ok {
				rows = collect(t, rows, filepath.Join(dir, s.program), user, uid)
				if slices.Contains(s.modes, compat) {
					mend(t, rows, filepath.Join(dir, s.program), user, uid)
				}
			}
		}
		all = append(all, rows)
	}

	was := entries(string(old))
	for i, s := range suites {
		for _, r := range all[i] {
			t.Run(r.name, func(t *testing.T) {
				for n, mode := range s.modes {
					for user := range users {
						now := r.cells[mode][user]
						if now != "" {
							t.Logf("%s, uid %d: %s", mode, users[user], now)
						}
						if n < len(was[r.name]) && of(was[r.name][n], user) == "pass" && now != "pass" {
							t.Errorf("%s, uid %d: passes in %s, and now %s", mode, users[user], golden, now)
						}
					}
				}
			})
			delete(was, r.name)
		}
	}
	for name := range was {
		t.Errorf("%s is in %s, and no case", name, golden)
	}

	if len(users) < 2 {
		// Of a table for two users one is not known.
		t.Log("not as root: the table is not compared as a whole")
		return
	}
	now := table(k.ABI, all)
	switch {
	case *update:
		if err := os.WriteFile(golden, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	case k.ABI > tableABI:
		t.Logf("Landlock ABI %d: the table is that of %d, and is not compared as a whole", k.ABI, tableABI)
	case now != string(old):
		t.Errorf("%s is stale: run go test ./test/conformance -update", golden)
	}
}

// TestTable holds that a table is read as it was written.
func TestTable(t *testing.T) {
	var all [][]*row
	for _, s := range suites {
		cells := map[string]map[string]cell{}
		for _, m := range s.modes {
			cells[m] = map[string]cell{"root": "pass", "user": how([]string{"open a|ENOENT|EACCES", "open b|ENOENT|EACCES", "stat|ENOENT|0", "call|0|EINVAL"})}
		}
		all = append(all, []*row{{s.program + ": a case", cells}})
	}
	m := entries(table(7, all))
	if len(m) != len(suites) {
		t.Fatalf("%d rows: %v", len(m), m)
	}
	for _, s := range suites {
		cells := m[s.program+": a case"]
		if len(cells) != len(s.modes) {
			t.Fatalf("%s: %v", s.program, cells)
		}
		for _, c := range cells {
			if of(c, "root") != "pass" || of(c, "user") != "differs: EACCES for ENOENT (open a, open b); no ENOENT (stat); EINVAL (call)" {
				t.Errorf("%s: %s", s.program, c)
			}
		}
	}
}
