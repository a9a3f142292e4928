package pledge

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTableOrder holds that rows are unique and their calls sorted, so that a
// diff of the table shows what changed and nothing twice.
func TestTableOrder(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range append([]row{floor}, table...) {
		if seen[r.name] {
			t.Errorf("two rows are called %q", r.name)
		}
		seen[r.name] = true
		for i, c := range r.calls {
			if i > 0 && numbers[r.calls[i-1]].name >= numbers[c].name {
				t.Errorf("%s: %s comes after %s", r.name, numbers[c].name, numbers[r.calls[i-1]].name)
			}
			for rule := range r.every() {
				if rule.call == c {
					t.Errorf("%s: %s is allowed outright, and by a rule", r.name, numbers[c].name)
				}
			}
		}
		if r.name != "" && (r.doc == "" || strings.HasSuffix(r.doc, ".")) {
			t.Errorf("%s: doc %q", r.name, r.doc)
		}
		for _, p := range r.paths {
			if !filepath.IsAbs(p.Name) || filepath.Clean(p.Name) != p.Name || strings.Trim(p.Perms, "rwxc") != "" {
				t.Errorf("%s: path %q %q", r.name, p.Name, p.Perms)
			}
		}
	}
}

// TestTableWords holds that every promise that the tables spell is one.
func TestTableWords(t *testing.T) {
	check := func(where, s string) {
		if set, err := Parse(s); err != nil {
			t.Errorf("%s: %v", where, err)
		} else if s != "" && set == 0 {
			t.Errorf("%s: %q holds no promise", where, s)
		}
	}
	for _, r := range append([]row{floor}, table...) {
		for rule := range r.every() {
			check(r.name+" "+numbers[rule.call].name, rule.with)
		}
	}
	for _, d := range denials {
		check(numbers[d.calls[0]].name, d.held)
		check(numbers[d.calls[0]].name, d.mends)
		if (d.class == classErrno) != (d.errno != 0) || (d.class == classErrno) != (d.reason != "") {
			t.Errorf("%s: a denial has an errno and a reason when it is of classErrno, else neither", numbers[d.calls[0]].name)
		}
	}
}

// TestConditions holds that no step has more conditions than condsMax, and one
// has as many.
func TestConditions(t *testing.T) {
	most := 0
	for _, o := range []Options{{}, {Unpledged: true, Network: Listed | NoUDP | NoListen}, {NoTruncate: true, KeepHandler: true, Image: &Image{}}} {
		for _, a := range collect(1<<len(table)-1, o) {
			for _, s := range a.everyStep(0, o) {
				most = max(most, len(s.when))
			}
		}
	}
	if most != condsMax {
		t.Errorf("a step has %d conditions, condsMax is %d", most, condsMax)
	}
}

// TestNumbers holds what leaves.go and the tables take from the numbers.
func TestNumbers(t *testing.T) {
	for column := range 2 {
		seen := map[int]string{}
		for _, n := range numbers {
			if n.nr[column] >= 1024 {
				t.Errorf("%s is %d: above the bound of leaves.go", n.name, n.nr[column])
			}
			if other := seen[n.nr[column]]; n.nr[column] >= 0 && other != "" {
				t.Errorf("%s and %s are both %d", n.name, other, n.nr[column])
			}
			seen[n.nr[column]] = n.name
		}
	}
	for c, n := range numbers {
		if n.nr[0] < 0 && n.nr[1] < 0 && tabled(call(c)) {
			t.Errorf("%s has no number", n.name)
		}
	}
}

// tabled reports whether any table names a call.
func tabled(c call) bool {
	a := collect(0, Options{})
	return a[c].known || slices.ContainsFunc(truncateRefusals, func(r refusal) bool { return slices.Contains(r.calls, c) })
}

// TestNever holds that no promise grants what none may.
func TestNever(t *testing.T) {
	for _, c := range never {
		for _, r := range table {
			if slices.Contains(r.calls, c) || slices.ContainsFunc(slices.Collect(r.every()), func(r *rule) bool { return r.call == c }) {
				t.Errorf("%s is granted by %s", numbers[c].name, r.name)
			}
		}
		if slices.ContainsFunc(denials, func(d denial) bool { return slices.Contains(d.calls, c) }) {
			t.Errorf("%s is denied by another table", numbers[c].name)
		}
	}
}

// unclassified are the calls that no table names, so that their answer is
// ENOSYS. A new x/sys brings new calls: say here, or in a table, what becomes
// of them.
const unclassified = `
	_sysctl afs_syscall arch_specific_syscall create_module epoll_ctl_old epoll_wait_old fanotify_init fanotify_mark
	file_getattr file_setattr get_kernel_syms get_thread_area getpmsg io_cancel io_destroy io_getevents io_pgetevents
	io_setup io_submit listmount listns lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr
	map_shadow_stack mbind memfd_secret migrate_pages modify_ldt move_pages mq_getsetattr mq_notify mq_open
	mq_timedreceive mq_timedsend mq_unlink mseal msgctl msgget msgrcv msgsnd name_to_handle_at nfsservctl openat2
	process_madvise process_mrelease putpmsg query_module quotactl_fd remap_file_pages rseq_slice_yield security semctl
	semget semop semtimedop set_mempolicy set_mempolicy_home_node set_thread_area shmat shmctl shmdt shmget statmount
	sysfs tuxcall uprobe uretprobe uselib ustat vserver`

