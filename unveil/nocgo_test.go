//go:build !cgo

package unveil_test

const cgoLinked = false
