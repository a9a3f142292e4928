// Package report is what a machine says to the runner: a line of JSON for
// each event, so that no output of a test can pass for an event.
package report

// A Job is one command that the machine runs. The list of them lies in the
// machine as [Jobs].
type Job struct {
	Name    string
	Argv    []string
	Env     []string
	Dir     string
	UID     int // and group
	Seconds int // after which it is killed

	// For the runner alone.
	ABI  int  // that it is run under
	Shim bool // which is not the kernel's: abishim gives it
	C    bool // its lines are those of cgo/ctest, else of go test
}

// Jobs is the file with the list of jobs, in JSON.
const Jobs = "/jobs.json"

// Channel is the kernel parameter that names the serial device for events:
// the console carries the kernel's own lines, which would split ours.
const Channel = "kernels.out"

// An Event is one of its fields, beside Job.
type Event struct {
	Boot *Boot  `json:",omitempty"`
	Job  string `json:",omitempty"` // that Line, Start and Exit belong to

	Start bool    `json:",omitempty"`
	Line  *string `json:",omitempty"` // of standard output or error
	Exit  *Exit   `json:",omitempty"`

	Note string `json:",omitempty"` // a failure of init, which goes on
	End  bool   `json:",omitempty"` // every job has been run
}

// Boot is what the machine is, said first.
type Boot struct {
	Release string
	ABI     int    // of Landlock: 0 is none
	Errno   string `json:",omitempty"` // of the version call without Landlock
	LSM     string
	CPUs    int
	Uptime  string // seconds
}

// Exit is how a job ended.
type Exit struct {
	Status  int // 128 and the signal for one that a signal ended
	Seconds float64
}
