package launch

import (
	"reflect"
	"strings"
	"unicode"
)

// ReadQuick reads a command line that is plain: flags that say what the box
// is, each spelled out as one word with its value as the next, and a command.
// It reports false for every other one: what is joined, unknown or wrong, and
// what may ask for something else than a run, is for the parser that has the
// words for it.
//
// It knows no flag by itself, but goes by the tags that kong reads. Where it
// reports true it has read what kong reads, word for word; a fuzz test of
// the launcher holds the two together.
func ReadQuick(args []string) (*Words, bool) {
	words := new(Words)
	fields := reflect.ValueOf(words).Elem()
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" && i+1 < len(args) || arg != "" && arg[0] != '-' {
			words.Command = args[i:]
			return words, true
		}
		f, ok := quickField(fields, arg)
		if !ok {
			return nil, false
		}
		if f.Kind() == reflect.Bool {
			f.SetBool(true)
			continue
		}
		if i++; i == len(args) || args[i] == "" || args[i][0] == '-' {
			return nil, false
		}
		switch {
		case f.Kind() == reflect.Slice:
			list := f.Addr().Interface().(*[]string)
			*list = append(*list, args[i])
		case f.String() == "":
			f.SetString(args[i])
		default:
			return nil, false
		}
	}
	return nil, false
}

// quickField returns the field of a flag that is spelled out.
func quickField(words reflect.Value, arg string) (reflect.Value, bool) {
	for i := range words.NumField() {
		f := words.Type().Field(i)
		switch f.Tag.Get("group") {
		case "box", "paths", "net", "command":
		default:
			continue // it may ask for something else than a run, as --explain does
		}
		if len(arg) == 2 && f.Tag.Get("short") == arg[1:] || strings.HasPrefix(arg, "--") && flagName(f) == arg[2:] {
			return words.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// flagName is the long name of a flag: that of its tag, or that of the field
// with a dash before each capital.
func flagName(f reflect.StructField) string {
	if name := f.Tag.Get("name"); name != "" {
		return name
	}
	var b strings.Builder
	for i, c := range f.Name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
