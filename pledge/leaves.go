package pledge

// leaves lays the answers over the numbers of an architecture.
//
// It is a good part of a launch, and most of that is memory used for the
// first time: so plain steps are shared, and all others lie in one array.
func leaves(p *Plan, column int) []leaf {
	a := p.answers
	plain := []step{unknownCall} // one of each answer
	all := make([]step, 0, len(numbers)/2)
	return lay(column, len(numbers), func(c int) ([]step, bool) {
		if c < 0 {
			return plain[:1:1], true
		}
		first := len(all)
		all = a[c].steps(all, p.set, p.options)
		steps := all[first:len(all):len(all)]
		if len(steps) == 1 {
			all = all[:first]
			plain, steps = shared(plain, steps[0])
		}
		return steps, true
	})
}

// lay lays steps over the numbers of an architecture: ranges in rising order
// from 0, neighbours with the same plain answer joined. It asks for the steps
// of each call, and of -1, which is every number that is none; where it is
// told false, no number comes that way and whatever leaf is next to it may
// have it. room is about how many leaves there will be.
func lay(column, room int, stepsOf func(c int) ([]step, bool)) []leaf {
	var at byNumber
	top := at.fill(column)
	list := make([]leaf, 0, room)
	for n := 0; n <= top+1; n++ {
		steps, comes := stepsOf(int(at[n]) - 1)
		if !comes {
			continue
		}
		l := leaf{first: uint32(n), steps: steps}
		if len(list) == 0 {
			l.first = 0
		}
		if last := len(list) - 1; last >= 0 && l.plain() && list[last].plain() && l.steps[0].ret == list[last].steps[0].ret {
			continue
		}
		list = append(list, l)
	}
	return list
}

// shared returns the one step of plain that answers as s does, and plain with
// it.
func shared(plain []step, s step) (_, one []step) {
	for i := range plain {
		if plain[i].ret == s.ret {
			return plain, plain[i : i+1 : i+1]
		}
	}
	plain = append(plain, s)
	last := len(plain) - 1
	return plain, plain[last : last+1 : last+1]
}

// byNumber is the call of each number of an architecture, from 1; it is
// longer than the numbers of both, held by a test.
type byNumber [1024]uint16

// fill returns the highest number.
func (at *byNumber) fill(column int) (top int) {
	for c := range numbers {
		if n := numbers[c].nr[column]; n >= 0 {
			at[n] = uint16(c + 1)
			top = max(top, n)
		}
	}
	return top
}
