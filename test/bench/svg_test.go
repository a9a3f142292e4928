package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestPlot holds that a plot is XML, says everything, and that a bar of more
// time is longer.
func TestPlot(t *testing.T) {
	text := string(plot("title & <more>", "caption", []result{{Name: "a <b>", Median: 100}, {Name: "c", Median: 25000}}))
	var said []string
	var widths []string
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
	for _, want := range []string{"title & <more>", "caption", "a <b>", "c", "100", "25000", "1000"} {
		found := false
		for _, s := range said {
			found = found || s == want
		}
		if !found {
			t.Errorf("%q is not in %q", want, said)
		}
	}
	if len(widths) != 2 || widths[0] != "138.3" || widths[1] != "470.0" { // a third of the way, by powers of ten
		t.Errorf("widths %q", widths)
	}
}

// TestJudgeRules holds that the most rules are held against one, each with
// its own kind.
func TestJudgeRules(t *testing.T) {
	list := judgeRules([]result{{Name: "1", Median: 1000}, {Name: "1 -p", Median: 2000}, {Name: "9", Median: 5000}, {Name: "9 -p", Median: 6001}})
	if len(list) != 2 || !list[0].Holds || list[0].More != 4000 || list[1].Holds || list[1].Row != "9 -p" {
		t.Errorf("%+v", list)
	}
}
