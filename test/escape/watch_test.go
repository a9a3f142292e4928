package escape

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/shlex"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

// watching are the flags of a supervisor, with a box that lets a shell be.
func watching(dir string) map[string][]string {
	return map[string][]string{
		"trace": {"--trace", "-q", "-u", "/usr:rx", "-u", "/bin:rx", "-u", "/proc:r", "-u", dir + ":rwc"},
		"learn": {"-q", "--learn", filepath.Join(dir, "in/policy")},
	}
}

// TestWatchedEnds holds that a command that is watched ends as it would, and
// that its supervisor ends with the last process of it.
func TestWatchedEnds(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		for name, flags := range watching(r.dir) {
			for _, c := range []struct {
				script string
				status int
			}{
				{"exit 0", 0}, {"exit 7", 7}, {"kill -TERM $$", 143}, {"kill -INT $$; sleep 60", 130}, {"kill -SEGV $$", 139}, {"kill -KILL $$", 137},
				{"trap 'exit 9' TERM; kill -TERM $$; sleep 60", 9},
				{"sleep 60 & kill -TERM $!; wait $!", 143},
				{"exec sh -c 'exit 5'", 5},
			} {
				r.command(t, launch(flags, "sh", "-c", c.script)...).want(t, name+": "+c.script, c.status, "", "")
			}
			gone(t, r.dir)
		}
	})
}

// TestWatchedGroup holds that the interrupt of a terminal, which is for the
// whole group, ends the command and not the one who tells of it.
func TestWatchedGroup(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		c := r.trace(t, []string{"-u", r.dir + "/in:r"}, "sh", "-c", "echo here; read x <"+r.dir+"/out/secret; read y")
		if pid, err := syscall.Getpgid(c.supervisor); err != nil || pid == c.cmd.Process.Pid {
			t.Errorf("the supervisor is in group %d of the command, %v", pid, err)
		}
		if err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		c.cmd.Wait()
		if ws := c.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGINT {
			t.Errorf("%v", c.cmd.ProcessState)
		}
		gone(t, r.dir)
	})
}

// TestWatchedProcess holds that the command has the process id and the parent
// that it would have, and no child that it has not started.
func TestWatchedProcess(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		for name, flags := range watching(r.dir) {
			got := r.command(t, launch(flags, "sh", "-c", "read -r x </proc/$$/task/$$/children; echo $PPID children: $x")...)
			got.want(t, name, 0, fmt.Sprintf("%d children:", os.Getpid()), "")
		}
	})
}

// TestDaemon holds that the launcher is over when the command is, and that
// its daemon is watched until it ends.
func TestDaemon(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		for name, flags := range watching(r.dir) {
			fifo := filepath.Join(r.dir, "in/fifo-"+name)
			if err := unix.Mkfifo(fifo, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Lchown(fifo, r.user.uid, r.user.uid); err != nil {
				t.Fatal(err)
			}
			// The daemon waits for a word, and opens a file then.
			script := "setsid sh -c 'read x <" + fifo + "; cat " + r.dir + "/in/own >" + r.dir + "/in/made-" + name + "' >/dev/null 2>&1 </dev/null & exit 4"
			log, err := os.Create(filepath.Join(r.dir, "log-"+name))
			if err != nil {
				t.Fatal(err)
			}
			defer log.Close()
			argv := launch(flags, "sh", "-c", script)
			p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Dir: r.dir, Env: os.Environ(), Files: []*os.File{nil, log, log}, Sys: &syscall.SysProcAttr{
				Setpgid: true, Credential: credential(r.user)}})
			if err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(patience, func() { p.Kill() })
			state, err := p.Wait()
			late.Stop()
			if err != nil || state.ExitCode() != 4 {
				t.Fatalf("%s: %v %v", name, state, err)
			}
			if left := supervisors(t, r.dir); len(left) != 1 {
				t.Errorf("%s: supervisors of the daemon: %v", name, left)
			}
			if err := os.WriteFile(fifo, []byte("go\n"), 0); err != nil {
				t.Fatal(err)
			}
			gone(t, r.dir)
			if made, err := os.ReadFile(filepath.Join(r.dir, "in/made-"+name)); err != nil || string(made) != "own" {
				t.Errorf("%s: the daemon has made %q, %v", name, made, err)
			}
		}
		policy, err := os.ReadFile(filepath.Join(r.dir, "in/policy"))
		if err != nil || !strings.Contains(string(policy), "cat") {
			t.Errorf("the daemon is not in the policy, %v:\n%s", err, policy)
		}
	})
}

func credential(u user) *syscall.Credential {
	if os.Getuid() == u.uid {
		return nil
	}
	return &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.uid)}
}

