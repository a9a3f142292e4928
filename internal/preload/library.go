//go:build libunveil

package preload

import _ "embed"

//go:embed libunveil.so
var library string
