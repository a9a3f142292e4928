package pledge

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/nearest"
)

// maxWords is the size of the buffer that OpenBSD copies a promise string
// to, its NUL included (MAXPATHLEN there).
const maxWords = 1024

// ParseError is the error of [Parse]. It unwraps to the errno that
// pledge(2) returns: [unix.EINVAL] or [unix.ENAMETOOLONG].
type ParseError struct {
	Word    string     // the word at fault, "" when it is not one word's
	Column  int        // where it begins, in bytes from 1
	Nearest string     // the promise that may have been meant, or ""
	Errno   unix.Errno // EINVAL or ENAMETOOLONG
	reason  string
}

func (e *ParseError) Error() string { return "pledge: " + e.reason }

// Unwrap returns the errno of pledge(2).
func (e *ParseError) Unwrap() error { return e.Errno }

// Parse reads promises as pledge(2) of OpenBSD does: words separated by one
// or more blanks. Blanks at the end, repeated words and any order are fine.
//
// Errors are of type [*ParseError]. EINVAL: a word that is no promise, a
// blank at the beginning, a tab, newline or NUL. ENAMETOOLONG: more than
// 1023 bytes.
func Parse(words string) (Set, error) {
	if len(words) >= maxWords {
		return 0, &ParseError{Errno: unix.ENAMETOOLONG, Column: maxWords,
			reason: fmt.Sprintf("%d bytes of promises; at most %d are read", len(words), maxWords-1)}
	}
	if strings.HasPrefix(words, " ") {
		return 0, &ParseError{Errno: unix.EINVAL, Column: 1, reason: "a blank before the first promise"}
	}
	var set Set
	for at := 0; at < len(words); {
		if words[at] == ' ' {
			at++
			continue
		}
		word := words[at:]
		if i := strings.IndexByte(word, ' '); i >= 0 {
			word = word[:i]
		}
		promise := lookup(word)
		if promise == 0 {
			return 0, unknown(word, at+1)
		}
		set |= promise
		at += len(word)
	}
	return set, nil
}

// lookup returns the set of the one promise called name, or 0.
func lookup(name string) Set {
	for i := range table {
		if table[i].name == name {
			return 1 << i
		}
	}
	return 0
}

// unknown makes the error for a word that is no promise.
func unknown(word string, column int) error {
	e := &ParseError{Word: word, Column: column, Errno: unix.EINVAL}
	switch {
	case strings.ContainsAny(word, "\t\n\r,;"):
		e.reason = fmt.Sprintf("unknown promise %q: promises are separated by blanks", word)
	default:
		e.reason = fmt.Sprintf("unknown promise %q", word)
		e.Nearest = meant(word)
	}
	return e
}

// meant returns the promise closest to word, or "" when none is close
// enough to have been meant.
func meant(word string) string {
	best, name := 3, ""
	if len(word) > 2*best+len("prot_exec") {
		return ""
	}
	word = strings.ToLower(word)
	for _, r := range table {
		if d := nearest.Distance(word, r.name); d < best && d < len(r.name) {
			best, name = d, r.name
		}
	}
	return name
}
