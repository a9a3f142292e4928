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
	blanks     = "blanks" // several of the words, with blanks between them
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
		return words, blanks
	case "file":
		return policy.Profiles(), paths
	case "unix", "learn":
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
		what := fmt.Sprintf("what=(-W %q", strings.Join(words, " "))
		switch kind {
		case paths:
			what += " -f) options=(-o filenames)"
			if f.Name == "unveil" {
				// A file of a name with @ is ./@. Readline would quote a token as it
				// quotes a file: without that, no file may be among them.
				what += fmt.Sprintf("; [[ $value != @* || $value == */* ]] || what=(-W %q) options=(-o nospace)", strings.Join(words, " "))
			}
		case variables:
			what += " -e)"
		case blanks:
			what += ") head=${value%\"${value##*[[:blank:]]}\"} options=(-o nospace)"
		default:
			what += ")"
		}
		fmt.Fprintf(&cases, "\t%s) %s ;;\n", strings.Join(spellings(f), "|"), what)
	}
	return `# bash completion of unveil-run: unveil-run --completion bash
_unveil_run() {
	# In COMP_WORDS a word ends at each colon, = and @ too.
	local line=$COMP_LINE words=() at=() i mine=${COMP_WORDS[COMP_CWORD]}
	for ((i = 0; i <= COMP_CWORD; i++)); do
		if ((i == 0)) || [[ $line == [[:blank:]]* ]]; then
			words+=("${COMP_WORDS[i]}")
			at+=("$i")
			line=${line#"${line%%[![:blank:]]*}"}
		else
			words[${#words[@]} - 1]+=${COMP_WORDS[i]}
		fi
		line=${line#"${COMP_WORDS[i]}"}
	done
	local last=$((${#words[@]} - 1))
	local value=${words[last]} name=${words[last - 1]}
	for ((i = 1; i < last; i++)); do
		case ${words[i]} in
		` + strings.Join(valued, "|") + `) ((++i < last)) || break ;;
		--) ((i++)); break ;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i < last)) || [[ $name == -- ]]; then # the command
		for name in _comp_command_offset _command_offset; do
			if declare -F "$name" >/dev/null; then
				"$name" "${at[i]}"
				return
			fi
		done
		if ((i == last)); then
			[[ $value != */* ]] || compopt -o filenames # which quotes
			mapfile -t COMPREPLY < <(compgen -c -- "$value")
		else
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "$value")
		fi
		return
	fi
	local before="" head="" what=() options=() # head is what stays of the value
	if [[ $value == --*=* ]]; then
		name=${value%%=*} before=${value%%=*}= value=${value#*=}
	fi
	if [[ $value == [\"\']* ]]; then
		value=${value:1} mine=${mine#[\"\']}
	fi
	case $name in
` + cases.String() + `	*)
		if [[ $value == -* ]]; then
			what=(-W "` + strings.Join(all, " ") + `")
		else
			what=(-c)
			[[ $value != */* ]] || options=(-o filenames) # which quotes
		fi ;;
	esac
	mapfile -t COMPREPLY < <(compgen "${what[@]}" -- "${value#"$head"}")
	# What stands before the word of readline, which an @ belongs to.
	[[ $mine == *[!:=]* ]] || mine=
	local skip=$before$value
	skip=${skip%"$mine"} skip=${skip%@}
	for i in "${!COMPREPLY[@]}"; do
		value=$before$head${COMPREPLY[i]}
		COMPREPLY[i]=${value#"$skip"}
	done
	((${#options[@]} == 0)) || compopt "${options[@]}"
}
complete -F _unveil_run unveil-run
`
}

func zshCompletion(flags []*kong.Flag) string {
	escape := strings.NewReplacer(`'`, `'\''`, "[", `\[`, "]", `\]`, ":", `\:`).Replace
	var w strings.Builder
	// A file of fpath, or of the source command.
	w.WriteString("#compdef unveil-run\n# zsh completion of unveil-run: unveil-run --completion zsh\n_unveil_run() {\n_arguments -s -S \\\n")
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
			case kind == blanks:
				action = `_values -s " " promise ` + strings.Join(words, " ")
			case len(words) == 0:
				action = " "
			}
			value = ":" + escape(f.PlaceHolder) + ":" + strings.ReplaceAll(action, `'`, `'\''`)
		}
		for _, s := range spellings(f) {
			if value != "" && len(s) > 2 {
				s += "=" // or the next word
			}
			fmt.Fprintf(&w, "\t'*%s[%s]%s' \\\n", s, escape(f.Help), value)
		}
	}
	w.WriteString("\t'(-)1:command:_command_names -e' \\\n\t'*::arguments:_normal'\n}\n" +
		"if [[ $funcstack[1] == _unveil_run || $funcstack[1] == _unveil-run ]]; then\n\t_unveil_run \"$@\"\nelse\n\tcompdef _unveil_run unveil-run\nfi\n")
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
	w.WriteString(`function __unveil_run_command # prints the command and its arguments, as far as there are any
	set -l words (commandline -opc)
	set -e words[1]
	set -q words[1]; or return 1
	while true
		switch $words[1]
			case ` + strings.Join(valued, " ") + `
				set -q words[2]; or return 1
				set -e words[1..2]
			case --
				set -e words[1]
				break
			case '-*'
				set -e words[1]
			case '*'
				break
		end
		set -q words[1]; or return 1
	end
	set -q words[1]; and string escape -- $words
	return 0
end
function __unveil_run_no_command
	not __unveil_run_command >/dev/null
end
function __unveil_run_subcommand
	set -l line (string join ' ' -- (__unveil_run_command) (commandline -ct))
	string match -q -- '-*' $line; or complete -C $line
end
`)
	// One of several words, behind those that are there.
	w.WriteString(`function __unveil_run_blanks
	set -l head (commandline -ct | string replace -r '^["\']' '' | string match -r '^.*\s')
	printf '%s\n' "$head"$argv
end
`)
	w.WriteString("complete -c unveil-run -x -a '(__unveil_run_subcommand)'\n")
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
			if kind == blanks {
				words = []string{"(__unveil_run_blanks " + strings.Join(words, " ") + ")"}
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
