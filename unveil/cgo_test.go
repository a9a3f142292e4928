//go:build cgo

package unveil_test

// cgoLinked tells that the test binary has cgo: the race detector brings it,
// package net and others do where a C compiler is found.
const cgoLinked = true
