package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// auditArch is what seccomp calls this architecture.
const auditArch = unix.AUDIT_ARCH_AARCH64

type regs unix.PtraceRegsArm64

func (r *regs) load(tid int) error {
	return unix.PtraceGetRegSetArm64(tid, unix.NT_PRSTATUS, (*unix.PtraceRegsArm64)(r))
}

func (r *regs) nr() uint64 { return r.Regs[8] }

func (r *regs) args() [6]uint64 { return [6]uint64(r.Regs[:6]) }

// skip has the stopped call not run and return ret. The kernel took the
// number from x8 when the call came in; it is changed by a set of its own.
func (r *regs) skip(tid int, ret int64) error {
	nr := int32(-1)
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(&nr)), Len: uint64(unsafe.Sizeof(nr))}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SETREGSET, uintptr(tid), unix.NT_ARM_SYSTEM_CALL, uintptr(unsafe.Pointer(&iov)), 0, 0)
	if errno != 0 {
		return errno
	}
	r.Regs[0] = uint64(ret)
	return unix.PtraceSetRegSetArm64(tid, unix.NT_PRSTATUS, (*unix.PtraceRegsArm64)(r))
}
