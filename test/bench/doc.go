// Bench measures what the box costs, and writes tables, plots and what became
// of the budgets:
//
//   - launch: a command that does nothing, by itself, by unveil-run and by the
//     launchers that people would use instead; without a filter and with one
//   - rules, policy: the same with up to 1,000 rules, and 10,000 lines
//   - library: pledge(2) and unveil(2) in a C program
//   - calls, work: system calls and everyday commands in the box
//   - memory: a C program with libunveil and without
//   - trace: many opens that are told of, beside strace
//   - files: what was built
//
// The budgets are those of budget.go. They are never asserted by a test.
//
//	go run ./test/bench                # prints tables
//	go run ./test/bench -only calls    # of one section
//	go run ./test/bench -svg DIR       # and draws plots
//	go run ./test/bench -readme        # and writes the figures of README.md
//	go run ./test/bench -budget        # and fails where a budget is missed
//	go run ./test/bench -execs 20000   # how often an exec'd image is taken for its parent
//
// Every row of a table runs once a round, in a new random order, so that what
// else the machine does meets all rows alike; ratios are those of the medians. On
// a busy machine `chrt -f 50` before the command, as root, helps. Before a box is
// measured it is attacked: it must refuse what goes through outside it.
//
// landrun, and a setpriv that knows Landlock, are taken from PATH, or else from
// Debian's archive, by the addresses in /etc/apt and without a change to the
// system. A launcher that is missing is said; where CI is set that is a failure.
package main
