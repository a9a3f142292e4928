package format

import (
	"strconv"
	"strings"

	"github.com/unveil-run/unveil-run/unveil"
)

// setpriv writes a command line of setpriv(1), util-linux 2.42: the ruleset.
func setpriv(b *Box) (string, []string, error) {
	var l lost
	l.promises(b)
	l.rest(b)
	l.add("net-port and scope need setpriv of util-linux 2.42; before, leave these words out")
	if b.Listed && !b.UDP {
		l.add("not said: UDP is refused")
	}
	words := []string{"setpriv", "--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all"}
	bounding := "-all"
	for _, c := range b.Caps {
		bounding += ",+" + strings.ToLower(c)
	}
	words = append(words, "--bounding-set="+bounding)
	dashed := func(bits uint64, all []string) string {
		return strings.ReplaceAll(strings.Join(names(bits, all), ","), "_", "-")
	}
	r := b.Ruleset
	if r.FS != 0 {
		words = append(words, "--landlock-access", "fs:"+dashed(uint64(r.FS), unveil.Rights()))
	}
	if r.Net != 0 {
		words = append(words, "--landlock-access", "net:"+dashed(r.Net, unveil.NetRights()))
	}
	if r.Scopes != 0 {
		words = append(words, "--landlock-access", "scope:"+dashed(r.Scopes, unveil.Scopes()))
	}
	for _, p := range r.Paths {
		if !p.Made && p.Access != 0 {
			words = append(words, "--landlock-rule", "path-beneath:"+dashed(uint64(p.Access), unveil.Rights())+":"+p.Path)
		}
	}
	for _, p := range r.Ports {
		words = append(words, "--landlock-rule", "net-port:"+dashed(p.Access, unveil.NetRights())+":"+strconv.Itoa(int(p.Port)))
	}
	words = append(words, "--")
	if len(b.Command) == 0 {
		words = append(words, "COMMAND")
	}
	words = append(words, b.Command...)
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shellQuote(w)
	}
	return strings.Join(quoted, " ") + "\n", l, nil
}

// shellQuote writes a word as a shell takes it.
func shellQuote(word string) string {
	for _, c := range word {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("/._-:+,@=", c):
		default:
			return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	if word == "" {
		return "''"
	}
	return word
}
