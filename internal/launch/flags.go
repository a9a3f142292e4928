package launch

import (
	"reflect"
	"slices"

	"github.com/unveil-run/unveil-run/internal/printed"
)

// args are the words as one types them, each flag in its short form if it has
// one. What says how a run is watched is left out, and so are -u, -p and the
// command, which a supervisor has as they are meant.
func (w *Words) args() []string {
	var list []string
	fields := reflect.ValueOf(w).Elem()
	for i := range fields.NumField() {
		f := fields.Type().Field(i)
		if _, positional := f.Tag.Lookup("arg"); positional || slices.Contains(apart, f.Name) {
			continue
		}
		flag := "--" + flagName(f)
		if short := f.Tag.Get("short"); short != "" {
			flag = "-" + short
		}
		switch v := fields.Field(i); v.Kind() {
		case reflect.Bool:
			if v.Bool() {
				list = append(list, flag)
			}
		case reflect.String:
			if v.String() != "" {
				list = append(list, flag, printed.Word(v.String()))
			}
		case reflect.Slice:
			for j := range v.Len() {
				list = append(list, flag, printed.Word(v.Index(j).String()))
			}
		}
	}
	return list
}

// apart are the fields that are no part of args.
var apart = []string{"Unveil", "Pledge", "Trace", "Learn", "Explain"}

// boxed returns a flag that says something of the box or of how it is shown,
// as it is typed; "" if there is none.
func (w *Words) boxed() string {
	fields := reflect.ValueOf(w).Elem()
	for i := range fields.NumField() {
		f := fields.Type().Field(i)
		switch f.Tag.Get("group") {
		case "box", "paths", "net":
		case "run":
			if f.Name == "Learn" || f.Name == "Quiet" {
				continue
			}
		default:
			continue
		}
		if v := fields.Field(i); !v.IsZero() {
			if short := f.Tag.Get("short"); short != "" {
				return "-" + short
			}
			return "--" + flagName(f)
		}
	}
	return ""
}
