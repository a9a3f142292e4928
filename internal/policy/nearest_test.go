package policy

import "testing"

func TestMeant(t *testing.T) {
	for word, want := range map[string]string{
		"unvail": "unveil", "unveill": "unveil", "nuveil": "unveil", "Unveil": "unveil", "-u": "unveil",
		"plege": "pledge", "pledges": "pledge", "-p": "pledge",
		"conect": "connect", "conncet": "connect", "--connect": "connect",
		"bnd": "bind", "BIND": "bind",
		"envs": "env", "-e": "env",
		"includ": "include",
		"":       "", "x": "", "/usr": "", "stdio": "", "allow": "", "unveil_everything": "", "e": "",
	} {
		if k, ok := meant(word); k.name != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", word, k.name, ok, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"abc", "abd", 1}, {"abc", "ab", 1}, {"ab", "abc", 1}, {"ab", "ba", 2},
		{"kitten", "sitting", 3},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
