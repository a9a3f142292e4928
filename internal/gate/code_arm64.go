package gate

// code is the instruction and the way back: svc #0, ret.
var code = []byte{0x01, 0x00, 0x00, 0xd4, 0xc0, 0x03, 0x5f, 0xd6}

// trap fills the rest of the page: brk #0.
var trap = []byte{0x00, 0x00, 0x20, 0xd4}

const (
	codeStep        = 4 // alignment of an instruction, bytes
	instructionSize = 4 // of svc, bytes
	// addressMask keeps an address in the 39 bits that every kernel gives.
	addressMask = 1<<38 - 1
)
