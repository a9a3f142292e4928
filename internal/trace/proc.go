package trace

import (
	"os"
	"path/filepath"
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
	return number(string(text), field, base)
}

// number returns a field of a status file, 0 where there is none.
func number(status, field string, base int) uint64 {
	for line := range strings.Lines(status) {
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

// filtered reports whether any process that has not ended runs under a filter:
// on older kernels (seen on 6.1) one that nobody waits for, as in a container whose
// first process reaps none, keeps the kernel from saying that none is left.
// Where /proc does not tell, one may be.
func filtered() bool {
	names, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil || len(names) == 0 {
		return true
	}
	mine, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return true
	}
	const count = "Seccomp_filters"
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// In a container everybody has a filter: one more than the supervisor.
		ended := strings.Contains(string(text), "\nState:\tZ") && number(string(text), "Threads", 10) <= 1
		if !ended && number(string(text), count, 10) > number(string(mine), count, 10) {
			return true
		}
	}
	return false
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
