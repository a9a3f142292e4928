package escape

var descriptorBoxes = []box{
	{
		name: "descriptors, not passed", flags: []string{"-q", "-u", "$IN:r"}, passed: []string{"$OUT"}, forks: true,
		ways: []way{
			{act: "fd 3", answer: "EBADF"},
			{act: "at 3 secret", answer: "EBADF"},
			{act: "fds", answer: "EBADF"},
		},
	},
	{
		// What lies beneath a directory that was handed over is judged anew.
		name: "descriptors, a directory", flags: []string{"-q", "-u", "$IN:r", "-p", "stdio rpath"}, stdin: "$OUT",
		ways: []way{
			{act: "at 0 secret", answer: "EACCES"},
			{act: "at 0 dir/file", answer: "EACCES"},
			{act: "at 0 ../out/secret", answer: "EACCES"},
			{act: "read /dev/stdin/secret", answer: "EACCES"},
			{act: "read /proc/self/fd/0/secret", answer: "EACCES"},
			{act: "readdir /proc/self/fd/0", answer: "EACCES"},
		},
	},
	{
		name: "descriptors, a directory that is passed", flags: []string{"-q", "--pass-fd", "3", "-u", "$IN:rw"}, passed: []string{"$OUT", "$OUT"}, forks: true,
		ways: []way{
			{act: "at 3 secret", answer: "EACCES"},
			{act: "fd 4", answer: "EBADF"},
			{act: "fds 3", answer: "EBADF"},
		},
	},
	{
		// A file that was handed over to be read is no way to write it.
		name: "descriptors, a file", flags: []string{"-q", "-u", "$IN:rw", "-p", "stdio rpath wpath"}, stdin: "$OUT/secret",
		ways: []way{
			{act: "write /proc/self/fd/0", answer: "EACCES"},
			{act: "trunc /dev/stdin", answer: "EACCES"},
			{act: "truncate /dev/stdin", answer: "EACCES"},
		},
	},
}
