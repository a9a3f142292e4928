package unveil

import "github.com/unveil-run/unveil-run/internal/kernel"

// Probe returns what the running kernel can do, for Options.Kernel. It
// changes nothing in the process and does not fail: what is missing is told
// by Compile, as gaps, and by Apply.
func Probe() kernel.Kernel { return kernel.Probe() }
