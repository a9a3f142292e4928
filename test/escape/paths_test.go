package escape

// refusesRefer is what the launcher says on ABI 1, which lets nothing be
// renamed or linked from one directory to another, where c asks for it.
const refusesRefer = "cannot hold c across directories"

// outside are the acts on what is not unveiled, by its own name.
var outside = []way{
	{act: "read $OUT/secret", answer: "EACCES"},
	{act: "readdir $OUT", answer: "EACCES"},
	{act: "write $OUT/secret", answer: "EACCES"},
	{act: "rdwr $OUT/secret", answer: "EACCES"},
	{act: "append $OUT/secret", answer: "EACCES"},
	{act: "creat $OUT/new", answer: "EACCES"},
	{act: "mknod $OUT/new2", answer: "EACCES"},
	{act: "mkfifo $OUT/fifo", answer: "EACCES"},
	{act: "mkdir $OUT/newdir", answer: "EACCES"},
	{act: "symlink secret $OUT/newlink", answer: "EACCES"},
	{act: "tmpfile $OUT", answer: "EACCES"},
	{act: "trunc $OUT/cut", answer: "EACCES"},
	// Below ABI 3 Landlock sees neither of the two: the filter does.
	{act: "rtrunc $OUT/cut", answer: "EACCES"},
	{act: "truncate $OUT/cut", answer: "EACCES"},
	{act: "unlink $OUT/fifo", answer: "EACCES|ENOENT"},
	{act: "rmdir $OUT/empty", answer: "EACCES"},
}

// readOnly are the acts on what is unveiled to be read.
var readOnly = []way{
	{act: "write $RO/file", answer: "EACCES"},
	{act: "rdwr $RO/file", answer: "EACCES"},
	{act: "trunc $RO/file", answer: "EACCES"},
	{act: "rtrunc $RO/file", answer: "EACCES"},
	{act: "truncate $RO/file", answer: "EACCES"},
	{act: "creat $RO/new", answer: "EACCES"},
	{act: "unlink $RO/new", answer: "EACCES|ENOENT"},
}

// byAnotherName are the acts on what is not unveiled that start at what is.
var byAnotherName = []way{
	{act: "read $IN/link", answer: "EACCES"},
	{act: "read $IN/far", answer: "EACCES"},
	{act: "read $IN/dirlink/secret", answer: "EACCES"},
	{act: "read $IN/../out/secret", answer: "EACCES"},
	{act: "read $IN/dir/../../out/secret", answer: "EACCES"},
	{act: "read /proc/self/root$OUT/secret", answer: "EACCES"},
	{act: "read /proc/thread-self/root$OUT/secret", answer: "EACCES"},
	{act: "read /proc/self/cwd/out/secret", answer: "EACCES"},
	// Landlock does not judge O_PATH, and does judge what is opened by it.
	{act: "reopen $OUT/secret /proc/self/fd", answer: "EACCES"},
	{act: "reopen $OUT/secret /dev/fd", answer: "EACCES"},
	{act: "reopen $OUT/secret /proc/thread-self/fd", answer: "EACCES"},
	{act: "beneath $OUT secret", answer: "EACCES"},
	{act: "beneath $IN ../out/secret", answer: "EACCES"},
	{act: "write $IN/link", answer: "EACCES"},
	{act: "creat $IN/dirlink/planted", answer: "EACCES"},
	{act: "swap $IN/name $IN/own $OUT/secret", answer: "EACCES"},
	{act: "flip $IN/own $OUT/secret", answer: "EACCES"},
	{act: "threadread $OUT/secret", answer: "EACCES"},
	{act: "chdir $IN/.. out/secret", answer: "EACCES"},
	{act: "chdir / proc/self/cwd$OUT/secret", answer: "EACCES"},
	{act: "fchdir $OUT secret", answer: "EACCES"},
}

// moving are links and renames of what is not unveiled, in and out. What is
// hidden must not get a name in the box, nor what is in it a place outside.
var moving = []way{
	{act: "link $OUT/secret $IN/linked", answer: "EACCES|EXDEV"},
	{act: "linkfd $OUT/secret $IN/linked2", answer: "EACCES|EXDEV"},
	{act: "link $IN/own $OUT/dir/linked", answer: "EACCES|EXDEV"},
	{act: "link $RO/file $IN/linked3", answer: "EACCES|EXDEV"},
	{act: "exchange $OUT/dir $IN/dir", answer: "EACCES|EXDEV"},
	{act: "rename $OUT/dir $IN/dir/moved", answer: "EACCES|EXDEV"},
	{act: "rename $OUT/secret $IN/moved", answer: "EACCES|EXDEV"},
	{act: "rename $IN/own $OUT/planted", answer: "EACCES|EXDEV"},
	{act: "rename $RO/file $IN/moved2", answer: "EACCES|EXDEV"},
	{act: "rename $RO $IN/moved3", answer: "EACCES|EXDEV"},
}

