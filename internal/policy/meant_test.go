package policy

import "testing"

func TestMeant(t *testing.T) {
	for word, want := range map[string]string{
		"unvail": "unveil", "unveill": "unveil", "nuveil": "unveil", "Unveil": "unveil", "-u": "unveil",
		"plege": "pledge", "pledges": "pledge", "-p": "pledge",
		"execpromise": "execpromises", "Execpromises": "execpromises", "-P": "execpromises",
		"conect": "connect", "conncet": "connect", "--connect": "connect",
		"bnd": "bind", "BIND": "bind",
		"envs": "env", "-e": "env", "unux": "unix", "--unix": "unix",
		"includ": "include",
		"":       "", "x": "", "/usr": "", "stdio": "", "allow": "", "unveil_everything": "", "e": "",
	} {
		if k, ok := meant(word); k.name != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", word, k.name, ok, want)
		}
	}
}
