package launch

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/unveil-run/unveil-run/internal/format"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/pledge"
)

// print writes the box in the words of another program, and runs nothing. What
// these cannot say is in their comments, or a notice.
func (r *Request) print(b *box, s Speech, out io.Writer) *Failure {
	set, pledged := r.pledged()
	calls, _ := r.granted() // a filter is of the command and of what it executes
	calls |= starting(b.image) | promises.exec
	if len(r.Command) == 0 {
		calls |= promises.protExec
	}
	if !pledged {
		calls = 0
	}
	// What executes the command under the filter is no gate, and the process
	// will be the first of a container.
	plan, err := pledge.Compile(calls, pledge.Options{
		OnViolation: pledge.Errno,
		Unpledged:   !pledged,
		Network:     b.net.refused(),
		Pid:         1,
		UID:         os.Geteuid(),
		GID:         os.Getegid(),
	})
	if err != nil {
		return failed(err)
	}
	box := &format.Box{
		Command: r.Command, Arch: plan.Arch(), Set: set, Pledged: pledged, Next: r.Execpromises, Calls: plan.Answers(),
		Rights: r.Rights, Ruleset: b.paths.Ruleset(), Tmp: b.tmp != "",
		Connect: r.Connect, Bind: r.Bind, Listed: b.net.listed, UDP: b.net.udp, Unix: r.Unix,
		Env: r.Env, ClearEnv: r.ClearEnv, Caps: b.caps.names(),
	}
	for _, e := range b.entries {
		if e.Private {
			continue // of @tmp
		}
		if !filepath.IsAbs(e.Path) {
			e.Path = filepath.Join(b.dir, e.Path)
		}
		box.Entries = append(box.Entries, e)
	}
	for _, g := range b.granted {
		box.Entries = append(box.Entries, entryOf(g))
	}
	for _, name := range r.TmpEnv {
		s.notice(fmt.Sprintf("not said: env %s, which is in %s", name, policy.Tmp))
	}
	text, notes, err := format.Write(r.Print, box)
	if err != nil {
		return failedf("--print: %w", err).hinted("the formats are: %s", strings.Join(format.Names(), ", "))
	}
	for _, n := range notes {
		s.notice(n)
	}
	if _, err := io.WriteString(out, text); err != nil {
		return failedf("standard output: %w", err)
	}
	return nil
}
