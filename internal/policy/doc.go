// Package policy reads the words that a box is made of, from the command
// line and from policy files: what is unveiled, promised, connected to,
// bound, and passed on of the environment.
//
// A policy file holds one word of the command line a line, with the quoting
// of the shell and # comments:
//
//	#!/usr/bin/env -S unveil-run -f
//	unveil /usr rx
//	unveil "/path with blanks" r
//	pledge stdio rpath wpath cpath
//	connect 443 tcp:80
//	bind 8080
//	env HOME PATH LANG
//
// The package looks at words only, never at the process or the files that
// the words name. Every error says where it is: file:line:column.
package policy
