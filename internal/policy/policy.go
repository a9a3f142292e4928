package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A Policy is what was asked for, in the order in which it was said.
type Policy struct {
	Unveil []Entry
	Pledge *pledge.Set // nil when nothing was pledged, which is not the empty set
	// Execpromises are those of what the command executes; nil where it has the
	// command's own.
	Execpromises *pledge.Set
	Connect      []Ports
	Bind         []Ports
	Listed       bool     // the network is a list of ports, even of none
	Rights       []Right  // of landlockconfig files: they only add
	Unix         []string // UNIX sockets that may be connected to, or directories of them
	Env          []string // NAME or NAME=VALUE

	// TmpEnv is set to what @tmp is, with what stands behind @tmp: NAME=/REST.
	TmpEnv []string
	// ClearEnv leaves out every variable that Env does not name.
	ClearEnv bool

	// Home is what a leading ~ of a path stands for, to be set before
	// anything is added. Where it is no absolute path, ~ is an error.
	Home string
	// Lookup finds the variables of policy files, in the form of os.LookupEnv;
	// nil knows none.
	Lookup func(name string) (string, bool)

	reading []*source // the file that is read, last, and those that include it
	files   int       // read so far
	bytes   int
}

// An Entry is one path with its letters; ~ is expanded.
type Entry struct {
	unveil.Entry
	Token Token  // what Path stands for instead of a path, or ""
	From  string // where it was said: a flag as typed, or file:line:column
}

// A Right grants rights of Landlock on a path and everything below it.
type Right struct {
	Path   string
	Access unveil.Access
	From   string // the file
}

// Error is a word at fault.
type Error struct {
	At       string // a flag as typed, or file:line:column
	Err      error
	Hint     string   // what would mend it, or ""
	Included []string // where the file of At is included, innermost first
}