// TestWatchedTerminal holds that a terminal is as it was, that one line tells
// how far a run is, and that there is none where there is no terminal.
func TestWatchedTerminal(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		const line = "unveil-run: learning: "
		flags := watching(r.dir)["learn"]
		command := strings.Join(launch(flags, "sleep", "2.6"), " ")
		got := r.command(t, "script", "-qec", "stty -g; "+command+"; stty -g", "/dev/null")
		lines := strings.Fields(got.stdout)
		if got.status != 0 || len(lines) < 2 || lines[0] != lines[len(lines)-1] && !strings.HasSuffix(got.stdout, lines[0]+"\r\n") {
			t.Errorf("the terminal is another: %d %q", got.status, got.stdout)
		}
		if !strings.Contains(got.stdout, line) || !strings.Contains(got.stdout, "\r\x1b[K") {
			t.Errorf("on a terminal: %q", got.stdout)
		}
		if got := r.command(t, launch(flags, "sleep", "1.6")...); got.status != 0 || strings.Contains(got.stderr+got.stdout, line) {
			t.Errorf("without a terminal: %d %q", got.status, got.stderr)
		}
		if got := r.command(t, "script", "-qec", "stty raw; "+command+"; stty sane", "/dev/null"); strings.Contains(got.stdout, line) {
			t.Errorf("on a terminal that a program draws on: %q", got.stdout)
		}
	})
}

// TestPitfalls are what supervisors are known to trip over.
func TestPitfalls(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		// A name that is two lines, and is one in what is said.
		name := filepath.Join(r.dir, "out/a\nb $x'")
		if err := os.WriteFile(name, []byte("Secret"), 0o644); err != nil {
			t.Fatal(err)
		}
		got := r.command(t, launch([]string{"--trace", "-u", r.dir + "/in:r"}, "cat", name)...)
		hints := denials(got.stderr, "hint")
		if said := denials(got.stderr, "denied"); len(said) != 1 || said[0] != fmt.Sprintf("open %q for reading", name) || len(hints) != 1 {
			t.Errorf("of %q is said %q", name, said)
		}
		summary := denials(got.stderr, "summary")
		if len(summary) != 1 {
			t.Fatalf("summary %q", summary)
		}
		// bash reads it as it is written.
		r.command(t, "bash", "-c", strings.Replace(summary[0], "unveil-run", tool("unveil-run"), 1)).want(t, summary[0], 0, "Secret", "")

		// The command's /proc/self, and no other's.
		got = r.command(t, launch([]string{"--trace", "-u", r.dir + "/in:r"}, "cat", "/proc/self/status", "/proc/thread-self/comm")...)
		if hints := denials(got.stderr, "hint"); !slices.Equal(hints, []string{"-u /proc/self/status:r", "-u /proc/self/comm:r"}) {
			t.Errorf("hints %q of %q", hints, got.stderr)
		}
		// By descriptors, roots and links of /proc.
		got = r.command(t, launch([]string{"--trace", "-u", r.dir + "/in:r", "-u", "/usr:rx"}, "sh", "-c", "exec 5<"+r.dir+"/in/own; cat /proc/self/fd/5 /dev/fd/5 /proc/self/cwd/out/secret")...)
		if said := denials(got.stderr, "denied"); !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, r.dir+"/out/secret") }) {
			t.Errorf("by a link of /proc: %q", got.stderr)
		}

		// Started by who has closed what others leave open, or ignores its children.
		quiet := strings.Join(launch([]string{"--trace", "-u", "/usr:rx"}, "true"), " ")
		r.command(t, "sh", "-c", quiet+" <&- >&- 2>&- && echo over").want(t, "closed descriptors", 0, "over", "")
		r.command(t, "perl", "-e", `$SIG{CHLD} = "IGNORE"; exec @ARGV`, "--", "sh", "-c", "exec "+quiet).want(t, "SIGCHLD ignored", 0, "", "nothing was denied")

		for what, script := range map[string]string{
			// Killed while they wait for an answer.
			"killed": `for i in 1 2 3 4 5 6 7 8 9 10; do (while :; do : <` + r.dir + `/in/own; done) & sleep 0.01; kill -9 $!; done; echo over`,
			// A timer that is faster than any answer.
			"timer": `/usr/bin/python3 -c '
import signal
n = 0
def tick(*_):
    global n
    n += 1
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
for i in range(3000): open("` + r.dir + `/in/own").close()
signal.setitimer(signal.ITIMER_REAL, 0)
print("over" if n > 10 else n)'`,
			// exec by a thread that is not the first; the pid is the first's then.
			"thread": tool("probe") + ` "threadexec ` + r.dir + `/in/exe" >/dev/null; echo over`,
			"vfork":  `for i in 1 2 3; do ` + tool("probe") + ` "vforkexec ` + r.dir + `/in/exe" >/dev/null; done; echo over`,
		} {
			plain := r.command(t, "sh", "-c", script)
			plain.want(t, what, 0, "over", "")
			for name, flags := range watching(r.dir) {
				if name == "trace" {
					flags = append(slices.Clone(flags), "-u", tools+":rx", "-u", r.dir+":rwxc")
				}
				r.command(t, launch(flags, "sh", "-c", script)...).want(t, name+": "+what, 0, "over", "")
			}
		}
		gone(t, r.dir)
	})
}

