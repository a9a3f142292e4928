package escape

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/test/need"
)

// each runs a test as every user, in a tree of its own.
func each(t *testing.T, f func(t *testing.T, r run)) {
	need.Box(t, 1)
	t.Parallel()
	for _, u := range users() {
		t.Run(u.name, func(t *testing.T) { f(t, run{user: u, dir: newTree(t, u)}) })
	}
}

// want holds how a command ended.
func (got result) want(t *testing.T, what string, status int, stdout, stderr string) {
	t.Helper()
	if got.status != status || strings.TrimSpace(got.stdout) != stdout || !strings.Contains(got.stderr, stderr) {
		t.Errorf("%s: status %d, stdout %q, stderr %q; want %d, %q, and %q in stderr",
			what, got.status, strings.TrimSpace(got.stdout), got.stderr, status, stdout, stderr)
	}
}

// TestNested holds that a launcher in the box gives nothing that the box has
// not.
func TestNested(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		read := "read " + r.dir + "/out/secret"
		inner := launch([]string{"-q", "-u", "/:rwxc"}, tool("probe"), read)
		r.command(t, inner...).want(t, "the inner box alone", 0, "ok", "")
		outer := []string{"-q", "-u", tools + ":rx", "-u", "/proc:r"}
		r.command(t, launch(outer, inner...)...).want(t, "in a box of paths", 0, "EACCES", "")

		// What it needs itself, and not a socket.
		call := launch([]string{"-q", "-u", "/:rwxc"}, tool("probe"), "socket 2 1 0")
		r.command(t, call...).want(t, "the inner box alone", 0, "ok", "")
		outer = []string{"-q", "-u", "/:rwxc", "-p", "stdio rpath wpath cpath proc exec prot_exec id"}
		r.command(t, launch(outer, call...)...).want(t, "in a box of calls", 0, "SIGSYS", "")
	})
}

// TestLayers holds that a box that the kernel has no more room for is an
// error, and no command without it.
func TestLayers(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		const most = 16 // layers of Landlock, landlock(7)
		nested := func(n int) []string {
			argv := []string{tool("probe"), "say"}
			for range n {
				argv = launch([]string{"-q", "-u", "/:rwxc"}, argv...)
			}
			return argv
		}
		r.command(t, nested(most)...).want(t, "16 layers", 0, "ran", "")
		r.command(t, nested(most+1)...).want(t, "17 layers", 125, "", "unveil-run: error: ")
	})
}

// TestPolicyFiles holds that what is no policy file ends the launcher, and
// does not hold it.
func TestPolicyFiles(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		at := func(name string) string { return filepath.Join(r.dir, "in", name) }
		if err := unix.Mkfifo(at("fifo"), 0o644); err != nil {
			t.Fatal(err)
		}
		good := "unveil /usr rx\npledge stdio rpath\n"
		for name, text := range map[string]string{
			"good": good, "huge": good + strings.Repeat("# nothing\n", 1<<17), "binary": "\x7fELF\x00", "unknown": good + "allow all\n",
		} {
			if err := os.WriteFile(at(name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		boxed := func(file string) result {
			return r.command(t, launch([]string{"-f", file}, tool("probe"), "read "+r.dir+"/out/secret")...)
		}
		boxed(at("good")).want(t, "a policy", 0, "EACCES", "")
		for _, file := range []string{at("fifo"), at("huge"), at("binary"), at("unknown"), at("dir"), at("nowhere"), "/dev/zero", "/dev/full", "/dev/tty", "/proc/self/mem"} {
			boxed(file).want(t, file, 125, "", "unveil-run: error: ")
		}
	})
}

// TestSwappedCommand changes what a name leads to after the launcher has
// looked and before it executes: it stands still there, since its notice does
// not fit into the pipe. Only what was looked at may run.
func TestSwappedCommand(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		for _, tt := range []struct {
			name string
			swap func(command, other string) error
		}{
			{"not", func(string, string) error { return nil }},
			{"symlink", func(command, other string) error {
				if err := os.Remove(command); err != nil {
					return err
				}
				return os.Symlink(other, command)
			}},
			{"file", func(command, other string) error {
				at, err := filepath.EvalSymlinks(command)
				if err != nil {
					return err
				}
				return os.Rename(other, at)
			}},
		} {
			dir := newTree(t, r.user)
			exe, command, other := filepath.Join(dir, "in/exe"), filepath.Join(dir, "in/command"), filepath.Join(dir, "in/other")
			if err := copyExecutable("/bin/echo", other); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(exe, command); err != nil {
				t.Fatal(err)
			}
			argv := launch([]string{"-u", "/usr:r", "-u", dir + "/nowhere:r", "-p", "stdio rpath"}, command, "say")
			got := r.heldBeforeExec(t, argv, func() {
				if err := tt.swap(command, other); err != nil {
					t.Error(err)
				}
			})
			switch {
			case got.status == 0 && got.stdout == "ran\n":
				if tt.name == "file" {
					t.Errorf("%s: the old file ran, which has no name any more: was it swapped?", tt.name)
				}
			case tt.name != "not" && got.status == 126 && got.stdout == "":
			default:
				t.Errorf("%s: status %d, stdout %q", tt.name, got.status, got.stdout)
			}
		}
	})
}

