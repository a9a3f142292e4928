package printed

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes one line of a text that can be shown: each character that is not
// printed, and each byte that is none, as strconv.Quote has it; a newline is a
// blank. A terminal would carry out what stands in the name of a file.
func Line(text string) string {
	shown := func(c rune) bool { return unicode.IsPrint(c) && c != utf8.RuneError }
	if !strings.ContainsFunc(text, func(c rune) bool { return !shown(c) }) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		c, size := utf8.DecodeRuneInString(text)
		switch {
		case c == '\n':
			b.WriteByte(' ')
		case shown(c):
			b.WriteString(text[:size])
		default:
			quoted := strconv.Quote(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}
