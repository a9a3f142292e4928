package pledge

import "runtime"

// Number returns the number of a system call, by the kernel's own name, on
// the architecture that runs; false where it has none.
func Number(name string) (int, bool) {
	column, err := Arch(runtime.GOARCH).column()
	if err != nil {
		return 0, false
	}
	for i := range numbers {
		if numbers[i].name == name {
			return numbers[i].nr[column], numbers[i].nr[column] >= 0
		}
	}
	return 0, false
}

// Name returns the kernel's own name of a system call number on the
// architecture that runs, or "".
func Name(number int) string {
	column, err := Arch(runtime.GOARCH).column()
	if err != nil {
		return ""
	}
	for i := range numbers {
		if numbers[i].nr[column] == number && number >= 0 {
			return numbers[i].name
		}
	}
	return ""
}
