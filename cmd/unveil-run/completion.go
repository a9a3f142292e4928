package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/unveil-run/unveil-run/internal/format"
	"github.com/unveil-run/unveil-run/internal/launch"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/pledge"
)

// shells are those that printCompletion knows.
var shells = []string{"bash", "fish", "zsh"}

// printCompletion prints the completion of a shell, and returns the exit status.
func printCompletion(words *launch.Words) int {
	var write func(flags []*kong.Flag) string
	switch words.Completion {
	case "bash":
		write = bashCompletion
	case "zsh":
		write = zshCompletion
	case "fish":
		write = fishCompletion
	default:
		words.Speech().Fail(&launch.Failure{Err: fmt.Errorf("--completion: %q is not a shell that it knows", words.Completion), Hints: []string{"the shells are " + strings.Join(shells, ", ")}})
		return launch.StatusFailed
	}
	parser, err := newParser(new(launch.Words), func(int) {})
	if err != nil {
		fail(words, err)
	}
	if _, err := fmt.Print(write(parser.Model.Flags)); err != nil {
		words.Speech().Fail(&launch.Failure{Err: fmt.Errorf("standard output: %w", err)})
		return launch.StatusFailed
	}
	return 0
}

// What the value of a flag is, beside the words that choices gives.
const (
	plainValue = ""
	paths      = "paths"
	variables  = "variables"
)

// choices returns the words that a value can be, and what else it can be.
func choices(flag string) (words []string, kind string) {
	switch flag {
	case "unveil":
		for _, t := range policy.Tokens() {
			words = append(words, string(t)+":")
		}
		return words, paths
	case "pledge", "execpromises":
		for _, p := range pledge.Promises() {
			words = append(words, p.Name)
		}
		return words, plainValue
	case "file":
		return policy.Profiles(), paths
	case "unix":
		return nil, paths
	case "env":
		return nil, variables
	case "print":
		return format.Names(), plainValue
	case "on-violation":
		return []string{"abort", "errno", "log"}, plainValue
	case "without":
		return []string{launch.Landlock, launch.Seccomp}, plainValue
	case "completion":
		return shells, plainValue
	}
	return nil, plainValue
}

// spellings returns how a flag is written: short first.
func spellings(f *kong.Flag) (list []string) {
	if f.Short != 0 {
		list = append(list, "-"+string(f.Short))
	}
	return append(list, "--"+f.Name)
}

func bashCompletion(flags []*kong.Flag) string {
	var all, valued []string
	var cases strings.Builder
	for _, f := range flags {
		all = append(all, spellings(f)...)
		if f.IsBool() {
			continue
		}
		valued = append(valued, spellings(f)...)
		words, kind := choices(f.Name)
		what := fmt.Sprintf("-W %q", strings.Join(words, " "))
		switch kind {
		case paths:
			what += " -f"
		case variables:
			what += " -e"
		}
		fmt.Fprintf(&cases, "\t%s) what=(%s) ;;\n", strings.Join(spellings(f), "|"), what)
	}
	return `# bash completion of unveil-run: unveil-run --completion bash
_unveil_run() {
	local i what=() cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		` + strings.Join(valued, "|") + `) ((++i < COMP_CWORD)) || break ;;
		--) ((i++)); break ;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i < COMP_CWORD)) || [[ $prev == -- ]]; then # the command
		if declare -F _command_offset >/dev/null; then
			_command_offset "$i"
		elif ((i == COMP_CWORD)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		return
	fi
	case $prev in
` + cases.String() + `	*)
		if [[ $cur == -* ]]; then
			what=(-W "` + strings.Join(all, " ") + `")
		else
			what=(-c)
		fi ;;
	esac
	mapfile -t COMPREPLY < <(compgen "${what[@]}" -- "$cur")
}
complete -o filenames -F _unveil_run unveil-run
`
}

func zshCompletion(flags []*kong.Flag) string {
	escape := strings.NewReplacer(`'`, `'\''`, "[", `\[`, "]", `\]`, ":", `\:`).Replace
	var w strings.Builder
	w.WriteString("#compdef unveil-run\n# zsh completion of unveil-run: unveil-run --completion zsh\n_arguments -s -S \\\n")
	for _, f := range flags {
		value := ""
		if !f.IsBool() {
			words, kind := choices(f.Name)
			for i := range words {
				words[i] = strings.ReplaceAll(words[i], ":", `\:`)
			}
			action := "(" + strings.Join(words, " ") + ")"
			switch {
			case kind == paths && len(words) > 0:
				action = `_alternative "words\:word\:` + strings.ReplaceAll(action, `\:`, `\\\:`) + `" "files\:file\:_files"`
				action = "{" + action + "}"
			case kind == paths:
				action = "_files"
			case kind == variables:
				action = "_parameters"
			case len(words) == 0:
				action = " "
			}
			value = ":" + escape(f.PlaceHolder) + ":" + strings.ReplaceAll(action, `'`, `'\''`)
		}
		for _, s := range spellings(f) {
			fmt.Fprintf(&w, "\t'*%s[%s]%s' \\\n", s, escape(f.Help), value)
		}
	}
	w.WriteString("\t'(-)1:command:_command_names -e' \\\n\t'*::arguments:_normal'\n")
	return w.String()
}

func fishCompletion(flags []*kong.Flag) string {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	var w strings.Builder
	w.WriteString("# fish completion of unveil-run: unveil-run --completion fish\n")
	var valued []string
	for _, f := range flags {
		if !f.IsBool() {
			valued = append(valued, spellings(f)...)
		}
	}
	w.WriteString(`function __unveil_run_no_command
	set -l words (commandline -opc)
	set -e words[1]
	set -l value 0
	for word in $words
		if test $value = 1
			set value 0
			continue
		end
		switch $word
			case ` + strings.Join(valued, " ") + `
				set value 1
			case --
				return 1
			case '-*'
			case '*'
				return 1
		end
	end
end
`)
	w.WriteString("complete -c unveil-run -x -a '(__fish_complete_subcommand)'\n")
	for _, f := range flags {
		w.WriteString("complete -c unveil-run -n __unveil_run_no_command -l " + f.Name)
		if f.Short != 0 {
			w.WriteString(" -s " + string(f.Short))
		}
		if !f.IsBool() {
			words, kind := choices(f.Name)
			if kind == variables {
				words = []string{"(set -nx)"}
			}
			if kind == paths {
				w.WriteString(" -r -F")
			} else {
				w.WriteString(" -x")
			}
			if len(words) > 0 {
				w.WriteString(" -a " + quote(strings.Join(words, " ")))
			}
		}
		w.WriteString(" -d " + quote(f.Help) + "\n")
	}
	return w.String()
}
