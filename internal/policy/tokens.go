package policy

import (
	"fmt"
	"strings"

	"github.com/unveil-run/unveil-run/internal/nearest"
)

// A Token stands for the paths of something that everybody needs. What these
// are is looked up when a command is launched.
type Token string

// The tokens, as they are written.
const (
	Tmp    Token = "@tmp"    // a fresh private directory
	TTY    Token = "@tty"    // the terminals of the command
	DNS    Token = "@dns"    // how names are looked up
	TLS    Token = "@tls"    // certificates that are trusted
	Locale Token = "@locale" // languages and character sets
	Self   Token = "@self"   // /proc/self
)

// Tokens returns all tokens.
func Tokens() []Token { return []Token{Tmp, TTY, DNS, TLS, Locale, Self} }

// token reads a path as a token: a word that begins with @ and has no slash.
func token(path, at string) (Token, error) {
	if !strings.HasPrefix(path, "@") || strings.Contains(path, "/") {
		return "", nil
	}
	e := &Error{At: at, Err: fmt.Errorf("unveil %q: no such token", clip(path))}
	best := 3
	var all []string
	for _, t := range Tokens() {
		if path == string(t) {
			return t, nil
		}
		all = append(all, string(t))
		if len(path) > len(t)+best {
			continue
		}
		if d := nearest.Distance(path, string(t)); d < best {
			best = d
			e.Hint = fmt.Sprintf("did you mean %q? ", t)
		}
	}
	e.Hint += fmt.Sprintf("the tokens are %s; ./%s is the file of that name", strings.Join(all, ", "), clip(path))
	return "", e
}
