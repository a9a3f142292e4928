#include "textflag.h"

// func enter(prog *unix.SockFprog, flags uintptr, tell int, entry uintptr, path *byte, argv, envp **byte) (step uintptr, errno syscall.Errno)
TEXT ·enter(SB), NOSPLIT, $16-72
	MOVD  prog+0(FP), R2
	MOVHU 0(R2), R3
	CBZ   R3, run
	MOVD  $277, R8          // seccomp
	MOVD  $1, R0            // SECCOMP_SET_MODE_FILTER
	MOVD  flags+8(FP), R1
	SVC
	MOVD  $1, R4
	TBNZ  $63, R0, failed
	MOVD  tell+16(FP), R5
	TBNZ  $63, R5, run
	MOVW  R0, listener-8(SP)
	MOVD  $listener-8(SP), R1
	MOVD  R5, R0
	MOVD  $4, R2
	MOVD  entry+24(FP), R12
	MOVD  $64, R8           // write
	BL    (R12)
	MOVD  $2, R4
	TBNZ  $63, R0, failed
run:
	MOVD path+32(FP), R0
	MOVD argv+40(FP), R1
	MOVD envp+48(FP), R2
	MOVD entry+24(FP), R12
	MOVD $221, R8           // execve
	BL   (R12)
	MOVD $3, R4
failed:
	NEG  R0, R0
	MOVD R4, step+56(FP)
	MOVD R0, errno+64(FP)
	RET

// func write(entry uintptr, text *byte, n uintptr)
TEXT ·write(SB), NOSPLIT, $16-24
	MOVD $2, R0
	MOVD text+8(FP), R1
	MOVD n+16(FP), R2
	MOVD entry+0(FP), R12
	MOVD $64, R8            // write
	BL   (R12)
	RET

// func exit(status uintptr)
TEXT ·exit(SB), NOSPLIT, $0-8
	MOVD status+0(FP), R0
	MOVD $94, R8            // exit_group
	SVC
	BRK
	RET

// The page was written as data: the instruction cache is told of it.
// func flush(at uintptr)
TEXT ·flush(SB), NOSPLIT, $0-8
	MOVD at+0(FP), R0
	WORD $0xd50b7b20        // dc cvau, x0
	WORD $0xd5033b9f        // dsb ish
	WORD $0xd50b7520        // ic ivau, x0
	WORD $0xd5033b9f        // dsb ish
	WORD $0xd5033fdf        // isb
	RET
