// Package containers_test runs what unveil-run writes for containers, and
// unveil-run in them, by podman and runc.
package containers_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/unveil-run/unveil-run/test/made"
	"github.com/unveil-run/unveil-run/test/need"
)

// A pod runs commands in containers of one root directory, which holds busybox
// and the launcher and nothing else.
type pod struct {
	t    *testing.T
	dir  string
	root string
}

func newPod(t *testing.T) *pod {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("podman is tried as root")
	}
	for _, program := range []string{"podman", "runc", "busybox"} {
		need.Program(t, program)
	}
	p := &pod{t: t, dir: t.TempDir()}
	p.root = filepath.Join(p.dir, "root")
	for _, name := range []string{"bin", "etc", "tmp", "proc", "dev", "sys", "data"} {
		if err := os.MkdirAll(filepath.Join(p.root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(busybox)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.root, "bin/busybox"), text, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(p.root, "data/file"), []byte("data\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Build(filepath.Join(p.root, "bin"), "unveil-run"); err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs a command in a fresh container, with flags of podman before it.
func (p *pod) run(flags []string, argv ...string) (string, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args := slices.Concat([]string{"--runtime", "runc", "--root", filepath.Join(p.dir, "store"), "--runroot", filepath.Join(p.dir, "run"),
		"run", "--rm", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"}, flags, []string{"--rootfs", p.root}, argv)
	cmd := exec.CommandContext(ctx, "podman", args...)
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// profile writes the profile of a policy and returns podman's flags for it.
func (p *pod) profile(name string, policy ...string) []string {
	p.t.Helper()
	file := filepath.Join(p.dir, name+".json")
	text, err := exec.Command(filepath.Join(p.root, "bin/unveil-run"), slices.Concat([]string{"-q", "--print", "oci-seccomp"}, policy)...).Output()
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return []string{"--security-opt", "seccomp=" + file, "--security-opt", "no-new-privileges"}
}

// TestProfile holds that the command runs under the generated profile, that
// what is not promised is refused, and that it works without the profile.
func TestProfile(t *testing.T) {
	p := newPod(t)
	reads := p.profile("reads", "-p", "stdio rpath")
	writes := p.profile("writes", "-p", "stdio rpath wpath cpath fattr proc exec")
	for _, tt := range []struct {
		flags   []string
		argv    []string
		allowed bool
	}{
		{reads, []string{"cat", "/data/file"}, true},
		{reads, []string{"ls", "/data"}, true},
		{reads, []string{"touch", "/tmp/new"}, false},
		{reads, []string{"mkdir", "/tmp/dir"}, false},
		{reads, []string{"chmod", "600", "/data/file"}, false},
		{reads, []string{"sh", "-c", "busybox true; echo done"}, false},
		{reads, []string{"chroot", "/", "/bin/busybox", "true"}, false},
		{writes, []string{"sh", "-c", "busybox mkdir /tmp/d && echo x >/tmp/d/x && busybox chmod 600 /tmp/d/x && busybox rm -r /tmp/d && echo done"}, true},
		{writes, []string{"chroot", "/", "/bin/busybox", "true"}, false},
		{writes, []string{"chown", "1:1", "/data/file"}, false},
		{writes, []string{"nc", "-w", "1", "-l", "-p", "8000", "-e", "true"}, false},
	} {
		argv := append([]string{"/bin/busybox"}, tt.argv...)
		out, err := p.run(tt.flags, argv...)
		if (err == nil) != tt.allowed {
			t.Errorf("%q under %s: %v\n%s", tt.argv, filepath.Base(tt.flags[1]), err, out)
		}
		if strings.Contains(out, "runc create failed") {
			t.Errorf("%q: the container does not start\n%s", tt.argv, out)
		}
		if tt.argv[0] == "nc" {
			continue // outside it waits for somebody
		}
		if out, err := p.run(nil, argv...); err != nil {
			t.Errorf("%q without the profile: %v\n%s", tt.argv, err, out)
		}
	}
}

// TestEntryPoint runs the launcher as the first process of a container, under
// the default profile of the runtime.
func TestEntryPoint(t *testing.T) {
	p := newPod(t)
	box := []string{"/bin/unveil-run", "-q", "-u", "/bin:rx", "-u", "/data:r", "-p", "stdio rpath", "--", "/bin/busybox"}
	if out, err := p.run(nil, append(box, "cat", "/data/file")...); err != nil || out != "data\n" {
		t.Errorf("%v\n%s", err, out)
	}
	for _, argv := range [][]string{{"ls", "/etc"}, {"touch", "/tmp/new"}, {"sh", "-c", "exec busybox true"}} {
		if out, err := p.run(nil, append(slices.Clone(box), argv...)...); err == nil {
			t.Errorf("%q: not refused\n%s", argv, out)
		}
		if out, err := p.run(nil, append([]string{"/bin/busybox"}, argv...)...); err != nil {
			t.Errorf("%q without the launcher: %v\n%s", argv, err, out)
		}
	}
	// Under the profile of the floor it starts too; and where a profile blocks
	// Landlock, --check says so and nothing runs.
	floor := p.profile("floor", "-u", "/:rwxc")
	if out, err := p.run(floor, append(box, "cat", "/data/file")...); err != nil || out != "data\n" {
		t.Errorf("%v\n%s", err, out)
	}
	blocked := filepath.Join(p.dir, "blocked.json")
	if err := os.WriteFile(blocked, []byte(`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["landlock_create_ruleset"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--security-opt", "seccomp=" + blocked}
	if out, err := p.run(flags, append(box, "cat", "/data/file")...); err == nil || strings.Contains(out, "data\n") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := p.run(flags, "/bin/unveil-run", "--check"); err == nil || !strings.Contains(out, "seccomp") || !strings.Contains(out, "Landlock") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestExample runs examples/podman.sh: the command reads the folder, and
// nothing else that is in the image.
func TestExample(t *testing.T) {
	p := newPod(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "file"), []byte("in the folder\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	example := func(argv ...string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "../../examples/podman.sh", append([]string{folder, p.root}, argv...)...)
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(p.root, "bin")+":"+os.Getenv("PATH"),
			"CONTAINERS=podman --runtime runc --root "+filepath.Join(p.dir, "store")+" --runroot "+filepath.Join(p.dir, "run"),
			"FLAGS=--ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --rootfs")
		cmd.WaitDelay = 5 * time.Second
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := example("/bin/busybox", "cat", "/data/file"); err != nil || out != "in the folder\n" {
		t.Errorf("%v\n%s", err, out)
	}
	for _, argv := range [][]string{{"ls", "/etc"}, {"touch", "/tmp/new"}, {"sh", "-c", "exec busybox true"}, {"unshare", "-m", "true"}} {
		if out, err := example(append([]string{"/bin/busybox"}, argv...)...); err == nil {
			t.Errorf("%q: not refused\n%s", argv, out)
		} else if strings.Contains(out, "unveil-run: error") || strings.Contains(out, "create failed") {
			t.Errorf("%q: has not run\n%s", argv, out)
		}
	}
}