func concat(lists ...[]way) (all []way) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

var pathBoxes = []box{
	{
		name:  "paths, promised",
		flags: []string{"-q", "-u", "$IN:rwc", "-u", "$RO:r", "-p", "stdio rpath wpath cpath dpath"},
		// Linux answers a link to another directory before it looks for the name.
		strict: 2, refusal: refusesRefer,
		ways: concat(outside, readOnly, byAnotherName, []way{
			{act: "mode3 $OUT/secret", answer: "EINVAL"},
			{act: "openat2 $OUT/secret 0", answer: "ENOSYS"},
			{act: "openat2 $IN/own 0", answer: "ENOSYS"},
			{act: "mkchr $IN/chr", answer: "EACCES", root: true},
			{act: "whiteout $IN/own $IN/moved4", answer: "EINVAL", control: "ok|ENOENT|EINVAL", root: true, absent: "EINVAL"},
			{act: "byhandle", answer: "EPERM", control: "EFAULT|EBADF", root: true},
		}, moving),
	},
	{
		name:  "paths alone",
		flags: []string{"-q", "-u", "$IN:rwc", "-u", "$RO:r"},
		forks: true, strict: 2, refusal: refusesRefer,
		ways: concat(outside, readOnly, byAnotherName, []way{
			{act: "openat2 $OUT/secret 0", answer: "EACCES|ENOSYS"},
			{act: "openat2 $OUT/secret 0x1000", answer: "EACCES|ENOSYS"}, // O_DSYNC: any flag
			{act: "mode3ioctl /dev/tty 0x5401", answer: "EACCES|ENXIO", control: "ok|ENXIO", abi: 5, said: "ioctl on devices"},
			{act: "mkchr $IN/chr", answer: "EACCES", root: true},
			{act: "handle $OUT/secret $IN", answer: "EPERM", root: true, absent: "ESTALE"}, // of tmpfs
			{act: "byhandle", answer: "EPERM", control: "EFAULT|EBADF", root: true},
			{act: "forkread $OUT/secret", answer: "EACCES"},
			// Bound, though nobody is left who has bound it.
			{act: "orphan $OUT/secret", answer: "EACCES"},
			// Rules are of what a name leads to, not of the name.
			{act: "chroot $OUT /secret", answer: "EACCES", root: true},
		}, moving),
	},
	{
		name:  "paths, without their letter",
		flags: []string{"-q", "-u", "$IN:rw", "-u", "$OUT:w", "-p", "stdio rpath wpath cpath"},
		ways: []way{
			{act: "creat $IN/new", answer: "EACCES"},
			{act: "mkdir $IN/newdir", answer: "EACCES"},
			{act: "symlink own $IN/newlink", answer: "EACCES"},
			{act: "link $IN/own $IN/linked", answer: "EACCES"},
			{act: "rename $IN/own $IN/moved", answer: "EACCES"},
			{act: "unlink $IN/link", answer: "EACCES"},
			{act: "read $OUT/secret", answer: "EACCES"},
			{act: "rdwr $OUT/secret", answer: "EACCES"},
		},
	},
	{
		name:  "paths, without their promise",
		flags: []string{"-q", "-u", "$IN:rwc", "-p", "stdio rpath"},
		ways: []way{
			{act: "write $IN/own", answer: "EACCES"},
			{act: "rdwr $IN/own", answer: "EACCES"},
			{act: "trunc $IN/own", answer: "EACCES"},
			{act: "rtrunc $IN/dir/file", answer: "EACCES"},
			{act: "truncate $IN/own", answer: "EACCES"},
			{act: "creat $IN/new", answer: "EACCES"},
			{act: "tmpfile $IN", answer: "EACCES"},
			{act: "mkdir $IN/newdir", answer: "EACCES"},
			{act: "mkfifo $IN/fifo", answer: "EACCES"},
			{act: "link $IN/own $IN/linked", answer: "EACCES"},
			{act: "rename $IN/own $IN/moved", answer: "EACCES"},
			{act: "unlink $IN/moved", answer: "EACCES"},
			{act: "rmdir $IN/newdir", answer: "EACCES"},
		},
	},
	{
		name:   "paths, written and not read",
		flags:  []string{"-q", "-u", "$IN:rwc", "-p", "stdio wpath cpath"},
		strict: 2, refusal: refusesRefer,
		ways: []way{
			// wpath alone does not read by O_RDWR, cpath alone does not write.
			{act: "read $IN/own", answer: "EACCES"},
			{act: "rdwr $IN/own", answer: "EACCES"},
			{act: "mode3 $IN/own", answer: "EINVAL"},
		},
	},
	{
		name:  "paths, a hidden directory",
		flags: []string{"-q", "-u", "$IN:rwc", "-u", "$IN/key:"},
		forks: true, strict: 2, refusal: refusesRefer,
		ways: []way{
			{act: "read $IN/key/id", answer: "EACCES"},
			{act: "read $IN/dir/../key/id", answer: "EACCES"},
			{act: "readdir $IN/key", answer: "EACCES"},
			// The list of the directory it is in would name it.
			{act: "readdir $IN", answer: "EACCES"},
			{act: "creat $IN/key/authorized", answer: "EACCES"},
			{act: "link $IN/own $IN/key/planted", answer: "EACCES|EXDEV"},
			{act: "link $IN/key/id $IN/dir/linked", answer: "EACCES|EXDEV"},
			{act: "rename $IN/dir/file $IN/key/moved", answer: "EACCES|EXDEV"},
			{act: "exchange $IN/dir $IN/key", answer: "EACCES|EXDEV"},
			{act: "rename $IN/key $IN/dir/key", answer: "EACCES|EXDEV"},
		},
	},
	{
		name:   "paths, a part that is only read",
		flags:  []string{"-q", "-u", "$IN:rwc", "-u", "$IN/key:r", "-p", "stdio rpath wpath cpath"},
		strict: 2, refusal: refusesRefer,
		ways: []way{
			{act: "write $IN/key/id", answer: "EACCES"},
			{act: "truncate $IN/key/id", answer: "EACCES"},
			{act: "creat $IN/key/new", answer: "EACCES"},
			{act: "link $IN/key/id $IN/dir/linked", answer: "EACCES|EXDEV"},
			{act: "rename $IN/key/id $IN/dir/moved", answer: "EACCES|EXDEV"},
			{act: "exchange $IN/dir $IN/key", answer: "EACCES|EXDEV"},
			{act: "rename $IN/key $IN/dir/key", answer: "EACCES|EXDEV"},
		},
	},
	{
		// No kernel holds these, and -n says so.
		name:  "paths, limits of promises",
		flags: []string{"-q", "-u", "$IN:r", "-p", "stdio rpath fattr chown proc"},
		ways: []way{
			{act: "stat $OUT/secret", abi: never, said: "rpath: .*stat"},
			{act: "inotify $OUT", abi: never, said: "rpath: .*inotify"},
			{act: "chmod $OUT/secret 0600", abi: never, said: "fattr: modes and times"},
			{act: "utime $OUT/secret", abi: never, said: "fattr: modes and times"},
			{act: "chown $OUT/secret 65534", abi: never, said: "chown: owners", root: true},
		},
	},
	{
		name:  "paths, limits of letters",
		flags: []string{"-q", "-u", "$IN:rx", "-u", "$TOOLS:rx", "-u", "/usr:rx"}, forks: true,
		ways: []way{
			{act: "stat $OUT/secret", abi: never, said: "r: .*stat"},
			{act: "inotify $OUT", abi: never, said: "r: .*inotify"},
			{act: "chmod $OUT/secret 0600", abi: never, said: "w: chmod, chown, utimes"},
			{act: "utime $OUT/secret", abi: never, said: "w: chmod, chown, utimes"},
			{act: "ldso $LDSO $DYNAMIC", control: "ran", abi: never, said: "x: .*ld.so"},
			// A file that is in no directory is no path.
			{act: "memfd $PROBE", control: "ran", abi: never, said: "x: .*memfd"},
		},
	},
	{
		name:  "nothing asked for",
		flags: nil,
		ways: []way{
			{act: "read $IN/own", answer: "EACCES"},
			{act: "read /etc/passwd", answer: "EACCES"},
			{act: "creat $IN/new", answer: "EACCES"},
			{act: "fork", answer: "SIGSYS"},
			{act: "socket 2 1 0", answer: "SIGSYS"},
			{act: "exec $PROBE", answer: "SIGSYS", control: "ran"},
		},
	},
}
