// Target is the program in the box: static, and as talkative in system calls
// as a Go program is. It makes one act and prints "ok", or the errno.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 2 || acts[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: target ACT [ARG]")
		os.Exit(2)
	}
	err := acts[os.Args[1]](strings.Join(os.Args[2:], " "))
	if errno := unix.Errno(0); errors.As(err, &errno) {
		fmt.Println(unix.ErrnoName(errno))
		os.Exit(1)
	} else if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

var acts = map[string]func(arg string) error{
	"nothing": func(string) error { return nil },
	"read":    func(path string) error { return open(path, unix.O_RDONLY) },
	"write":   func(path string) error { return open(path, unix.O_WRONLY|unix.O_CREAT) },
	"fork": func(path string) error {
		// Allowed or not, there is nothing that a child could do.
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			unix.Exit(0)
		}
		_, err := unix.Wait4(int(pid), nil, 0, nil)
		return err
	},
	// What is executed again says "ok" in its turn.
	"self":    func(string) error { return unix.Exec("/proc/self/exe", []string{"target", "nothing"}, nil) },
	"exec":    func(path string) error { return unix.Exec(path, []string{"target", "nothing"}, nil) },
	"memfd":   memfd,
	"socket":  func(string) error { return socket(unix.AF_INET, unix.SOCK_STREAM, nil) },
	"tcp":     func(port string) error { return socket(unix.AF_INET, unix.SOCK_STREAM, loopback(port)) },
	"udp":     func(port string) error { return socket(unix.AF_INET, unix.SOCK_DGRAM, loopback(port)) },
	"unix":    func(path string) error { return socket(unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: path}) },
	"signal":  func(pid string) error { return unix.Kill(number(pid), unix.SIGWINCH) },
	"threads": threads,
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o644)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// memfd executes a copy of the program that has no path.
func memfd(string) error {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate("copy", 0)
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, self); err != nil {
		return err
	}
	return unix.Exec("/proc/self/fd/"+strconv.Itoa(fd), []string{"target", "nothing"}, nil)
}

func socket(family, kind int, to unix.Sockaddr) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if to == nil {
		return nil
	}
	return unix.Connect(fd, to)
}

func loopback(port string) unix.Sockaddr {
	return &unix.SockaddrInet4{Port: number(port), Addr: [4]byte{127, 0, 0, 1}}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// threads are started, and every one of them works.
func threads(string) error {
	done := make(chan error)
	for range 8 {
		go func() { done <- open("/dev/null", unix.O_RDONLY) }()
	}
	for range 8 {
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}