// TestFlippedCommand launches a command whose name leads to itself and to a
// secret by turns, as who was confined before and still runs may have it. What
// the launcher looked at is what is opened, and not what the name leads to when
// it looks again.
func TestFlippedCommand(t *testing.T) {
	t.Run("text", func(t *testing.T) { flippedCommand(t, "in:rx", "the secret\n", "126") })
	// A script can be executed, as the command itself: it is refused that a link
	// leads there which the command could have made.
	t.Run("script", func(t *testing.T) { flippedCommand(t, "in:rwxc", "#!/bin/sh\n# the secret\n", "125") })
}

// flippedCommand has a name lead to a secret of this text, of which the
// launcher says that it cannot be the command.
func flippedCommand(t *testing.T, entry, text, refusal string) {
	each(t, func(t *testing.T, r run) {
		dir := newTree(t, r.user)
		command, other, secret := filepath.Join(dir, "in/command"), filepath.Join(dir, "in/other"), filepath.Join(dir, "out/secret")
		if err := copyExecutable(tool("probe"), command); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(secret, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(secret, 0o755); err != nil { // a command to be, as far as a look at its mode tells
			t.Fatal(err)
		}
		if err := os.Symlink(secret, other); err != nil {
			t.Fatal(err)
		}
		box := launch([]string{"-q", "-u", dir + "/" + entry}, command, "read "+secret)
		r.command(t, command, "read "+secret).want(t, "control", 0, "ok", "")
		r.command(t, box...).want(t, "not flipped", 0, "EACCES", "")

		stop, stopped := make(chan struct{}), make(chan error)
		go func() {
			for {
				select {
				case <-stop:
					stopped <- nil
					return
				default:
				}
				pause := unix.NsecToTimespec(int64(200 * time.Microsecond)) // a timer of Go's is late by more
				unix.Nanosleep(&pause, nil)
				if err := unix.Renameat2(unix.AT_FDCWD, command, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE); err != nil {
					<-stop
					stopped <- err
					return
				}
			}
		}()
		answers := map[string]int{}
		for range 300 {
			got := r.command(t, box...)
			answers[strings.TrimSpace(fmt.Sprint(got.status, " ", got.stdout))]++
		}
		close(stop)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		for answer, n := range answers {
			if answer != "0 EACCES" && answer != refusal && answer != "126" { // when it comes to exec, the name leads to the secret
				t.Errorf("%d times: %s", n, answer)
			}
		}
		if answers["0 EACCES"] == 0 || answers[refusal] == 0 {
			t.Errorf("the name led to one of both: %v", answers)
		}
	})
}

// heldBeforeExec runs a launcher that has a notice to print, and does between
// before it lets it print.
func (r run) heldBeforeExec(t *testing.T, argv []string, between func()) result {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	reading, writing := os.NewFile(uintptr(p[0]), "|0"), os.NewFile(uintptr(p[1]), "|1")
	defer reading.Close()
	if err := unix.SetNonblock(p[1], true); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := unix.Write(p[1], make([]byte, 4096)); err != nil {
			break // full
		}
	}
	if err := unix.SetNonblock(p[1], false); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stderr = r.dir, writing
	var stdout strings.Builder
	cmd.Stdout = &stdout
	if os.Getuid() != r.user.uid {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(r.user.uid), Gid: uint32(r.user.uid)}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	stands := fmt.Sprintf("%d 0x2 ", unix.SYS_WRITE)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		now, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", cmd.Process.Pid))
		if err == nil && strings.HasPrefix(string(now), stands) {
			break
		}
		if time.Now().After(deadline) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("it does not stand at its notice: %q %v", now, err)
		}
	}
	between()
	writing.Close()
	go func() {
		for buf := make([]byte, 1<<16); ; {
			if _, err := reading.Read(buf); err != nil {
				return
			}
		}
	}()
	cmd.Wait()
	return result{status: cmd.ProcessState.ExitCode(), stdout: stdout.String()}
}

