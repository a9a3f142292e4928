package launch

import (
	"slices"
	"strings"

	"github.com/unveil-run/unveil-run/internal/preload"
)

// An environment is a list of NAME=VALUE, no name twice.
type environment []string

// environment returns what the command gets of the launcher's own: all of it,
// or with ClearEnv what is named only, and then what is set.
func (r *Request) environment(own []string) environment {
	var env environment
	if !r.ClearEnv {
		env = preload.Forget(own)
	}
	for _, word := range r.Env {
		name, _, sets := strings.Cut(word, "=")
		if sets {
			env = env.set(word)
		} else if value, ok := environment(own).lookup(name); ok {
			env = env.set(name + "=" + value)
		}
	}
	return env
}

// sets reports whether a variable is set by name.
func (r *Request) sets(name string) bool {
	return slices.ContainsFunc(r.Env, func(word string) bool { return strings.HasPrefix(word, name+"=") })
}

// set replaces the variable of the same name, or adds it.
func (e environment) set(word string) environment {
	name, _, _ := strings.Cut(word, "=")
	for i := range e {
		if strings.HasPrefix(e[i], name) && e[i][len(name):] != "" && e[i][len(name)] == '=' {
			e[i] = word
			return e
		}
	}
	return append(e, word)
}

// resolveByTCP has the resolver of libc ask by TCP alone, resolv.conf(5).
func (e environment) resolveByTCP() environment {
	const option = "use-vc"
	if value, ok := e.lookup("RES_OPTIONS"); ok && value != "" {
		return e.set("RES_OPTIONS=" + value + " " + option)
	}
	return e.set("RES_OPTIONS=" + option)
}

// lookup has the form of os.LookupEnv.
func (e environment) lookup(name string) (string, bool) {
	for _, word := range e {
		if value, ok := strings.CutPrefix(word, name); ok && value != "" && value[0] == '=' {
			return value[1:], true
		}
	}
	return "", false
}
