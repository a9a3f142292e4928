package compat

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

type step struct {
	do   func() error
	want unix.Errno
}

func both(p, e string) func() error     { return func() error { return Pledge(p, e) } }
func promises(p string) func() error    { return func() error { return PledgePromises(p) } }
func execs(e string) func() error       { return func() error { return PledgeExecpromises(e) } }
func shows(path, f string) func() error { return func() error { return Unveil(path, f) } }

// bare holds an error to be the errno itself, as x/sys/unix returns it.
func bare(do func() error) func() error {
	return func() error {
		err := do()
		if _, ok := err.(unix.Errno); err != nil && !ok {
			return fmt.Errorf("not bare: %v", err)
		}
		return err
	}
}

func fill(n int, flags string, path func(i int) string) func() error {
	return func() error {
		for i := range n {
			if err := Unveil(path(i), flags); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		return nil
	}
}

func inDir(name string) string { return os.Getenv(envDir) + "/" + name }

// contract is what the calls answer, by kern_pledge.c, kern_unveil.c and the
// manuals of OpenBSD. Each row is a process.
var contract = map[string][]step{
	"words": {
		{bare(promises("stdio rpaht")), unix.EINVAL},
		{bare(promises(" stdio")), unix.EINVAL},
		{bare(promises("stdio\trpath")), unix.EINVAL},
		{bare(promises("stdio,rpath")), unix.EINVAL},
		{bare(promises("STDIO")), unix.EINVAL},
		{bare(promises("abort")), unix.EINVAL},
		{bare(promises("stdio\x00")), unix.EINVAL},
		{bare(promises(strings.Repeat("stdio ", 171))), unix.ENAMETOOLONG},
		{promises("stdio stdio  rpath wpath cpath tmppath unveil error "), 0}, // tmppath differs
	},
	"both or none": {
		{bare(both("stdio", "nonsense")), unix.EINVAL},
		{bare(both("nonsense", "stdio")), unix.EINVAL},
		{bare(both("stdio\x00", "stdio")), unix.EINVAL},
		{both("stdio rpath", "stdio rpath"), 0}, // nothing was taken by the above
		{bare(both("stdio rpath", "stdio rpath inet")), unix.EPERM},
		{bare(both("stdio inet", "stdio")), unix.EPERM},
		{execs("stdio rpath"), 0}, // nor by those
		{promises("stdio rpath"), 0},
	},
	"sets shrink": {
		{promises("stdio rpath wpath"), 0},
		{promises("stdio rpath"), 0},
		{bare(promises("stdio rpath wpath")), unix.EPERM},
		{promises("stdio"), 0},
		{bare(promises("stdio rpath")), unix.EPERM},
		{promises("stdio"), 0},
	},
	"execpromises alone": {
		{execs("stdio rpath inet"), 0},
		{execs("stdio rpath"), 0},
		{bare(execs("stdio inet")), unix.EPERM},
		{promises("stdio rpath wpath inet"), 0}, // the first of its own
	},
	"execpromises need not be promised": {
		{both("stdio exec", "stdio rpath inet"), 0},
	},
	"error cuts": {
		{promises("stdio rpath error"), 0},
		{promises("stdio rpath inet error"), 0},
		{promises("stdio rpath"), 0}, // gives error up
		{bare(promises("stdio rpath error")), unix.EPERM},
		{bare(promises("stdio rpath inet")), unix.EPERM},
	},
	"error does not cut execpromises": {
		{both("stdio error", "stdio"), 0},
		{bare(execs("stdio rpath")), unix.EPERM},
	},
	"chown to fattr": {
		{promises("stdio chown"), 0},
		{bare(promises("stdio fattr")), unix.EPERM},
	},
	"many calls": {
		{func() error {
			for range 40 {
				if err := Pledge("stdio rpath", ""); err != nil {
					return err
				}
			}
			return nil
		}, 0},
	},
	"unveil: words": {
		{bare(shows("/", "rrwxc")), unix.ENAMETOOLONG},
		{bare(shows("", "rrwxc")), unix.ENAMETOOLONG},
		{bare(shows("", "r")), unix.EINVAL},
		{bare(shows("/", "z")), unix.EINVAL},
		{bare(shows("/\x00", "r")), unix.EINVAL},
		{bare(shows("/gone/x", "z")), unix.ENOENT}, // the path comes first
		{bare(shows("/gone/x", "r")), unix.ENOENT},
		{bare(shows("/dev/null/x", "r")), unix.ENOTDIR},
		{bare(shows("/dev/null/", "r")), unix.ENOTDIR},
		{bare(shows("/gone/", "r")), unix.ENOENT},
		{bare(shows("/"+strings.Repeat("a/", 2050), "r")), unix.ENAMETOOLONG},
		{bare(shows("/"+strings.Repeat("a", 256), "r")), unix.ENAMETOOLONG},
		{func() error { return os.Symlink("loop", inDir("loop")) }, 0},
		{func() error { return Unveil(inDir("loop"), "r") }, unix.ELOOP},
		{reading("/etc/passwd"), 0}, // none of them hid anything
		{shows("/gone", "r"), 0},
		{shows("/", "rrrr"), 0},
		{shows("/tmp", ""), 0},
		{shows("etc", "r"), 0},
	},
	"unveil: the end": {
		{shows("/etc", "r"), 0},
		{UnveilBlock, unveiledFails},
		{func() error { now.closed = true; return nil }, 0}, // where it could not be held
		{bare(shows("/etc", "r")), unix.EPERM},
		{bare(shows("", "zzzzz")), unix.EPERM}, // before any other check
		{UnveilBlock, 0},
	},
	"unveil: a long path": {
		{shows("/"+strings.Repeat("./", 2047), "r"), 0}, // differs
		{bare(shows("/"+strings.Repeat("./", 2047)+".", "r")), unix.ENAMETOOLONG},
	},
	"unveil: narrower below /dev": {
		{shows("/", "r"), 0},
		{shows("/dev/null", ""), 0},
		{UnveilBlock, unix.EOPNOTSUPP}, // differs
		{reading("/dev/null"), 0},      // nothing was applied
	},
	"unveil: the end of nothing": {
		{UnveilBlock, 0},
		{UnveilBlock, 0},
		{bare(shows("/etc", "r")), unix.EPERM},
		{reading("/etc/passwd"), 0},
	},
	"unveil: permissions are replaced": {
		{shows("/etc", "r"), 0},
		{shows("/etc", "rwxc"), 0},
		{shows("/etc", ""), 0},
	},
	"unveil: not promised": {
		{promises("stdio rpath error"), 0},
		{bare(shows("/etc", "r")), unix.ENOSYS},
		{bare(UnveilBlock), unix.ENOSYS},
	},
	"unveil: promised": {
		{promises("stdio rpath unveil"), 0},
		{shows("/etc", "r"), 0},
		{UnveilBlock, unveiledFails},
	},
	"unveil: too many directories": {
		{func() error {
			for i := range maxDirs {
				if err := os.Mkdir(inDir(fmt.Sprint("d", i)), 0o755); err != nil {
					return err
				}
			}
			return nil
		}, 0},
		{fill(maxDirs, "r", func(i int) string { return inDir(fmt.Sprint("d", i)) }), 0},
		{bare(shows("/", "r")), unix.E2BIG},
		{func() error { return Unveil(inDir("d0"), "") }, unix.E2BIG},
		{bare(shows("/", "z")), unix.EINVAL},
	},
	"unveil: too many names": {
		{fill(maxNames, "r", func(i int) string { return inDir(fmt.Sprint("n", i)) }), 0},
		{bare(shows("/", "r")), unix.E2BIG},
	},
	"layers": {
		{func() error {
			if unveiledFails != 0 {
				return unix.E2BIG // no layer can be made, so that none can be one too many
			}
			if err := Unveil("/", "rwxc"); err != nil {
				return err
			}
			l := strings.Fields("rpath wpath cpath dpath tmppath inet unix dns getpw tty proc ps vminfo route")
			if err := UnveilBlock(); err != nil {
				return err
			}
			for len(l) > 1 {
				if err := PledgePromises("stdio " + strings.Join(l, " ")); err != nil {
					return fmt.Errorf("%d layers: %w", now.layers, err)
				}
				l = l[1:]
			}
			if now.layers != 14 {
				return fmt.Errorf("%d layers", now.layers)
			}
			if err := PledgePromises("stdio route"); err != nil {
				return err
			}
			was := now
			err := PledgePromises("stdio")
			if now != was {
				return fmt.Errorf("the state changed")
			}
			return err
		}, unix.E2BIG},
	},
}

// TestContract holds the answers of the calls to those of OpenBSD.
func TestContract(t *testing.T) {
	needKernel(t)
	eachFlavour(t, func(t *testing.T, f flavour) {
		for name := range contract {
			if name == "without Landlock" {
				continue // TestWithoutLandlock has it
			}
			for _, uid := range users(t) {
				t.Run(fmt.Sprintf("%s/uid %d", name, uid), func(t *testing.T) {
					t.Parallel()
					if out, state := run(t, f.bin, uid, scratch(t), name, ""); out != "" || !state.Success() {
						t.Errorf("%s: %s", state, out)
					}
				})
			}
		}
	})
}
