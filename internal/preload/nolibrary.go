//go:build !libunveil

package preload

var library string
