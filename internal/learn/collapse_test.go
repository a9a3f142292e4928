package learn

import (
	"strings"
	"testing"

	"github.com/unveil-run/unveil-run/unveil"
)

// TestCollapse holds the rules by which folders stand for what is in them.
func TestCollapse(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"two files stay", "/usr/a/1:r /usr/a/2:r", "/usr/a/1:r /usr/a/2:r"},
		{"three are a folder", "/usr/a/1:r /usr/a/2:r /usr/a/3:r", "/usr/a:r"},
		{"of one letter", "/usr/a/1:r /usr/a/2:r /usr/a/3:x", "/usr/a/1:r /usr/a/2:r /usr/a/3:x"},
		{"and the others keep theirs", "/usr/a/1:r /usr/a/2:r /usr/a/3:r /usr/a/4:x", "/usr/a:r /usr/a/4:rx"},
		{"upwards", "/usr/a/1/x:r /usr/a/2/x:r /usr/a/3/x:r", "/usr/a:r"},
		{"not of the system", "/etc/1:r /etc/2:r /etc/3:r /etc/4:r", "/etc/1:r /etc/2:r /etc/3:r /etc/4:r"},
		{"below it", "/etc/a/1:r /etc/a/2:r /etc/a/3:r", "/etc/a:r"},
		{"not what holds a closed one", "/etc/ssl/1:r /etc/ssl/2:r /etc/ssl/3:r", "/etc/ssl/1:r /etc/ssl/2:r /etc/ssl/3:r"},
		{"not of home", "/home/u/1:r /home/u/2:r /home/u/3:r", "/home/u/1:r /home/u/2:r /home/u/3:r"},
		{"nor its dots", "/home/u/.ssh/1:r /home/u/.ssh/2:r /home/u/.ssh/3:r", "/home/u/.ssh/1:r /home/u/.ssh/2:r /home/u/.ssh/3:r"},
		{"nor homes", "/home/u/a/1:r /home/v/1:r /home/w/1:r", "/home/u/a/1:r /home/v/1:r /home/w/1:r"},
		{"but its folders", "/home/u/src/1:rw /home/u/src/2:rw /home/u/src/3:rw", "/home/u/src:rw"},
		{"within a folder", "/srv/a:rw /srv/a/b:r /srv/a/c:x", "/srv/a:rw /srv/a/c:rwx"},
		{"a file in a folder with c", "/srv/a:wc /srv/a/file:r", "/srv/a:rwc"},
		{"two deep", "/srv/a:wc /srv/a/b:r /srv/a/b/file:x", "/srv/a:wc /srv/a/b:rwxc"},
		{"nothing", "", ""},
	} {
		tree := tree{}
		for _, word := range strings.Fields(c.in) {
			name, letters, err := unveil.ParseRule(word)
			if err != nil {
				t.Fatal(err)
			}
			tree.add(name, letters, map[string]bool{"cat": true}, strings.HasSuffix(name, "file"))
		}
		tree.collapse("/home/u")
		var got []string
		for _, name := range tree.sorted() {
			got = append(got, name+":"+tree[name].letters.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}

// TestQuote holds that a path comes back from a policy as it was.
func TestQuote(t *testing.T) {
	w := &Writer{Home: "/home/u"}
	for name, want := range map[string]string{
		"/usr": "/usr", "/home/u": "$HOME", "/home/u/a": "$HOME/a", "/home/user": "/home/user", "/a b": "'/a b'", "/a'b": `'/a'\''b'`,
		"/home/u/a $b": "$HOME'/a $b'", "/é": "'/é'", "/a\nb": "", "/a\xffb": "", "/a#b": "'/a#b'",
	} {
		got, ok := w.quote(name)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %s %v, want %s", name, got, ok, want)
			continue
		}
		if !ok {
			continue
		}
		p := w.old.policy
		p.Home = w.Home
		p.Lookup = func(name string) (string, bool) { return w.Home, name == "HOME" }
		if err := p.Read("policy", "unveil "+got+" r # cat"); err != nil || p.Unveil[0].Path != name {
			t.Errorf("%q is read as %+v, %v", name, p.Unveil, err)
		}
	}
}
