package policy_test

import (
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/unveil"
)

func TestHome(t *testing.T) {
	tests := []struct{ home, word, path string }{
		{"/home/me", "~:r", "/home/me"},
		{"/home/me", "~/:r", "/home/me/"},
		{"/home/me", "~/src:r", "/home/me/src"},
		{"/home/me", "~/a:b:r", "/home/me/a:b"},
		{"/home/me/", "~/src:r", "/home/me/src"},
		{"/", "~:r", "/"},
		{"/", "~/src:r", "/src"},
		{"/home/me", "./~:r", "./~"},
		{"/home/me", "/~:r", "/~"},
		{"/home/me", "a~/b:r", "a~/b"},
		{"", "/usr:r", "/usr"},
		{"", "src:r", "src"},
	}
	for _, tt := range tests {
		p := policy.Policy{Home: tt.home}
		if err := p.AddUnveil(tt.word, "-u "+tt.word); err != nil || len(p.Unveil) != 1 || p.Unveil[0].Path != tt.path || p.Unveil[0].Letters != unveil.R {
			t.Errorf("%s with HOME=%s: %+v, %v; want %s", tt.word, tt.home, p.Unveil, err, tt.path)
		}
	}
}

func TestHomeErrors(t *testing.T) {
	tests := []struct{ name, home, word, want, hint string }{
		{"none", "", "~:r", `-u: unveil "~": the home directory is not known, HOME is ""`, "./~ is the file"},
		{"relative", "me", "~/src:r", `-u: unveil "~/src": the home directory is not known, HOME is "me"`, "set HOME"},
		{"of another", "/home/me", "~you/src:r", `-u: unveil "~you/src": home directories of other users are not looked up`, "./~you/src is the file"},
		{"too long", "/" + strings.Repeat("h", 4090), "~/source:r", `-u: unveil "/` + strings.Repeat("h", 63) + `…": the path is longer than 4095 bytes`, ""},
		{"NUL", "/home/\x00", "~:r", `-u: unveil "/home/\x00": NUL in the path`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := policy.Policy{Home: tt.home}
			checkError(t, p.AddUnveil(tt.word, "-u"), tt.want, tt.hint)
		})
	}
}

func TestHomeInFile(t *testing.T) {
	p := policy.Policy{Home: "/home/me"}
	if err := p.Read("box", "unveil ~ r\nunveil \"~/a b\" r\nenv X=~"); err != nil {
		t.Fatal(err)
	}
	if p.Unveil[0].Path != "/home/me" || p.Unveil[1].Path != "/home/me/a b" {
		t.Errorf("%+v", p.Unveil)
	}
	if p.Env[0] != "X=~" {
		t.Errorf("env %q; only paths are expanded", p.Env)
	}
	checkError(t, p.Read("box", "unveil ~you r"), `box:1:8: unveil "~you": home directories of other users are not looked up`, "write it out")
}
