package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// traceOptions have every process and thread that comes from the command
// attached as well, and killed if abishim dies.
const traceOptions = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

// supervise runs the command with its Landlock calls decided by judge, until
// no process of it is left. It returns how the command itself ended. After an
// error what is left of it is killed by the end of abishim.
func supervise(judge func(call) (verdict, error), argv []string) (unix.WaitStatus, error) {
	pid, err := start(argv)
	if err != nil {
		return 0, err
	}
	// After the start, for an ignored signal stays ignored across execve.
	signal.Ignore(unix.SIGINT, unix.SIGTERM)

	var end unix.WaitStatus
	for {
		var ws unix.WaitStatus
		tid, err := unix.Wait4(-1, &ws, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECHILD:
			return end, nil
		case err != nil:
			return 0, fmt.Errorf("wait4: %w", err)
		case ws.Exited() || ws.Signaled():
			if tid == pid {
				end = ws
			}
		case ws.Stopped():
			// ESRCH: killed while it was stopped; its end is reported next.
			if err := resume(tid, ws, judge); err != nil && err != unix.ESRCH {
				return 0, fmt.Errorf("process %d: %w", tid, err)
			}
		}
	}
}

// start starts the command, attached and held before its execve.
func start(argv []string) (pid int, err error) {
	// A pipe of our own and not a numbered descriptor, for the command
	// inherits every other descriptor under its number.
	var hold [2]int
	if err := unix.Pipe2(hold[:], unix.O_CLOEXEC); err != nil {
		return 0, fmt.Errorf("pipe: %w", err)
	}
	defer unix.Close(hold[1])
	if _, err := unix.FcntlInt(uintptr(hold[0]), unix.F_SETFD, 0); err != nil {
		return 0, fmt.Errorf("pipe: %w", err)
	}
	self := append([]string{"abishim", traceeCommand, strconv.Itoa(hold[0])}, argv...)
	pid, err = syscall.ForkExec("/proc/self/exe", self, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	unix.Close(hold[0])
	if err != nil {
		return 0, fmt.Errorf("starting itself: %w", err)
	}
	// PTRACE_SEIZE and not TRACEME: only it tells a group stop from a signal.
	if err := ptrace(unix.PTRACE_SEIZE, pid, traceOptions); err != nil {
		return 0, fmt.Errorf("ptrace: %w", err)
	}
	if _, err := unix.Write(hold[1], []byte{0}); err != nil {
		return 0, fmt.Errorf("pipe: %w", err)
	}
	return pid, nil
}

// resume answers one stop of a traced thread. ptrace(2), "Stopped states".
func resume(tid int, ws unix.WaitStatus, judge func(call) (verdict, error)) error {
	sig := ws.StopSignal()
	switch event := int(ws) >> 16; event {
	case 0: // a signal on its way
		return ptrace(unix.PTRACE_CONT, tid, uintptr(sig))
	case unix.PTRACE_EVENT_SECCOMP:
		if err := decide(tid, judge); err != nil {
			return err
		}
	case unix.PTRACE_EVENT_STOP:
		switch sig {
		case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
			// Stopped for good, and to be woken by SIGCONT.
			return ptrace(unix.PTRACE_LISTEN, tid, 0)
		}
	}
	return ptrace(unix.PTRACE_CONT, tid, 0)
}

// decide lets judge look at the call that a thread is stopped in.
func decide(tid int, judge func(call) (verdict, error)) error {
	var r regs
	if err := r.load(tid); err != nil {
		return err
	}
	v, err := judge(call{nr: r.nr(), args: r.args(), read: func(addr uint64, b []byte) error {
		return readMemory(tid, addr, b)
	}})
	if err != nil || v.pass {
		return err
	}
	return r.skip(tid, v.ret)
}

// readMemory fills b from the memory of a stopped thread. process_vm_readv(2)
// returns less if only the beginning can be read: that is EFAULT, too.
func readMemory(tid int, addr uint64, b []byte) error {
	local := []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}
	remote := []unix.RemoteIovec{{Base: uintptr(addr), Len: len(b)}}
	n, err := unix.ProcessVMReadv(tid, local, remote, 0)
	if err == nil && n < len(b) {
		return unix.EFAULT
	}
	return err
}

func ptrace(request, tid int, data uintptr) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), 0, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
