package policy

import (
	"strings"

	"github.com/unveil-run/unveil-run/internal/nearest"
)

// meant returns the keyword that a word is a slip of, or the one that says
// what the word says on the command line.
func meant(word string) (keyword, bool) {
	best, found := 3, keyword{}
	for _, k := range keywords {
		if word == k.flag || strings.EqualFold(word, k.name) {
			return k, true
		}
		if len(word) > len(k.name)+best {
			continue
		}
		if d := nearest.Distance(word, k.name); d < best && d < len(k.name)-1 {
			best, found = d, k
		}
	}
	return found, found.name != ""
}
