// Package policy reads the words that a box is made of, from the command
// line and from policy files: what is unveiled, promised, connected to,
// bound, and passed on of the environment.
//
// A policy file holds one word of the command line a line, with the quoting
// of the shell and # comments:
//
//	#!/usr/bin/env -S unveil-run -f
//	unveil /usr rx
//	unveil $HOME/src rwc
//	unveil "/path with blanks" r
//	pledge stdio rpath wpath cpath
//	connect 443 tcp:80
//	bind 8080
//	env HOME PATH LANG
//	include ./common
//
// A path may begin with ~, the home directory, and $NAME is a variable; the
// caller gives both. A first line with #! is a comment as any other. The
// manual is unveil-policy.5 beside the launcher.
//
// The package looks at words and policy files only, never at the process or
// at what the words name. Every error is an [*Error]: it says where it is, by
// the flag or as file:line:column, and what would mend it.
package policy
