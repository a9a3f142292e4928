package printed

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Word writes a word as a shell takes it, on one line: as it is, in double
// quotes where nothing in them is special, in single quotes, or with its
// unprintable bytes written out, which bash, zsh and POSIX of 2024 read.
func Word(word string) string {
	plain, double, printable := word != "", true, utf8.ValidString(word)
	for _, c := range word {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.ContainsRune("/._-:+,@=", c):
		default:
			plain = false
			double = double && !strings.ContainsRune("$`\"\\!", c)
			printable = printable && unicode.IsPrint(c)
		}
	}
	switch {
	case plain:
		return word
	case printable && double:
		return `"` + word + `"`
	case printable:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			b.WriteString(`\`)
			b.WriteString(strings.Repeat("0", 3-len(strconv.FormatUint(uint64(c), 8))) + strconv.FormatUint(uint64(c), 8))
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}
