package main

import (
	"slices"
	"strings"
)

// A row is a kernel that machines are booted with: one of each architecture.
// It names a series and never a release, so that the next one breaks nothing.
type row struct {
	name   string // the series, and what else is said to the kernel
	series string
	abi    int // of Landlock: 0 is none
	// optional rows are of packages that their suite has superseded and may
	// drop any day. A machine without its image is then skipped, aloud.
	optional bool
	suites   string // of Debian, where the package is looked for
	// pkg is a regexp of the package name, in which ARCH stands for the
	// architecture. The kernel moved from linux-image to linux-binary in 6.19.
	pkg  string
	args string // more of the kernel's command line
}

var rows = []row{
	{"5.10", "5.10", 0, false, "bullseye bullseye-security", `linux-image-5\.10\.0-\d+-cloud-ARCH(-unsigned)?`, ""},
	{"6.1", "6.1", 2, false, "bookworm bookworm-security", `linux-image-6\.1\.0-\d+-cloud-ARCH(-unsigned)?`, ""},
	{"6.12", "6.12", 6, false, "trixie-security", `linux-image-6\.12\.\d+\+deb13-cloud-ARCH(-unsigned)?`, ""},
	{"6.18", "6.18", 7, true, "trixie-backports", `linux-image-6\.18\.\d+\+deb13-cloud-ARCH`, ""},
	{"7.0", "7.0", 8, true, "trixie-backports", `linux-binary-7\.0\.\d+\+deb13-cloud-ARCH`, ""},
	{"7.1", "7.1", 9, true, "trixie-backports", `linux-binary-7\.1\.\d+\+deb13-cloud-ARCH`, ""},
	{"7.2", "7.2", 10, false, "trixie-backports", `linux-binary-(unsigned-)?7\.2\.\d+\+deb13-cloud-ARCH`, ""},
	{"7.3", "7.3", 11, false, "trixie-backports", `linux-binary-(unsigned-)?7\.3\.\d+\+deb13-cloud-ARCH`, ""},
	// Built in and not enabled: EOPNOTSUPP, where 5.10 says ENOSYS.
	{"7.3-off", "7.3", 0, false, "trixie-backports", `linux-binary-(unsigned-)?7\.3\.\d+\+deb13-cloud-ARCH`, "lsm=lockdown,yama"},
}

// architectures are those that the project supports.
var architectures = []string{"amd64", "arm64"}

// A suite is a package whose tests run in the machines.
type suite struct {
	name string
	pkg  string // below the module
	// users are those that the test binary is started as. Tests that play
	// both by themselves are started as root.
	users   []int
	seconds int // that a run may take; many times what it does
	// landlock: without it there is nothing to test.
	landlock bool
	probes   bool   // the probes of test/escape go along, which a C compiler builds
	data     bool   // testdata goes along
	lacks    string // what the machines lack, so that CI is not set for it
	skip     string // a regexp of tests that are left out
	why      string // what those need that a machine does not have
}

// nobody is the unprivileged user and group.
const nobody = 65534

var suites = []suite{
	{name: "kernel", pkg: "internal/kernel", users: []int{0, nobody}, seconds: 600},
	{name: "gate", pkg: "internal/gate", users: []int{0, nobody}, seconds: 300},
	{name: "unveil", pkg: "unveil", users: []int{0}, seconds: 1500, landlock: true},
	{name: "pledge", pkg: "pledge", users: []int{0}, seconds: 1500, data: true,
		lacks: "kernel modules, such as those of AF_VSOCK and AF_ALG: nothing shows that the filter refuses them",
		skip:  "^(TestConstants|TestDerived)$", why: "the sources and the go command"},
	{name: "escape", pkg: "test/escape", users: []int{0}, seconds: 1500, landlock: true, probes: true,
		skip: "^(TestResolver|TestResolverInside|TestPorts|TestOwners|TestLimits|TestOutlives|TestWrittenIn|TestHandedOver|TestEnvironment|" +
			"TestLearn|TestWatchedEnds|TestWatchedGroup|TestWatchedProcess|TestWatchedTerminal|TestDaemon|TestPitfalls|TestForeign|TestFromNothing|TestSupervisorFromInside|TestSupervisorKilled)$",
		why: "a shell and many programs, bash, curl, gcc, getent, tar, and an ld.so with all that belongs to it"},
	{name: "launches", pkg: "test/kernels/launches", users: []int{0, nobody}, seconds: 600},
}

// A machine is a row on an architecture.
type machine struct {
	row
	arch string
}

func (m machine) String() string { return m.arch + "/" + m.name }

func machines() (list []machine) {
	for _, arch := range architectures {
		for _, r := range slices.Backward(rows) {
			list = append(list, machine{r, arch})
		}
	}
	return list
}

// suites are those that a machine can run.
func (m machine) suites() (list []suite) {
	for _, s := range suites {
		if m.abi > 0 || !s.landlock {
			list = append(list, s)
		}
	}
	return list
}

// packagePattern is the regexp of the machine's kernel.
func (m machine) packagePattern() string {
	return "^" + strings.ReplaceAll(m.pkg, "ARCH", m.arch) + "$"
}
