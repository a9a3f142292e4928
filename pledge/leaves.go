package pledge

// leaves lays the answers over the numbers of an architecture: ranges in
// rising order from 0, neighbours with the same plain answer joined.
func leaves(p *Plan, a *[len(numbers)]answers, column int) []leaf {
	return lay(column, func(c int) ([]step, bool) {
		if c < 0 {
			return unknownSteps, true
		}
		return a[c].steps(p.set, p.options), true
	})
}

// lay lays steps over the numbers of an architecture. It asks for those of
// each call, and of -1, which is every number that is none; where it is told
// false, no number comes that way and whatever leaf is next to it may have it.
func lay(column int, stepsOf func(c int) ([]step, bool)) []leaf {
	const most = 1024 // above every number of both architectures, held by a test
	var at [most]int  // call of a number, from 1
	top := 0
	for c := range numbers {
		if n := numbers[c].nr[column]; n >= 0 {
			at[n] = c + 1
			top = max(top, n)
		}
	}
	list := make([]leaf, 0, len(numbers))
	names := make([]string, 0, len(numbers)) // in the order of numbers, so that each leaf has a piece of it
	for n := 0; n <= top+1; n++ {
		steps, comes := stepsOf(at[n] - 1)
		if !comes {
			continue
		}
		l := leaf{first: uint32(n), steps: steps, names: names[len(names):]}
		if c := at[n]; c != 0 {
			names = append(names, numbers[c-1].name)
			l.names = names[len(names)-1:]
		}
		if len(list) == 0 {
			l.first = 0
		}
		if last := len(list) - 1; last >= 0 && l.plain() && list[last].plain() && l.steps[0].ret == list[last].steps[0].ret {
			list[last].names = list[last].names[:len(list[last].names)+len(l.names)]
			continue
		}
		list = append(list, l)
	}
	return list
}
