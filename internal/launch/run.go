package launch

import "os"

// Run becomes the command, or explains it. It returns only when no command
// was executed, with the status to exit with.
func (w *Words) Run() int {
	speech := w.Speech()
	request, fail := w.Request()
	if fail == nil {
		fail = request.Run(speech, os.Stdout)
	}
	if fail == nil {
		return 0
	}
	speech.Fail(fail)
	return fail.Status
}
