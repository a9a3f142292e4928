package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

const (
	treeDirectories = 50
	treeFiles       = 40 // in each
	processes       = 200
)

// sources are a small project, of files in cgo.
var sources = []string{"rights.c", "veil.c", "walk.c", "words.c"}

// work measures what people do: the whole command, its launch included.
func (b *bench) work() (table, error) {
	tree, objects := filepath.Join(b.home, "tree"), filepath.Join(b.home, "objects")
	if err := errors.Join(os.Mkdir(objects, 0o755), makeTree(tree)); err != nil {
		return table{}, err
	}
	git := func(args ...string) error {
		return done(exec.Command("git", append([]string{"-C", tree, "-c", "user.name=bench", "-c", "user.email=bench"}, args...)...))
	}
	if err := errors.Join(git("init", "-q"), git("add", "."), git("commit", "-qm", "files")); err != nil {
		return table{}, err
	}
	gcc := []string{"sh", "-c", `cd "$0" && gcc -O1 -c "$@"`, objects}
	for _, name := range sources {
		gcc = append(gcc, filepath.Join(b.root, "cgo", name))
	}
	jobs := []struct {
		name    string
		command []string
	}{
		{fmt.Sprintf("find, cat: %d files", treeDirectories*treeFiles), []string{"find", filepath.Join(tree, "d"), "-type", "f", "-exec", "cat", "{}", "+"}},
		{fmt.Sprintf("git status: %d files", treeDirectories*treeFiles), []string{"git", "-C", tree, "status", "--porcelain"}},
		{fmt.Sprintf("gcc: %d files of libunveil", len(sources)), gcc},
		{fmt.Sprintf("%d processes", processes), []string{"sh", "-c", `i=0; while [ $i -lt $0 ]; do /usr/bin/true; i=$((i + 1)); done`, fmt.Sprint(processes)}},
	}
	x := box{
		read:     []string{"/usr", "/lib", "/lib64", "/etc", filepath.Join(b.root, "cgo")},
		write:    []string{b.home},
		promises: "stdio rpath wpath cpath fattr proc exec",
	}
	ways := slices.Concat([]way{{name: noBox}}, x.ours(b.launcher), x.theirs(b.peers, landrun, bwrap))
	if err := b.holds(x, ways); err != nil {
		return table{}, err
	}
	var acts []act
	var trials []trial
	for _, job := range jobs {
		acts = append(acts, act{job.name, "ms"}, act{processor(job.name), "ms"})
		for _, w := range ways {
			trials = append(trials, commandTrial(w, job.name, job.command...))
		}
	}
	return interleave("work", "Work in the box, its launch included", acts, trials, b.some(12), 1)
}

// makeTree makes directories of small files.
func makeTree(tree string) error {
	for i := range treeDirectories {
		dir := filepath.Join(tree, "d", fmt.Sprint(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for j := range treeFiles {
			text := slices.Repeat([]byte(fmt.Sprintf("file %d of directory %d\n", j, i)), 100)
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(j)), text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
