#include "textflag.h"

// func enter(prog *unix.SockFprog, flags uintptr, tell int, entry uintptr, path *byte, argv, envp **byte) (step uintptr, errno syscall.Errno)
TEXT ·enter(SB), NOSPLIT, $16-72
	MOVQ prog+0(FP), DX
	CMPW 0(DX), $0
	JEQ  run
	MOVQ $317, AX          // seccomp
	MOVQ $1, DI            // SECCOMP_SET_MODE_FILTER
	MOVQ flags+8(FP), SI
	SYSCALL
	MOVQ $1, CX
	CMPQ AX, $0
	JLT  failed
	MOVQ tell+16(FP), DI
	CMPQ DI, $0
	JLT  run
	MOVL AX, listener-8(SP)
	LEAQ listener-8(SP), SI
	MOVQ $4, DX
	MOVQ entry+24(FP), R12
	MOVQ $1, AX            // write
	CALL R12
	MOVQ $2, CX
	CMPQ AX, $0
	JLT  failed
run:
	MOVQ path+32(FP), DI
	MOVQ argv+40(FP), SI
	MOVQ envp+48(FP), DX
	MOVQ entry+24(FP), R12
	MOVQ $59, AX           // execve
	CALL R12
	MOVQ $3, CX
failed:
	NEGQ AX
	MOVQ CX, step+56(FP)
	MOVQ AX, errno+64(FP)
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
