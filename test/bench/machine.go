package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A machine is where and when figures were taken: without it they say nothing.
type machine struct {
	Kernel     string `json:"kernel"`
	Processor  string `json:"processor"`
	Processors int    `json:"processors"`
	// Load is what else ran, when the measuring began: of the last minute.
	Load float64 `json:"load"`
	Date string  `json:"date"`
}

func where() machine {
	m := machine{Kernel: "unknown", Processor: "processor " + runtime.GOARCH, Processors: runtime.NumCPU(), Date: time.Now().UTC().Format(time.DateOnly)}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		fmt.Sscan(string(text), &m.Load)
	}
	// arm64 has no such line.
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			m.Processor = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// caption says where and when in one line.
func (m machine) caption() string {
	return fmt.Sprintf("Linux %s, %s, %d processors, load %.1f when it began, %s", m.Kernel, m.Processor, m.Processors, m.Load, m.Date)
}
