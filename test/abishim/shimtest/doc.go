// Package shimtest gives tests older Landlock ABIs: it builds abishim, says
// which ABIs can be had here, and starts commands under them.
//
//	for _, n := range shimtest.ABIs(t) {
//		out, err := shimtest.Command(t, n, shimtest.Self(t), "-test.run=TestInside").Output()
//		…
//	}
//
// Where ptrace is impossible the test is skipped, saying why; with the
// environment variable CI set it fails instead.
package shimtest