// TestClassified holds that somebody has looked at every call of Linux.
func TestClassified(t *testing.T) {
	looked := strings.Fields(unclassified)
	a := collect(1<<len(table)-1, Options{})
	for c, n := range numbers {
		if listed := slices.Contains(looked, n.name); a[c].known == listed {
			t.Errorf("%s: in a table: %v, in the list of the unclassified: %v", n.name, a[c].known, listed)
		}
	}
	for _, name := range looked {
		if _, ok := named(name); !ok {
			t.Errorf("%s is no system call", name)
		}
	}
}

// TestConstants holds that the package uses none of the four flags of open(2)
// that differ between the architectures.
func TestConstants(t *testing.T) {
	differ := []string{"O_DIRECT", "O_DIRECTORY", "O_NOFOLLOW", "O_TMPFILE", "O_LARGEFILE"}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	uses := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if strings.HasPrefix(s.Sel.Name, "O_") {
					uses++
				}
				if slices.Contains(differ, s.Sel.Name) {
					t.Errorf("%s uses %s, which differs between amd64 and arm64", name, s.Sel.Name)
				}
			}
			return true
		})
	}
	if uses == 0 {
		t.Error("no flag of open(2) was seen at all")
	}
	for name := range constants {
		if slices.Contains(differ, name) {
			t.Errorf("testdata/facts may not name %s", name)
		}
	}
}

// TestFactsCover holds that for every word of the tables there is a fact that
// would fail without it.
func TestFactsCover(t *testing.T) {
	type word struct {
		row  string
		rule any // *rule, *refusal, *denial; nil for a call allowed outright
		call call
	}
	covered := map[word]bool{}
	promised := map[Set]bool{}
	for _, f := range readFacts(t) {
		promised[f.first] = true
		for _, arch := range []Arch{AMD64, ARM64} {
			d, ok := f.data(arch)
			if !ok || f.abi != "" {
				continue
			}
			o := f.options(arch, Launch)
			fits := func(when []cond) bool {
				return !slices.ContainsFunc(when, func(c cond) bool { return !holds(c, o, d) })
			}
			if f.expects.kind == "allow" {
				for r := range floor.every() {
					if f.set == 0 && r.call == f.call && fits(r.when) {
						covered[word{"", r, f.call}] = true
					}
				}
				if f.set == 0 && slices.Contains(floor.calls, f.call) {
					covered[word{"", nil, f.call}] = true
				}
				for r := range loader.every() {
					if f.outside && f.option == "next" && r.call == f.call && fits(r.when) {
						covered[word{"", r, f.call}] = true
					}
				}
				// Only a promise that is missed when it is taken away is shown to grant.
				if f.refusal == nil || f.refusal.kind == "allow" {
					continue
				}
				for i := range table {
					r := &table[i]
					if f.first != 1<<i {
						continue
					}
					if slices.Contains(r.calls, f.call) {
						covered[word{r.name, nil, f.call}] = true
					}
					for rule := range r.every() {
						if rule.call == f.call && f.set.Has(words(rule.with)) && fits(rule.when) {
							covered[word{r.name, rule, f.call}] = true
						}
					}
				}
				continue
			}
			a := collect(f.set, o)[f.call]
			if i := slices.IndexFunc(a.refused, func(r *refusal) bool { return fits(r.when) }); i >= 0 {
				covered[word{"", a.refused[i], f.call}] = true
			} else if i := slices.IndexFunc(a.denied, func(d *denial) bool { return fits(d.when) }); i >= 0 {
				covered[word{"", a.denied[i], f.call}] = true
			} else if slices.Contains(never, f.call) && f.expects.promise == "" {
				covered[word{"never", nil, f.call}] = true
			}
		}
	}
	want := func(w word, what string) {
		if !covered[w] {
			t.Errorf("testdata/facts lacks a fact for %s of %s", numbers[w.call].name, what)
		}
	}
	for r := range loader.every() {
		want(word{"", r, r.call}, "the loader: "+describe(r.when))
	}
	for _, r := range append([]row{floor}, table...) {
		what := "the floor"
		if r.name != "" {
			what = "the promise " + r.name
		}
		for _, c := range r.calls {
			want(word{r.name, nil, c}, what)
		}
		for rule := range r.every() {
			if rule.when == nil || rule.when[0].op != opGate { // TestGate
				want(word{r.name, rule, rule.call}, what+": "+describe(rule.when))
			}
		}
		if r.name != "" && !promised[lookup(r.name)] {
			t.Errorf("no fact begins with the promise %s", r.name)
		}
	}
	for i := range denials {
		for _, c := range denials[i].calls {
			want(word{"", &denials[i], c}, "the denials: "+describe(denials[i].when))
		}
	}
	for _, list := range [][]refusal{refusals, fastopenRefusals, listedRefusals, udpRefusals, listenRefusals, pathRefusals, truncateRefusals, imageRefusals} {
		for i := range list {
			for _, c := range list[i].calls {
				want(word{"", &list[i], c}, "the refusals: "+describe(list[i].when))
			}
		}
	}
	for _, c := range never {
		want(word{"never", nil, c}, "the list never")
	}
}

func describe(when []cond) string {
	var s []string
	for _, c := range when {
		s = append(s, c.String())
	}
	return strings.Join(s, " and ")
}
