package gate

// code is the instruction and the way back: syscall, ret.
var code = []byte{0x0f, 0x05, 0xc3}

// trap fills the rest of the page: int3.
var trap = []byte{0xcc}

const (
	codeStep        = 1 // alignment of an instruction, bytes
	instructionSize = 2 // of syscall, bytes
	// addressMask keeps an address in the 47 bits of user space.
	addressMask = 1<<46 - 1
)
