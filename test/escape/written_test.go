package escape

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWrittenIn holds that what stands in a program does not open the box: who
// confines a program has most often not written it.
func TestWrittenIn(t *testing.T) {
	each(t, func(t *testing.T, r run) {
		in, secret := filepath.Join(r.dir, "in"), r.dir+"/out/secret"
		build := func(name string, flags ...string) string {
			t.Helper()
			out := filepath.Join(in, name)
			argv := append([]string{"-O1", "-pthread", "testdata/probe.c", "-o", out}, flags...)
			if text, err := exec.Command("gcc", argv...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			return out
		}
		loader, err := loader()
		if err != nil {
			t.Fatal(err)
		}
		ldso := filepath.Join(r.dir, "out/ld.so")
		if err := copyExecutable(loader, ldso); err != nil {
			t.Fatal(err)
		}
		for _, program := range []string{
			build("runpath", "-Wl,--enable-new-dtags,-rpath,"+r.dir+"/out"),
			build("rpath", "-Wl,--disable-new-dtags,-rpath,"+r.dir+"/out"),
			build("origin", "-Wl,-rpath,$ORIGIN/../out:${ORIGIN}/../out/dir"),
			build("audit", "-Wl,--audit,"+secret, "-Wl,--depaudit,"+secret),
			build("interp", "-Wl,--dynamic-linker="+ldso),
		} {
			acts := []string{program, "read " + secret, "read " + r.dir + "/out/dir/file"}
			r.command(t, acts...).want(t, "without the box", 0, "ok\nok", "")
			flags := []string{"-q", "-u", in + ":r", "-p", "stdio rpath"}
			r.command(t, launch(flags, acts...)...).want(t, program, 0, "EACCES\nEACCES", "")
		}

		// An interpreter of a script, and of a program, that is a secret: nothing
		// runs, and nothing of it is told.
		script := filepath.Join(in, "leak")
		if err := os.WriteFile(script, []byte("#!"+secret+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, program := range []string{script, build("leaks", "-Wl,--dynamic-linker="+secret)} {
			got := r.command(t, launch([]string{"-q", "-u", in + ":r", "-p", "stdio rpath"}, program)...)
			if got.status != 126 || got.stdout != "" {
				t.Errorf("%s: %+v, want status 126", program, got)
			}
		}
	})
}
