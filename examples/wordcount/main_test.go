package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/kernel"
	"github.com/unveil-run/unveil-run/test/need"
)

const envConfined = "WORDCOUNT_TEST"

// TestMain is also the subprocess: it tries each act, confined or not.
func TestMain(m *testing.M) {
	how := os.Getenv(envConfined)
	if how == "" {
		os.Exit(m.Run())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if how == "confined" {
		if err := confine(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	done := make(chan string)
	go func() { // on any thread
		_, open := os.Open("/etc/hosts")
		_, dial := net.Dial("tcp", listener.Addr().String())
		start := exec.Command("/bin/true").Run()
		done <- fmt.Sprintln("open", open == nil, "dial", dial == nil, "start", start == nil)
	}()
	fmt.Print(<-done)
	os.Exit(0)
}

func TestConfine(t *testing.T) {
	if k := kernel.Probe(); k.Seccomp != nil {
		need.Missing(t, "seccomp: %v", k.Seccomp)
	}
	for how, want := range map[string]string{
		"free":     "open true dial true start true\n",
		"confined": "open false dial false start false\n",
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envConfined+"="+how)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), want) {
			t.Errorf("%s: %v\n%s\nwant %s", how, err, out, want)
		}
	}
}
