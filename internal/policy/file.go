package policy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/unveil-run/unveil-run/unveil"
)

// A keyword begins a line of a policy file.
type keyword struct {
	name    string
	flag    string // what says the same on the command line
	example string
	line    func(p *Policy, args []word) error
}

// keywords is what a line of a policy file may begin with. init fills it in,
// since an include line comes back to it.
var keywords []keyword

func init() {
	keywords = []keyword{
		{"unveil", "-u", "unveil /usr rx", (*Policy).unveilLine},
		{"pledge", "-p", "pledge stdio rpath", each((*Policy).AddPledge)},
		{"execpromises", "-P", "execpromises stdio rpath", each((*Policy).AddExecpromises)},
		{"connect", "--connect", "connect 443", each((*Policy).AddConnect)},
		{"bind", "--bind", "bind 8080", each((*Policy).AddBind)},
		{"unix", "--unix", "unix /run/user/1000/bus", (*Policy).unixLine},
		{"env", "-e", "env HOME PATH", (*Policy).envLine},
		{"include", "-f", "include ./common", (*Policy).includeLine},
	}
}

// lines adds the lines of a text; name stands in its errors.
func (p *Policy) lines(name, text string) error {
	s := splitter{lookup: p.Lookup}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		at := func(column int) string { return name + ":" + strconv.Itoa(number) + ":" + strconv.Itoa(column) }
		words, err := s.split(line, at)
		if err != nil {
			return err
		}
		if len(words) == 0 {
			continue
		}
		if err := p.line(words); err != nil {
			return err
		}
	}
	return nil
}

// line adds the words of a line.
func (p *Policy) line(words []word) error {
	first, args := words[0], words[1:]
	for _, k := range keywords {
		if first.text != k.name {
			continue
		}
		if len(args) == 0 {
			switch k.name { // the empty set: not even stdio
			case "pledge":
				return p.AddPledge("", first.at)
			case "execpromises":
				return p.AddExecpromises("", first.at)
			}
			return &Error{At: first.at, Err: fmt.Errorf("%s of what?", k.name), Hint: "write it as in: " + k.example}
		}
		return k.line(p, args)
	}
	e := &Error{At: first.at, Err: fmt.Errorf("unknown word %q", clip(first.text)), Hint: "a line begins with unveil, pledge, execpromises, connect, bind, unix, env or include"}
	if strings.HasPrefix(first.text, "[[") || strings.HasPrefix(first.text, "{") || first.text == "abi" {
		e.Hint = "a landlockconfig file has a name that ends in .toml or .json"
	}
	if k, ok := meant(first.text); ok {
		e.Hint = fmt.Sprintf("did you mean %q?", k.name)
	}
	return e
}

// each makes a line of a function that takes one of its words.
func each(add func(p *Policy, text, at string) error) func(*Policy, []word) error {
	return func(p *Policy, args []word) error {
		for _, a := range args {
			if err := add(p, a.text, a.at); err != nil {
				return err
			}
		}
		return nil
	}
}

// envLine adds variables. A value may begin with @tmp. A name without a value makes the list complete:
// the command gets what is named, and nothing else of the environment.
func (p *Policy) envLine(args []word) error {
	for _, a := range args {
		name, value, _ := strings.Cut(a.text, "=")
		if rest, ok := strings.CutPrefix(value, string(Tmp)); ok && (rest == "" || rest[0] == '/') && !a.varies {
			if err := new(Policy).AddEnv(a.text, a.at); err != nil {
				return err
			}
			p.TmpEnv = append(p.TmpEnv, name+"="+rest)
			continue
		}
		if err := p.AddEnv(a.text, a.at); err != nil {
			return err
		}
		if !strings.Contains(a.text, "=") {
			p.ClearEnv = true
		}
	}
	return nil
}

// unveilLine adds "PATH LETTERS [create] [optional]"; "" are the letters that
// hide it.
func (p *Policy) unveilLine(args []word) error {
	const hint = "write it as in: unveil /usr rx; the letters are " + letters + `, and "" hides the path`
	path := args[0]
	if len(args) == 1 {
		return &Error{At: path.at, Err: fmt.Errorf("unveil %q: no letters", clip(path.text)), Hint: hint}
	}
	perms := args[1]
	l, err := unveil.ParseLetters(perms.text)
	if err != nil && len(args) == 2 {
		return &Error{At: perms.at, Err: fmt.Errorf("unveil %q: %w", clip(path.text), err), Hint: hint}
	}
	e := Entry{Entry: unveil.Entry{Letters: l}, From: path.at}
	for _, a := range args[2:] {
		switch a.text {
		case "create":
			e.Create = true
		case "optional":
			e.Optional = true
		default:
			return &Error{At: a.at, Err: fmt.Errorf("%q after the letters of unveil %q", clip(a.text), clip(path.text)),
				Hint: "a path with blanks in it is quoted; an entry has a line of its own; create and optional may stand here"}
		}
	}
	if err != nil {
		return &Error{At: perms.at, Err: fmt.Errorf("unveil %q: %w", clip(path.text), err), Hint: hint}
	}
	if !path.value {
		if e.Token, err = token(path.text, path.at); err != nil {
			return err
		}
	}
	if e.Path, err = p.path("unveil", path); err != nil {
		return err
	}
	return p.unveil(e, hint)
}

// unixLine adds sockets.
func (p *Policy) unixLine(args []word) error {
	for _, a := range args {
		path, err := p.path("unix", a)
		if err == nil {
			err = p.unix(path, a.at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// path takes a word as a path: a leading ~ is expanded, where it was written.
// A variable without a value is an error: /home/$USER would be /home.
func (p *Policy) path(keyword string, a word) (string, error) {
	if a.empty != "" {
		return "", &Error{At: a.emptyAt, Err: fmt.Errorf("%s: the variable %s is empty, and the path would be %q", keyword, clip(a.empty), clip(a.text)),
			Hint: "set it, or take it out of the path"}
	}
	if a.value {
		return a.text, nil
	}
	return p.expand(keyword, a.text, a.at)
}
