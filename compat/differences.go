package compat

// A Difference is one between a call here and the same call on OpenBSD.
type Difference struct {
	Of      Side
	Kind    Kind
	Here    string // on Linux, a sentence without a full stop
	OpenBSD string // there
	Shown   []Shown
}

// Side says whose calls differ.
type Side string

// The two implementations: this package, and the library for C.
const (
	Go   Side = "Go"
	C    Side = "C"
	Both Side = "Go and C"
)

// Kind says which way they differ.
type Kind string

// More is what a program can do here and could not there.
const (
	More    Kind = "more is allowed"
	Less    Kind = "less is allowed"
	Answers Kind = "the answer is another"
)

// Shown names a test that shows a difference: a case of the Go or C tests in a
// directory of this module.
type Shown struct{ Dir, Case string }

func here(names ...string) []Shown  { return shown("compat", names) }
func ctest(names ...string) []Shown { return shown("cgo/ctest", names) }
func lib(names ...string) []Shown   { return shown("test/libunveil", names) }

func shown(dir string, names []string) (list []Shown) {
	for _, n := range names {
		list = append(list, Shown{dir, n})
	}
	return list
}

func join(lists ...[]Shown) (all []Shown) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// Differences is every known difference from pledge(2) and unveil(2) of
// OpenBSD 7.9. What Landlock or seccomp of an old kernel lacks stands with the
// promises and letters: unveil-run --check prints it.
var Differences = []Difference{
	// exec
	{Go, Less, "A program that is exec'd is bound as this one is, and keeps what was unveiled", "without execpromises it is free of both",
		here("TestEnforced/exec/exec socket", "TestEnforced/unveil exec/exec true")},
	{Go, More, "While exec is promised, this process too may do what execpromises allow", "execpromises are of the next program alone",
		here("TestEnforced/exec, execpromises/socket")},
	{Go, More, "A program that is exec'd may do what promises allow and execpromises do not", "it has the execpromises",
		here("TestEnforced/exec, fewer execpromises/exec socket")},
	{Go, More, "While exec is promised, files can be read and code can be mapped, as a loader does", "rpath and prot_exec are for this",
		here("TestEnforced/exec, bare/read out/file")},
	{C, Less, "Where the next image cannot be told from this one (no PIE, prot_exec, no address randomisation, or by chance, in 4.7 of a million execs) it is bound as this one is; UNVEIL_EXEC=inherit asks for that", "it is free",
		ctest("UNVEIL_EXEC=inherit")},
	{C, More, "execpromises without promises bind what the exec functions execute, and not what posix_spawn, system, popen or a system call of the program's own does; with UNVEIL_STRICT=1 they are EOPNOTSUPP until promises are made", "they bind it by themselves",
		ctest("exec, with execpromises alone", "the same, by a system call of its own (differs)", "the same, with UNVEIL_STRICT=1")},
	{C, Less, "An exec function that fails under execpromises, of a file that is there, leaves the calling thread those of its promises that are execpromises too, and exec", "nothing changes",
		ctest("exec that fails, under execpromises (differs)")},
	{C, Less, "Exec'd programs keep the veil: all of it with execpromises or without promises, else of the kinds of access that this program promised", "only with execpromises",
		ctest("unveil: at exec", "unveil: exec of a program that opens nothing", "unveil: exec of one that reads")},
	{C, More, "A program that promises exec and no rpath, and no execpromises, can run any file by way of the ELF interpreter that x brings", "what has x", ctest("x by way of the interpreter (differs)")},
	{C, Answers, "execpromises that are first given after the end of a list may fail: EACCES without rpath or stdio, and as the end of a list does", "0", ctest("unveil: execpromises after the end", "unveil: execpromises after the end, without stdio")},
	{C, Less, "With tmppath beside exec and rpath, and without execpromises or both of wpath and cpath, exec'd programs write, make and remove files in /tmp alone", "they are free", ctest("unveil: tmppath beside exec")},
	{C, Less, "tmppath beside exec grants nothing without rpath, with execpromises, or where the next image cannot be told from this one", "files in /tmp", ctest("unveil: tmppath beside exec that is not bound (differs)")},
	{Both, Less, "no_new_privs is set: a set-id program that is exec'd loses its bit", "it is EACCES under execpromises, and runs set-id without",
		here("TestEnforced/stdio/gain rights")},

	// violations
	{Go, Answers, "A violation ends the program by the report of the runtime, with the stack, and status 2; SIGSYS, not SIGABRT", "a line on the terminal, and SIGABRT",
		here("TestEnforced/stdio/socket")},
	{Go, Answers, "A fork that is not promised ends the program by SIGSYS, status 159, with no report: the runtime blocks signals there", "SIGABRT",
		here("TestEnforced/stdio/exec true")},
	{C, Answers, "In a thread that blocks SIGSYS, and in a program that is exec'd, a violation ends by SIGSYS, status 159, without the line", "SIGABRT",
		ctest("past a blocked SIGSYS", "the same, under execpromises that lack it")},
	{Both, Answers, "Opening for reading or writing what is not promised is EACCES, also under the promise error", "SIGABRT, or ENOSYS under error",
		join(here("TestEnforced/stdio/read out/file", "TestEnforced/stdio/write out/file", "TestEnforced/stdio error/read out/file"))},
	{Both, Answers, "What libc or the runtime asks by itself (stat, UNIX sockets, unknown ioctls) gets an errno", "SIGABRT",
		join(here("TestEnforced/stdio/stat out/file"))},
	{Both, Answers, "A set-id bit of a file that is made is EPERM", "it is taken off in silence", here("TestEnforced/files/create set-id")},

	// promises
	{C, More, "A program that posix_spawn, system, popen or a system call of the program's own executes with execpromises, and that maps code where this one's lies, has the promises of this one too; of the exec functions it has exec alone", "execpromises are all it has",
		ctest("execpromises, code is mapped where the parent's is: execve", "the same: by a system call of its own (differs)", "the same: posix_spawn (differs)")},
	{C, More, "A program that posix_spawn, system, popen or a system call of the program's own executes with execpromises without proc, where this one promises proc, may send signals to others", "to itself alone",
		ctest("execpromises without proc: a signal to the parent", "a signal to the parent: posix_spawn (differs)")},
	{C, More, "While exec is promised, and the next image cannot be told from this one (prot_exec, no address randomisation, no /proc, or in a child that fork makes behind the end of a list that hides it; UNVEIL_EXEC=inherit), files can be read and code can be mapped, and this process too may do what execpromises allow", "rpath and prot_exec are for this, and execpromises are of the next program alone",
		ctest("execpromises, with prot_exec: this program has them too (differs)", "unveil: the same, in a child (differs)")},
	{C, More, "dns beside exec reaches any port, of TCP too: the layer that holds them would stay with the next program", "port 53",
		ctest("dns beside exec: any port (differs)", "dns without exec")},
	{Both, More, "A program with CAP_NET_ADMIN, as root has it, changes addresses and routes under inet, dns or route: a filter does not see what is asked of their netlink socket", "wroute is for this",
		ctest("an address that root adds under inet (differs)")},
	{Both, More, "Programs may open the paths that stdio, dns, getpw and tty imply", "since 2026, libc alone may",
		here("TestEnforced/stdio/read zoneinfo", "TestEnforced/stdio dns/read resolv.conf")},
	{Both, More, "stdio lets descriptors be sent and received: a filter cannot see what a message carries", "sendfd and recvfd are for this",
		here("TestEnforced/stdio/send a descriptor")},
	{Both, More, "tmppath is accepted", "EINVAL since 2026", here("TestContract/words")},
	{Both, Answers, "ENOSYS, EOPNOTSUPP, E2BIG, ESRCH, EAGAIN, ENOMEM and EMFILE may come of pledge", "it has EFAULT, EINVAL, ENAMETOOLONG and EPERM",
		join(here("TestContract/layers", "TestEnforced/stdio dns/read resolv.conf UNVEIL_STRICT=1"), ctest("no layer left", "no memory", "with a filter of its own"))},
	{Go, Less, "In a program with cgo, below Landlock ABI 8, the paths that stdio and tty imply are closed without rpath and wpath, and other promises of paths may be EOPNOTSUPP", "they are open",
		here("TestEnforced/stdio/write /dev/null", "TestEnforced/stdio dns/read resolv.conf")},

	// unveil: what holds, and when
	{Both, More, "Nothing is refused between the first unveil and the end of the list", "at once", join(here("TestEnforced/unveil, open/read out/file"), ctest("unveil: promised"))},
	{Go, More, "A list that is never ended is not held at exec either", "it holds", here("TestEnforced/unveil, open/exec read")},
	{C, More, "posix_spawn, popen and system of a static program, and wordexp of any, do not end the list", "it holds", ctest("unveil: at posix_spawn (differs)", "unveil: at system (differs)", "unveil: at popen (differs)")},
	{Go, Less, "In a program with cgo, below Landlock ABI 8, the end of a list is EOPNOTSUPP", "0", here("TestContract/unveil: the end")},
	{Both, Answers, "The end of a list, and a pledge behind it that closes implied paths, may fail: EOPNOTSUPP, E2BIG, EBADF (the program closed the descriptor of a directory, whose name is another now), EMFILE, ENOMEM, ENOSYS, in C EAGAIN and ENFILE too", "always 0",
		join(here("TestEnforced/unveil missing/create in/new UNVEIL_STRICT=1"), ctest("unveil: descriptors lost", "unveil: no descriptors"))},
	{Both, Answers, "What is hidden is EACCES, and a link or rename that would gain rights EXDEV", "ENOENT",
		join(here("TestEnforced/unveil r/read out/file"), ctest("unveil: open of what is hidden"))},
	{Both, More, "stat, access, readlink, chdir, chmod, chown, utimes, statfs and O_PATH see every path, as far as promises allow the calls", "ENOENT",
		join(here("TestEnforced/unveil r/stat out/file"), ctest("unveil: stat, access, chdir, readlink, chmod (differs)"))},
	{Both, More, "Ended before the first pledge, a list leaves open what stdio, dns, getpw and tty imply; a later pledge closes what it does not imply", "closed until promised",
		join(here("TestEnforced/unveil r/read resolv.conf", "TestEnforced/unveil, rpath/read resolv.conf"), ctest("unveil: promises after the end"), lib("TestImplied"))},
	{C, More, "While exec is promised, what was implied when the list ended stays open", "it is closed with the promise", ctest("unveil: exec that is dropped")},
	{Both, More, "Without rpath, /dev/tty and /tmp stay open that tty and tmppath implied when the list ended", "they are closed with the promise", ctest("unveil: tmppath that is dropped without rpath (differs)")},
	{Both, More, "Connecting to a UNIX socket by path takes no w below Landlock ABI 9", "w", lib("TestRulesAgainstGo")},

	// unveil: letters
	{Both, More, "c of a missing path or of a file: its whole directory gets the letters; UNVEIL_STRICT=1 makes it EOPNOTSUPP at the end of the list", "the name alone",
		join(here("TestEnforced/unveil missing/read in/file", "TestEnforced/unveil missing/create in/new UNVEIL_STRICT=1"), ctest("unveil: missing with c (differs)"))},
	{Both, More, "O_CREAT of a file that exists takes no c", "EACCES", here("TestEnforced/unveil rw/create in/file")},
	{Both, More, "x brings what a loader needs: the ELF interpreter, ld.so.cache and the directories of libraries can be read, and the file itself", "x is to execute; the loader is the kernel's",
		join(here("TestEnforced/unveil exec/exec true"), lib("TestLoader"))},
	{C, Less, "A pledge without stdio ends the list, and unveil of a path is a violation then", "unveil is enough", ctest("unveil: promised without stdio")},
	{C, Less, "After a pledge with exec and without rpath, x of a script does not bring its interpreter", "the new image is free", ctest("unveil: x of a script that may not be read (differs)")},
	{Both, More, "Who may execute at all may execute a file in memory (memfd_create), which is in no directory", "there is none",
		ctest("unveil: exec of a file in memory (differs)")},
	{Both, Less, "A directory with a narrower entry below loses for itself the right that the entry lacks: it cannot be listed, or nothing can be made in it, and what appears in it later is refused", "the entry alone is narrower",
		join(here("TestEnforced/unveil hidden/list in"), ctest("unveil: hidden below"))},
	{Both, Less, "Such an entry below /proc, /sys or /dev, with more than 4,096 neighbours, 100 levels down, or over a bind mount, is EOPNOTSUPP or E2BIG at the end of the list", "it holds",
		join(here("TestContract/unveil: narrower below /dev"), ctest("unveil: narrower below /proc", "unveil: widened over less", "unveil: a bind mount"), lib("TestLimits"))},
	{Both, Less, "Two names of one file have the letters that both have", "each its own", lib("TestOtherNames")},
	{Both, Less, "A file that is replaced after the end of the list is refused unless its directory was unveiled", "names stay unveiled",
		here("TestEnforced/unveil replaced/read in/file")},
	{Both, Less, "A rename from one directory to another is EXDEV where cpath is promised without rpath, from the second pledge without it on", "it works",
		here("TestEnforced/rpath long gone/rename in/")},
	{Both, Answers, "A path may have 4,095 bytes", "1,023", join(here("TestContract/unveil: a long path"), ctest("unveil: words that are taken"))},
	{Both, Less, "Unveiled directories, and before the first pledge what tells where code lies, are held by descriptors, up to 129, until the end of the list, and while rpath, the promise or none, stands beside a promise that implies paths", "by none of the process", ctest("unveil: descriptors are high", "unveil: no descriptors")},
	{C, Less, "unveil after an exec function that failed, or after posix_spawn, system or popen, is EPERM: they end the list", "0", ctest("unveil: at posix_spawn (differs)", "unveil: at system (differs)", "unveil: at popen (differs)")},
	{C, Answers, "unveil in a child of vfork is EOPNOTSUPP; the list is its parent's", "it has its own", ctest("unveil: at exec in vfork")},
}
