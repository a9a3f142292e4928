package kernel

// A Limit is something that a word should keep out and that Linux lets
// through.
type Limit struct {
	ABI  int    // the Landlock ABI that closes it, 0 when none does
	Text string // what goes through, a clause
}

// Always is a limit of every kernel.
func Always(text string) Limit { return Limit{Text: text} }

// Below is a limit of kernels below a Landlock ABI.
func Below(abi int, text string) Limit { return Limit{abi, text} }

// Open reports whether a kernel lets it through.
func (l Limit) Open(k Kernel) bool { return l.ABI == 0 || k.ABI < l.ABI }

// String is the clause, with what it needs where a newer kernel closes it.
func (l Limit) String() string {
	if l.ABI == 0 {
		return l.Text
	}
	return l.Text + " (needs Linux " + Lookup(l.ABI).Linux + ")"
}
