package policy

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/shlex"
)

// lookup knows one variable.
func lookup(name string) (string, bool) { return "a b", name == "X" }

// words renders a line taken apart: its words with their columns, or the
// error with its own.
func words(line string) (list []string, err error) {
	s := splitter{lookup: lookup}
	ws, err := s.split(line, strconv.Itoa)
	for _, w := range ws {
		list = append(list, w.at+":"+w.text)
	}
	return list, err
}

func TestSplit(t *testing.T) {
	tests := []struct {
		line string
		want []string
	}{
		{"", nil},
		{" \t ", nil},
		{"a", []string{"1:a"}},
		{"  a\tbc  d ", []string{"3:a", "5:bc", "9:d"}},
		{`"a b" c`, []string{"1:a b", "7:c"}},
		{`a"b c"d 'e'`, []string{"1:ab cd", "9:e"}},
		{`a "" ''`, []string{"1:a", "3:", "6:"}},
		{`a\ b c`, []string{"1:a b", "6:c"}},
		{`\"a b`, []string{`1:"a`, "5:b"}},
		{`"a\"b" c`, []string{`1:a"b`, "8:c"}},
		{`'a\' b`, []string{`1:a\`, "6:b"}},
		{`"it's" x`, []string{"1:it's", "8:x"}},
		{"a # b", []string{"1:a"}},
		{`a # "`, []string{"1:a"}},
		{"a#b #c", []string{"1:a#b"}},
		{`a "#" b`, []string{"1:a", "3:#", "7:b"}},
		{"#!/usr/bin/env -S unveil-run -f", nil},
		{"# it costs $5", nil},
		{"a\r", []string{"1:a"}},
		{"é ü", []string{"1:é", "4:ü"}},
		{"a\uFFFDb", []string{"1:a\uFFFDb"}},
		{`'$a' b`, []string{"1:$a", "6:b"}},
		{`\$a "\$b" c`, []string{"1:$a", "5:$b", "11:c"}},
		{`"'\$'"`, []string{`1:'$'`}},
		{`$X c`, []string{"1:a b", "4:c"}},
		{`"$X"c d`, []string{"1:a bc", "7:d"}},
		{`/'$X'\$X${X} "c"`, []string{"1:/$X$Xa b", "14:c"}},
	}
	for _, tt := range tests {
		if got, err := words(tt.line); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, %v; want %q", tt.line, got, err, tt.want)
		}
	}
}

func TestSplitErrors(t *testing.T) {
	tests := []struct{ line, want string }{
		{`a "b`, "3: a quote is not closed"},
		{`a b'c d`, "4: a quote is not closed"},
		{`"a" "b' # c`, "5: a quote is not closed"},
		{`"a\"`, "1: a quote is not closed"},
		{`a b\`, "4: a backslash with nothing behind it"},
		{`a "b\`, "5: a backslash with nothing behind it"},
		{"a b\x00c", "4: a NUL"},
		{"# \x00", "3: a NUL"},
		{"a \xffb", "3: not UTF-8"},
		{"é \xc3", "4: not UTF-8"},
		{"unveil $NOT r", "8: the variable NOT is not set"},
		{`unveil "$NOT" r`, "9: the variable NOT is not set"},
		{`unveil "it's $NOT" r`, "14: the variable NOT is not set"},
		{`unveil '$x'$NOT r`, "12: the variable NOT is not set"},
		{`unveil \\$NOT r`, "10: the variable NOT is not set"},
		{`a $b "c`, "3: the variable b is not set"},
		{`a "$X c`, "3: a quote is not closed"},
		{strings.Repeat("a", maxLine+1), "8192: the line is longer than 8192 bytes"},
	}
	for _, tt := range tests {
		_, err := words(tt.line)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.40q: %v; want an Error", tt.line, err)
			continue
		}
		if e.Error() != tt.want {
			t.Errorf("%.40q: %q, want %q", tt.line, e.Error(), tt.want)
		}
		if e.Hint == "" {
			t.Errorf("%.40q: no hint", tt.line)
		}
	}
	if _, err := words(strings.Repeat("a", maxLine)); err != nil {
		t.Errorf("a line of %d bytes: %v", maxLine, err)
	}
}

// FuzzSplit holds the reading of quotes here, which finds variables and
// places, against that of shlex, which makes the words.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "a b", `a"b c"d 'e' # f`, `a\ b "`, `'\' \`, `"\""`, `\é`, "a \xff", "$x", `'$x' \$x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "\n") {
			return // the caller's to split at
		}
		var s splitter
		ws, err := s.split(line, strconv.Itoa)
		want, wantErr := shlex.Split(line)
		var e *Error
		if errors.As(err, &e) {
			if column, err := strconv.Atoi(e.At); err != nil || column < 1 || column > len(line) {
				t.Fatalf("%q: column %s", line, e.At)
			}
			if e.Hint == "" {
				t.Errorf("%q: no hint: %v", line, e)
			}
			quote := strings.Contains(e.Error(), "quote") || strings.Contains(e.Error(), "backslash")
			if quote && wantErr == nil {
				t.Errorf("%q: %v; shlex takes it as %q", line, e, want)
			}
			return
		}
		if err != nil || wantErr != nil {
			t.Fatalf("%q: %v; shlex says %v", line, err, wantErr)
		}
		var got []string
		last := 0
		for _, w := range ws {
			got = append(got, w.text)
			column, err := strconv.Atoi(w.at)
			if err != nil || column <= last || column > len(line) || strings.ContainsAny(line[column-1:column], " \t\r") {
				t.Fatalf("%q: word %q in column %s after %d", line, w.text, w.at, last)
			}
			last = column
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q; shlex says %q", line, got, want)
		}
	})
}
