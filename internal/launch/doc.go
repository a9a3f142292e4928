// Package launch confines the calling process as it was asked and becomes
// the command.
//
// [Request.Run] is the launcher from the first word to exec: the command has
// the launcher's process id, and its exit status and signals are its own. It
// forks for one thing only, a supervisor that tells what a command is refused
// or uses; that is nobody's child when the command begins.
//
// What is compiled depends on words, files and the probed kernel only, and
// changes nothing; from the first change to the process on nothing is decided
// any more. Until then every failure is a [*Failure], and nothing has run.
package launch
