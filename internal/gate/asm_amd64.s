#include "textflag.h"

// func enter(prog *unix.SockFprog, entry uintptr, path *byte, argv, envp **byte) (step uintptr, errno syscall.Errno)
TEXT ·enter(SB), NOSPLIT, $8-56
	MOVQ prog+0(FP), DX
	CMPW 0(DX), $0
	JEQ  run
	MOVQ $317, AX          // seccomp
	MOVQ $1, DI            // SECCOMP_SET_MODE_FILTER
	XORQ SI, SI
	SYSCALL
	CMPQ AX, $0
	JEQ  run
	NEGQ AX
	MOVQ $1, step+40(FP)
	MOVQ AX, errno+48(FP)
	RET
run:
	MOVQ path+16(FP), DI
	MOVQ argv+24(FP), SI
	MOVQ envp+32(FP), DX
	MOVQ entry+8(FP), R12
	MOVQ $59, AX           // execve
	CALL R12
	NEGQ AX
	MOVQ $2, step+40(FP)
	MOVQ AX, errno+48(FP)
	RET

// func write(entry uintptr, text *byte, n uintptr)
TEXT ·write(SB), NOSPLIT, $8-24
	MOVQ $2, DI
	MOVQ text+8(FP), SI
	MOVQ n+16(FP), DX
	MOVQ entry+0(FP), R12
	MOVQ $1, AX            // write
	CALL R12
	RET

// func exit(status uintptr)
TEXT ·exit(SB), NOSPLIT, $0-8
	MOVQ status+0(FP), DI
	MOVQ $231, AX          // exit_group
	SYSCALL
	INT  $3
	RET

// func flush(at uintptr)
TEXT ·flush(SB), NOSPLIT, $0-8
	RET
