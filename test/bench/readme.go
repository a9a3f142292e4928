package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where figures are kept, below the root of the repository. All else is drawn
// from figuresFile.
const (
	figuresDir  = ".github/bench"
	figuresFile = "figures.json"
	pageFile    = "FIGURES.md"
	readmeFile  = "README.md"
	blockBegin  = "<!-- bench -->\n"
	blockEnd    = "<!-- end of bench -->\n"
)

// publish writes the figures, and what is drawn from them.
func (r report) publish(root string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	files, err := r.drawn(root)
	if err != nil {
		return err
	}
	files[filepath.Join(figuresDir, figuresFile)] = append(text, '\n')
	return errors.Join(os.MkdirAll(filepath.Join(root, figuresDir), 0o755), writeFiles(root, files))
}

// drawn returns what is drawn from the figures, by its name below the root.
func (r report) drawn(root string) (map[string][]byte, error) {
	files := map[string][]byte{}
	pictures, err := r.plots()
	if err != nil {
		return nil, err
	}
	for name, text := range pictures {
		files[filepath.Join(figuresDir, name)] = text
	}
	files[filepath.Join(figuresDir, pageFile)] = r.page()
	old, err := os.ReadFile(filepath.Join(root, readmeFile))
	if err != nil {
		return nil, err
	}
	block, err := r.block()
	if err != nil {
		return nil, err
	}
	before, rest, begun := bytes.Cut(old, []byte(blockBegin))
	_, after, ended := bytes.Cut(rest, []byte(blockEnd))
	if !begun || !ended {
		return nil, fmt.Errorf("%s: no place for the figures between %q and %q", readmeFile, strings.TrimSpace(blockBegin), strings.TrimSpace(blockEnd))
	}
	files[readmeFile] = slices.Concat(before, []byte(blockBegin), block, []byte(blockEnd), after)
	return files, nil
}

// page is all of the figures.
func (r report) page() []byte {
	var b bytes.Buffer
	b.WriteString("# Figures\n\nWritten by `make bench-readme`. Each row ran once a round, in a random order among\n" +
		"the others of its table; the last column is the ratio to the first row of the act.\n")
	for _, p := range plots {
		fmt.Fprintf(&b, "\n%s\n", picture("", p))
	}
	b.WriteString("\n```text\n")
	r.print(&b)
	b.WriteString("```\n")
	return b.Bytes()
}

// picture shows a plot as GitHub does on a light page and on a dark one.
func picture(dir string, p plotted) string {
	return fmt.Sprintf(`<picture>
  <source media="(prefers-color-scheme: dark)" srcset="%[1]s%[2]s-dark.svg">
  <img alt="%[3]s" src="%[1]s%[2]s-light.svg">
</picture>`, dir, p.table, p.title)
}

// block is what README.md shows: a plot, a table of what is slower in the box,
// and where that was.
func (r report) block() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\n", picture(figuresDir+"/", plots[0]))
	var rows []figure
	var ways []string
	for _, name := range []string{"calls", "work"} {
		t, err := r.table(name)
		if err != nil {
			return nil, err
		}
		for _, f := range t.Figures {
			if _, twice := t.find(processor(f.Act), f.Way); !twice {
				rows = append(rows, f)
			}
		}
	}
	for _, f := range rows {
		if !slices.Contains(ways, f.Way) {
			ways = append(ways, f.Way)
		}
	}
	both := table{Figures: rows}
	fmt.Fprintf(&b, "| | %s |\n|---|%s\n", strings.Join(ways, " | "), strings.Repeat("--:|", len(ways)))
	act := ""
	for _, f := range rows {
		if f.Act == act {
			continue
		}
		act = f.Act
		fmt.Fprintf(&b, "| %s | %s %s |", act, digits(f.Median), f.Unit)
		for _, way := range ways[1:] {
			if other, ok := both.find(act, way); ok {
				fmt.Fprintf(&b, " %.2f |", other.Median/f.Median)
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, `
Medians of rounds in random order, as ratios to no box; of a whole command its time
on the processor, launch included. %s.
%[4]smake bench%[4]s measures again, in minutes. [%[3]s](%[2]s/%[3]s) has the quartiles,
the calls of the library, memory, and the budgets that hold or are missed.
`, r.Machine.caption(), figuresDir, pageFile, "`")
	return b.Bytes(), nil
}
