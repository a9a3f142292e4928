//go:build cgo

package compat

import _ "runtime/cgo" // so that CGO_ENABLED=1 links it

const cgoLinked = true
