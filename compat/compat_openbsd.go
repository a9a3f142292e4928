package compat

import "golang.org/x/sys/unix"

// Pledge calls pledge(2) with both sets.
func Pledge(promises, execpromises string) error { return unix.Pledge(promises, execpromises) }

// PledgePromises calls pledge(2) and leaves the execpromises as they are.
func PledgePromises(promises string) error { return unix.PledgePromises(promises) }

// PledgeExecpromises calls pledge(2) and leaves the promises as they are.
func PledgeExecpromises(execpromises string) error { return unix.PledgeExecpromises(execpromises) }

// Unveil calls unveil(2).
func Unveil(path, flags string) error { return unix.Unveil(path, flags) }

// UnveilBlock ends the list of unveil(2).
func UnveilBlock() error { return unix.UnveilBlock() }
