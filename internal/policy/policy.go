package policy

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Policy is what was asked for, in the order in which it was said.
type Policy struct {
	Unveil  []Entry
	Pledge  *pledge.Set // nil when nothing was pledged, which is not the empty set
	Connect []Ports
	Bind    []Ports
	Env     []string // NAME or NAME=VALUE
}

// An Entry is one path with its letters.
type Entry struct {
	Path, Perms string
	From        string // where it was said: a flag as typed, or file:line:column
}

// Error is a word at fault.
type Error struct {
	At   string // a flag as typed, or file:line:column
	Err  error
	Hint string // what would mend it, or ""
}

func (e *Error) Error() string { return e.At + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// AddUnveil adds an entry that was said as PATH:LETTERS.
func (p *Policy) AddUnveil(word, at string) error {
	path, perms, err := unveil.ParseRule(word)
	if err != nil {
		return unveilError(at, word, err)
	}
	p.Unveil = append(p.Unveil, Entry{path, perms, at})
	return nil
}

// AddPledge adds promises, separated by blanks.
func (p *Policy) AddPledge(words, at string) error {
	set, err := pledge.Parse(words)
	if err != nil {
		e := &Error{At: at, Err: err}
		var bad *pledge.ParseError
		if errors.As(err, &bad) && bad.Nearest != "" {
			e.Hint = "did you mean " + strconv.Quote(bad.Nearest) + "?"
		} else if errors.As(err, &bad) && bad.Word != "" {
			e.Hint = "the promises are: " + pledge.Set(1<<len(pledge.Promises())-1).String()
		}
		return e
	}
	if p.Pledge == nil {
		p.Pledge = new(pledge.Set)
	}
	*p.Pledge |= set
	return nil
}

// AddConnect adds ports that may be connected to.
func (p *Policy) AddConnect(word, at string) error { return addPorts(&p.Connect, word, at) }

// AddBind adds ports that may be bound.
func (p *Policy) AddBind(word, at string) error { return addPorts(&p.Bind, word, at) }

func addPorts(list *[]Ports, word, at string) error {
	ports, err := ParsePorts(word)
	if err != nil {
		return &Error{At: at, Err: err, Hint: "write ports as 443, tcp:443, udp:53, udp:*, 8000-8010 or 80,443"}
	}
	*list = append(*list, ports...)
	return nil
}

// AddEnv adds a variable of the environment: NAME is passed on, NAME=VALUE is set.
func (p *Policy) AddEnv(word, at string) error {
	if word == "" || word[0] == '=' {
		return &Error{At: at, Err: errors.New("a variable without a name"), Hint: "write NAME or NAME=VALUE"}
	}
	for i := range len(word) {
		if word[i] == 0 {
			return &Error{At: at, Err: fmt.Errorf("a NUL in variable %q", clip(word))}
		}
	}
	p.Env = append(p.Env, word)
	return nil
}

// unveilError gives the hint that mends an entry.
func unveilError(at, word string, err error) error {
	return &Error{At: at, Err: err, Hint: "the letters are r (read), w (write), x (run) and c (create and remove), as in -u /usr:rx; PATH: without letters hides it"}
}

// clip shortens a word for a message.
func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}
