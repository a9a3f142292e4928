package escape

// programs are the ways to run one more program: every form of the call, and
// what can stand for a file that may be executed.
func programs(answer string) []way {
	list := []way{
		{act: "exec $PROBE"},
		{act: "exec $DYNAMIC"},
		{act: "exec $IN/exe"},
		{act: "exec $IN/script"},
		{act: "self"},
		{act: "execveat $PROBE"},
		{act: "execfd $PROBE"},
		{act: "memfd $PROBE"},
		{act: "memfdpath $PROBE"},
		{act: "ldso $LDSO $DYNAMIC"},
		{act: "threadexec $PROBE"},
	}
	for i := range list {
		list[i].answer, list[i].control = answer, "ran"
	}
	return list
}

// apart are the same, each made by a process of its own.
func apart(ways []way) []way {
	for i := range ways {
		ways[i].alone = true
	}
	return ways
}

// children are those that run it in a process of its own, which says "ran" and
// then ends well.
func children(answer string) []way {
	return []way{
		{act: "forkexec $PROBE", answer: answer, control: "ran, ok", alone: true},
		{act: "vforkexec $PROBE", answer: answer, control: "ran, ok", alone: true},
		{act: "spawn $PROBE", answer: answer, control: "ran, ok", alone: true},
	}
}

var programBoxes = []box{
	{name: "programs, static", flags: []string{"-q", "-u", "/:rx", "-p", "stdio rpath"}, ways: programs("SIGSYS")},
	{name: "programs, dynamic", flags: []string{"-q", "-u", "/:rx", "-p", "stdio rpath"}, dynamic: true, ways: apart(programs("SIGSYS|status 134"))}, // the library's handler ends it; under --trace it is the probe's own
	{name: "programs, as errno", flags: []string{"-q", "--on-violation", "errno", "-u", "/:rx", "-p", "stdio rpath"}, ways: programs("EPERM")},
	{name: "programs, error promised", flags: []string{"-q", "-u", "/:rx", "-p", "stdio rpath error"}, dynamic: true, ways: programs("ENOSYS")},
	// posix_spawn blocks signals before it forks: nobody catches SIGSYS then.
	{name: "programs, no process either", flags: []string{"-q", "-u", "/:rx", "-p", "stdio rpath"}, ways: append(children("SIGSYS|status 159"), way{act: "fork", answer: "SIGSYS"})},
	{name: "programs, of a child", flags: []string{"-q", "-u", "/:rx", "-p", "stdio rpath proc"}, ways: children("SIGSYS")},
	{
		// With the promise the letter decides, of the file and of its interpreter.
		name: "programs, exec promised", flags: []string{"-q", "-u", "$IN:rwc", "-u", "$TOOLS:r", "-p", "stdio rpath wpath cpath proc exec"},
		strict: 2, refusal: refusesRefer, dynamic: true, forks: true,
		ways: []way{
			{act: "exec $IN/exe", answer: "EACCES", control: "ran"},
			{act: "exec $IN/script", answer: "EACCES", control: "ran"},
			{act: "exec $PROBE", answer: "EACCES", control: "ran"},
			{act: "execveat $IN/exe", answer: "EACCES", control: "ran"},
			{act: "execfd $IN/exe", answer: "EACCES", control: "ran"},
			{act: "threadexec $IN/exe", answer: "EACCES", control: "ran"},
		},
	},
	{
		name: "programs, paths alone", flags: []string{"-q", "-u", "$IN:rwc", "-u", "$TOOLS:r"},
		strict: 2, refusal: refusesRefer, forks: true,
		ways: []way{
			{act: "exec $IN/exe", answer: "EACCES", control: "ran"},
			{act: "exec $IN/script", answer: "EACCES", control: "ran"},
			{act: "exec $DYNAMIC", answer: "EACCES", control: "ran"},
			{act: "execveat $IN/exe", answer: "EACCES", control: "ran"},
			{act: "execfd $IN/exe", answer: "EACCES", control: "ran"},
			{act: "ldso $LDSO $IN/exe", answer: "EACCES", control: "ran"},
		},
	},
}
