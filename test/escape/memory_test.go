package escape

// Executable memory without prot_exec, of a static program: a dynamic one has
// the promise until its libraries are mapped.
var memoryBoxes = []box{
	{
		name:  "memory",
		flags: []string{"-q", "-u", "$TOOLS:r", "-p", "stdio rpath"},
		ways: []way{
			{act: "rwx", answer: "EACCES"},
			{act: "mprotect", answer: "EACCES"},
			{act: "pkey", answer: "EACCES", absent: "ENOSYS"}, // of arm64 before 6.12
			{act: "mapfile $DYNAMIC", answer: "EACCES"},
			{act: "shmexec", answer: "ENOSYS"},
			{act: "personality", answer: "EPERM"},
		},
	},
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
