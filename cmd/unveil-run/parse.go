package main

import (
	"errors"
	"os"
	"reflect"

	"github.com/alecthomas/kong"

	"github.com/unveil-run/unveil-run/internal/launch"
)

// parse reads the command line. done says that all is said: the help was
// asked for. A mistake ends the launcher.
func parse(args []string) (words *launch.Words, done bool) {
	words = new(launch.Words)
	parser, err := newParser(words, func(int) { done = true })
	if err != nil {
		fail(words, err)
	}
	if _, err := parser.Parse(args); err != nil && !done {
		fail(words, err)
	}
	return words, done
}

// newParser returns a parser into words; exit is called after the help.
func newParser(words *launch.Words, exit func(int)) (*kong.Kong, error) {
	return kong.New(words,
		kong.Name("unveil-run"),
		kong.Exit(exit),
		kong.ExplicitGroups([]kong.Group{
			{Key: "box", Title: "the box:"},
			{Key: "paths", Title: "paths:"},
			{Key: "net", Title: "network, and others:"},
			{Key: "command", Title: "the command:"},
			{Key: "run", Title: "the run:"},
		}),
		kong.Help(printHelp),
		kong.KindMapper(reflect.String, kong.MapperFunc(asTyped)),
	)
}

// asTyped takes a word as it is. kong's own mapper sends it through JSON, so
// that a file name that is not UTF-8 would become another one.
func asTyped(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err == nil {
		target.SetString(token.String())
	}
	return err
}

// fail ends the launcher over a mistake on the command line.
func fail(words *launch.Words, err error) {
	hint := "unveil-run --help lists the flags"
	var parse *kong.ParseError
	if !errors.As(err, &parse) {
		hint = "this is a mistake of unveil-run itself, please report it"
	}
	words.Speech().Fail(&launch.Failure{Status: launch.StatusFailed, Err: err, Hints: []string{hint}})
	os.Exit(launch.StatusFailed)
}
