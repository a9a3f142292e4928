package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/unveil"
)

// TestProfileOrder: the user's come before the administrator's, these before
// those that come with the launcher, and all of them before a file of that name
// in the working directory, which anybody may have put there.
func TestProfileOrder(t *testing.T) {
	dir := tree(t, map[string]string{
		"home/.config/unveil/git":  "unveil /user r",
		"home/.config/unveil/mine": "unveil /user r\ninclude theirs",
		"etc/git":                  "unveil /admin r",
		"etc/make":                 "unveil /admin r",
		"etc/theirs":               "unveil /admin r",
		"cwd/git":                  "unveil /cwd r",
		"cwd/make":                 "unveil /cwd r",
		"cwd/build":                "unveil /cwd r",
		"cwd/own":                  "unveil /cwd r",
	})
	t.Cleanup(policy.OnlyTestEtc(filepath.Join(dir, "etc")))
	t.Chdir(filepath.Join(dir, "cwd"))
	home := filepath.Join(dir, "home")
	first := func(home, name string) string {
		t.Helper()
		p := policy.Policy{Home: home, Lookup: variables}
		if err := p.ReadFile(name); err != nil {
			t.Fatal(err)
		}
		return p.Unveil[0].Path
	}
	for _, tt := range []struct{ home, name, want string }{
		{home, "git", "/user"}, {home, "./git", "/cwd"}, {home, "make", "/admin"}, {home, "build", "/usr"}, {home, "own", "/cwd"}, {home, "mine", "/user"},
		{"/none", "git", "/admin"}, {"", "git", "/admin"}, {"relative", "git", "/admin"}, {"/none", "../cwd/git", "/cwd"},
		// Something in the way is nothing there.
		{filepath.Join(dir, "etc/git"), "git", "/admin"},
	} {
		if got := first(tt.home, tt.name); got != tt.want {
			t.Errorf("%s with HOME=%s: %s, want %s", tt.name, tt.home, got, tt.want)
		}
	}
	p := policy.Policy{Home: home}
	if err := p.ReadFile("mine"); err != nil || len(p.Unveil) != 2 || p.Unveil[1].Path != "/admin" {
		t.Errorf("%+v, %v", p.Unveil, err)
	}
	for name, hint := range map[string]string{"gti": `did you mean "git"?`, "pyhton": `did you mean "python"?`, "no-such": "the profiles are agent, build, curl, "} {
		p := policy.Policy{Home: home}
		checkError(t, p.ReadFile(name), name+": no profile of this name, and no file", hint)
	}
	checkError(t, p.Read("box", "include gti"), "gti: no profile of this name, and no file (included at box:1:9)", `did you mean "git"?`)
}

// TestProfileTrust: what is taken by its name alone is nobody else's.
func TestProfileTrust(t *testing.T) {
	dir := tree(t, map[string]string{".config/unveil/open": "unveil /usr r", ".config/unveil/group": "unveil /usr r", ".config/unveil/bad": "unvail"})
	t.Cleanup(policy.OnlyTestEtc("/none"))
	at := func(name string) string { return filepath.Join(dir, ".config/unveil", name) }
	for name, mode := range map[string]os.FileMode{"open": 0o646, "group": 0o664} {
		if err := os.Chmod(at(name), mode); err != nil {
			t.Fatal(err)
		}
		p := policy.Policy{Home: dir}
		checkError(t, p.ReadFile(name), at(name)+": a profile that others can write, mode "+map[string]string{"open": "0646", "group": "0664"}[name], "chmod go-w "+at(name))
		if err := p.ReadFile(at(name)); err != nil {
			t.Error(err)
		}
	}
	p := policy.Policy{Home: dir}
	checkError(t, p.ReadFile("bad"), at("bad")+`:1:1: unknown word "unvail"`, "unveil")
	if os.Getuid() == 0 {
		if err := unix.Chown(at("bad"), 12345, 12345); err != nil {
			t.Fatal(err)
		}
		checkError(t, p.ReadFile("bad"), at("bad")+": a profile that belongs to user 12345", "belong to you or to root")
	}
}

// TestBuiltin reads every profile, wherever it is read: none needs a variable
// or a file of its own.
func TestBuiltin(t *testing.T) {
	t.Cleanup(policy.OnlyTestEtc("/none"))
	t.Chdir(t.TempDir())
	names := policy.Profiles()
	if len(names) < 10 {
		t.Fatalf("%q", names)
	}
	for _, name := range names {
		p := policy.Policy{Home: "/home/me"}
		if err := p.ReadFile(name); err != nil {
			t.Error(err)
			continue
		}
		if len(p.Unveil) < 5 || p.Pledge == nil && name != "system" {
			t.Errorf("%s: %d entries, pledge %v", name, len(p.Unveil), p.Pledge)
		}
		for _, e := range p.Unveil {
			if !strings.HasPrefix(e.From, "profile ") {
				t.Errorf("%s: %s", name, e.From)
			}
			if e.Path == "~" || e.Path == "/home/me" || e.Path == "/" {
				t.Errorf("%s: %s", name, e.Path)
			}
		}
		if p.Pledge != nil && p.Pledge.String() != "" && len(p.Connect) == 0 && strings.Contains(p.Pledge.String(), "inet") {
			t.Errorf("%s: the whole network", name)
		}
	}
}

func TestTokens(t *testing.T) {
	p := policy.Policy{Home: "/home/me", Lookup: variables}
	if err := p.AddUnveil("@tmp:rwc", "-u"); err != nil {
		t.Fatal(err)
	}
	if err := p.Read("box", "unveil @tls r\nunveil \"@dns\" r\nunveil ./@tls r\nunveil $TOKEN r\nunveil @a/b r\nenv A=@tmp B=@tmp/x C=@tmpx D=$TOKEN E=x@tmp F=@tmp/$DIR\n"); err != nil {
		t.Fatal(err)
	}
	var got []policy.Token
	for _, e := range p.Unveil {
		got = append(got, e.Token)
	}
	want := []policy.Token{policy.Tmp, policy.TLS, policy.DNS, "", "", ""}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: %q, want %q", p.Unveil[i].Path, got[i], want[i])
		}
	}
	if tmp, env := strings.Join(p.TmpEnv, " "), strings.Join(p.Env, " "); tmp != "A= B=/x" || env != "C=@tmpx D=@tmp E=x@tmp F=@tmp//x y" {
		t.Errorf("%q, %q", tmp, env)
	}
	for _, token := range policy.Tokens() {
		var p policy.Policy
		if err := p.AddUnveil(string(token)+":r", "-u"); err != nil || p.Unveil[0].Token != token || p.Unveil[0].Letters != unveil.R {
			t.Errorf("%s: %+v, %v", token, p.Unveil, err)
		}
	}
	checkError(t, p.AddUnveil("@tpm:r", "-u"), `-u: unveil "@tpm": no such token`, `did you mean "@tmp"?`)
	checkError(t, p.AddUnveil("@anything:r", "-u"), `-u: unveil "@anything": no such token`, "the tokens are @tmp, @tty, @dns, @tls, @locale, @self; ./@anything is the file of that name")
	checkError(t, p.Read("box", "unveil @ r"), `box:1:8: unveil "@": no such token`, "tokens are")
	checkError(t, p.Read("box", "env =@tmp"), "box:1:5: a variable without a name", "NAME=VALUE")
}
