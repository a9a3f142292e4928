package unveil_test

import (
	"os"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/unveil"
)

// TestApplyFails: an error restricts nothing, and takes back what was made.
func TestApplyFails(t *testing.T) { everyABI(t, "apply fails") }

func init() {
	scenes["apply fails"] = func(s *scene) {
		s.grow("d/f", "out/f")
		plan := func(k kernel.Kernel, ports bool) *unveil.Plan {
			r, err := ruleSet("d:r", "d/new:rwc")
			s.must(err)
			if ports {
				r.Port(ll.AccessNetConnectTCP, 80)
				r.Port(ll.AccessNetConnectSendUDP, 80)
				r.Scope(ll.ScopeSignal)
			}
			o := s.here()
			o.Kernel, o.Create, o.ResolveUnix = k, true, true
			p, err := r.Compile(o)
			s.must(err)
			return p
		}
		fails := func(what string, want unix.Errno, p *unveil.Plan, after func()) {
			err := confined(p, func(func(func())) {})
			after()
			s.want(what, want, unwrapped(err))
			s.want(what+": outside is open", 0, opening("/out/f", unix.O_RDWR)(s.dir))
			if _, err := os.Lstat(s.dir + "/d/new"); !os.IsNotExist(err) {
				s.errorf("%s: d/new is left (%v)", what, err)
			}
			s.want(what+", again", unix.EBADF, unwrapped(p.Apply()))
		}

		// A plan for a newer kernel is refused as a whole.
		if s.kernel.ABI < 6 {
			fails("a plan with a newer field", unix.E2BIG, plan(kernel.Landlock(kernel.Newest), true), func() {})
		}
		if s.kernel.ABI >= 6 && !s.kernel.UDP() {
			fails("a plan with a newer right", unix.EINVAL, plan(kernel.Landlock(kernel.Newest), true), func() {})
		}

		p := plan(s.kernel, false)
		var was unix.Rlimit
		s.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &was))
		s.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: was.Max}))
		fails("no descriptor left", unix.EMFILE, p, func() { s.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &was)) })

		p = plan(s.kernel, false)
		s.grow("d/new")
		err := confined(p, func(func(func())) {})
		s.want("something stands where Create is to make it", unix.EEXIST, unwrapped(err))
		if b, err := os.ReadFile(s.dir + "/d/new"); err != nil || string(b) != "d/new" {
			s.errorf("d/new is %q, %v", b, err)
		}
		s.must(os.Remove(s.dir + "/d/new"))

		// And without any of these it is applied, and what was made is used.
		s.confined(plan(s.kernel, false), func(func(func())) {
			s.want("what was created", 0, opening("/d/new", unix.O_RDWR)(s.dir))
			s.want("removing it", unix.EACCES, unix.Unlink(s.dir+"/d/new"))
			s.want("another", unix.EACCES, opening("/d/other", unix.O_CREAT|unix.O_WRONLY)(s.dir))
			s.want("outside", unix.EACCES, opening("/out/f", unix.O_RDWR)(s.dir))
			nnp, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
			if s.must(err); nnp != 1 {
				s.errorf("no_new_privs is %d", nnp)
			}
		})
	}
}

// TestApplyWithoutLandlock: the errno that the kernel has for it.
func TestApplyWithoutLandlock(t *testing.T) {
	for n, want := range map[int]unix.Errno{0: unix.ENOSYS, -1: unix.EOPNOTSUPP} {
		p := compile(t, unveil.Options{Kernel: kernel.Landlock(n), Kinds: unveil.All}, "/:r")
		if err := confined(p, func(func(func())) {}); errno(unwrapped(err)) != want {
			t.Errorf("ABI %d: %v, want %v", n, err, want)
		}
	}
}
