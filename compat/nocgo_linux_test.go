//go:build !cgo

package compat

const cgoLinked = false
