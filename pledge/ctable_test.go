package pledge

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/derived"
)

// cTableFile is what the C library knows of the tables. It is written by a
// test, since a test sees the tables and nothing need export them.
const cTableFile = "../cgo/table_gen.h"

// TestTableHeader holds that the table of the C library is up to date.
func TestTableHeader(t *testing.T) {
	derived.Hold(t, cTableFile, cTable(), *update, "go generate ./pledge")
}

// cOps are the names in C of what a condition compares; opGate is a launcher's.
var cOps = map[op]string{
	opIn: "OP_IN", opNotIn: "OP_NOT_IN", opLacks: "OP_LACKS", opHasAny: "OP_HAS_ANY", opMasked: "OP_MASKED", opNotMasked: "OP_NOT_MASKED",
	opNull: "OP_NULL", opNotNull: "OP_NOT_NULL", opPid: "OP_PID", opUID: "OP_UID", opGID: "OP_GID", opTagged: "OP_TAGGED",
}

// pool holds pieces of arrays of C, each once.
type pool struct {
	rows []string
	at   map[string]int
}

// add returns the place of a piece, and puts it at the end when it is new.
func (p *pool) add(rows ...string) int {
	key := strings.Join(rows, "\n")
	if p.at == nil {
		p.at = map[string]int{"": 0}
	}
	at, ok := p.at[key]
	if !ok {
		at = len(p.rows)
		p.at[key] = at
		p.rows = append(p.rows, rows...)
	}
	return at
}

// cWriter gathers the arrays that refer to each other.
type cWriter struct {
	values, conditions, answers, sets, calls pool
	longest                                  int // steps of a call
}

func (w *cWriter) set(s Set) int { return w.sets.add(fmt.Sprintf("%#x", uint64(s))) }

// when returns the place of conditions, and how many they are.
func (w *cWriter) when(list []cond) string {
	var rows []string
	for _, c := range list {
		var values []string
		for _, v := range c.values {
			values = append(values, fmt.Sprintf("%#x", v))
		}
		rows = append(rows, fmt.Sprintf("{ %s, %d, %d, %d, %#x }", cOps[c.op], c.arg, len(values), w.values.add(values...), c.mask))
	}
	return fmt.Sprintf("%d, %d", len(rows), w.conditions.add(rows...))
}

// answer renders struct answer of answers.c.
func (w *cWriter) answer(kind, only string, need, mends Set, when []cond, errno unix.Errno) string {
	return fmt.Sprintf("{ %s, %s, %d, %d, %s, %d }", kind, only, w.set(need), w.set(mends), w.when(when), int(errno))
}

// call adds the answers to a call, in the order in which collect and
// everyStep look at them.
func (w *cWriter) call(c call) string {
	var refused, more []string
	for _, l := range []struct {
		only string
		list []refusal
	}{{"ALWAYS", refusals}, {"ALWAYS", fastopenRefusals}, {"ALWAYS", pathRefusals}, {"NO_TRUNCATE", truncateRefusals}, {"KEEP_HANDLER", handlerRefusals}, {"INSIDE", imageRefusals}} {
		for _, r := range l.list {
			if slices.Contains(r.calls, c) {
				refused = append(refused, w.answer("REFUSE", l.only, 0, 0, r.when, r.errno))
			}
		}
	}
	var outright, promises Set
	always := slices.Contains(floor.calls, c)
	grant := func(r *row, only string, promise Set) {
		if slices.Contains(r.calls, c) {
			outright |= promise
			promises |= promise
		}
		for rule := range r.every() {
			if rule.call != c || rule.when != nil && rule.when[0].op == opGate {
				continue
			}
			promises |= promise
			when := only
			if rule.layer {
				when = "LAYER"
			}
			more = append(more, w.answer("ALLOW", when, promise|words(rule.with), 0, rule.when, 0))
		}
	}
	grant(&floor, "ALWAYS", 0)
	grant(&loader, "OUTSIDE", 0)
	for i := range table {
		grant(&table[i], "ALWAYS", 1<<i)
	}
	for _, d := range denials {
		if !slices.Contains(d.calls, c) {
			continue
		}
		kind := map[class]string{classViolation: "END", classPath: "PATH", classErrno: "REFUSE", classQuiet: "QUIET"}[d.class]
		more = append(more, w.answer(kind, "ALWAYS", words(d.held), words(d.mends), d.when, d.errno))
	}
	w.longest = max(w.longest, len(refused)+len(more)+1)
	known := collect(0, Options{})[c].known
	if collect(1<<len(table)-1, Options{})[c].known != known {
		panic(numbers[c].name + " is known to some sets only")
	}
	bits := []string{}
	for _, b := range []struct {
		is   bool
		name string
	}{{known, "KNOWN"}, {always, "FLOOR"}, {collect(0, Options{Image: &Image{}})[c].text, "TEXT"}} {
		if b.is {
			bits = append(bits, b.name)
		}
	}
	if len(bits) == 0 {
		bits = []string{"0"}
	}
	return fmt.Sprintf("{ %d, %d, %d, %s, %d, %d }", w.answers.add(append(refused, more...)...), len(refused), len(refused)+len(more),
		strings.Join(bits, " | "), w.set(outright), w.set(promises))
}

