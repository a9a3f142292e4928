package policy

import "strings"

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
		if d := distance(word, k.name); d < best && d < len(k.name)-1 {
			best, found = d, k
		}
	}
	return found, found.name != ""
}

// distance counts the insertions, deletions and replacements that make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the part of a seen so far to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
