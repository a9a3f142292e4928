package policy

// OnlyTestEtc has the administrator's profiles in another directory, and
// returns what undoes it.
func OnlyTestEtc(dir string) func() {
	old := etc
	etc = dir
	return func() { etc = old }
}
