package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestPlot holds that a plot is XML, says everything, and that bars are in
// proportion, but for one that is too long.
func TestPlot(t *testing.T) {
	text := string(plot(plotted{"", "title & <more>", "first", "second", "left out"}, table{Figures: []figure{
		{"first", "us", "a <b>", 1000, 900, 1100}, {"first", "us", "c", 2000, 2000, 2000}, {"first", "us", "far", 90000, 90000, 90000},
		{"first", "us", "left out", 1000, 1000, 1000}, {"second", "us", "a <b>", 1500, 1500, 1500},
	}}, "caption", palettes["dark"]))
	var said, widths []string
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.CharData:
			said = append(said, string(token))
		case xml.StartElement:
			for _, a := range token.Attr {
				if token.Name.Local == "rect" && a.Name.Local == "width" {
					widths = append(widths, a.Value)
				}
			}
		}
	}
	for _, want := range []string{"title & <more>", "caption", "a <b>", "c", "far", "1.00", "1.50", "2.00", "90.00", "first", "second"} {
		if !slices.Contains(said, want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
	if slices.Contains(said, "left out") {
		t.Errorf("%q has what is left out", said)
	}
	// Two of the legend; then half of the axis, three quarters, and all of it, twice.
	if want := []string{"12.0", "12.0", "275.0", "412.5", "550.0", "550.0"}; !slices.Equal(widths, want) {
		t.Errorf("widths %q, not %q", widths, want)
	}
}

// TestScale holds where an axis ends.
func TestScale(t *testing.T) {
	for _, test := range []struct {
		figures   []float64
		end, step float64
	}{
		{[]float64{0.1, 1.4, 1.5, 2.4, 2.1, 1.1, 25}, 2.5, 0.5},
		{[]float64{1.4, 1.5, 2, 7}, 7, 1},
		{[]float64{0.03, 0.04}, 0.04, 0.005},
	} {
		if end, step := scale(test.figures); end != test.end || step != test.step {
			t.Errorf("%v: %v in steps of %v, not %v of %v", test.figures, end, step, test.end, test.step)
		}
	}
}
