package trace

import (
	"os"
	"strconv"
	"strings"
)

// proc returns the name of a file of the calling thread in /proc.
func (c *Caller) proc(name string) string {
	return "/proc/" + strconv.Itoa(int(c.Tid)) + "/" + name
}

// mask reads a set of signals from /proc/TID/status.
func (c *Caller) mask(field string) uint64 { return c.status(field, 16) }

// status reads a number from /proc/TID/status; 0 where it cannot.
func (c *Caller) status(field string, base int) uint64 {
	text, err := os.ReadFile(c.proc("status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			n, _ := strconv.ParseUint(strings.Fields(value + " 0")[0], base, 64)
			return n
		}
	}
	return 0
}

// parent returns the parent of a process, 0 where there is none to be seen.
func parent(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// pid (comm) state ppid; comm may have blanks and parentheses.
	_, rest, _ := cutLast(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(fields[1])
	return n
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