// TestEnvironment holds that no variable makes the box wider. Libraries that
// LD_PRELOAD and LD_AUDIT name are loaded, as they would be, and are in it.
func TestEnvironment(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		secret := r.dir + "/out/secret"
		read := []string{tool("probe-dynamic"), "read " + secret}
		flags := []string{"-q", "-u", tools + ":r", "-p", "stdio rpath"}
		for _, env := range []string{
			"A=B", "UNVEIL_EXEC=inherit", "UNVEIL_STRICT=0", "UNVEIL_VIOLATION=errno", "UNVEIL_PRELOAD=x",
			"LD_LIBRARY_PATH=/", "LD_LIBRARY_PATH=", "LD_LIBRARY_PATH=:", "LD_LIBRARY_PATH=.", "LD_LIBRARY_PATH=out",
			"LD_PRELOAD=" + secret, "LD_AUDIT=" + secret, "LD_BIND_NOW=1", "LD_DEBUG=unused", "LD_PROFILE=x", "LD_ORIGIN_PATH=/",
			"GLIBC_TUNABLES=glibc.malloc.check=1", "GCONV_PATH=" + r.dir + "/out", "LOCPATH=" + r.dir + "/out",
			"GODEBUG=execerrdot=0,multipathtcp=1", "GOTRACEBACK=crash", "GOMAXPROCS=1", "GOCOVERDIR=" + r.dir + "/out",
			"LISTEN_FDS=4", "LISTEN_PID=1", "XDG_CONFIG_HOME=" + r.dir + "/out", "BASH_ENV=" + secret, "ENV=" + secret,
			"PATH=" + r.dir + "/in:/usr/bin:/bin", "TMPDIR=" + r.dir + "/out", "PWD=" + r.dir + "/out", "HOSTALIASES=" + secret,
			"RES_OPTIONS=debug", "LOCALDOMAIN=x", "TZDIR=" + r.dir + "/out", "TZ=:" + secret, "NLSPATH=" + secret,
			"HOME=/", "HOME=" + r.dir + "/out",
		} {
			r := r
			r.env = []string{env}
			if got := r.command(t, read...); got.status != 0 || got.stdout != "ok\n" {
				t.Errorf("%s: without the box %+v", env, got)
			}
			if got := r.command(t, launch(flags, read...)...); got.status != 0 || got.stdout != "EACCES\n" {
				t.Errorf("%s: %+v", env, got)
			}
		}
		for _, name := range []string{"LD_PRELOAD", "LD_AUDIT"} {
			r := r
			r.env = []string{name + "=" + tool("preload.so"), "PRELOAD_READS=" + secret}
			say := []string{tool("probe-dynamic"), "say"}
			r.command(t, say...).want(t, name, 0, "preload: ok\nran", "")
			r.command(t, launch(flags, say...)...).want(t, name, 0, "preload: EACCES\nran", "")
		}
	})
}

// TestLimits starts the launcher with less than it needs: it may fail, and
// the command never runs without its box.
func TestLimits(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		read := "read " + r.dir + "/out/secret"
		var ran, failed int
		for _, limit := range []string{
			"-n 3", "-n 4", "-n 5", "-n 6", "-n 8", "-n 16", "-n 64", "-v 4096", "-v 65536", "-v 200000", "-v 1000000", "-v 4000000", "-d 64",
			"-s 16", "-s 64", "-f 0", "-l 0", "-q 0", "-i 0", "-c 0", "-u 1", "-t 1",
		} {
			argv := []string{"bash", "-c", "ulimit -S " + limit + " && exec \"$0\" \"$@\""}
			got := r.command(t, append(argv, launch([]string{"-q", "-u", tools + ":r"}, tool("probe"), read)...)...)
			switch {
			case strings.Contains(got.stdout, "ok"):
				t.Errorf("ulimit %s: it is out: %+v", limit, got)
			case got.status == 0 && (got.stdout == "EACCES\n" || got.stdout == "EMFILE\n"):
				ran++
			case got.stdout == "":
				failed++
			default:
				t.Errorf("ulimit %s: %+v", limit, got)
			}
		}
		// Else they are no limits, or nothing ever ran.
		if ran == 0 || failed == 0 {
			t.Errorf("%d ran, %d failed: want some of both", ran, failed)
		}
		// The limit that the runtime raises for itself is not the command's.
		nofile := []string{"bash", "-c", `ulimit -S -n 100 && exec "$0" "$@"`}
		inside := launch([]string{"-q", "-u", "/usr:rx"}, "bash", "-c", "ulimit -S -n")
		r.command(t, slices.Concat(nofile, inside)...).want(t, "files", 0, "100", "")
	})
}

// TestOutlives holds that a process is bound when the command that started it
// is gone.
func TestOutlives(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		script := `(while kill -0 $$ 2>/dev/null; do sleep 0.01; done; cat "$0" >&2; echo $?) & exit 0`
		argv := []string{"bash", "-c", script, r.dir + "/out/secret"}
		r.command(t, argv...).want(t, "without the box", 0, "0", "Secret")
		boxed := launch([]string{"-q", "-u", "/usr:rx"}, argv...)
		r.command(t, boxed...).want(t, "in it", 0, "1", "Permission denied")
	})
}
