package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"

	"github.com/unveil-run/unveil-run/pledge"
)

// withFilterFile is a way of setpriv's with a filter of ours. It installs the
// filter first, and so that has to allow the rest of its work, beside what is
// promised: rules of Landlock, capabilities, the exec, the loader of the command.
func (b *bench) withFilterFile(x box, w way) (way, error) {
	set, err := pledge.Parse(x.promises + " unveil id exec prot_exec")
	if err != nil {
		return way{}, err
	}
	plan, err := pledge.Compile(set, pledge.Options{})
	if err != nil {
		return way{}, err
	}
	var program bytes.Buffer
	if err := binary.Write(&program, binary.NativeEndian, plan.Program()); err != nil {
		return way{}, err
	}
	file := filepath.Join(b.dir, "filter")
	prefix := slices.Insert(slices.Clone(w.prefix), len(w.prefix)-1, "--seccomp-filter", file)
	return way{w.name + ", with a filter", prefix, true, true}, os.WriteFile(file, program.Bytes(), 0o644)
}