// Error leaves an errno behind the words out: it is for programs, and says
// less than the words do.
func (e *Error) Error() string {
	text := e.Err.Error()
	var errno unix.Errno
	if errors.As(e.Err, &errno) {
		text = strings.TrimSuffix(text, ": "+errno.Error())
	}
	text = e.At + ": " + text
	if len(e.Included) > 0 {
		text += " (included at " + strings.Join(e.Included, ", ") + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// letters explains the permissions of unveil(2) in a hint.
const letters = "r (read), w (write), x (run) and c (create and remove)"

// AddUnveil adds an entry that was said as PATH:LETTERS. The path is anything
// before the last colon; a leading ~ or ~/ is expanded, for a shell does not
// do it in ~:r.
func (p *Policy) AddUnveil(word, at string) error {
	const hint = "write it as in -u /usr:rx; the letters are " + letters + ", and none hide the path"
	path, letters, err := unveil.ParseRule(word)
	if err != nil {
		return &Error{At: at, Err: err, Hint: hint}
	}
	t, err := token(path, at)
	if err != nil {
		return err
	}
	if path, err = p.expand("unveil", path, at); err != nil {
		return err
	}
	return p.unveil(Entry{unveil.Entry{Path: path, Letters: letters}, t, at}, hint)
}

// unveil adds an entry.
func (p *Policy) unveil(e Entry, hint string) error {
	if err := new(unveil.Rules).Add(e.Entry); err != nil {
		return &Error{At: e.From, Err: err, Hint: hint}
	}
	p.Unveil = append(p.Unveil, e)
	return nil
}

// expand replaces a leading ~ of a path that a keyword is given.
func (p *Policy) expand(keyword, path, at string) (string, error) {
	rest, tilde := strings.CutPrefix(path, "~")
	if !tilde {
		return path, nil
	}
	literal := "./" + clip(path) + " is the file of that name"
	switch {
	case rest != "" && rest[0] != '/':
		return "", &Error{At: at, Err: fmt.Errorf("%s %q: home directories of other users are not looked up", keyword, clip(path)), Hint: "write it out; " + literal}
	case !strings.HasPrefix(p.Home, "/"):
		return "", &Error{At: at, Err: fmt.Errorf("%s %q: the home directory is not known, HOME is %q", keyword, clip(path), clip(p.Home)), Hint: "write it out, or set HOME; " + literal}
	case rest == "":
		return p.Home, nil
	}
	return strings.TrimRight(p.Home, "/") + rest, nil
}

// AddPledge adds promises, separated by blanks.
func (p *Policy) AddPledge(words, at string) error { return addPromises(&p.Pledge, words, at) }

// AddExecpromises adds promises of what the command executes, separated by blanks.
func (p *Policy) AddExecpromises(words, at string) error {
	return addPromises(&p.Execpromises, words, at)
}

// addPromises adds promises to a set, which nil is none of.
func addPromises(to **pledge.Set, words, at string) error {
	set, err := pledge.Parse(words)
	if err != nil {
		e := &Error{At: at, Err: err, Hint: "promises are separated by blanks, as in: stdio rpath"}
		var bad *pledge.ParseError
		switch {
		case !errors.As(err, &bad) || bad.Word == "":
		case bad.Nearest != "":
			e.Hint = "did you mean " + strconv.Quote(bad.Nearest) + "?"
		case !strings.ContainsAny(bad.Word, "\t\n\r,;"):
			e.Hint = "the promises are: " + pledge.Set(1<<len(pledge.Promises())-1).String()
		}
		return e
	}
	if *to == nil {
		*to = new(pledge.Set)
	}
	**to |= set
	return nil
}

// AddConnect adds ports that may be connected to, as [ParsePorts] reads them.
// Nothing listens on port 0.
func (p *Policy) AddConnect(word, at string) error {
	ports, err := ParsePorts(word)
	if err != nil {
		return portsError(at, err)
	}
	for _, r := range ports {
		if r.Last == 0 {
			return portsError(at, errors.New("port 0 cannot be connected to"))
		}
	}
	p.Connect = append(p.Connect, ports...)
	return nil
}

// AddBind adds ports that may be bound, as [ParsePorts] reads them. Port 0 is
// one that the kernel chooses.
func (p *Policy) AddBind(word, at string) error {
	ports, err := ParsePorts(word)
	if err != nil {
		return portsError(at, err)
	}
	p.Bind = append(p.Bind, ports...)
	return nil
}

func portsError(at string, err error) error {
	return &Error{At: at, Err: err, Hint: "write ports as 443, tcp:443, udp:53, udp:*, 8000-8010 or 80,443"}
}

// AddUnix adds a UNIX socket, or a directory of them, that may be connected
// to; a leading ~ is expanded.
func (p *Policy) AddUnix(word, at string) error {
	path, err := p.expand("unix", word, at)
	if err != nil {
		return err
	}
	return p.unix(path, at)
}

func (p *Policy) unix(path, at string) error {
	switch {
	case path == "":
		return &Error{At: at, Err: errors.New("unix: the path is empty"), Hint: "name the socket, or the directory that it is in"}
	case strings.IndexByte(path, 0) >= 0:
		return &Error{At: at, Err: fmt.Errorf("unix %q: NUL in the path", clip(path)), Hint: "name the socket, or the directory that it is in"}
	}
	p.Unix = append(p.Unix, path)
	return nil
}

// AddEnv adds a variable of the environment: NAME is passed on, NAME=VALUE is set.
func (p *Policy) AddEnv(word, at string) error {
	if word == "" || word[0] == '=' {
		return &Error{At: at, Err: errors.New("a variable without a name"), Hint: "write NAME or NAME=VALUE"}
	}
	if strings.IndexByte(word, 0) >= 0 { // the word of a program: arguments and files have none
		return &Error{At: at, Err: fmt.Errorf("a NUL in variable %q", clip(word)), Hint: "the environment cannot hold it"}
	}
	p.Env = append(p.Env, word)
	return nil
}

// clip shortens a word for a message.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:61], "") + "..."
	}
	return s
}
