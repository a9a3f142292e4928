package pledge

import "golang.org/x/sys/unix"

// Constants that x/sys lacks, or that need care: O_TMPFILE is a bit of its
// own and O_DIRECTORY, which has another value on arm64, so that only the
// bit of its own may be tested. O_DIRECT, O_DIRECTORY and O_NOFOLLOW differ
// in the same way: a test keeps all four out of this package.
const (
	oTmpfileBit = 0o20000000
	oCreates    = unix.O_CREAT | oTmpfileBit
	oChanges    = oCreates | unix.O_TRUNC

	cloneThread = unix.CLONE_VM | unix.CLONE_THREAD
	cloneNew    = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	// cloneNewTime is a signal number in clone(2), and a namespace in unshare(2).
	cloneNewTime = unix.CLONE_NEWTIME

	sockTypeMask = 0xf // the type beside SOCK_NONBLOCK and SOCK_CLOEXEC
	permSetID    = 0o7000

	soPassrights   = 83 // SO_PASSRIGHTS, Linux 6.16
	soTimestampNew = 63 // SO_TIMESTAMP_NEW, the same as SO_TIMESTAMP here

	mcastMsfilter = 48 // MCAST_MSFILTER of linux/in.h

	mapType = 0xf // MAP_TYPE of linux/mman.h: MAP_PRIVATE, MAP_SHARED and their like

	archSetFS = 0x1002
	archGetFS = 0x1003

	// ioctl commands, the same on amd64 and arm64 (asm-generic/ioctls.h).
	fionread   = 0x541b
	fionbio    = 0x5421
	fioclex    = 0x5451
	fionclex   = 0x5450
	fioasync   = 0x5452
	tcgets     = 0x5401
	tcgets2    = 0x802c542a
	tiocgwinsz = 0x5413
	tiocgpgrp  = 0x540f
	tiocspgrp  = 0x5410
	tiocsti    = 0x5412
	tioclinux  = 0x541c
	tioccons   = 0x541d
	tiocsetd   = 0x5423

	fDupfdQuery   = 1027
	fCreatedQuery = 1028
)
