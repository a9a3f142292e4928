package main

import (
	"regexp"
	"slices"
	"strings"
)

// A row is a kernel that machines are booted with. It names a series and
// never a release, so that the next one breaks nothing.
type row struct {
	name   string // the series, and what else there is to say of it
	series string
	abi    int // of Landlock: 0 is none, -1 built in and not enabled at boot
	// optional rows are of packages that their suite has superseded and may
	// drop any day. A machine without its image is then skipped, aloud.
	optional bool
	every    string // the architectures whose machine is part of every run
	rest     string // those whose machine takes -all
	suites   string // of Debian, where the package is looked for
	// pkg is a regexp of the package name, in which ARCH stands for the
	// architecture. The kernel moved from linux-image to linux-binary in 6.19.
	pkg  string
	args string // more of the kernel's command line
}

const (
	required = false
	optional = true
)

var rows = []row{
	{"5.10", "5.10", 0, required, "amd64", "arm64", "bullseye bullseye-security", `linux-image-5\.10\.0-\d+-cloud-ARCH(-unsigned)?`, ""},
	{"6.1", "6.1", 2, required, "amd64 arm64", "", "bookworm bookworm-security", `linux-image-6\.1\.0-\d+-cloud-ARCH(-unsigned)?`, ""},
	{"6.12", "6.12", 6, required, "amd64 arm64", "", "trixie-security", `linux-image-6\.12\.\d+\+deb13-cloud-ARCH(-unsigned)?`, ""},
	{"6.16", "6.16", 7, optional, "", "amd64 arm64", "trixie-backports", `linux-image-6\.16\.\d+\+deb13-cloud-ARCH`, ""},
	{"6.17", "6.17", 7, optional, "", "amd64 arm64", "trixie-backports", `linux-image-6\.17\.\d+\+deb13-cloud-ARCH`, ""},
	{"6.18", "6.18", 7, optional, "amd64", "arm64", "trixie-backports", `linux-image-6\.18\.\d+\+deb13-cloud-ARCH`, ""},
	{"6.19", "6.19", 7, optional, "", "amd64 arm64", "trixie-backports", `linux-binary-6\.19\.\d+\+deb13-cloud-ARCH`, ""},
	{"7.0", "7.0", 8, optional, "amd64 arm64", "", "trixie-backports", `linux-binary-7\.0\.\d+\+deb13-cloud-ARCH`, ""},
	{"7.1", "7.1", 9, optional, "amd64 arm64", "", "trixie-backports", `linux-binary-7\.1\.\d+\+deb13-cloud-ARCH`, ""},
	{"7.2", "7.2", 10, required, "amd64 arm64", "", "trixie-backports", `linux-binary-(unsigned-)?7\.2\.\d+\+deb13-cloud-ARCH`, ""},
	{"7.3", "7.3", 11, required, "amd64 arm64", "", "trixie-backports", `linux-binary-(unsigned-)?7\.3\.\d+\+deb13-cloud-ARCH`, ""},
	// EOPNOTSUPP, where 5.10 says ENOSYS.
	{"7.3-off", "7.3", -1, required, "amd64", "arm64", "trixie-backports", `linux-binary-(unsigned-)?7\.3\.\d+\+deb13-cloud-ARCH`, "lsm=lockdown,yama"},
	// Other builds: with all of the drivers, for real time, with large pages.
	{"6.1-full", "6.1", 2, required, "", "amd64", "bookworm bookworm-security", `linux-image-6\.1\.0-\d+-ARCH(-unsigned)?`, ""},
	{"7.3-full", "7.3", 11, required, "", "amd64", "trixie-backports", `linux-binary-(unsigned-)?7\.3\.\d+\+deb13-ARCH`, ""},
	{"7.3-rt", "7.3", 11, required, "", "amd64", "trixie-backports", `linux-binary-(unsigned-)?7\.3\.\d+\+deb13-rt-ARCH`, ""},
	{"7.3-16k", "7.3", 11, required, "", "arm64", "trixie-backports", `linux-binary-(unsigned-)?7\.3\.\d+\+deb13-arm64-16k`, ""},
}

// newest is the row whose machine stands in, under abishim, for every ABI
// that no kernel of a run has.
const newest = "7.3"

// architectures are those that the project supports.
var architectures = []string{"amd64", "arm64"}

// A suite is a package whose tests run in the machines, or programs of
// cgo/ctest.
type suite struct {
	name string
	pkg  string // below the module; cgo/ctest for programs in C
	// users are those that the test binary is started as. Tests that play
	// both by themselves are started as root.
	users []int
	// more are users beside, each time on the machines of moreOn, on the others
	// with -all.
	more    []int
	moreOn  string
	seconds int // that a run may take; many times what it does
	// on are the machines that run it, each time; the others do with -all. ""
	// are all.
	on       string
	landlock bool     // without it there is nothing to test
	shim     string   // the tests that run under abishim too, as the first user: a regexp
	shimOn   string   // the machines where they do, each time; the others do with -all. "" are all
	probes   bool     // the probes of test/escape go along
	data     bool     // testdata goes along
	c        []string // the programs of cgo/ctest
	static   bool     // which of the libraries they are linked with
	lacks    string   // what the machines lack, so that CI is not set for it: what is left out is said here
	run      string   // a regexp of the tests that ask a kernel; "" are all
	skip     string   // a regexp of tests that are left out
	why      string   // what those need that a machine does not have
	long     string   // a regexp of tests that are left to -all
}

func (s suite) is(other suite) bool { return s.name == other.name }

// nobody is the unprivileged user and group.
const nobody = 65534

var both = []int{0, nobody}

