package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/image"
	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/internal/learn"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/internal/trace"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// learn runs the command with nothing refused but what is refused always, and
// a supervisor that writes the policy. Landlock has no part in it.
func (r *Request) learn(b *box) *Failure {
	if policy.IsLandlockconfig(r.Learn) {
		return failedf("--learn %s: a file of this name is read as one of landlockconfig, in which promises have no place", printed.Word(r.Learn)).
			hinted("take another name, without .toml or .json at its end")
	}
	if err := r.writer().Read(); err != nil {
		return explainWord(err).hinted("--learn adds to the policy that a file has; name another file")
	}
	// Before the command has run and not after: whether the file can be written.
	probe, err := os.CreateTemp(filepath.Dir(r.learnFile()), ".unveil-run.*")
	if err != nil {
		return failedf("--learn %s: %w", printed.Word(r.Learn), errors.Unwrap(err)).hinted("name a file in a folder that you may write to")
	}
	probe.Close()
	os.Remove(probe.Name())
	program, supervisor, fail := r.supervise(b)
	if fail != nil {
		return fail
	}
	b.paths.Close()
	b.paths = nil
	return b.enter(program, supervisor)
}

// learnFile is the policy to write, absolute.
func (r *Request) learnFile() string {
	if name, err := filepath.Abs(r.Learn); err == nil {
		return name
	}
	return r.Learn
}

func (r *Request) writer() *learn.Writer { return &learn.Writer{File: r.learnFile(), Home: home()} }

// recorder is who records what a command uses.
func (r *Request) recorder(brief *briefing) (trace.Watcher, error) {
	k := kernel.Probe()
	w := r.writer()
	w.Ports, w.UDP = k.ABI == 0 || k.Net()&tcpKnown == tcpKnown, k.UDP()
	if err := w.Read(); err != nil {
		return nil, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	img, err := image.Resolve(r.Command[0], r.Command[1:], r.environment(os.Environ()).lookup, dir)
	if err != nil {
		return nil, err
	}
	w.Auto = func(set pledge.Set) (func(string) unveil.Access, error) { return autoAccess(img, k, set) }
	speech := r.words.Speech()
	o := r.callOptions(k, network{udp: true, listen: true}, brief.Pid, brief.Gate)
	o.Unpledged = false
	progress := newProgress()
	recorder, err := learn.NewRecorder(o, brief.Pid, func(record *learn.Record) {
		progress.clear()
		summary, beyond, err := w.Write(record)
		if err != nil {
			speech.line("error", fmt.Sprintf("--learn: %v", err))
			return
		}
		for _, text := range beyond {
			speech.notice("not in the policy: " + text)
		}
		if !speech.Quiet {
			speech.line("learned", printed.Word(r.Learn)+": "+summary)
		}
	})
	if err != nil {
		return nil, err
	}
	recorder.Progress = progress.show
	return recorder, nil
}

// autoAccess returns what a command gets anyway: what it needs to start, the
// harmless paths, and those of its promises.
func autoAccess(img *image.Image, k kernel.Kernel, set pledge.Set) (func(string) unveil.Access, error) {
	bare := &Request{Policy: policy.Policy{Pledge: &set, Unveil: []policy.Entry{{Entry: unveil.Entry{Path: "/dev/null", Letters: unveil.R | unveil.W}}}}}
	b := &box{image: img, kernel: k}
	if fail := b.expand(bare.entries()); fail != nil {
		return nil, fail
	}
	plan, fail := bare.paths(b, "/")
	if fail != nil {
		return nil, fail
	}
	// What it grants is known without its descriptors.
	plan.Close()
	return plan.Access, nil
}

// A progress is one line on a terminal: what was learnt so far. On anything else
// it is nothing, and neither where a program draws on the terminal itself.
type progress struct {
	terminal bool
	since    time.Time
	last     time.Time
	shown    bool
}

func newProgress() *progress {
	_, err := unix.IoctlGetTermios(unix.Stderr, unix.TCGETS)
	return &progress{terminal: err == nil, since: time.Now()}
}

func (p *progress) show(programs, paths, promises int) {
	now := time.Now()
	if !p.terminal || now.Sub(p.since) < time.Second || now.Sub(p.last) < time.Second {
		return
	}
	t, err := unix.IoctlGetTermios(unix.Stderr, unix.TCGETS)
	if err != nil || t.Lflag&unix.ICANON == 0 {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(os.Stderr, "\r\x1b[Kunveil-run: learning: %d programs, %d paths, %d promises\r", programs, paths, promises)
}

// clear takes the line away.
func (p *progress) clear() {
	if p.shown {
		p.shown = false
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
