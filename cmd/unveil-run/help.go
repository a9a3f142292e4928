package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

const usage = `usage: unveil-run [FLAG...] [--] COMMAND [ARG...]

Run a command that sees only the paths that are unveiled and makes only the
system calls that are promised:

  unveil-run -u /usr:rx -u /tmp:rwc -p "stdio rpath inet" -- ls -l /usr
`

// printHelp keeps the help on one screen, which kong's own printer does not:
// a flag a line, in the groups of the tags.
func printHelp(_ kong.HelpOptions, ctx *kong.Context) error {
	var w strings.Builder
	w.WriteString(usage)
	group := ""
	for _, f := range ctx.Flags() {
		if f.Group == nil {
			continue // --help
		}
		if f.Group.Title != group {
			group = f.Group.Title
			fmt.Fprintf(&w, "\n%s\n", group)
		}
		name := "    --" + f.Name
		if f.Short != 0 {
			name = "-" + string(f.Short) + ", --" + f.Name
		}
		if !f.IsBool() {
			name += " " + f.PlaceHolder
		}
		fmt.Fprintf(&w, "  %-30s %s\n", name, f.Help)
	}
	w.WriteString("\nThe manual is unveil-run(1).\n")
	_, err := io.WriteString(ctx.Stdout, w.String())
	return err
}
