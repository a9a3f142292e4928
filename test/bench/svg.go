package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// writePlots writes the tables of launches as pictures.
func writePlots(dir string, w machine, rounds int, results, byRules []result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	caption := fmt.Sprintf("Linux %s, %s, %d processors, %s. go run ./test/bench -n %d", w.Kernel, w.Processor, w.Processors, w.Date, rounds)
	for name, text := range map[string][]byte{
		"launch.svg": plot("Launch of a command that does nothing: median, microseconds", caption, results),
		"rules.svg":  plot("The same by unveil-run, by the number of rules", caption, byRules),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// plot draws the medians as bars, one a row, on a logarithmic scale with a
// line at each power of ten. The colours are read on white and on black.
func plot(title, caption string, results []result) []byte {
	const (
		width, row, top, left, right = 800, 26, 44, 240, 90
		from                         = 10.0 // microseconds, where the bars begin
	)
	most := from * 10
	for _, r := range results {
		most = max(most, r.Median)
	}
	scale := (width - left - right) / math.Log10(most/from)
	at := func(us float64) float64 { return left + scale*math.Log10(max(us, from)/from) }
	height := top + row*len(results) + 54
	var b bytes.Buffer
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="%s">`, x, y, anchor)
		xml.EscapeText(&b, []byte(s)) // of a buffer, which does not fail
		b.WriteString("</text>\n")
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" fill="#808080">`+"\n", width, height)
	text(8, 22, "start", title)
	bottom := float64(top + row*len(results))
	for us := from; us <= most; us *= 10 {
		fmt.Fprintf(&b, `<line x1="%.0f" y1="%d" x2="%.0f" y2="%.0f" stroke="#808080" stroke-opacity="0.4"/>`+"\n", at(us), top-6, at(us), bottom)
		text(at(us), bottom+16, "middle", fmt.Sprintf("%g", us))
	}
	for i, r := range results {
		y := float64(top + row*i)
		text(left-8, y+15, "end", r.Name)
		fmt.Fprintf(&b, `<rect x="%d" y="%.0f" width="%.1f" height="%d" fill="#4682b4"/>`+"\n", left, y, at(r.Median)-left, row-8)
		text(at(r.Median)+6, y+15, "start", fmt.Sprintf("%.0f", r.Median))
	}
	text(8, float64(height-10), "start", caption)
	b.WriteString("</svg>\n")
	return b.Bytes()
}