// cTable renders table_gen.h.
func cTable() []byte {
	var b bytes.Buffer
	put := func(format string, a ...any) { fmt.Fprintf(&b, format, a...) }
	array := func(kind, name string, rows []string) {
		put("static const %s %s[] = {\n", kind, name)
		for i, r := range rows {
			if strings.HasPrefix(r, "{") {
				put("\t%s,\n", r)
			} else if i%8 == 0 {
				put("\t%s,", r)
			} else {
				put(" %s,", r)
			}
			if !strings.HasPrefix(r, "{") && (i%8 == 7 || i == len(rows)-1) {
				put("\n")
			}
		}
		put("};\n\n")
	}
	put("/* Code generated by go generate ./pledge; DO NOT EDIT. */\n\n")
	put("/*\n * What C knows of the tables of package pledge. A file that includes this\n * defines TABLE_NAMES, TABLE_CALLS, TABLE_NUMBERS or TABLE_CALL_NAMES before, for a part\n * that it uses; it may include this again for another.\n */\n\n")
	put("#ifndef UNVEIL_TABLE_GEN_H\n#define UNVEIL_TABLE_GEN_H\n\n")
	put("#ifndef TABLE_ARM64\t/* a test compiles the table of either architecture */\n#ifdef __aarch64__\n#define TABLE_ARM64 1\n#else\n#define TABLE_ARM64 0\n#endif\n#endif\n\n")
	put("/* The places of the promises, which are the bits of a promise_set. */\nenum promise {\n")
	name := 0
	for i, r := range table {
		put("\tPROMISE_%s = %d,\n", strings.ToUpper(r.name), i)
		name = max(name, len(r.name)+1)
	}
	put("};\n#define PROMISES %d\n#define PROMISE_BIT(place) (1ull << (place))\n\n", len(table))

	w := &cWriter{}
	type entry struct {
		nr   int
		name string
	}
	var named, answered [2][]entry // by architecture
	known := collect(0, Options{NoTruncate: true})
	at := map[string]int{}
	for c, n := range numbers {
		for i, nr := range n.nr {
			if nr >= 0 {
				named[i] = append(named[i], entry{nr, n.name})
			}
			if nr >= 0 && known[c].known {
				answered[i] = append(answered[i], entry{nr, n.name})
				if at[n.name] == 0 {
					at[n.name] = 1 + w.calls.add(w.call(call(c)))
				}
			}
		}
	}
	perArch := func(list [2][]entry, each func(i int)) {
		for i := range list {
			sort.Slice(list[i], func(a, b int) bool { return list[i][a].nr < list[i][b].nr })
			put("%s\n", []string{"#if !TABLE_ARM64", "#else"}[i])
			each(i)
		}
		put("#endif\n")
	}
	put("#define STEPS_MAX %d\t/* answers to one call */\n#define CONDITIONS_MAX %d\t/* of one answer */\n\n#endif\n\n", w.longest, condsMax)

	put("#ifdef TABLE_NAMES\n#undef TABLE_NAMES\nstatic const char promise_names[PROMISES][%d] = {\n", name)
	for _, r := range table {
		put("\t%q,\n", r.name)
	}
	put("};\n#endif\n\n#ifdef TABLE_CALLS\n#undef TABLE_CALLS\n")
	array("uint32_t", "table_values", w.values.rows)
	array("struct condition", "table_conditions", w.conditions.rows)
	array("promise_set", "table_sets", w.sets.rows)
	array("struct answer", "table_answers", w.answers.rows)
	array("struct call", "table_calls", w.calls.rows)
	put("#endif\n\n#ifdef TABLE_NUMBERS\n#undef TABLE_NUMBERS\n/* Numbers in rising order, each with its place in table_calls. */\n")
	perArch(answered, func(i int) {
		var rows []string
		for _, e := range answered[i] {
			rows = append(rows, fmt.Sprintf("{ %d, %d }", e.nr, at[e.name]-1))
		}
		array("struct number", "table_numbers", rows)
	})
	put("#endif\n\n#ifdef TABLE_CALL_NAMES\n#undef TABLE_CALL_NAMES\n/* Names in the order of their numbers, with a NUL after each. */\n")
	perArch(named, func(i int) {
		var rows []string
		offset := 0
		put("static const char call_names[] =\n")
		for _, e := range named[i] {
			put("\t\"%s\\0\"\n", e.name)
			rows = append(rows, fmt.Sprintf("{ %d, %d }", e.nr, offset))
			offset += len(e.name) + 1
		}
		put("\t;\n")
		array("struct { uint16_t nr, name; }", "call_numbers", rows)
	})
	put("#endif\n")
	return b.Bytes()
}
