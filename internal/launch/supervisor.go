package launch

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/descriptors"
	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/internal/notify"
	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/internal/trace"
)

// Supervisor carries out what a process that was started by the launcher to
// be, or to start, its supervisor has to do. It reports false for every other
// process.
func (w *Words) Supervisor(name string) bool {
	switch name {
	case nameStarting:
		if err := startSupervisor(); err != nil {
			// The launcher waits at the connection for what is wrong.
			unix.Write(supervisorFD, []byte("the supervisor cannot be started: "+err.Error()+"\n"))
		}
		return true
	case nameSupervisor:
		if err := w.superviseCommand(); err != nil {
			w.Speech().line("error", fmt.Sprintf("the supervisor has failed, what it was asked about is refused from here on: %v", err))
			os.Exit(StatusFailed)
		}
		return true
	}
	return false
}

// startSupervisor starts the supervisor and does not wait for it. It is in a
// session of its own: what the terminal sends is for the command.
func startSupervisor() error {
	// What was left open by others is the command's: a reader of a pipe would
	// wait for the supervisor, and a lock would be held.
	if err := descriptors.CloseAtExec(supervisorFD + 1); err != nil {
		return err
	}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	// Standard input and output are the command's alone: who reads from its
	// output waits for nobody else to close it.
	_, err = os.StartProcess("/proc/self/exe", append([]string{nameSupervisor}, os.Args[1:]...), &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{null, null, stderr(), os.NewFile(supervisorFD, "launcher")}, Sys: &syscall.SysProcAttr{Setsid: true}})
	return err
}

// superviseCommand is the life of a supervisor.
func (w *Words) superviseCommand() error {
	runtime.LockOSThread()
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGPIPE, unix.SIGTERM, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	launcher := os.NewFile(supervisorFD, "launcher")
	unix.CloseOnExec(supervisorFD)
	s, watcher, err := w.briefed(launcher)
	if err != nil {
		fmt.Fprintln(launcher, strings.ReplaceAll(err.Error(), "\n", " "))
		return nil // the launcher says it
	}
	if err := unix.Chdir("/"); err != nil { // the directory is the command's
		return err
	}
	// Nobody of the same user may look into the process that answers.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(launcher, ready); err != nil {
		return nil // the launcher has gone
	}
	var number [4]byte
	if _, err := readFull(launcher, number[:]); err != nil {
		return nil // it failed, and has said so
	}
	// From here on the launcher waits in its execve: without a listener it
	// would for ever.
	fd, err := unix.PidfdGetfd(s.PidFD, int(int32(binary.NativeEndian.Uint32(number[:]))), 0)
	if err != nil {
		unix.PidfdSendSignal(s.PidFD, unix.SIGKILL, nil, 0)
		return fmt.Errorf("the listener cannot be taken over, the command is killed: %w", err)
	}
	launcher.Close()
	s.Listener = notify.NewListener(fd)
	if err := trace.Supervise(s, watcher); err != nil {
		return err
	}
	watcher.Ending()
	return nil
}

// readFull reads all of b.
func readFull(f *os.File, b []byte) (int, error) {
	for have := 0; have < len(b); {
		n, err := f.Read(b[have:])
		if err != nil {
			return have, err
		}
		have += n
	}
	return len(b), nil
}

// briefed reads the briefing and tries whether the work can be done.
func (w *Words) briefed(launcher *os.File) (*trace.Supervised, trace.Watcher, error) {
	text, err := readLine(launcher)
	if err != nil {
		return nil, nil, err
	}
	var brief briefing
	if err := json.Unmarshal(text, &brief); err != nil {
		return nil, nil, err
	}
	s := &trace.Supervised{Program: brief.Program, Pid: brief.Pid}
	if s.PidFD, err = unix.PidfdOpen(brief.Pid, 0); err != nil {
		return nil, nil, fmt.Errorf("pidfd_open (Linux 5.3): %w", err)
	}
	unix.CloseOnExec(s.PidFD)
	// Standard error is open in both: whether descriptors can be taken at all.
	fd, err := unix.PidfdGetfd(s.PidFD, 2, 0)
	if err != nil && !errors.Is(err, unix.EBADF) {
		return nil, nil, fmt.Errorf("no descriptor can be taken from the command (kernel.yama.ptrace_scope, or a container): %w", err)
	}
	if err == nil {
		unix.Close(fd)
	}
	if err := notify.CanRead(brief.Pid, brief.Probe, probe); err != nil {
		return nil, nil, err
	}
	r, fail := w.Request()
	if fail != nil {
		return nil, nil, fail
	}
	watcher, err := r.watcher(&brief)
	return s, watcher, err
}

// watcher is who is told of the calls.
func (r *Request) watcher(brief *briefing) (trace.Watcher, error) {
	if r.Learn != "" {
		return r.recorder(brief)
	}
	return trace.NewReport(r.tracedBox(brief)), nil
}

// tracedBox describes the box of a traced command.
func (r *Request) tracedBox(brief *briefing) *trace.Box {
	k := kernel.Probe()
	net := r.network(k)
	set, pledged := r.pledged()
	speech := r.words.Speech()
	argv := append([]string{}, r.Command...)
	b := &trace.Box{
		Grants: brief.Grants, Kinds: r.kinds(), Set: set, Pledged: pledged, Given: r.Pledge != nil || len(r.Unveil) > 0,
		Options: r.callOptions(k, net, brief.Pid, brief.Gate),
		Signals: !r.AllowSignals && k.ABI >= 6, Sockets: !r.AllowAbstract && k.ABI >= 6,
		Pid: brief.Pid, Home: home(), Args: r.words.args(), Unveil: r.words.Unveil, Argv: argv, Quote: printed.Word,
		Say: func(kind, text string) { speech.line(kind, text) },
		Ports: func(access uint64, port uint16) bool {
			for _, p := range net.ports {
				if p.access&access != 0 && port >= p.first && port <= p.last {
					return true
				}
			}
			return false
		},
	}
	if k.ABI > 0 {
		b.Net = net.handled & k.Net()
	}
	for _, e := range r.entries() {
		if e.Token != "" {
			continue // what it grants is in the grants
		}
		b.Entries = append(b.Entries, trace.Entry{Name: canonical(e.Path), Path: e.Path, Letters: e.Letters})
	}
	return b
}

// canonical is the name of a path without links; what does not exist keeps
// its own.
func canonical(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if name, err := filepath.EvalSymlinks(abs); err == nil {
		return name
	}
	return abs
}

// home is the canonical home directory, "" where there is none.
func home() string {
	if h := os.Getenv("HOME"); strings.HasPrefix(h, "/") {
		return canonical(h)
	}
	return ""
}
