package docs

import (
	"fmt"
	"html"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/unveil-run/unveil-run/test/derived"
)

// The picture in README.md is a terminal in which its marked consoles are
// typed, as SVG with an animation in CSS. Who wants no motion, and who has no
// animation, sees the whole.

const picture = "../../.github/terminal.svg"

// What a screen is like: columns, and pixels.
const (
	columns    = 88
	charWidth  = 8
	lineHeight = 19
	margin     = 18
	bar        = 30 // above the lines
)

// How long things take, in seconds.
const (
	perChar = 0.045
	before  = 0.7 // a command is typed
	answer  = 0.4 // it prints
	reading = 1.6 // after what it has printed
)

// A line is one of the screen.
type line struct {
	text  string
	typed bool
}

// marked returns the lines of the consoles that a document has marked.
func marked(text string) (lines []line) {
	const mark = "<!-- in the picture -->\n```console\n"
	there := map[string]bool{} // in this directory already
	for _, part := range strings.Split(text, mark)[1:] {
		console, _, _ := strings.Cut(part, "```\n")
		for _, l := range strings.Split(strings.TrimSuffix(console, "\n"), "\n") {
			if l == "..." || there[l] {
				continue // lines that are of no interest
			}
			there[l] = strings.HasPrefix(l, "$ cd ")
			lines = append(lines, wrap(strings.ReplaceAll(l, "...", "…"))...)
		}
	}
	return lines
}

// wrap breaks a line as a terminal does.
func wrap(text string) (lines []line) {
	for typed, runes := strings.HasPrefix(text, "$ "), []rune(text); ; runes = runes[columns:] {
		if len(runes) <= columns {
			return append(lines, line{string(runes), typed})
		}
		lines = append(lines, line{string(runes[:columns]), typed})
	}
}

// class is how a printed line looks.
func (l line) class() string {
	switch {
	case strings.HasPrefix(l.text, "unveil-run: hint:"), strings.HasPrefix(l.text, "unveil-run: summary:"):
		return "h"
	case strings.HasPrefix(l.text, "unveil-run: denied:"), strings.Contains(l.text, ": Permission denied"), strings.Contains(l.text, "]: pledge "), l.text == "Aborted":
		return "e"
	}
	return "o"
}

// draw makes the picture.
func draw(lines []line) string {
	var b strings.Builder
	width, height := columns*charWidth+2*margin, bar+len(lines)*lineHeight+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title desc">
<title id="title">unveil-run in a terminal</title>
<desc id="desc">`, width, height, width, height)
	for _, l := range lines {
		fmt.Fprintln(&b, html.EscapeString(l.text))
	}
	fmt.Fprint(&b, `</desc>
<style>
text { font: 13.3px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d6deeb; white-space: pre }
.p { fill: #7fdbca } .e { fill: #ff8b80 } .h { fill: #ffd580 }
.l { animation: show .01s linear both } .t { animation: type 1s both }
@keyframes show { from { opacity: 0 } }
@keyframes type { from { clip-path: inset(0 100% 0 0) } to { clip-path: inset(0 0 0 0) } }
@media (prefers-reduced-motion: reduce) { .l, .t { animation: none } }
</style>
`)
	fmt.Fprintf(&b, "<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#011627\"/>\n", width, height)
	for i, colour := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, "<circle cx=\"%d\" cy=\"%d\" r=\"6\" fill=\"%s\"/>\n", margin+4+i*20, margin+2, colour)
	}
	at, wasTyped := 0.5, true
	for i, l := range lines {
		switch {
		case l.typed && !wasTyped:
			at += reading
		case l.typed:
			at += before
		case wasTyped:
			at += answer
		}
		wasTyped = l.typed
		n := utf8.RuneCountInString(l.text)
		y := bar + margin + (i+1)*lineHeight - 6
		fmt.Fprintf(&b, `<g class="l" style="animation-delay:%.2fs"><text x="%d" y="%d" textLength="%d"`, at, margin, y, n*charWidth)
		if rest, ok := strings.CutPrefix(l.text, "$ "); ok && l.typed {
			typing := float64(n) * perChar
			fmt.Fprintf(&b, ` class="t" style="animation-delay:%.2fs;animation-duration:%.2fs;animation-timing-function:steps(%d)"><tspan class="p">$</tspan> %s</text></g>`+"\n",
				at, typing, n, html.EscapeString(rest))
			at += typing
			continue
		}
		fmt.Fprintf(&b, ` class="%s">%s</text></g>`+"\n", l.class(), html.EscapeString(l.text))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// TestPicture holds the picture to the consoles of README.md.
func TestPicture(t *testing.T) {
	lines := marked(read(t, readme))
	if len(lines) < 8 {
		t.Fatalf("README.md marks %d lines for the picture", len(lines))
	}
	derived.Hold(t, picture, []byte(draw(lines)), *update, command)
}