// Machines that run more than the others each time. What a filter does depends
// on the architecture and hardly on the kernel: it is tried call by call on the
// newest one.
const (
	onNewest     = `/7\.3$`
	withPaths    = `^amd64/(6\.12|7\.[01])$|/(6\.1|7\.3)$` // the first with scopes, threads at once, sockets by path
	withLandlock = `/(6\.1|7\.3)$`                         // the oldest and the newest of those that have it
)

// calls are the programs of cgo/ctest for what pledge(2) and unveil(2) promise.
var calls = []string{"pledge", "pledge_exec", "pledge_violation", "unveil", "unveil_access", "unveil_exec", "unveil_promises"}

var suites = []suite{
	{name: "kernel", pkg: "internal/kernel", users: both, seconds: 600},
	{name: "gate", pkg: "internal/gate", users: both, seconds: 300},
	{name: "launches", pkg: "test/kernels/launches", users: []int{nobody}, seconds: 900,
		shim: "^(TestCheck|TestGaps|TestWithoutLandlock)$", shimOn: "^amd64/"}, // words, which know no architecture
	{name: "launches-root", pkg: "test/kernels/launches", users: []int{0}, seconds: 900, on: `^amd64/(6\.1|7\.3)$`},
	{name: "unveil", pkg: "unveil", users: []int{0}, seconds: 1500, landlock: true, on: withPaths,
		run: "^(TestApply|TestPlanting|TestSwapped|TestHeldBefore|TestLayers|TestLetters|TestIoctl|TestPorts|TestScopes|TestAccessIsTheKernels|TestNoNewPrivs|TestWithoutProc|TestWholeHolds|TestUnlistable|TestBindMounts)"},
	{name: "pledge", pkg: "pledge", users: []int{0}, seconds: 1500, data: true, on: withLandlock,
		run: "^(TestApply|TestUnhandled|TestCImage|TestCRanges)"},
	{name: "facts", pkg: "pledge", users: []int{0}, seconds: 1500, data: true, on: onNewest, run: "^(TestEnforce|TestHeaderNumbers)$",
		lacks: "kernel modules, such as those of AF_VSOCK and AF_ALG: nothing shows that the filter refuses them"},
	{name: "so", pkg: "cgo/ctest", users: []int{nobody}, more: []int{0}, moreOn: withLandlock, seconds: 900, landlock: true, c: slices.Concat(calls, []string{"threads"})},
	{name: "so-more", pkg: "cgo/ctest", users: both, seconds: 900, landlock: true, on: onNewest, c: []string{"forks", "innocent", "load", "surroundings"}},
	{name: "a", pkg: "cgo/ctest", users: both, seconds: 900, landlock: true, static: true, on: onNewest, c: slices.Concat(calls, []string{"innocent", "threads"})},
	{name: "abilities", pkg: "cgo/ctest", users: both, seconds: 300, shim: ".", c: []string{"abilities"}},
	{name: "escape", pkg: "test/escape", users: []int{0}, seconds: 1500, landlock: true, probes: true, on: `^amd64/7\.3$`,
		skip: "^(TestResolver|TestResolverInside|TestPorts|TestOwners|TestLimits|TestOutlives|TestWrittenIn|TestHandedOver|TestEnvironment|" +
			"TestLearn|TestWatchedEnds|TestWatchedGroup|TestWatchedProcess|TestWatchedTerminal|TestDaemon|TestPitfalls|TestForeign|TestFromNothing|TestSupervisorFromInside|TestSupervisorKilled)$",
		why:  "a shell and many programs, bash, curl, gcc, getent, tar, and an ld.so with all that belongs to it",
		long: "^(TestTruth|TestPlanted)$|^TestWays$/././^traced$"},
	// There, and not on newer kernels, a process keeps its filter until it is
	// waited for, which process 1 of a machine does not do.
	{name: "traced", pkg: "test/escape", users: []int{0}, seconds: 900, landlock: true, probes: true, on: `^amd64/6\.1$`,
		run: "^(TestPlantedElsewhere|TestSummary|TestNestedSupervisors)$"},
}

// A machine is a row on an architecture.
type machine struct {
	row
	arch  string
	rarer bool // it takes -all
}

func (m machine) String() string { return m.arch + "/" + m.name }

// machines are those of the matrix.
func machines() (list []machine) {
	for _, arch := range architectures {
		for _, r := range slices.Backward(rows) {
			every, rest := slices.Contains(strings.Fields(r.every), arch), slices.Contains(strings.Fields(r.rest), arch)
			if every || rest {
				list = append(list, machine{r, arch, rest})
			}
		}
	}
	// First those that take longest: with the most to do.
	slices.SortStableFunc(list, func(a, b machine) int { return len(b.suites(false)) - len(a.suites(false)) })
	return list
}

// suites are those that a machine runs, each time or with -all.
func (m machine) suites(all bool) (list []suite) {
	for _, s := range suites {
		if (m.abi > 0 || !s.landlock) && m.on(s.on, all) {
			list = append(list, s)
		}
	}
	return list
}

// on says whether a field of machines has this one in it.
func (m machine) on(pattern string, all bool) bool {
	return all || pattern == "" || regexp.MustCompile(pattern).MatchString(m.String())
}

// usersOn are those that a machine runs the suite as.
func (s suite) usersOn(m machine, all bool) []int {
	if s.more != nil && m.on(s.moreOn, all) {
		return append(slices.Clone(s.users), s.more...)
	}
	return s.users
}

// packagePattern is the regexp of the machine's kernel.
func (m machine) packagePattern() string {
	return "^" + strings.ReplaceAll(m.pkg, "ARCH", m.arch) + "$"
}
