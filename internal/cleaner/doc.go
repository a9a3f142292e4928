// Package cleaner removes a temporary directory when the command that it was
// made for has ended, in whatever way.
//
// The launcher becomes its command, so that nothing of it is left to clean
// up. [Start] leaves a process behind that does: outside the box, and nobody's
// child, so that the command neither sees it nor can signal it (from Linux 6.12;
// before, a command with the promise proc can). It waits on a pidfd of the
// command, and so comes also after SIGKILL.
//
// What the command leaves behind is hostile. No name is followed that could be
// a link, and no path is built of several names: see [Remove].
package cleaner
