// Package unveil restricts what a thread, and everything that it starts,
// can reach in the file tree: OpenBSD's unveil(2) held by Landlock.
//
// Words become [Rules], Rules are compiled for one kernel into a [Plan], and
// a Plan is applied:
//
//	var rules unveil.Rules
//	err := rules.Unveil("/usr", "rx")
//	plan, err := rules.Compile(unveil.Options{Kernel: unveil.Probe(), Kinds: unveil.All})
//	err = plan.Apply()
//
// The contract:
//
//   - What is not named is refused. A path has the letters of the most
//     specific entry at or above it, whether that gives more or less than the
//     entries above. The order of the entries does not matter; an object that
//     is named again has the last letters.
//   - Compile changes nothing: it opens O_PATH descriptors and lists
//     directories. Each path is opened once, and only that descriptor is used
//     afterwards, so that nothing is checked by name and used later.
//   - Apply decides nothing: what it grants stands in the plan.
//   - A plan never grants more than the entries say. Where Landlock cannot
//     say it exactly it grants less, and a notice tells what is lost.
//   - What the kernel is too old to hold is a [Gap] of the plan, for the
//     caller to accept or to refuse.
//   - Nothing here prints, exits or panics.
//
// # What Landlock sees otherwise than OpenBSD
//
// Landlock is a union down the tree and binds inodes. So a narrower entry
// below a wider one is taken out of it by granting its neighbours instead:
// see [Rules.Compile]. A directory that is listed so is a snapshot: what
// appears in it later is refused.
//
// Not covered: stat(2), access(2), chdir(2), readlink(2), chmod(2), chown(2),
// utimensat(2), setxattr(2), flock(2) and O_PATH opens of any path, and
// connect(2) to a UNIX socket below Landlock ABI 9. A descriptor that was
// opened before keeps working, and so does what it names by /proc/self/fd for
// the rights that its path has. A hard link or a bind mount shows a hidden
// object under its other name, unless that stands beside it; where an entry
// names the other name of a directory above, compiling fails ([Aliased]). A refused path
// gives EACCES, never ENOENT; a link or rename that would gain rights gives
// EXDEV.
//
// Sources: unveil(2) of OpenBSD; Documentation/userspace-api/landlock.rst of
// Linux; landlock(7).
package unveil
