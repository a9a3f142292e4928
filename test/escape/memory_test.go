package escape

// executable are the ways to memory for code that is new.
var executable = []way{
	{act: "rwx", answer: "EACCES"},
	{act: "mprotect", answer: "EACCES"},
	{act: "pkey", answer: "EACCES", absent: "ENOSYS"}, // of arm64 before 6.12
	{act: "mapfile $DYNAMIC", answer: "EACCES"},
	{act: "shmexec", answer: "ENOSYS"},
	{act: "personality", answer: "EPERM"},
}

// Executable memory without prot_exec: a dynamic program has the promise until
// its libraries are mapped, and then no more.
var memoryBoxes = []box{
	{name: "memory", flags: []string{"-q", "-u", "$TOOLS:r", "-p", "stdio rpath"}, ways: executable},
	{name: "memory, dynamic", flags: []string{"-q", "-u", "$TOOLS:r", "-p", "stdio rpath"}, dynamic: true, ways: executable},
	{
		// The flag makes all that can be read executable, and a filter sees
		// only what was asked for. Kernels of both architectures take it off
		// when a 64-bit program starts, so that most often nothing is shown.
		name:    "memory, a parent with READ_IMPLIES_EXEC",
		flags:   []string{"-q", "-u", "$TOOLS:r", "-p", "stdio rpath"},
		implies: true,
		ways:    []way{{act: "readexec", answer: "SIGSEGV", absent: "SIGSEGV"}},
	},
}
