package main

import "golang.org/x/sys/unix"

// auditArch is what seccomp calls this architecture.
const auditArch = unix.AUDIT_ARCH_X86_64

type regs unix.PtraceRegs

func (r *regs) load(tid int) error { return unix.PtraceGetRegs(tid, (*unix.PtraceRegs)(r)) }

func (r *regs) nr() uint64 { return r.Orig_rax }

func (r *regs) args() [6]uint64 { return [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9} }

// skip has the stopped call not run and return ret.
func (r *regs) skip(tid int, ret int64) error {
	r.Orig_rax = ^uint64(0)
	r.Rax = uint64(ret)
	return unix.PtraceSetRegs(tid, (*unix.PtraceRegs)(r))
}
