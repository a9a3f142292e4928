package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// A palette is the colours of a plot on a page of one kind.
type palette struct{ text, line, first, second string }

// palettes by the name of the page: those of GitHub's.
var palettes = map[string]palette{
	"light": {"#1f2328", "#d1d9e0", "#0969da", "#80b3f0"},
	"dark":  {"#f0f6fc", "#3d444d", "#4493f8", "#1f4f8f"},
}

// A plotted is a table as a plot: a group of bars for each way, with a bar for
// each of two acts.
type plotted struct {
	table, title  string
	first, second string // acts
	leave         string // a way that is left out
}

var plots = []plotted{
	{"launch", "Launch of a command that does nothing, milliseconds", static, dynamic, withoutStageTwo},
	{"rules", "Launch by unveil-run, by the number of rules, milliseconds", paths, both, ""},
}

// plots returns the pictures by the name of their file.
func (r report) plots() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, p := range plots {
		t, err := r.table(p.table)
		if err != nil {
			return nil, err
		}
		for page, colours := range palettes {
			files[p.table+"-"+page+".svg"] = plot(p, t, r.Machine.caption(), colours)
		}
	}
	return files, nil
}

// writePlots writes them into a directory.
func (r report) writePlots(dir string) error {
	files, err := r.plots()
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(dir, 0o755), writeFiles(dir, files))
}

func writeFiles(dir string, files map[string][]byte) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// The measures of a plot, in its own units.
const (
	plotWidth  = 760
	plotTop    = 66
	plotLeft   = 150
	plotRight  = 60
	plotBottom = 64
	barHeight  = 12
	groupGap   = 10
	legendStep = 180
)

// plot draws the medians, with a whisker from quartile to quartile. The scale
// begins at zero; where a few bars are far longer than the others, it ends
// before them, and they are drawn broken.
func plot(p plotted, t table, caption string, colours palette) []byte {
	var ways []string
	var ends []float64
	for _, f := range t.Figures {
		if f.Way != p.leave && (f.Act == p.first || f.Act == p.second) {
			ends = append(ends, f.High/1e3)
			if !slices.Contains(ways, f.Way) {
				ways = append(ways, f.Way)
			}
		}
	}
	end, step := scale(ends)
	at := func(ms float64) float64 { return plotLeft + (plotWidth-plotLeft-plotRight)*min(ms, end)/end }
	const group = 2*barHeight + groupGap
	bottom := float64(plotTop + group*len(ways))
	var b bytes.Buffer
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s">`, x, y, anchor)
		xml.EscapeText(&b, []byte(s)) // of a buffer, which does not fail
		b.WriteString("</text>\n")
	}
	rect := func(x, y, width, height float64, colour string) {
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, width, height, colour)
	}
	line := func(x1, y1, x2, y2 float64, colour string) {
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" font-family="-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif" font-size="12" fill="%s">`+"\n",
		plotWidth, bottom+plotBottom, colours.text)
	fmt.Fprintf(&b, `<g font-size="14" font-weight="600">`)
	text(8, 22, "start", p.title)
	b.WriteString("</g>\n")
	bars := []struct{ act, colour string }{{p.first, colours.first}, {p.second, colours.second}}
	for i, bar := range bars {
		x := float64(plotLeft + i*legendStep)
		rect(x, 36, barHeight, barHeight, bar.colour)
		text(x+barHeight+6, 46, "start", bar.act)
	}
	const key = plotLeft + 2*legendStep
	line(key, 42, key+barHeight, 42, colours.text)
	text(key+barHeight+6, 46, "start", "half of the rounds")
	for ms := 0.0; ms <= end; ms += step {
		line(at(ms), plotTop-6, at(ms), bottom, colours.line)
		text(at(ms), bottom+16, "middle", fmt.Sprintf("%g", ms))
	}
	for i, way := range ways {
		y := float64(plotTop + group*i)
		text(plotLeft-8, y+barHeight+4, "end", way)
		for j, bar := range bars {
			f, ok := t.find(bar.act, way)
			if !ok {
				continue
			}
			top, ms := y+float64(j*barHeight), f.Median/1e3
			rect(plotLeft, top, at(ms)-plotLeft, barHeight-1, bar.colour)
			right := at(ms)
			if ms <= end {
				right = at(f.High / 1e3)
				line(at(f.Low/1e3), top+barHeight/2, right, top+barHeight/2, colours.text)
			} else {
				// Two strokes across the end say that it goes on.
				for _, x := range []float64{right - 14, right - 9} {
					line(x, top+barHeight+1, x+4, top-2, colours.text)
				}
			}
			fmt.Fprintf(&b, `<g font-size="11">`)
			text(right+6, top+barHeight-2, "start", fmt.Sprintf("%.2f", ms))
			b.WriteString("</g>\n")
		}
	}
	fmt.Fprintf(&b, `<g font-size="11">`)
	for i, s := range []string{caption, fmt.Sprintf("Medians of %d rounds in random order. Again: make bench", t.Rounds)} {
		text(8, bottom+plotBottom-24+float64(14*i), "start", s)
	}
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// scale returns where an axis ends, and its step. It leaves out what is more
// than four times the next smaller figure, unless that is so small that the
// axis would show nothing of the others.
func scale(figures []float64) (end, step float64) {
	sorted := slices.Clone(figures)
	slices.Sort(sorted)
	longest := sorted[len(sorted)-1]
	for i := len(sorted) - 1; i > len(sorted)/2; i-- {
		if sorted[i] > 4*sorted[i-1] {
			longest = sorted[i-1]
		}
	}
	step = math.Pow(10, math.Floor(math.Log10(longest)))
	for _, part := range []float64{0.2, 0.5} {
		if longest/(step*part) <= 8 {
			step *= part
			break
		}
	}
	return math.Ceil(longest/step) * step, step
}
