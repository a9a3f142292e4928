package launch

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/pledge"
)

// Words is the command line, in the grammar of its tags: those of kong.
type Words struct {
	Unveil       []string `short:"u" sep:"none" placeholder:"PATH:LETTERS" group:"box" help:"r read, w write, x run, c create; PATH: hides"`
	Pledge       []string `short:"p" sep:"none" placeholder:"PROMISES" group:"box" help:"system calls, as in \"stdio rpath inet\""`
	Execpromises []string `short:"P" sep:"none" placeholder:"PROMISES" group:"box" help:"those of what the command executes"`
	File         []string `short:"f" sep:"none" placeholder:"FILE" group:"box" help:"a policy: unveil, pledge and env lines"`

	Create     bool `group:"paths" help:"make first what has c and does not exist"`
	Widen      bool `group:"paths" help:"give c on a name to its whole directory"`
	ListHidden bool `group:"paths" help:"list directories that hold hidden ones"`
	NoAuto     bool `group:"paths" help:"nothing by itself: no loader, no /dev/null"`

	Connect       []string `sep:"none" placeholder:"PORTS" group:"net" help:"ports to connect to: 443, udp:53, 8000-8010"`
	Bind          []string `sep:"none" placeholder:"PORTS" group:"net" help:"ports to listen on; with either, no other"`
	Unix          []string `sep:"none" placeholder:"PATH" group:"net" help:"a UNIX socket to connect to (Linux 7.1)"`
	AllowSignals  bool     `group:"net" help:"signals to processes outside"`
	AllowAbstract bool     `group:"net" help:"abstract UNIX sockets of others"`

	Env      []string `short:"e" sep:"none" placeholder:"NAME[=VALUE]" group:"command" help:"set a variable, or keep it"`
	ClearEnv bool     `group:"command" help:"no variable but those of -e"`
	PassFD   []string `name:"pass-fd" sep:"none" placeholder:"N" group:"command" help:"keep a descriptor beside 0, 1 and 2"`

	OnViolation string   `placeholder:"abort|errno|log" group:"run" help:"end the command always, or never"`
	BestEffort  bool     `group:"run" help:"go on with what this kernel can hold"`
	Without     []string `sep:"none" placeholder:"MECHANISM" group:"run" help:"and without landlock or seccomp"`
	Trace       bool     `group:"run" help:"say what is refused, and what would allow it"`
	Learn       string   `placeholder:"FILE" group:"run" help:"refuse nothing, write the policy it needs"`
	Audit       bool     `group:"run" help:"refusals to the kernel's audit log too"`
	Explain     bool     `short:"n" group:"run" help:"print the plan, run nothing"`
	Print       string   `placeholder:"FORMAT" group:"run" help:"print the policy for other tools"`
	Check       bool     `group:"run" help:"print what this kernel can hold, run nothing"`
	JSON        bool     `name:"json" group:"run" help:"and print it as JSON"`
	Completion  string   `placeholder:"SHELL" group:"run" help:"print the completion for a shell"`
	Quiet       bool     `short:"q" group:"run" help:"no notices"`
	Version     bool     `group:"run" help:"print the version"`

	Command []string `arg:"" optional:"" passthrough:"partial" sep:"none"`
}

// Request checks every word, policy files before the command line, so that of
// two entries for one path the command line's holds.
func (w *Words) Request() (*Request, *Failure) {
	r := &Request{
		words:         w,
		Policy:        policy.Policy{Home: os.Getenv("HOME"), Lookup: os.LookupEnv, ClearEnv: w.ClearEnv},
		Command:       w.Command,
		NoAuto:        w.NoAuto,
		Create:        w.Create,
		Widen:         w.Widen,
		ListHidden:    w.ListHidden,
		BestEffort:    w.BestEffort,
		AllowSignals:  w.AllowSignals,
		AllowAbstract: w.AllowAbstract,
		Without:       w.Without,
		Explain:       w.Explain,
		Print:         w.Print,
		Trace:         w.Trace,
		Learn:         w.Learn,
		Audit:         w.Audit,
	}
	// A passthrough argument keeps the -- that ends the flags.
	if len(r.Command) > 0 && r.Command[0] == "--" {
		r.Command = r.Command[1:]
	}
	for _, name := range w.File {
		if err := r.ReadFile(name); err != nil {
			return nil, explainWord(err)
		}
	}
	for _, list := range []struct {
		flag  string
		words []string
		add   func(word, at string) error
	}{
		{"-u", w.Unveil, r.AddUnveil},
		{"-p", w.Pledge, r.AddPledge},
		{"-P", w.Execpromises, r.AddExecpromises},
		{"--connect", w.Connect, r.AddConnect},
		{"--bind", w.Bind, r.AddBind},
		{"--unix", w.Unix, r.AddUnix},
		{"-e", w.Env, r.AddEnv},
	} {
		for _, word := range list.words {
			if strings.HasPrefix(word, "=") && list.flag != "-e" {
				return nil, failedf("%s: a blank belongs between the flag and %q", list.flag, word[1:]).hinted("%s %s", list.flag, printed.Word(word[1:]))
			}
			if err := list.add(word, list.flag); err != nil {
				return nil, explainWord(err)
			}
		}
	}
	for _, word := range w.PassFD {
		fd, err := strconv.Atoi(word)
		if err != nil {
			return nil, failedf("--pass-fd: %q is no descriptor", word).hinted("write it as in: --pass-fd 7 7<file")
		}
		r.PassFD = append(r.PassFD, fd)
	}
	for _, word := range w.Without {
		if !slices.Contains([]string{Landlock, Seccomp}, word) {
			return nil, failedf("--without: %q is neither %s nor %s", word, Landlock, Seccomp).hinted("write it as in: --best-effort --without landlock")
		}
	}
	if len(w.Without) > 0 && !w.BestEffort {
		return nil, failedf("--without: it belongs to --best-effort").hinted("write it as in: --best-effort --without %s", w.Without[0])
	}
	switch w.OnViolation {
	case "":
		r.OnViolation = pledge.Launch
	case "abort":
		r.OnViolation = pledge.Abort
	case "errno":
		r.OnViolation = pledge.Errno
	case "log":
		r.OnViolation = pledge.Log
	default:
		return nil, failedf("--on-violation: %q is none of abort, errno and log", w.OnViolation).hinted("write it as in: --on-violation errno")
	}
	if w.Learn != "" {
		if flag := w.boxed(); flag != "" {
			return nil, failedf("--learn: nothing is refused then, and %s would mean nothing", flag).hinted("run it without %s; a policy that %s has already is added to", flag, printed.Word(w.Learn))
		}
	}
	return r, nil
}

// Speech is how the launcher that was called so speaks.
func (w *Words) Speech() Speech { return Speech{W: os.Stderr, Quiet: w.Quiet} }
