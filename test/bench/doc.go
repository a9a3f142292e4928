// Bench measures what it costs to start a command in a box: the whole process
// of a target that does nothing, by itself, by unveil-run, and by the
// launchers that people would use instead. And what the library's pledge(2)
// and unveil(2) cost a C program, and what it does under them, beside the same
// program with a library that does nothing. And what many opens cost that
// --trace tells of, beside strace.
//
//	go run ./test/bench            # prints a table
//	go run ./test/bench -svg DIR   # and draws launch.svg and rules.svg
//	go run ./test/bench -budget    # and fails where a budget is broken
//	go run ./test/bench -execs 20000   # how often an exec'd image is taken for its parent
//
// Every row runs once a round, in a new random order, so that what else the
// machine does meets all rows alike; ratios are those of the medians. On a
// busy machine `chrt -f 50` before the command, as root, helps.
//
// The launcher is measured with up to 1,000 rules too, without a filter and
// with one. Budgets are printed beside the figures, and never asserted by a test.
//
// landrun, and a setpriv that knows Landlock, are taken from PATH, or else from
// Debian's archive, by the addresses in /etc/apt and without a change to the
// system. A launcher that is missing is said; where CI is set that is a failure.
package main
