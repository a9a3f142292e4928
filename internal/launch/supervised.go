package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/bpf"
	"github.com/unveil-run/unveil-run/internal/gate"
	"github.com/unveil-run/unveil-run/internal/learn"
	"github.com/unveil-run/unveil-run/internal/notify"
	"github.com/unveil-run/unveil-run/internal/trace"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// A supervised run has a supervisor beside it: this program once more, started
// before anything is restricted, and nobody's child. The command keeps its
// process id and its parent, and has no child that it does not know.
//
// The supervisor is told what the command is given, and takes the listener of
// its filter from it; after that the command does not know of it. If it is
// killed, every call that it would be asked about is ENOSYS.

// Names that the program is started by to be a supervisor: the first starts
// the second and ends, so that the second is left to init.
const (
	nameStarting   = "unveil-run: starting the supervisor"
	nameSupervisor = "unveil-run: supervisor"
)

// supervisorFD is the descriptor of the supervisor's end of the connection.
const supervisorFD = 3

// briefing is what the supervisor is told before the command is restricted.
type briefing struct {
	Pid     int
	Gate    uint64
	Program []unix.SockFilter // what would be given to the command without a supervisor
	Grants  unveil.Grants
	Probe   uint64 // the address of probe, to try whether memory can be read
}

// probe is a text that the supervisor reads from the launcher's memory.
const probe = "unveil-run: this is read from another process"

// supervise starts the supervisor and returns what the command has to run
// under so that it is asked.
func (r *Request) supervise(b *box) ([]unix.SockFilter, *gate.Supervisor, *Failure) {
	flags, err := notify.Flags()
	if err != nil {
		return nil, nil, failedf("%s: this kernel has no seccomp user notification (Linux 5.5): %w", r.watch(), err)
	}
	if b.kernel.Seccomp != nil {
		return nil, nil, failedf("%s: it needs seccomp: %w", r.watch(), b.kernel.Seccomp)
	}
	reference := b.calls.Program()
	program, fail := r.asking(reference, b)
	if fail != nil {
		return nil, nil, fail
	}
	if len(program) > unix.BPF_MAXINSNS {
		return nil, nil, failedf("%s: a filter of %d instructions is more than the kernel takes", r.watch(), len(program))
	}
	brief := briefing{Pid: os.Getpid(), Gate: b.gate.Address(), Program: reference, Probe: uint64(uintptr(unsafe.Pointer(unsafe.StringData(probe))))}
	if brief.Grants, err = b.paths.Grants(); err != nil {
		return nil, nil, failed(err)
	}
	if b.kernel.ABI == 0 || r.Learn != "" {
		brief.Grants = unveil.Grants{}
	}
	tell, err := brief.start()
	if err != nil {
		return nil, nil, failedf("%s: %w", r.watch(), err)
	}
	return program, &gate.Supervisor{Flags: flags, Tell: tell}, nil
}

// watch is the flag that asks for a supervisor.
func (r *Request) watch() string {
	if r.Learn != "" {
		return "--learn"
	}
	return "--trace"
}

// asking returns the program that asks about what reference refuses, and about
// what Landlock may refuse; to learn, about all that stdio does not grant.
func (r *Request) asking(reference []unix.SockFilter, b *box) ([]unix.SockFilter, *Failure) {
	program, err := bpf.Ask(reference)
	if err != nil {
		return nil, failed(err)
	}
	if r.Learn == "" {
		return bpf.Then(program, bpf.AskFor(trace.Traced())), nil
	}
	o := r.callOptions(b.kernel, b.net, os.Getpid(), b.gate.Address())
	o.Unpledged = false
	plan, err := pledge.Compile(promises.stdio, o)
	if err != nil {
		return nil, failed(err)
	}
	granted, err := bpf.Ask(plan.Program())
	if err != nil {
		return nil, failed(err)
	}
	return bpf.Then(program, bpf.Allow(learn.Forks(), bpf.Then(granted, bpf.AskFor(learn.Numbers())))), nil
}

// start starts the supervisor and briefs it. It returns the connection.
func (brief *briefing) start() (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := pair[0], os.NewFile(uintptr(pair[1]), "supervisor")
	// Started by the file that runs, whatever has become of its name.
	p, err := os.StartProcess("/proc/self/exe", append([]string{nameStarting}, os.Args[1:]...),
		&os.ProcAttr{Env: os.Environ(), Files: []*os.File{nil, nil, stderr(), theirs}})
	theirs.Close()
	if err != nil {
		unix.Close(ours)
		return -1, fmt.Errorf("the supervisor cannot be started: %w", err)
	}
	if _, err := p.Wait(); err != nil && !errors.Is(err, unix.ECHILD) { // SIGCHLD is ignored
		unix.Close(ours)
		return -1, fmt.Errorf("the supervisor cannot be started: %w", err)
	}
	if err := brief.send(ours); err != nil {
		unix.Close(ours)
		return -1, err
	}
	return ours, nil
}

// stderr is standard error for a process to be started, nil where it is closed.
func stderr() *os.File {
	if _, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_GETFD, 0); err != nil {
		return nil
	}
	return os.Stderr
}

// send briefs the supervisor and waits for its answer: nothing but ready, or
// what is wrong.
func (brief *briefing) send(fd int) error {
	// Blocking calls and no os.File, which would be polled by another thread.
	text, err := json.Marshal(brief)
	if err != nil {
		return err
	}
	for text = append(text, '\n'); len(text) > 0; {
		n, err := unix.SendmsgN(fd, text, nil, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("the supervisor does not listen: %w", err)
		}
		text = text[n:]
	}
	var answer strings.Builder
	for !strings.HasSuffix(answer.String(), "\n") {
		var buf [512]byte
		n, err := unix.Read(fd, buf[:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("the supervisor does not answer: %w", err)
		case n == 0:
			return errors.New("the supervisor has ended")
		}
		answer.Write(buf[:n])
	}
	runtime.KeepAlive(brief)
	if got := strings.TrimSuffix(answer.String(), "\n"); got != ready {
		return errors.New(got)
	}
	return nil
}

// ready is the supervisor's answer when it can do its work.
const ready = "ready"

// readLine reads the briefing.
func readLine(r io.Reader) ([]byte, error) {
	var line []byte
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		line = append(line, buf[:n]...)
		if n > 0 && buf[n-1] == '\n' {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