// TestFromNothing follows the summaries from an empty policy to one under
// which a command does its work.
func TestFromNothing(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		script := "cat " + r.dir + "/out/secret | tr a-z A-Z >" + r.dir + "/in/copy && ls " + r.dir + "/out && cat " + r.dir + "/in/copy"
		command := []string{"sh", "-c", script}
		control := r.command(t, command...)
		if control.status != 0 || !strings.HasSuffix(control.stdout, "SECRET") {
			t.Fatalf("without the box: %+v", control)
		}
		if err := os.Remove(filepath.Join(r.dir, "in/copy")); err != nil {
			t.Fatal(err)
		}
		argv := launch([]string{"--trace"}, command...)
		const most = 25
		for n := 0; ; n++ {
			got := r.command(t, argv...)
			summary := denials(got.stderr, "summary")
			if len(summary) == 0 {
				t.Fatalf("%q: no summary: %q", argv, got.stderr)
			}
			if got.status == control.status && got.stdout == control.stdout {
				t.Logf("after %d summaries: %q", n, argv)
				break
			}
			words, err := shlex.Split(summary[0])
			if n == most || err != nil || len(words) == 0 || words[0] != "unveil-run" {
				t.Fatalf("after %d summaries, with %q: %+v, %v", n, argv, got, err)
			}
			argv = append([]string{tool("unveil-run"), "--trace"}, words[1:]...)
		}
		// What it has come to holds.
		end := slices.Index(argv, "--")
		box := append(slices.Clone(argv[:end+1]), tool("probe"), "read "+r.dir+"/ro/file", "creat "+r.dir+"/ro/new", "socket 2 1 0")
		box = slices.DeleteFunc(box, func(s string) bool { return s == "--trace" })
		if got := strings.Fields(r.command(t, box...).stdout); !slices.Equal(got, []string{"EACCES", "EACCES", "SIGSYS"}) {
			t.Errorf("it has come to %q, under which: %q", argv, got)
		}
	})
}

// elf32 is a program for i386 that makes one call, exit(0).
var elf32 = []byte{
	0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0x80, 4, 8, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x34, 0, 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 4, 8, 0, 0x80, 4, 8, 0x5d, 0, 0, 0, 0x5d, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
	0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80,
}

// TestForeign holds that a program of the other kind is told of, whose calls
// the filter kills, and is no way out of what the supervisor sees.
func TestForeign(t *testing.T) {
	if goarch != "amd64" {
		t.Skip("amd64 runs programs of i386")
	}
	each(t, func(t *testing.T, r run) {
		file := filepath.Join(r.dir, "in/exit32")
		if err := os.WriteFile(file, elf32, 0o755); err != nil {
			t.Fatal(err)
		}
		if control := r.command(t, file); control.status != 0 {
			need.Missing(t, "programs of i386: status %d", control.status)
		}
		for name, flags := range watching(r.dir) {
			if name == "trace" {
				flags = append(slices.Clone(flags), "-u", r.dir+":rwxc")
			}
			got := r.command(t, launch(flags, "sh", "-c", "exec "+file)...)
			if got.status != 159 {
				t.Errorf("%s: %+v, want 159", name, got)
			}
			if said := denials(got.stderr, "denied"); name == "trace" && (len(said) != 1 || said[0] != fmt.Sprintf("execute %q: a 32-bit program, whose system calls are refused", file)) {
				t.Errorf("said %q", said)
			}
		}
	})
}

// TestInheritedEnds holds that nobody beside the command keeps what it was
// started with and does not get: who waits for the end of a pipe would wait for
// the supervisor, or for the one who removes @tmp.
func TestInheritedEnds(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		boxes := watching(r.dir)
		boxes["alone"] = []string{"-q", "-u", "/usr:rx"}
		boxes["tmp"] = []string{"-q", "-u", "/usr:rx", "-u", "@tmp:rwc"}
		boxes["passed"] = append(boxes["alone"], "--pass-fd", "9") // the control
		for name, flags := range boxes {
			var pipe [2]*os.File
			var err error
			if pipe[0], pipe[1], err = os.Pipe(); err != nil {
				t.Fatal(err)
			}
			argv := launch(flags, "sh", "-c", "echo here; read x")
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Dir = r.dir
			for range 7 { // the lowest numbers are taken by others in the end
				cmd.ExtraFiles = append(cmd.ExtraFiles, pipe[1])
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential(r.user)}
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pipe[1].Close()
			if here, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || here != "here\n" {
				t.Errorf("%s: %q, %v", name, here, err)
			}
			held := make(chan bool)
			go func() {
				n, _ := pipe[0].Read(make([]byte, 1))
				held <- n != 0
			}()
			open := false
			select {
			case open = <-held:
				held = nil
			case <-time.After(time.Second):
				open = true
			}
			if open != (name == "passed") {
				t.Errorf("%s: the pipe is held while the command runs: %v", name, open)
			}
			stdin.Close()
			cmd.Wait()
			if held != nil {
				<-held
			}
			pipe[0].Close()
		}
	})
}
